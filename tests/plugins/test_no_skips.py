"""Where nothing may be missing, a skip is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_TEST = """
import pytest

def test_that_passes():
    pass

def test_that_is_skipped():
    pytest.skip("no browser")

@pytest.mark.xfail(reason="known")
def test_that_is_expected_to_fail():
    raise ValueError
"""
SKIPPED_FILE = "import pytest\npytest.importorskip('no_such_library')\n"


def last_line(folder: Path, *options: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.stdout.splitlines()[-1].partition(" in ")[0]


def test_a_skipped_test_fails_and_an_expected_failure_does_not(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SKIPPED_TEST)

    assert last_line(tmp_path) == "1 passed, 1 skipped, 1 xfailed"
    assert (
        last_line(tmp_path, "-p", "tests.plugins.no_skips") == "1 failed, 1 passed, 1 xfailed"
    )


def test_a_skipped_file_fails(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(SKIPPED_FILE)

    assert last_line(tmp_path) == "1 skipped"
    assert last_line(tmp_path, "-p", "tests.plugins.no_skips") == "1 error"
