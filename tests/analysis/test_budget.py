"""Fit my budget: what is proposed fits, keeps ends and defaults, and is as large as can be."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tuning.analysis.budget import Proposal, fit_budget
from tuning.analysis.estimate import Estimate, Pace, estimate_with
from tuning.datasets.catalogue import dataset_info
from tuning.setting import grid_values
from tuning.spec import StudySpec

RATES = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0]


def a_second_a_fit(spec: StudySpec) -> Estimate:
    n_fits = spec.n_trials * spec.n_fits_per_trial
    return Estimate(n_fits / 2, float(n_fits), n_fits, n_fits, n_fits, n_fits / 1.4)


def make_spec(**changes: Any) -> StudySpec:
    document: dict[str, Any] = {
        "name": "s",
        "data": {"dataset": "breast-cancer"},
        "space": {
            "learning_rate": {"kind": "list", "values": RATES},
            "batch_size": {"kind": "list", "values": [8, 16, 32, 64, 128]},
        },
        "evaluation": {"folds": 5},
    }
    return StudySpec.parse(document | changes)


RANDOM = {"kind": "random", "n_trials": 200}
ENDLESS = {"learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1.0}}


def by_kind(spec: StudySpec, budget_s: float) -> dict[str, Proposal]:
    return {one.kind: one for one in fit_budget(spec, budget_s, a_second_a_fit)}


def test_a_study_that_fits_needs_no_proposal() -> None:
    assert fit_budget(make_spec(), 225, a_second_a_fit) == ()  # 45 trials of 5 fits


def test_a_random_search_keeps_as_many_trials_as_fit() -> None:
    found = by_kind(make_spec(space=ENDLESS, sampler=RANDOM), 302)

    assert list(found) == ["trials"]
    assert found["trials"].spec.n_trials == 60  # of 5 s each
    assert found["trials"].estimate.high_s == 300
    # 1 − 0.95 ** 60 = 0.954
    assert found["trials"].sentence == (
        "60 trials instead of 200: one of them is among the best 5% with 95 % certainty."
    )


def test_a_search_that_learns_promises_nothing_about_chance() -> None:
    found = by_kind(make_spec(space=ENDLESS, sampler=RANDOM | {"kind": "tpe"}), 302)

    assert found["trials"].spec.sampler.kind == "tpe"
    assert found["trials"].sentence == "60 trials instead of 200."


def test_the_longest_list_of_a_grid_is_thinned_and_keeps_its_ends_and_the_default() -> None:
    found = by_kind(make_spec(), 100)

    space = found["thinner"].spec.space
    rates = grid_values("learning_rate", space["learning_rate"]) or ()
    sizes = grid_values("batch_size", space["batch_size"]) or ()
    assert (len(rates), len(sizes)) == (4, 5)  # 20 trials of 5 s
    assert (rates[0], rates[-1]) == (RATES[0], RATES[-1])
    assert set(rates) <= set(RATES)
    assert found["thinner"].spec.n_trials == 20
    assert found["thinner"].sentence == (
        "20 trials instead of 45: learning rate 4 of 9 values."
    )


@pytest.mark.parametrize("budget_s", [30, 50, 75, 100, 150, 200])
def test_whatever_the_budget_ends_and_default_stay_in_the_order_written(
    budget_s: float,
) -> None:
    space = {
        "learning_rate": {"kind": "list", "values": RATES[::-1]},
        "batch_size": {"kind": "list", "values": [8, 16, 32, 64, 128]},
    }

    found = by_kind(make_spec(space=space), budget_s)["thinner"].spec

    rates = grid_values("learning_rate", found.space["learning_rate"]) or ()
    sizes = grid_values("batch_size", found.space["batch_size"]) or ()
    assert (rates[0], rates[-1]) == (1.0, 0.0001)
    assert list(rates) == [rate for rate in RATES[::-1] if rate in rates]
    assert {8, 32, 128} <= set(sizes)
    assert StudySpec.parse(found.to_json()) == found


def test_a_grid_may_become_random_with_as_many_trials_as_fit() -> None:
    found = by_kind(make_spec(), 113)["random"]

    assert (found.spec.sampler.kind, found.spec.n_trials) == ("random", 22)
    assert found.sentence == (
        "22 random trials instead of 45: one of them is among the best 5% with 67 % certainty."
    )


def test_fewer_repeats_come_first_and_tell_what_they_cost() -> None:
    found = fit_budget(make_spec(evaluation={"folds": 5, "repeats": 10}), 700, a_second_a_fit)

    assert [one.kind for one in found] == ["repeats", "thinner", "random"]
    assert found[0].spec.evaluation.repeats == 3
    # c(5, 3) = .316667 and c(5, 10) = .27: the root of their ratio is 1.083
    assert found[0].sentence == "3 repeats instead of 10: error bars 8% wider."
    assert found[1].spec.evaluation.repeats == 10


def test_where_fewer_trials_alone_are_not_enough_repeats_go_as_well() -> None:
    spec = make_spec(space=ENDLESS, sampler=RANDOM, evaluation={"folds": 5, "repeats": 10})

    found = by_kind(spec, 100)

    assert list(found) == ["trials"]
    assert found["trials"].spec.evaluation.repeats == 1
    assert found["trials"].spec.n_trials == 20
    assert found["trials"].sentence.startswith("1 repeat instead of 10, 20 trials instead")


def test_words_and_epochs_are_never_thinned() -> None:
    space = {
        "activation": {"kind": "list", "values": ["relu", "tanh", "elu", "gelu"]},
        "epochs": {"kind": "list", "values": [10, 20, 30, 40, 50]},
        "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.5, "points": 6},
    }

    found = by_kind(make_spec(space=space), 200)["thinner"].spec

    assert (found.space["activation"], found.space["epochs"]) == tuple(
        make_spec(space=space).space[name] for name in ("activation", "epochs")
    )
    assert grid_values("dropout_rate", found.space["dropout_rate"]) == (0.0, 0.5)


def test_off_stays_in_a_list_that_is_thinned() -> None:
    space = {"max_norm": {"kind": "list", "values": [None, *(float(n) for n in range(1, 31))]}}

    found = by_kind(make_spec(space=space), 25)["thinner"].spec

    assert grid_values("max_norm", found.space["max_norm"]) is not None
    assert found.n_trials == 5
    values = grid_values("max_norm", found.space["max_norm"]) or ()
    assert (values[0], values[1], values[-1]) == (None, 1.0, 30.0)


def test_nothing_is_proposed_where_nothing_is_enough() -> None:
    assert fit_budget(make_spec(space=ENDLESS, sampler=RANDOM), 1, a_second_a_fit) == ()


def test_a_real_estimate_is_kept_by_every_proposal() -> None:
    info = dataset_info("breast-cancer")
    pace = Pace((0.1, 0.01, 0.0, 0.0), 0.2)
    spec = make_spec(evaluation={"folds": 5, "repeats": 2})
    whole = estimate_with(pace, spec, info).high_s

    found = fit_budget(spec, whole / 3, lambda each: estimate_with(pace, each, info))

    assert [one.kind for one in found] == ["thinner", "random"]  # one repeat is half of it
    for one in found:
        assert one.estimate.high_s <= whole / 3
        assert one.spec.n_trials >= math.floor(45 / 3) - 5
