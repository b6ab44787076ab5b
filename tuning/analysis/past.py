"""How past estimates of this machine turned out, and how the next one learns from it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from storage.timings import PastEstimate
from tuning.analysis.remaining import Z_80, Calibration, calibrate

_LEAST_SPREAD = 0.01  # of an interval whose ends nearly meet


def calibration_of(past: Sequence[PastEstimate]) -> Calibration | None:
    """Compare past estimates with what came true; None before there is any.

    Each is measured by the end at which it came out: an interval need not be symmetric, for
    example where much may be compiled already.
    """
    seconds = [one.seconds for one in past]
    return calibrate(seconds, [one.likely_s for one in past], [_spread(one) for one in past])


def _spread(one: PastEstimate) -> float:
    if one.seconds > one.likely_s:
        ratio = one.high_s / one.likely_s
    else:
        ratio = one.likely_s / one.low_s
    return max(math.log(ratio) / Z_80, _LEAST_SPREAD)


def past_sentence(found: Calibration | None) -> str:
    """Say how often estimates held; empty before there is any."""
    if found is None:
        return ""
    n_held = round(found.held * found.n_studies)
    low, high = found.held_within
    if found.n_studies == 1:
        return f"The one estimate so far {'held' if n_held else 'did not hold'}."
    return (
        f"Of {found.n_studies} estimates so far {n_held} held "
        + f"({low:.0%} to {high:.0%}; meant are 80%)."
    )
