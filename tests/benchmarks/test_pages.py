"""The table of the pages: figures with their bounds, in place; and a viewer that polls."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks.marked import replaced
from benchmarks.pages import MARK, Figure, cheap_spec, database_mb, shown, table
from benchmarks.viewers import Audience
from storage.database import Database
from storage.leases import update_claimed
from storage.studies import first_claim
from tests.browser.server import serving
from tuning.launch import launch

FIGURES = [
    Figure("database", 69.4, 250, "MB", "10 trials"),
    Figure("sort", 0.5, 0.5, "s"),
]


def test_every_figure_stands_beside_its_bound_and_a_miss_is_said_twice() -> None:
    lines = table(FIGURES, "On some machine.").splitlines()

    assert lines[0] == "On some machine."
    assert "| database | 69 MB | < 250 MB | yes | 10 trials |" in lines
    assert "| sort | 0.50 s | < 0.50 s | **no** |  |" in lines
    assert lines[-1] == "Bounds missed: sort."


def test_nothing_missed_is_said_too() -> None:
    assert table(FIGURES[:1], "").splitlines()[-1] == "Bounds missed: none."


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234 s"), (10.0, "10 s"), (9.994, "9.99 s"), (-3.0, "-3.00 s")],
)
def test_a_figure_has_the_digits_that_mean_something(value: float, text: str) -> None:
    assert shown(value, "s") == text


def test_the_page_of_the_project_has_its_marks() -> None:
    page = Path(__file__).parents[2] / "docs" / "benchmarks.md"

    assert "new" in replaced(page, MARK, "new")


def test_the_size_of_a_database_counts_what_is_still_in_its_log(db: Database) -> None:
    before = database_mb(db)
    for _ in range(100):
        launch(db, cheap_spec(10))

    assert database_mb(db) > before + 0.05  # a hundred specs of about a kilobyte


@pytest.mark.slow
def test_a_viewer_opens_the_page_and_runs_its_fragments_again(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        study_id = launch(server.db, cheap_spec(10), owner="test")
        update_claimed(server.db, first_claim(study_id, "test"), state="training")
        with Audience(server.url, study_id, 2) as audience:
            deadline = time.monotonic() + 30
            while len(audience.updates.later) < 8 and time.monotonic() < deadline:
                time.sleep(0.1)

    assert len(audience.updates.first) == 2
    assert len(audience.updates.later) >= 8
    assert max(audience.updates.later) < 30
    assert audience.updates.errors == []
    assert audience.updates.n_unanswered == 0
