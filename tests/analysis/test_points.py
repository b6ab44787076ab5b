"""Trials as points, and the tables behind the plots, by hand and beside libraries."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import optuna
import pandas as pd
import pytest
from numpy.typing import NDArray
from optuna.importance._fanova._tree import _FanovaTree
from optuna.study._multi_objective import _is_pareto_front
from optuna.visualization._rank import _get_order_with_same_order_averaging
from scipy import stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence

from storage.reading import Trials
from storage.results import TrialRow
from tuning.analysis.dependence import one_dependence, two_dependence
from tuning.analysis.encoding import Axis
from tuning.analysis.fanova import fanova, leaves_of, main_shares, shares_that_add_up
from tuning.analysis.methods import FEWEST_TRIALS, importance_by_method, methods_finding
from tuning.analysis.points import best_rows, make_points, thin_rows, value_at
from tuning.analysis.score_plots import (
    best_trade_offs,
    convergence_finding,
    convergence_table,
    cost_finding,
    cost_table,
    edf_finding,
    edf_table,
    rank_shares,
    timeline_finding,
    timeline_table,
)
from tuning.analysis.space_plots import (
    N_CELLS,
    best_part_finding,
    contour_finding,
    local_means,
    looked_finding,
    ranked_finding,
)
from tuning.analysis.tried import Tried
from tuning.analysis.what_if import WhatIf, make_what_if
from tuning.spec import StudySpec

Array = NDArray[np.float64]
SPACE = {
    "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1.0},
    "batch_size": {"kind": "list", "values": [10, 100]},
    "activation": {"kind": "list", "values": ["relu", "tanh"]},
}


def make_spec(**space: object) -> StudySpec:
    return StudySpec.parse(
        {
            "name": "a search",
            "data": {"dataset": "breast-cancer"},
            "space": space or SPACE,
            "sampler": {"kind": "random", "n_trials": 10},
            "evaluation": {"folds": 2, "score": "accuracy"},
        }
    )


def tried(settings: Sequence[Mapping[str, object]], scores: Array) -> Tried:
    folds = np.stack([scores - 0.01, scores + 0.01], axis=1)[:, None, :]
    states = ["COMPLETE"] * len(settings)
    return Tried(np.arange(len(settings)), list(settings), folds, states, [])  # type: ignore[arg-type]


def two_ranges(n_trials: int = 300, noise: float = 0.001) -> tuple[StudySpec, Tried]:
    """Return random trials whose score follows the learning rate alone."""
    spec = make_spec(
        learning_rate={"kind": "log_range", "low": 1e-4, "high": 1.0},
        dropout_rate={"kind": "range", "low": 0.0, "high": 0.5},
    )
    rng = np.random.default_rng(0)
    settings = [
        {"learning_rate": float(10**power), "dropout_rate": float(rate)}
        for power, rate in zip(
            rng.uniform(-4, 0, n_trials), rng.uniform(0, 0.5, n_trials), strict=True
        )
    ]
    scores = np.array([0.9 - 0.05 * (np.log10(s["learning_rate"]) + 2) ** 2 for s in settings])
    return spec, tried(settings, scores + rng.normal(0, noise, n_trials))


def trial(number: int, **changes: object) -> TrialRow:
    fields = {"state": "COMPLETE", "params": {}, "score": 0.5, "finished_at": 100.0 + number}
    return TrialRow(number, **(fields | changes))  # type: ignore[arg-type]


def lines(*rows: TrialRow) -> Trials:
    return Trials(
        (r.number, r.state, "{}", r.score, r.spread, r.n_epochs, r.duration_s, r.n_weights,
         r.message, r.finished_at)
        for r in rows
    )  # fmt: skip


# Points.


def test_values_of_lists_lie_in_the_middles_of_equal_parts_and_ranges_on_their_scale() -> None:
    settings = [
        {"learning_rate": 0.01, "batch_size": 100, "activation": "relu"},
        {"learning_rate": 1.0, "batch_size": 10, "activation": "tanh"},
    ]

    points = make_points(make_spec(), tried(settings, np.array([0.7, 0.8])), sign=1)

    assert points.places.tolist() == [[0.5, 0.75, 0.25], [1.0, 0.25, 0.75]]
    assert points.table["score"].tolist() == pytest.approx([0.7, 0.8])
    assert points.table["batch_size"].tolist() == ["100", "10"]
    assert points.words("batch_size") == ["10", "100"]
    assert points.words("learning_rate") == []


def test_a_loss_is_in_its_own_units() -> None:
    settings = [{"learning_rate": 0.1, "batch_size": 10, "activation": "relu"}]

    points = make_points(make_spec(), tried(settings, np.array([-0.4])), sign=-1)

    assert points.table["score"].tolist() == pytest.approx([0.4])


def test_a_place_of_a_range_has_its_number() -> None:
    assert value_at(Axis("r", "Rate", "log", (1e-4, 1.0)), 0.5) == pytest.approx(0.01)
    assert value_at(Axis("d", "Rate", "linear", (2, 4)), 0.25) == 2.5


def test_the_best_trial_is_always_drawn() -> None:
    scores = np.zeros(10_000)
    scores[1234] = 1

    rows = thin_rows(scores, 100, sign=1)

    assert {0, 1234, 9_999} <= set(rows.tolist())
    assert len(rows) == 101
    assert thin_rows(scores[:100], 100, 1).tolist() == list(range(100))


def test_the_best_are_a_share_and_at_least_one() -> None:
    scores = np.array([0.3, 0.1, 0.2])
    assert best_rows(scores, 0.5, sign=1).tolist() == [0, 2]
    assert best_rows(scores, 0.1, sign=-1).tolist() == [1]


# Scores.


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_any_order_is_the_mean_over_every_draw(direction: str) -> None:
    scores = np.array([0.2, 0.9, 0.4, 0.4, 0.7])
    best = max if direction == "maximize" else min

    table = convergence_table(scores, direction)

    draws = {
        n: np.mean([best(draw) for draw in itertools.combinations(scores, n)])
        for n in range(1, 6)
    }
    assert table["n_trials"].tolist() == [1, 2, 3, 4, 5]
    assert table["any_order"].tolist() == pytest.approx(list(draws.values()))
    expected = [0.2, 0.9, 0.9, 0.9, 0.9] if direction == "maximize" else [0.2] * 5
    assert table["best"].tolist() == expected


def test_convergence_says_when_nine_tenths_were_gained() -> None:
    table = convergence_table(np.array([0.0, 0.5, 0.95, 0.9, 1.0]), "maximize")

    assert (
        convergence_finding(table, "TPE") == "TPE: nine tenths of the gain after 3 of 5 trials"
    )
    one = convergence_table(np.array([0.5, 0.4]), "maximize")
    assert convergence_finding(one, "Grid") == "Grid: the first of 2 trials is still the best"
    assert convergence_table(np.array([]), "maximize").empty


def test_ten_thousand_trials_have_few_points_and_every_leader() -> None:
    scores = np.random.default_rng(0).normal(size=10_000)

    table = convergence_table(scores, "maximize")

    assert len(table) < 100
    leads = 1 + np.flatnonzero(np.diff(np.maximum.accumulate(scores), prepend=np.nan) != 0)
    assert set(leads) <= set(table["n_trials"])
    assert table["any_order"].iloc[-1] == pytest.approx(scores.max())


def test_the_distribution_is_that_of_scipy() -> None:
    scores = np.random.default_rng(1).integers(0, 20, 200) / 20

    table = edf_table(scores)

    known = stats.ecdf(scores).cdf
    assert table["score"].tolist() == pytest.approx(known.quantiles.tolist())
    assert table["share"].tolist() == pytest.approx(known.probabilities.tolist())


def test_the_distribution_says_what_half_and_a_tenth_reach() -> None:
    scores = np.linspace(0.0, 1.0, 11)
    assert edf_finding(scores, "maximize") == (
        "Half of the trials score at least 0.500, a tenth at least 0.900"
    )
    assert edf_finding(scores, "minimize").endswith("a tenth at most 0.100")


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_ranks_are_those_of_optuna(direction: str, sign: int) -> None:
    scores = np.random.default_rng(2).integers(0, 9, 30) / 9

    shares = rank_shares(scores, direction)

    known = _get_order_with_same_order_averaging(sign * scores) / (len(scores) - 1)
    assert shares.tolist() == pytest.approx(known.tolist())
    assert rank_shares(np.array([0.3]), direction).tolist() == [0.5]


@pytest.mark.parametrize(("direction", "sign"), [("maximize", 1), ("minimize", -1)])
def test_best_trade_offs_are_the_pareto_front_of_optuna(direction: str, sign: int) -> None:
    rng = np.random.default_rng(3)
    seconds, scores = rng.integers(1, 15, 80).astype(float), rng.integers(0, 15, 80) / 15

    found = best_trade_offs(seconds, scores, direction)

    losses = np.stack([seconds, -sign * scores], axis=1)
    known = _is_pareto_front(losses, assume_unique_lexsorted=False)
    assert found.tolist() == known.tolist()


def test_a_trial_nearly_as_good_and_quicker_is_named() -> None:
    rows = [trial(n, score=0.5, duration_s=10.0) for n in range(8)]
    rows += [trial(8, score=0.90, duration_s=8.0), trial(9, score=0.89, duration_s=2.0)]
    rows += [trial(10, state="FAIL", score=None, duration_s=1.0), trial(11, duration_s=None)]

    table = cost_table(lines(*rows))

    assert len(table) == 10
    assert cost_finding(table, "maximize") == (
        "Trial 9 is nearly as good as trial 8 and 4.0 times quicker"
    )


def test_a_timeline_begins_at_the_first_start_and_leaves_out_what_has_not_ended() -> None:
    rows = (
        trial(0, duration_s=10.0, finished_at=110.0),
        trial(1, duration_s=30.0, finished_at=140.0, state="FAIL"),
        trial(2, state="RUNNING", finished_at=None),
    )

    table = timeline_table(lines(*rows))

    assert table[["start", "end"]].to_numpy().tolist() == [[0.0, 10.0], [10.0, 40.0]]
    assert timeline_finding(table) == (
        "1.0 trials at once on average; trial 1 took longest, 30 s"
    )


# The space.


def test_where_a_search_that_learns_stays_is_found_and_one_that_does_not_looks_alike() -> None:
    spec, given = two_ranges(90)
    for number, settings in enumerate(given.settings):
        if number >= 60:
            settings["learning_rate"] = 0.01 * (1 + 0.001 * number)
    points = make_points(spec, given, 1)

    assert looked_finding(points, learns=True) == (
        "In its last third it stays near learning rate 0.011"
    )
    assert looked_finding(points, learns=False).startswith("It looks everywhere alike")


def test_the_best_lie_where_the_score_is_highest() -> None:
    spec, given = two_ranges()
    points = make_points(spec, given, 1)

    assert best_part_finding(points, 0.1, 1).startswith(
        "Most of the best 10% lie at learning r"
    )
    shares = rank_shares(points.table["score"].to_numpy(), "maximize")
    found = ranked_finding(points, shares, "learning_rate", "dropout_rate")
    assert found == "The best tenth lie together in learning rate"


def test_means_near_a_cell_are_those_of_the_trials_within_reach() -> None:
    rng = np.random.default_rng(4)
    x, y, scores = rng.uniform(size=(3, 200))

    means, counts = local_means(x, y, scores)

    for row, column in [(0, 0), (20, 7), (39, 39)]:
        at = (np.array([column, row]) + 0.5) / N_CELLS
        near = np.hypot(x - at[0], y - at[1]) <= 0.1
        assert counts[row, column] == near.sum()
        expected = scores[near].mean() if near.sum() >= 3 else np.nan
        assert means[row, column] == pytest.approx(expected, nan_ok=True)


def test_a_contour_is_best_where_the_score_is() -> None:
    spec, given = two_ranges(2_000)
    points = make_points(spec, given, 1)
    means, _ = local_means(
        points.place("learning_rate"), points.place("dropout_rate"),
        points.table["score"].to_numpy(),
    )  # fmt: skip

    text = contour_finding(points, "learning_rate", "dropout_rate", means, 1)

    rate = float(text.split()[4])
    assert 0.005 < rate < 0.02
    nothing = np.full_like(means, np.nan)
    few = contour_finding(points, "learning_rate", "dropout_rate", nothing, 1)
    assert few == "Too few trials lie near each other for a surface"


# Importance.


def test_each_tree_has_the_shares_that_optuna_computes() -> None:
    rng = np.random.default_rng(5)
    places = rng.uniform(size=(120, 3))
    scores = np.sin(5 * places[:, 0]) + places[:, 1] * places[:, 2]
    forest = RandomForestRegressor(4, min_samples_leaf=2, random_state=0).fit(places, scores)

    for tree in forest.estimators_:
        known = _FanovaTree(tree.tree_, np.array([[0.0, 1.0]] * 3))
        expected = [
            known.get_marginal_variance(np.array([column])) / known.variance
            for column in range(3)
        ]
        assert main_shares(leaves_of(tree.tree_)).tolist() == pytest.approx(expected)


def test_a_forest_finds_the_one_column_that_matters_and_none_in_equal_scores() -> None:
    places = np.random.default_rng(6).uniform(size=(200, 2))

    assert fanova(places, places[:, 0]).tolist() == pytest.approx([1, 0], abs=0.02)
    assert fanova(places, np.zeros(200)).tolist() == [0, 0]


def test_shares_add_up_even_where_nothing_does() -> None:
    assert shares_that_add_up([1, 3, -1]).tolist() == [0.25, 0.75, 0]
    assert shares_that_add_up([0, 0]).tolist() == [0.5, 0.5]


def test_three_methods_agree_on_what_decides() -> None:
    spec, given = two_ranges()

    table = importance_by_method(make_points(spec, given, 1), 1)

    assert isinstance(table, pd.DataFrame)
    assert table["name"].tolist() == ["learning_rate", "dropout_rate"]
    assert table[["fanova", "ped_anova", "effect"]].sum().tolist() == pytest.approx([1, 1, 1])
    assert methods_finding(table) == "All three agree: learning rate matters most"


def test_ped_anova_and_fanova_order_parameters_as_optuna_does() -> None:
    spec, given = two_ranges(100)
    points = make_points(spec, given, 1)
    space: dict[str, optuna.distributions.BaseDistribution] = {
        "learning_rate": optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        "dropout_rate": optuna.distributions.FloatDistribution(0.0, 0.5),
    }
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                value=float(score), params=dict(settings), distributions=space
            )
            for settings, score in zip(given.settings, points.table["score"], strict=True)
        ]
    )
    known = optuna.importance.get_param_importances(study)

    table = importance_by_method(points, 1)

    assert isinstance(table, pd.DataFrame)
    assert table.sort_values("ped_anova", ascending=False)["name"].tolist() == list(known)


def test_too_few_trials_are_told() -> None:
    spec, given = two_ranges(FEWEST_TRIALS - 1)

    assert importance_by_method(make_points(spec, given, 1), 1) == (
        "Needs 20 trials in the space; 19 have finished."
    )


# What trees foretell.


def by_hand(what_if: WhatIf, rows: Array, column: int, place: float) -> Array:
    changed = rows.copy()
    changed[:, column] = place
    found: Array = np.mean([tree.predict(changed) for tree in what_if.trees], axis=0)
    return found


def test_partial_dependence_is_that_of_scikit_learn_tree_by_tree() -> None:
    spec, given = two_ranges(100)
    what_if = make_what_if(spec, given.settings, given.scores, given.states)
    assert isinstance(what_if, WhatIf)

    table = one_dependence(what_if, "learning_rate", sign=1)

    rows = what_if.columns[np.random.default_rng(0).permutation(100)[:100]]
    grid = {0: np.linspace(0, 1, 25)}
    known = np.mean(
        [
            partial_dependence(
                tree, rows, [0], custom_values=grid, method="brute", kind="average"
            )["average"][0]
            for tree in what_if.trees
        ],
        axis=0,
    )
    assert table["score"].tolist() == pytest.approx(known.tolist())
    assert table["value"].tolist() == pytest.approx(np.logspace(-4, 0, 25).tolist())
    low, high = np.quantile(by_hand(what_if, rows, 0, 0.0), (0.1, 0.9))
    ends = [float(table["low"].iloc[0]), float(table["high"].iloc[0])]
    assert ends == pytest.approx([low, high])


def test_of_two_parameters_the_mean_of_a_row_is_over_the_other_one() -> None:
    spec, given = two_ranges(100)
    what_if = make_what_if(spec, given.settings, given.scores, given.states)
    assert isinstance(what_if, WhatIf)

    table = two_dependence(what_if, "learning_rate", "dropout_rate", sign=-1)

    assert table.shape == (12, 12)
    rows = what_if.columns[np.random.default_rng(0).permutation(100)[:40]].copy()
    rows[:, 0], rows[:, 1] = 1.0, 0.0
    expected = -np.mean([tree.predict(rows).mean() for tree in what_if.trees])
    assert table.iloc[0, -1] == pytest.approx(expected)


def test_lists_are_asked_for_each_of_their_values() -> None:
    spec = make_spec()
    rng = np.random.default_rng(7)
    settings = [
        {
            "learning_rate": float(10 ** rng.uniform(-4, 0)),
            "batch_size": int(rng.choice([10, 100])),
            "activation": str(rng.choice(["relu", "tanh"])),
        }
        for _ in range(60)
    ]
    scores = np.array([0.9 if s["activation"] == "tanh" else 0.7 for s in settings])
    given = tried(settings, scores)
    what_if = make_what_if(spec, given.settings, given.scores, given.states)
    assert isinstance(what_if, WhatIf)

    table = one_dependence(what_if, "activation", sign=1)

    assert table["value"].tolist() == ["relu", "tanh"]
    assert table["score"].tolist() == pytest.approx([0.7, 0.9], abs=0.02)
    two = two_dependence(what_if, "batch_size", "activation", sign=1)
    assert (list(two.columns), list(two.index)) == (["10", "100"], ["relu", "tanh"])
