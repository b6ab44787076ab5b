"""The command line: the same engine without a browser. ``python -m tuning --help``."""

from __future__ import annotations

from tuning.importing import quick_imports

with quick_imports():
    from tuning.cli.app import main

main()
