"""Garbage is not collected while much is imported, and is collected again afterwards."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from tuning.importing import quick_imports


def test_garbage_waits_and_what_was_imported_is_not_looked_through_again() -> None:
    n_frozen = gc.get_freeze_count()
    with quick_imports():
        assert not gc.isenabled()
        kept = [[number] for number in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= n_frozen + len(kept)


def test_an_import_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ModuleNotFoundError), quick_imports():
        import no_such_module  # type: ignore[import-not-found]  # noqa: F401
    assert gc.isenabled()


def test_one_inside_another_leaves_it_off_to_the_end_of_the_outer_one() -> None:
    with quick_imports():
        with quick_imports():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_study_run_by_the_command_itself_needs_no_dask() -> None:
    code = "import sys, tuning.cli.foreground; print('distributed' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
