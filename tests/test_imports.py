"""The straight line holds, and the web process stays free of TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
VISIT_EVERY_PAGE = """
import asyncio
import sys
from pathlib import Path

from streamlit.testing.v1 import AppTest

import app


async def visit() -> None:
    async with app.lifespan(app.app):
        visitor = AppTest.from_file("pages/frame.py", default_timeout=60).run()
        for page in sorted(Path("pages").glob("*.py")):
            if page.stem not in {"__init__", "frame"}:
                visitor.switch_page(str(page.resolve())).run()
            assert not visitor.exception, (page, visitor.exception)


asyncio.run(visit())
loaded = {name.partition(".")[0] for name in sys.modules}
print("heavy:", *sorted(loaded & {"keras", "tensorflow", "tensorboard"}))
print("light:", *sorted(loaded & {"app", "streamlit", "pandas", "optuna"}))
"""


@pytest.mark.slow
def test_serving_every_page_imports_neither_tensorflow_nor_keras(home: Path) -> None:
    visited = subprocess.run(
        [sys.executable, "-c", VISIT_EVERY_PAGE],
        cwd=ROOT,
        env={**os.environ, "TUNEBOARD_HOME": str(home), "TUNEBOARD_WORKERS": "0"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert visited.returncode == 0, visited.stderr
    assert "heavy:\n" in visited.stdout
    assert "light: app optuna pandas streamlit\n" in visited.stdout


def test_import_contracts_are_kept() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert linted.returncode == 0, linted.stdout
