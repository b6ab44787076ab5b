"""Past estimates: by the end they came out at, and in words."""

from __future__ import annotations

import math

import pytest

from storage.timings import PastEstimate
from tuning.analysis.past import calibration_of, past_sentence
from tuning.analysis.remaining import Z_80


def make_past(seconds: float, low_s: float = 5.0, high_s: float = 40.0) -> PastEstimate:
    """Return an estimate of 10 s, between half of it and four times as much."""
    return PastEstimate(low_s, 10.0, high_s, seconds)


def test_nothing_is_known_before_a_study_has_ended() -> None:
    assert calibration_of([]) is None
    assert past_sentence(None) == ""


def test_an_interval_that_is_not_symmetric_is_judged_by_the_end_it_came_out_at() -> None:
    found = calibration_of([make_past(39.0), make_past(41.0), make_past(5.1), make_past(4.9)])

    assert found is not None
    assert found.held == 0.5
    assert past_sentence(found) == "Of 4 estimates so far 2 held (15% to 85%; meant are 80%)."


def test_ten_studies_that_took_twice_their_upper_half_widen_the_next_interval() -> None:
    """All came out at 80 s: log 8 from the middle, where the end was log 4 from it."""
    found = calibration_of([make_past(80.0)] * 10)

    assert found is not None
    assert found.correction == pytest.approx(math.log(8) / math.log(4))
    assert found.bias == pytest.approx(math.log(8))


def test_ends_that_meet_are_not_divided_by() -> None:
    found = calibration_of([make_past(10.1, low_s=10.0, high_s=10.0)] * 10)

    assert found is not None
    assert found.correction == pytest.approx(math.log(1.01) / (Z_80 * 0.01))


@pytest.mark.parametrize(("seconds", "verb"), [(12.0, "held"), (99.0, "did not hold")])
def test_one_study_is_told_without_shares(seconds: float, verb: str) -> None:
    assert past_sentence(calibration_of([make_past(seconds)])) == (
        f"The one estimate so far {verb}."
    )
