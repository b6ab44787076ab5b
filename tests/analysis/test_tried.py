"""What was tried: in the order it finished, without what lies outside the search space."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from storage.reading import Trials
from storage.results import TrialRow
from tuning.analysis.study_scores import ScoreBook
from tuning.analysis.tried import finish_order, make_tried
from tuning.spec import StudySpec


def make_spec(**evaluation: Any) -> StudySpec:
    return StudySpec.parse(
        {
            "name": "x",
            "data": {"dataset": "digits"},
            "space": {
                "learning_rate": {"kind": "log_range", "low": 0.001, "high": 0.1},
                "dense_layer_sizes": {"kind": "list", "values": [[8], [8, 4]]},
            },
            "sampler": {"kind": "random", "n_trials": 8},
            "evaluation": {"folds": 2, **evaluation},
            "include_default": True,
        }
    )


def trial(number: int, state: str, at: float | None, **params: Any) -> TrialRow:
    settings = {"learning_rate": 0.01, "dense_layer_sizes": [8]} | params
    return TrialRow(number, state, settings, finished_at=at)


def lines(rows: Iterable[TrialRow]) -> Trials:
    return Trials(
        tuple((row.__dict__ | {"params": json.dumps(row.params)}).values()) for row in rows
    )


TRIALS = lines(
    [
        trial(0, "COMPLETE", 1.0, learning_rate=None, dense_layer_sizes=None),
        trial(1, "COMPLETE", 9.0, dense_layer_sizes=[8, 4]),
        trial(2, "RUNNING", None),
        trial(3, "FAIL", 4.0),
        trial(4, "COMPLETE", 5.0),
    ]
)


def test_trials_come_in_the_order_they_finished_and_unfinished_ones_last() -> None:
    assert finish_order(TRIALS).tolist() == [0, 3, 4, 1, 2]


@pytest.mark.parametrize(("score", "sign"), [("accuracy", 1), ("log_loss", -1)])
def test_each_trial_keeps_its_settings_its_state_and_its_scores(score: str, sign: int) -> None:
    spec = make_spec(score=score)
    book = ScoreBook(spec)
    book.take([(0, 0, 0, 0.1), (0, 0, 1, 0.2), (1, 0, 0, 0.3), (1, 0, 1, 0.4)])
    book.take([(4, 0, 0, 0.5), (4, 0, 1, 0.6), (3, 0, 0, None)])

    tried = make_tried(spec, TRIALS, book.scores([0, 1, 4]))

    assert tried.numbers.tolist() == [3, 4, 1, 2]
    assert tried.states == ["FAIL", "COMPLETE", "COMPLETE", "RUNNING"]
    assert tried.settings[2] == {"learning_rate": 0.01, "dense_layer_sizes": (8, 4)}
    assert (sign * tried.scores[1]).tolist() == [[0.5, 0.6]]
    assert (sign * tried.scores[2]).tolist() == [[0.3, 0.4]]
    assert np.isnan(tried.scores[[0, 3]]).all()


def test_default_settings_outside_the_space_are_left_out() -> None:
    spec = make_spec()

    tried = make_tried(spec, TRIALS, ScoreBook(spec).scores([]))

    assert [row.number for row in tried.outside] == [0]


def test_no_trials_at_all_are_no_trials() -> None:
    spec = make_spec()

    tried = make_tried(spec, Trials(), ScoreBook(spec).scores([]))

    assert (len(tried.numbers), tried.settings, tried.outside) == (0, [], [])
    assert tried.scores.shape == (0, 1, 2)


def test_ten_thousand_trials_take_less_than_a_second() -> None:
    spec = make_spec()
    rates = np.random.default_rng(0).uniform(0.001, 0.1, 10_000).tolist()
    many = lines(trial(n, "COMPLETE", 1.0, learning_rate=rate) for n, rate in enumerate(rates))
    scores = ScoreBook(spec).scores([])

    started = time.process_time()
    tried = make_tried(spec, many, scores)

    assert time.process_time() - started < 1
    assert len(tried.settings) == 10_000
