"""What chance gives: hand-worked shares, SciPy's F test, and rates of false alarms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from tuning.analysis.chance import (
    beyond_chance,
    explained,
    groups_of,
    holm,
    p_value,
    permutations,
)

PAIRS = np.array([0, 0, 1, 1])
FOUR = np.array([1.0, 2.0, 3.0, 4.0])


def test_two_groups_of_two_explain_four_fifths() -> None:
    assert float(explained(FOUR, PAIRS)) == pytest.approx(0.8)
    assert beyond_chance(0.8, 2, 4) == pytest.approx(0.70)


@pytest.mark.parametrize("groups", [[0, 0, 1, 1], [0, 1, 1, 1], [0, 1, 2, 2]])
def test_what_chance_explains_is_the_mean_over_every_order(groups: list[int]) -> None:
    orders = np.array(list(itertools.permutations(FOUR)))

    by_chance = explained(orders, np.array(groups)).mean()

    assert by_chance == pytest.approx(max(groups) / 3)
    assert beyond_chance(by_chance, max(groups) + 1, 4) == pytest.approx(0, abs=1e-12)


def test_the_share_between_groups_agrees_with_the_f_test_of_scipy() -> None:
    rng = np.random.default_rng(0)
    scores, groups = rng.normal(size=60), np.repeat([0, 1, 2, 3], 15)

    f = stats.f_oneway(*(scores[groups == g] for g in range(4))).statistic

    assert float(explained(scores, groups)) == pytest.approx(3 * f / (3 * f + 56))


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1.0, 1e3), (-1.0, 0.0)])
def test_the_unit_of_a_score_does_not_change_its_share(scale: float, shift: float) -> None:
    assert float(explained(scale * FOUR + shift, PAIRS)) == pytest.approx(0.8)


def test_numbers_fall_into_bins_of_equal_counts_and_few_values_stay_by_themselves() -> None:
    many = groups_of(np.random.default_rng(0).uniform(size=144), is_category=False)
    few = groups_of(np.repeat([0.0, 0.5, 1.0], 48), is_category=False)
    words = groups_of(np.arange(144.0), is_category=True)

    assert np.bincount(many).tolist() == [18] * 8
    assert np.bincount(few).tolist() == [48] * 3
    assert len(np.bincount(words)) == 144


def test_a_bin_is_never_empty_where_most_values_are_the_same() -> None:
    groups = groups_of(np.concatenate([np.zeros(90), np.arange(1.0, 11.0)]), is_category=False)

    assert np.bincount(groups).min() > 0


def test_holm_agrees_with_its_steps_by_hand() -> None:
    corrected = holm(np.array([0.01, 0.04, 0.03, 0.005]))

    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_the_observed_order_counts_among_those_of_chance() -> None:
    by_chance = np.array([0.1, 0.2, 0.3, 0.4])

    assert p_value(0.35, by_chance) == pytest.approx(2 / 5)
    assert p_value(0.5, by_chance) == pytest.approx(1 / 5)
    assert p_value(0.0, np.zeros(200)) == 1.0


@pytest.mark.parametrize("n_axes", [1, 7, 16])
def test_the_smallest_p_value_survives_the_correction(n_axes: int) -> None:
    n_orders = len(permutations(np.arange(5.0), n_axes))

    assert n_orders >= 200
    assert n_axes / (1 + n_orders) < 0.05
