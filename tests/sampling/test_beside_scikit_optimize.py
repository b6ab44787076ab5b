"""Whole searches find values as good as scikit-optimize's: a short form of the benchmark."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from benchmarks.sampler_functions import FUNCTIONS, Function
from benchmarks.samplers import (
    SURROGATES,
    Compared,
    at_random,
    holm,
    ours,
    summary,
    table,
    theirs,
)
from tuning.sampling.expected_improvement import Surrogate

SEEDS, N_CALLS, N_FOR_RANDOM = range(5), 16, 22  # ten are drawn at random


@pytest.mark.slow
@pytest.mark.soak  # that proposals are the same, digit by digit, is a fast test
@pytest.mark.parametrize("surrogate", SURROGATES)
def test_best_values_are_not_to_be_told_from_those_of_scikit_optimize(
    surrogate: Surrogate,
) -> None:
    found = [
        Compared(
            function.name,
            surrogate,
            [ours(function, surrogate, seed, N_CALLS) for seed in SEEDS],
            [theirs(function, surrogate, seed, N_CALLS) for seed in SEEDS],
        )
        for function in (FUNCTIONS[0], FUNCTIONS[4])
    ]

    assert min(holm([own.p_value for own in found])) > 0.05


@pytest.mark.slow
@pytest.mark.soak
def test_the_same_test_tells_the_gaussian_process_from_random_draws() -> None:
    function = FUNCTIONS[0]

    apart = Compared(
        function.name,
        "gp",
        [ours(function, "gp", seed, N_FOR_RANDOM) for seed in SEEDS],
        [at_random(function, seed, N_FOR_RANDOM) for seed in SEEDS],
    )

    assert apart.p_value < 0.05


@pytest.mark.parametrize(
    ("function", "minimum"),
    [
        (FUNCTIONS[0], [math.pi, 2.275]),
        (FUNCTIONS[1], [1.0] * 4),
        (FUNCTIONS[2], [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573]),
        (FUNCTIONS[3], [0.0] * 3),
        (FUNCTIONS[4], [1e-3, 3, "first"]),
    ],
)
def test_each_function_is_smallest_where_it_is_said_to_be(
    function: Function, minimum: list[object]
) -> None:
    assert function.distance(minimum) == pytest.approx(0, abs=1e-5)
    assert all(at_random(function, seed, 20) > 0 for seed in range(20))


def test_p_values_are_adjusted_as_holm_does() -> None:
    # 3 · 0.01, 2 · 0.03, 1 · 0.04 which may not be below the one before
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def compared(own: list[float], other: list[float]) -> Compared:
    return Compared("Branin", "gp", own, other, own, other)


def test_two_that_differ_are_told_apart_and_the_share_that_we_win_is_counted() -> None:
    low, high = [0.1, 0.2, 0.3, 0.4, 0.5], [0.6, 0.7, 0.8, 0.9, 1.0]

    better, equal = compared(low, high), compared(low, [0.15, 0.25, 0.35, 0.45, 0.55])

    assert better.p_value == pytest.approx(2 / math.comb(10, 5))  # most extreme, both ways
    assert (better.chance, compared(high, low).chance) == (1.0, 0.0)
    assert equal.chance == 15 / 25
    assert summary([better, equal]).startswith(
        "Of 2 comparisons 1 tell ours and scikit-optimize apart at 0.05 after Holm's "
        + "adjustment: Gaussian process on Branin; the smallest adjusted p is 0.02."
    )
    assert table([better]).splitlines()[-1] == (
        "| Gaussian process | Branin | 0.8 | 0.3 | 0.01 (0.01) | 100% | 0.3 | 0.8 |"
    )


def test_ties_count_half() -> None:
    tied = compared([0.5] * 4, [0.5] * 4)

    assert tied.chance == 0.5
    assert tied.p_value == stats.mannwhitneyu([0.5] * 4, [0.5] * 4).pvalue == 1.0
