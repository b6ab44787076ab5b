"""What the best have in common: the specification's number, and honesty about chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from tuning.analysis.importance import common_finding, common_in_best, divergence
from tuning.spec import StudySpec


def test_nine_of_the_ten_best_in_one_half_diverge_by_four_ninths() -> None:
    best = np.array([[0] * 9 + [1]])

    # One more in every group: shares 10/12 and 2/12 instead of 1/2 and 1/2.
    assert divergence(best, np.array([50, 50])) == pytest.approx([4 / 9])
    assert divergence(np.array([[0] * 5 + [1] * 5]), np.array([50, 50])) == pytest.approx([0])


def drawn(n_trials: int) -> tuple[StudySpec, list[dict[str, Any]], NDArray[np.float64]]:
    names = ("dropout_rate", "momentum")
    study = StudySpec.parse(
        {
            "name": "x",
            "data": {"dataset": "digits"},
            "space": {name: {"kind": "range", "low": 0, "high": 0.9} for name in names},
            "sampler": {"kind": "random", "n_trials": n_trials},
        }
    )
    places = np.random.default_rng(0).uniform(0, 0.9, (n_trials, 2))
    return study, [dict(zip(names, row, strict=True)) for row in places.tolist()], places


def test_what_the_best_have_in_common_is_told_from_chance() -> None:
    study, settings, places = drawn(400)

    found = common_in_best(study, settings, -(((places[:, 1] - 0.4) ** 2)[:, None, None]))

    assert isinstance(found, pd.DataFrame)
    assert found["name"].tolist() == ["momentum", "dropout_rate"]
    assert not found["is_grey"].iloc[0]
    assert found["divergence"].iloc[0] > 10 * found["chance"].iloc[0]
    assert found["divergence"].iloc[1] < 3 * found["chance"].iloc[1]


def test_noise_has_as_much_in_common_as_chance_gives() -> None:
    study, settings, _ = drawn(400)
    rng = np.random.default_rng(4)
    n_flags, n_studies = 0, 20

    for _ in range(n_studies):
        found = common_in_best(study, settings, rng.normal(size=(400, 1, 1)))
        assert isinstance(found, pd.DataFrame)
        n_flags += int((~found["is_grey"]).sum())

    assert n_flags <= stats.binom.ppf(0.999, n_studies, 0.05)


def test_the_best_tenth_needs_300_trials() -> None:
    study, settings, places = drawn(299)

    assert common_in_best(study, settings, places[:, :1, None]) == (
        "Needs 300 trials in the space; 299 have finished."
    )


@pytest.mark.parametrize(
    ("is_grey", "sentence"),
    [
        ([True, True, True], "The best 10 % have nothing in common beyond chance."),
        ([False, True, True], "The best 10 % are alike in learning rate."),
        ([False, False, False], "The best 10 % are alike in learning rate, epochs and layers."),
    ],
)
def test_the_finding_names_what_is_more_than_chance(is_grey: list[bool], sentence: str) -> None:
    table = pd.DataFrame({"label": ["Learning rate", "Epochs", "Layers"], "is_grey": is_grey})

    assert common_finding(table) == sentence
