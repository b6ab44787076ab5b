"""Effects: what decides is found, pure noise stays grey, and what is left out is told."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from tuning.analysis.effects import (
    IN_REGION,
    NOTHING,
    Effects,
    effects,
    effects_finding,
    finished_rows,
    left_out_sentence,
    main_effects,
    total_effects,
)
from tuning.analysis.encoding import Axis
from tuning.spec import StudySpec

SEVEN = tuple(Axis(f"x{n}", f"X{n}", "linear", (0.0, 1.0)) for n in range(7))
NAMES = ("dropout_rate", "momentum")
Array = NDArray[np.float64]


def make_spec(kind: str = "random", **space: Any) -> StudySpec:
    return StudySpec.parse(
        {
            "name": "x",
            "data": {"dataset": "digits"},
            "space": space
            or {name: {"kind": "range", "low": 0, "high": 0.9} for name in NAMES},
            "sampler": {"kind": kind, "n_trials": 100},
        }
    )


def draw(n_trials: int, seed: int = 0) -> tuple[list[dict[str, Any]], Array]:
    """Return settings, and their places."""
    places = np.random.default_rng(seed).uniform(0, 0.9, (n_trials, 2))
    return [dict(zip(NAMES, row, strict=True)) for row in places.tolist()], places


def as_scores(means: Array) -> Array:
    """Give every trial two repeats of three folds that scatter around its mean."""
    scatter = np.array([[-0.02, 0.0, 0.02], [0.01, 0.0, -0.01]])
    scores: Array = means[:, None, None] + scatter
    return scores


def test_the_parameter_that_decides_is_found_and_the_other_stays_grey() -> None:
    settings, places = draw(100)

    found = effects(make_spec(), settings, as_scores(places[:, 1]))

    assert isinstance(found, Effects)
    assert found.table["name"].tolist() == ["momentum", "dropout_rate"]
    assert found.table["is_grey"].tolist() == [False, True]
    assert found.table["main"].iloc[0] > 0.9
    assert found.table["total"].iloc[0] == pytest.approx(1, abs=0.15)
    assert not found.is_grey
    assert found.sentence.startswith("Momentum matters most: ")
    assert (found.scope, found.left_out, found.n_trials) == ("", "", 100)


def test_half_of_the_variance_is_half_of_the_effect_and_totals_see_interactions() -> None:
    rng = np.random.default_rng(3)
    places = rng.uniform(size=(4000, 7))
    alone = (places[:, 0] - 0.5) * np.sqrt(12)
    together = (places[:, 1] - 0.5) * (places[:, 2] - 0.5) * 12
    scores = alone + together  # variances 1 and 1, nothing shared

    mains = main_effects(SEVEN, places, scores)["main"].to_numpy()
    totals = total_effects(SEVEN, places, scores)

    # Eight bins of equal counts keep 1 − 1/64 of the variance of a straight line.
    assert mains[0] == pytest.approx(0.5 * (1 - 1 / 64), abs=0.03)
    assert mains[1:].max() < 0.02
    assert totals.means[0] == pytest.approx(0.5, abs=0.1)
    assert min(totals.lows[1], totals.lows[2]) > 0.1
    assert totals.lows[3:].max() < 0.02


def test_pure_noise_flags_no_more_parameters_than_the_specification_measured() -> None:
    rng = np.random.default_rng(11)
    n_studies, n_flags = 250, 0
    for _ in range(n_studies):
        table = main_effects(SEVEN, rng.uniform(size=(100, 7)), rng.normal(size=100))
        n_flags += int((table["p_value"] <= 0.05).sum())

    assert n_flags <= stats.poisson.ppf(0.999, 0.08 * n_studies)


def test_trees_flag_no_more_noise_than_the_specification_measured() -> None:
    rng = np.random.default_rng(12)
    n_studies, n_flags = 3, 0
    for _ in range(n_studies):
        found = total_effects(SEVEN, rng.uniform(size=(100, 7)), rng.normal(size=100))
        n_flags += int((found.lows > 0).sum()) if found.fit >= 0 else 0

    assert n_flags <= stats.poisson.ppf(0.999, 0.04 * n_studies)


def test_a_strong_effect_is_found_in_noise_from_100_trials_on() -> None:
    rng = np.random.default_rng(13)
    n_found = 0
    for _ in range(30):
        places = rng.uniform(size=(100, 7))
        strong = (places[:, 0] - 0.5) ** 2 * np.sqrt(180)  # variance 1
        scores = np.sqrt(0.45) * strong + np.sqrt(0.55) * rng.normal(size=100)
        n_found += main_effects(SEVEN, places, scores)["p_value"].iloc[0] <= 0.05

    assert n_found >= 28


def test_a_constant_parameter_has_no_importance_and_is_grey() -> None:
    study = make_spec(
        momentum={"kind": "list", "values": [0.5]},
        dropout_rate={"kind": "range", "low": 0, "high": 0.9},
    )
    settings, places = draw(50)
    settings = [chosen | {"momentum": 0.5} for chosen in settings]

    found = effects(study, settings, as_scores(places[:, 0]))

    assert isinstance(found, Effects)
    constant = found.table.set_index("name").loc["momentum"]
    assert (constant["main"], constant["p_value"], constant["total"]) == (0, 1, 0)
    assert constant["is_grey"]


def test_totals_are_hidden_where_trees_foretell_worse_than_the_mean() -> None:
    settings, _ = draw(40)
    noise = np.random.default_rng(5).normal(size=40)

    found = effects(make_spec(), settings, as_scores(noise))

    assert isinstance(found, Effects)
    assert found.fit < 0
    assert found.table["total"].isna().all()
    assert found.is_grey
    assert found.sentence == NOTHING


def test_too_few_trials_are_counted() -> None:
    settings, places = draw(20)
    scores = as_scores(places[:, 0])
    scores[3, 1, 2] = np.nan

    assert effects(make_spec(), settings, scores) == (
        "Needs 20 trials in the space; 19 have finished. "
        + "1 incomplete trial is left out; what it tried counts as never tried."
    )


def test_pruned_trials_are_named_where_too_few_are_left() -> None:
    settings, places = draw(31)
    states = ["COMPLETE"] * 6 + ["PRUNED"] * 25

    assert effects(make_spec(), settings, as_scores(places[:, 0]), states) == (
        "Needs 20 trials in the space; 6 have finished. "
        + "25 pruned trials are left out; what they tried counts as never tried."
    )


def test_equal_scores_and_empty_searches_have_no_effects() -> None:
    settings, places = draw(25)

    assert effects(make_spec(), settings, as_scores(0 * places[:, 0] + 0.7)) == (
        "All 25 finished trials have the same score: no setting matters."
    )


def test_searches_that_learn_tell_of_the_region_they_searched() -> None:
    settings, places = draw(60)
    scores = as_scores(places[:, 1])

    learned = effects(make_spec("tpe"), settings, scores, with_totals=False)
    refined = effects(make_spec(), settings, scores, with_totals=False, adaptive=True)

    for found in (learned, refined):
        assert isinstance(found, Effects)
        assert found.scope == IN_REGION
        assert found.sentence.startswith("Momentum matters most in the region searched: ")


def test_what_was_pruned_or_failed_counts_as_never_tried() -> None:
    scores = np.full((20, 1, 2), 0.5)
    states = ["PRUNED"] * 12 + ["FAIL"] * 3 + ["RUNNING", "WAITING"] + ["COMPLETE"] * 3
    scores[:17] = np.nan

    assert left_out_sentence(scores, states) == (
        "12 pruned and 3 failed trials are left out; what they tried counts as never tried."
    )
    assert finished_rows(scores, states).tolist() == [17, 18, 19]


def test_a_single_trial_without_all_its_scores_is_told_as_well() -> None:
    scores = np.full((3, 1, 2), 0.5)
    scores[1, 0, 1] = np.nan

    assert left_out_sentence(scores) == (
        "1 incomplete trial is left out; what it tried counts as never tried."
    )
    assert left_out_sentence(scores[:1]) == ""


def test_pruned_trials_change_no_effect() -> None:
    settings, places = draw(60)
    scores = as_scores(places[:, 1])
    more, _ = draw(10, seed=9)
    pruned = np.concatenate([scores, np.full((10, 2, 3), -5.0)])

    with_pruned = effects(
        make_spec(), settings + more, pruned, ["COMPLETE"] * 60 + ["PRUNED"] * 10
    )
    without = effects(make_spec(), settings, scores)

    assert isinstance(with_pruned, Effects)
    assert isinstance(without, Effects)
    pd.testing.assert_frame_equal(with_pruned.table, without.table)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            {"main": [0.6, 0.2, 0.0], "p_value": [0.01, 0.03, 1], "total": [0.7, 0.3, 0.0]},
            "Epochs matter most: 60% of the differences go with it alone; "
            + "momentum matters too.",
        ),
        (
            {"main": [0.0, 0.0, 0.0], "p_value": [1, 1, 1], "total": [0.2, 0.0, 0.0]},
            "Epochs matter most: 20% of the differences go with it and what it acts with.",
        ),
    ],
)
def test_the_finding_tells_alone_from_together(
    columns: dict[str, list[float]], sentence: str
) -> None:
    table = pd.DataFrame({"label": ["Epochs", "Momentum", "Dropout rate"], **columns})
    table["is_grey"] = (table["p_value"] > 0.05) & (table["total"] <= 0)

    assert effects_finding(table) == sentence


def test_ten_thousand_trials_take_a_moment() -> None:
    places = np.random.default_rng(0).uniform(size=(10_000, 7))

    started = time.process_time()
    main_effects(SEVEN, places, places[:, 0])

    assert time.process_time() - started < 1.5
