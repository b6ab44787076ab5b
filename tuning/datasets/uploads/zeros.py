"""Zeros that stand for "not measured", as in Pima's glucose: told by where the others lie."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.uploads.summary import summarise
from tuning.datasets.uploads.table import TypedTable

_MEDICAL = re.compile(
    r".*(glucose|pressure|\bbp\b|skin|insulin|bmi|body.?mass|cholesterol|pulse|heart.?rate|"
    + r"h(a)?emoglobin|weight|height).*",
    re.IGNORECASE,
)
_FEWEST_VALUES = 10
_MOST_ZEROS = 0.5
_FAR, _QUITE_FAR = 0.2, 0.1  # of the median: amounts that may be 0 have smaller ones near it
_OUTNUMBERED = 5
_EMPTY_STEPS = 2


def zeros_note(table: TypedTable, name: str) -> str:
    """Say that the zeros of a column look like missing values; empty where they do not.

    They do where all other values are positive and far from 0: the smallest is a fifth of the
    median at least, or a tenth and the zeros outnumber the values near it, and it leaves a gap
    to 0 of two times the widest gap among the lower quarter of the values. Half of the rows at
    most are 0. In a column named as a measure of a living body the gap does not matter.
    """
    summary = summarise(table, name)
    if summary.type != "number" or summary.spread is None or summary.spread.minimum != 0:
        return ""
    values = table.numbers(name)
    positive = values[values > 0]
    n_zeros = int(np.count_nonzero(values == 0))
    if n_zeros > _MOST_ZEROS * (n_zeros + len(positive)):
        return ""
    different = np.unique(positive)
    least = float(different[0])
    if len(different) < _FEWEST_VALUES or not _is_far(positive, least, n_zeros):
        return ""
    is_medical = bool(_MEDICAL.fullmatch(name))
    lower = different[different <= np.quantile(positive, 0.25)]
    widest = float(np.diff(lower).max(initial=0.0))
    if not is_medical and least < _EMPTY_STEPS * widest:
        return ""
    rows = "1 row" if n_zeros == 1 else f"{n_zeros:,} rows"
    end = "no living body has 0." if is_medical else "does 0 mean missing?"
    return f"{name} is 0 in {rows}, and all other values are {least:,.4g} or more: {end}"


def _is_far(positive: NDArray[np.float64], least: float, n_zeros: int) -> bool:
    """Tell whether zeros stand apart from the smallest of the other values."""
    median = float(np.median(positive))
    n_near = int(np.count_nonzero(positive <= 2 * least))
    return least >= _FAR * median or (
        least >= _QUITE_FAR * median and n_zeros >= _OUTNUMBERED * n_near
    )
