"""Seconds left: the cases of the specification, and how often the interval holds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tuning.analysis.remaining import (
    Remaining,
    calibrate,
    drift_of,
    interval,
    last_fits,
    remaining_time,
    scatter_of,
    spread_before,
)


def test_a_pace_slower_than_predicted_stretches_what_is_left() -> None:
    found = remaining_time([5.0, 7.0], [4.0, 6.0], [20.0, 30.0])

    assert found.seconds == pytest.approx(60)  # 12 s instead of 10: 50 s become 60
    assert found.source == "running"


def test_an_interval_of_a_known_spread() -> None:
    assert interval(60, 0.2) == pytest.approx((46.43, 77.53), abs=0.005)


def test_nothing_left_takes_no_time_and_has_no_interval() -> None:
    assert remaining_time([1.0], [1.0], []) == Remaining(0.0, None, "running")


def test_before_anything_was_timed_nothing_can_be_told() -> None:
    assert remaining_time([], [], [3.0]) == Remaining(None, None, "measuring")


def test_before_launch_pilots_make_the_interval() -> None:
    found = remaining_time([], [], [10.0] * 4, scatter_before=0.2, largest_timed_s=10)

    spread = math.sqrt(0.25**2 + 0.2**2 / 5 + 0.2**2 / 4)
    assert found.seconds == 40
    assert found.within_80 == pytest.approx(interval(40, spread))
    assert (found.source, found.is_least) == ("pilot", False)
    assert spread_before(0.2, 1 / 4) == pytest.approx(spread)


def test_fits_all_as_predicted_leave_the_least_spread() -> None:
    found = remaining_time([2.0] * 20, [2.0] * 20, [2.0] * 100)

    spread = math.sqrt((1.5 * 0.08) ** 2 + 0.05**2 / 10 + 0.05**2 / 100)
    assert found.within_80 == pytest.approx(interval(200, spread))


def test_a_drift_between_the_tenths_of_a_study_is_its_spread() -> None:
    actual = np.repeat([1.0, 1.5] * 5, 3)

    expected = 1.5 * np.std(np.log([1.0, 1.5] * 5), ddof=1)
    assert drift_of(actual, np.ones(30)) == pytest.approx(expected)
    assert drift_of(actual[:9], np.ones(9)) == 0.25  # fewer than ten fits have no ten parts


def test_only_the_last_fits_tell_the_pace() -> None:
    found = remaining_time([9.0] * 30 + [2.0] * 10, [1.0] * 40, [1.0])

    assert found.seconds == pytest.approx(2)
    assert [last_fits(n) for n in (3, 10, 40, 80)] == [3, 10, 10, 20]


def test_scatter_has_a_floor() -> None:
    assert scatter_of(np.zeros(5)) == 0.05
    assert scatter_of(np.array([-0.3, 0.3])) == pytest.approx(0.3 * math.sqrt(2))


@pytest.mark.parametrize(("largest", "is_least"), [(7.9, False), (8.1, True)])
def test_what_is_far_larger_than_anything_timed_has_only_a_lower_end(
    largest: float, is_least: bool
) -> None:
    assert remaining_time([1.0] * 3, [1.0, 2.0, 1.0], [largest]).is_least == is_least


@pytest.mark.parametrize(("n_done", "drift"), [(0, 0.1), (30, 0.1), (150, 0.2)])
def test_the_interval_holds_four_times_of_five(n_done: int, drift: float) -> None:
    rng = np.random.default_rng(21)
    n_studies, n_held = 300, 0
    for _ in range(n_studies):
        predicted = np.exp(rng.normal(0, 0.7, 300))
        pace = np.exp(np.cumsum(rng.normal(0, drift / math.sqrt(300), 300)))
        actual = (
            predicted * pace * np.exp(rng.normal(0, 0.15, 300)) * np.exp(rng.normal(0, 0.1))
        )
        found = remaining_time(
            actual[:n_done].tolist(),
            predicted[:n_done].tolist(),
            predicted[n_done:].tolist(),
            scatter_before=0.15,
        )
        assert found.within_80 is not None
        n_held += found.within_80[0] <= actual[n_done:].sum() <= found.within_80[1]

    assert n_held / n_studies >= 0.73  # four of five, less three standard errors


def test_past_estimates_are_counted_and_correct_the_next_one() -> None:
    off = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.5, 3.0])
    actual = 60 * np.exp(1.2816 * 0.25 * off)

    found = calibrate(actual.tolist(), [60.0] * 10, [0.25] * 10)

    assert found is not None
    assert (found.held, found.n_studies) == (0.8, 10)
    assert found.held_within == pytest.approx((0.4902, 0.9433), abs=5e-5)  # Wilson, 8 of 10
    assert found.bias == pytest.approx(1.2816 * 0.25 * 0.55)
    assert found.correction == pytest.approx(1.5)  # the 9th of 10: ⌈0.8 · 11⌉


def test_nine_past_estimates_correct_nothing_yet() -> None:
    found = calibrate([90.0] * 9, [60.0] * 9, [0.1] * 9)

    assert found is not None
    assert (found.correction, found.held) == (1.0, 0.0)
    assert calibrate([], [], []) is None


def test_a_correction_widens_the_interval() -> None:
    plain = remaining_time([], [], [60.0], scatter_before=0.05)
    wider = remaining_time([], [], [60.0], scatter_before=0.05, correction=2.0)

    assert plain.within_80 is not None
    assert wider.within_80 is not None
    assert math.log(wider.within_80[1] / 60) == pytest.approx(
        2 * math.log(plain.within_80[1] / 60)
    )
