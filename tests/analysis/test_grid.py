"""The grid of results: how trials stand, by hand; what is shown of them, and in which order."""

from __future__ import annotations

import json
import math
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage.reading import Trials
from storage.results import TrialRow
from tests.judged_scores import LEADS, TIES, make_info, make_race, make_scores, make_spec
from tuning.analysis.grid import (
    Chosen,
    Grid,
    Order,
    grid_table,
    make_grid,
    matching,
    ordered,
    shared_ranks,
    shown_digits,
    standing_table,
)
from tuning.analysis.verdict import Facts, Judgement, judge
from tuning.spec import StudySpec

SPREAD = [0.80, 0.75, 0.85, 0.78, 0.82]  # trust.md 1, test 2: ± .1137753 on 100 rows


def found_of(rows: list[list[float]], spec: StudySpec | None = None, **facts: Any) -> Judgement:
    spec = spec or make_spec()
    more = facts.pop("more", None)
    given: dict[str, Any] = {
        "is_running": False,
        "n_ended": len(rows),
        "n_failed": 0,
        "info": make_info(),
    }
    return judge(spec, make_scores(spec, rows, more), Facts(**(given | facts)))


def trials_of(*rows: TrialRow) -> Trials:
    """Return trials as they are read from the database."""
    return Trials(
        tuple((row.__dict__ | {"params": json.dumps(row.params)}).values()) for row in rows
    )


def complete(number: int, score: float = 0.5, **params: Any) -> TrialRow:
    return TrialRow(number, "COMPLETE", {"batch_size": 10} | params, score=score)


def test_gaps_are_the_score_less_that_of_the_leader() -> None:
    table = standing_table(found_of(TIES))

    assert table["gap"].tolist() == pytest.approx([0, -0.006, -0.09])
    assert table["tie"].tolist() == ["leader", "tied", "worse"]
    assert table["rank"].tolist() == [1, 1, 3]


def test_a_larger_loss_has_a_gap_above_zero() -> None:
    spec = make_spec(evaluation={"score": "log_loss"})

    table = standing_table(found_of(TIES, spec))

    assert table["gap"].tolist() == pytest.approx([0.09, 0.084, 0])
    assert table["tie"].iloc[2] == "leader"


def test_the_half_width_is_that_of_the_interval_over_all_repeats() -> None:
    table = standing_table(found_of([SPREAD, [0.5, 0.55, 0.45, 0.52, 0.48]]))

    assert table["half_width"].iloc[0] == pytest.approx(0.1137753, abs=1e-6)
    more = standing_table(found_of([SPREAD, [0.5] * 5], more={0: [[0.9] * 5]}))
    assert more["score"].iloc[0] == pytest.approx(0.85)
    assert more["n_repeats"].tolist() == [2, 1]


def test_single_fits_are_not_called_tied() -> None:
    spec = make_spec(evaluation={"method": "holdout"})

    table = standing_table(found_of([[0.8], [0.7]], spec))

    assert table["tie"].tolist() == ["leader", "cannot tell"]
    assert table["half_width"].isna().all()


def test_nothing_stands_without_a_score() -> None:
    assert standing_table(found_of([])).empty


def test_shared_ranks_are_written_as_a_range() -> None:
    ranks = np.array([1, 4, 1, 0, 1, 5, 5])

    assert shared_ranks(ranks) == ["1–3", "4", "1–3", "–", "1–3", "5–6", "5–6"]
    assert shared_ranks(np.array([], np.intp)) == []


def test_the_grid_tells_of_every_trial_how_it_stands() -> None:
    trials = trials_of(
        *(complete(number) for number in range(3)),
        TrialRow(3, "FAIL", {"batch_size": 20}, message="Loss became NaN."),
        TrialRow(4, "RUNNING", {"batch_size": 20}),
    )

    table = grid_table(make_spec(), trials, found_of(TIES))

    assert table["rank"].tolist() == ["1–2", "1–2", "3", "–", "–"]
    assert table["tie"].tolist() == ["leader", "tied", "worse", "not compared", ""]
    assert table["score"].tolist()[:3] == pytest.approx([0.81, 0.804, 0.72])
    assert table["place"].tolist()[:3] == [0, 1, 2]
    assert table["place"].isna().tolist() == [False, False, False, True, True]
    assert "spread" not in table


