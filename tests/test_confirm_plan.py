"""What confirming may cost, beside what a race of equals really asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tuning.analysis.race import enter_race, next_look
from tuning.confirm_plan import most_extra_fits, race_as_search, why_no_race
from tuning.spec import StudySpec


def make_spec(n_trials: int, folds: int, repeats: int = 1, **changes: Any) -> StudySpec:
    values = list(range(1, n_trials + 1))
    return StudySpec.parse(
        {
            "name": "test",
            "data": {"dataset": "pima"},
            "space": {"n_neurons": {"kind": "list", "values": values}},
            "evaluation": {"folds": folds, "repeats": repeats},
            "confirm": True,
        }
        | changes
    )


@pytest.mark.parametrize(
    ("n_trials", "folds", "repeats", "fits"),
    [
        (18, 3, 1, 270),  # 10 enter, 9 repeats more, 3 folds
        (4, 5, 1, 180),
        (40, 5, 3, 350),
        (40, 10, 9, 100),
        (1, 5, 1, 0),
        (18, 2, 1, 0),
        (18, 5, 10, 0),
        (18, 5, 12, 0),
    ],
)
def test_at_most_ten_trials_get_the_repeats_they_lack_of_ten(
    n_trials: int, folds: int, repeats: int, fits: int
) -> None:
    assert most_extra_fits(make_spec(n_trials, folds, repeats)) == fits


@pytest.mark.parametrize(
    ("n_trials", "changes"),
    [
        (18, {}),
        (4, {}),
        (40, {"include_default": True}),
        (30, {"sampler": {"kind": "tpe", "n_trials": 25}, "pruner": {"kind": "median"}}),
    ],
)
def test_the_search_a_race_is_estimated_by_has_as_many_fits(
    n_trials: int, changes: dict[str, Any]
) -> None:
    spec = make_spec(n_trials, 3, **changes)

    race = race_as_search(spec)

    assert race.n_trials * race.n_fits_per_trial == most_extra_fits(spec)
    assert not most_extra_fits(race)


def test_nothing_is_added_where_nobody_wants_it() -> None:
    assert most_extra_fits(make_spec(18, 3, confirm=False)) == 0


@pytest.mark.parametrize(("n_trials", "folds", "repeats"), [(3, 3, 1), (12, 4, 2), (10, 5, 7)])
def test_no_race_of_equals_asks_for_more(n_trials: int, folds: int, repeats: int) -> None:
    block = np.random.default_rng(0).normal(0.8, 0.02, (n_trials, 10, folds))
    decision = enter_race(block[:, :repeats], rope=1e-9)
    had, spent = repeats, 0
    racing = np.arange(n_trials)

    while decision.kind == "go on":
        racing = np.array(decision.survivors)
        spent += len(racing) * (decision.repeats_wanted - had) * folds
        had = decision.repeats_wanted
        decision = next_look(block[racing, :had], decision, rope=1e-9)

    assert 0 < spent <= most_extra_fits(make_spec(n_trials, folds, repeats))


@pytest.mark.parametrize(
    ("n_trials", "folds", "repeats", "sentence"),
    [
        (1, 5, 1, "Confirming compares trials: it needs at least 2."),
        (
            9,
            2,
            1,
            "Confirming needs at least 3 folds: with fewer, more repeats hardly help.",
        ),
        (9, 5, 11, "Confirming goes up to 10 repeats, and each trial has 11 already."),
        (9, 5, 1, ""),
    ],
)
def test_a_race_that_could_tell_nothing_says_why_and_is_none(
    n_trials: int, folds: int, repeats: int, sentence: str
) -> None:
    block = np.random.default_rng(1).normal(0.8, 0.02, (n_trials, repeats, folds))

    assert why_no_race(make_spec(n_trials, folds, repeats)) == sentence
    assert (enter_race(block).kind == "go on") == (sentence == "")


@pytest.mark.parametrize("method", ["holdout", "test"])
def test_one_part_is_no_fold(method: str) -> None:
    spec = make_spec(9, 5, evaluation={"method": method})

    assert why_no_race(spec).startswith("Confirming needs at least 3 folds")
    assert most_extra_fits(spec) == 0
