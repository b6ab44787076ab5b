"""Scores with their ±: no more digits than the ± supports."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

MOST_DIGITS = 6
DIGITS_ALONE = 3  # of a score without a ±
_TWO_DIGITS_UP_TO = 35


def decimals(half_width: float) -> int:
    """Return how many decimals of a score its ± supports.

    The ± has two significant digits where they are at most 35, else one, as the Particle Data
    Group rounds errors.
    """
    if half_width <= 0:
        return DIGITS_ALONE
    if not math.isfinite(half_width):
        return 0
    power = math.floor(math.log10(half_width))
    two = round(half_width * 10 ** (1 - power)) <= _TWO_DIGITS_UP_TO
    return min(max((1 if two else 0) - power, 0), MOST_DIGITS)


def digits_of_score(half_width: float) -> int:
    """Return how many decimals a score gets: as its ± supports, three where it has none."""
    return decimals(half_width) if math.isfinite(half_width) else DIGITS_ALONE


def common_decimals(half_widths: Iterable[float]) -> int:
    """Return how many decimals scores get that stand together: as the middle ± supports.

    Three where none has a ±. The smallest would give all of them the digits of the one trial
    whose folds happen to agree.
    """
    widths = [width for width in half_widths if width > 0]
    return decimals(statistics.median_high(widths)) if widths else DIGITS_ALONE


def signed_between(difference: float, low: float, high: float) -> str:
    """Write a difference with the ends of its interval: +0.018 (-0.004 to +0.040)."""
    if not math.isfinite(high - low):
        return f"{difference:+.{DIGITS_ALONE}f}"
    digits = decimals((high - low) / 2)
    return f"{difference:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def with_ends(value: float, low: float, high: float) -> str:
    """Write a score with the ends of its interval: 0.83 (0.76 to 0.89)."""
    digits = decimals((high - low) / 2)
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def with_error(mean: float, half_width: float | None = None) -> str:
    """Write a score with its ±: 0.762 ± 0.014."""
    if not math.isfinite(mean):
        return "–"
    if half_width is None or not math.isfinite(half_width):
        return f"{mean:.{DIGITS_ALONE}f}"
    digits = decimals(half_width)
    return f"{mean:,.{digits}f} ± {half_width:,.{digits}f}"