def test_trials_that_survived_a_race_are_confirmed() -> None:
    race = make_race([1, 0], [0, 1])
    found = found_of(TIES, confirmed=race, more={0: [[0.8] * 5] * 3, 1: [[0.8] * 5] * 3})

    table = grid_table(make_spec(), trials_of(*map(complete, range(3))), found)

    assert table["tie"].tolist() == ["tied, confirmed", "leader", "worse"]
    assert table["n_repeats"].tolist() == [4, 4, 1]


def test_default_settings_without_a_number_stay_apart_from_numbers() -> None:
    spec = make_spec(
        space={"learning_rate": {"kind": "list", "values": [0.001, 0.01]}}, include_default=True
    )
    trials = trials_of(complete(0, learning_rate=None), complete(1, learning_rate=0.01))

    table = grid_table(spec, trials, found_of(LEADS[:2], spec))

    assert table["learning_rate"].iloc[1] == 0.01
    assert math.isnan(table["learning_rate"].iloc[0])


def test_digits_follow_the_error_of_each_score_and_of_each_gap() -> None:
    close = [0.7992, 0.8001, 0.8003, 0.7998, 0.8006]
    trials = trials_of(*map(complete, range(4)))

    # Without rows the ± is plain: t(.975, 4) * sqrt(.45) * s = 0.0010 of the close one.
    found = found_of([close, SPREAD, [score - 0.1 for score in close]], info=None)
    digits = shown_digits(make_grid(make_spec(), trials, found).table)

    assert digits["score"].tolist() == [4, 2, 4, 3]  # the last has no score
    assert digits["half_width"].tolist() == digits["score"].tolist()
    assert digits["gap"].tolist()[:2] == [4, 2]  # the leader's own, and that of a wide gap
    assert digits["gap"].tolist()[2] >= 4  # the same on each fold


@pytest.fixture
def grid() -> Grid:
    """Give three trials; the middle one has failed."""
    table = pd.DataFrame(
        {
            "number": [0, 1, 2],
            "state": ["COMPLETE", "FAIL", "COMPLETE"],
            "batch_size": [10, 10, 20],
            "learning_rate": [0.1, 0.2, 0.3],
            "message": ["", "too high", ""],
            "tie": ["tied, confirmed", "not compared", "leader"],
            "place": [1, math.nan, 0],
        }
    )
    return Grid(table)


def test_filters_are_joined_by_and(grid: Grid) -> None:
    def numbers(**changes: Any) -> list[int]:
        return matching(grid, Chosen(**changes))["number"].tolist()

    assert numbers() == [0, 1, 2]
    assert numbers(states=["COMPLETE"], values={"batch_size": [10]}) == [0]
    assert numbers(ranges={"learning_rate": (0.2, 0.3)}) == [1, 2]
    assert numbers(text="TOO high") == [1]
    assert numbers(only_ties=True) == [0, 2]


def test_rows_may_be_chosen_by_a_column_that_is_made_when_needed(grid: Grid) -> None:
    chosen = Chosen(values={"label": ["plateau"]})

    rows = matching(grid, chosen, label=["plateau", "", "overfits"])

    assert rows["number"].tolist() == [0]
    assert "label" not in grid.table


def test_unfinished_trials_come_last_in_both_directions(grid: Grid) -> None:
    assert ordered(grid.table, Order("place", ascending=True))["number"].tolist() == [2, 0, 1]
    assert ordered(grid.table, Order("place", ascending=False))["number"].tolist() == [0, 2, 1]


def test_ten_thousand_trials_are_sorted_and_filtered_at_once() -> None:
    n = 10_000
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "number": np.arange(n),
            "state": "COMPLETE",
            "learning_rate": rng.random(n),
            "score": rng.random(n),
            "half_width": rng.random(n),
            "tie": np.where(rng.random(n) < 0.1, "tied", "worse"),
            "place": rng.permutation(n),
        }
    )
    grid = Grid(table)

    def seconds(chosen: Chosen) -> float:
        start = time.process_time()
        ordered(matching(grid, chosen), Order("score", ascending=False))
        return time.process_time() - start

    assert min(seconds(Chosen(only_ties=True)) for _ in range(3)) < 0.05
    assert min(seconds(Chosen(text="0.77")) for _ in range(3)) < 0.1  # texts are made once
