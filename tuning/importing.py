"""Importing much at once, without looks for garbage meanwhile.

An import makes a great many objects and next to no garbage, and Python's collector looks
through all of them again and again as their number grows: a third of the time that TensorFlow
takes to import, and once more at the end of the process.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Put off all collecting of garbage; never look through what is there at the end."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
