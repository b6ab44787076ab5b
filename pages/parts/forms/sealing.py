"""How many rows are sealed, and what their number is worth."""

from __future__ import annotations

import math

from pages.parts import show
from storage.database import Database
from tuning.analysis.winner import sealed_test
from tuning.datasets.info import DatasetInfo
from tuning.sealed import other_openings
from tuning.spec import StudySpec

FEWEST_ROWS_TO_SEAL = 1_000  # below, a sealed test tells too little for what it takes away
_SEALED_ABOVE = 4_000  # rows, without being asked for
_USUAL_SHARE, _LEAST_SHARE, _MOST_SEALED = 0.2, 0.001, 10_000
_USUAL_ACCURACY = 0.8


def usual_share(info: DatasetInfo) -> float:
    """Return the share of rows that is sealed unless a person says otherwise."""
    if info.n_test_rows:
        return _USUAL_SHARE  # not used: the dataset's own test rows are
    if info.n_rows <= _SEALED_ABOVE:
        return 0.0
    share = math.floor(_MOST_SEALED / info.n_rows / _LEAST_SHARE) * _LEAST_SHARE
    return min(_USUAL_SHARE, max(round(share, 3), _LEAST_SHARE))


def n_rows_sealed(info: DatasetInfo, percent: float) -> int:
    """Return how many rows a share of them is."""
    return int(-(-info.n_rows * percent // 100))


def seal_note(info: DatasetInfo, percent: float, *, is_sealed: bool, is_published: bool) -> str:
    """Say how much a sealed test of this size would tell; empty where rows are none of ours.

    Parameters
    ----------
    is_published : bool
        Whether it is a recipe in the form of its source.
    """
    if info.n_test_rows:
        return ""
    if is_published:
        return "No sealed rows, as in the source."
    n_sealed = n_rows_sealed(info, percent)
    off = f"an accuracy of {_USUAL_ACCURACY:g} to ±{_margin(n_sealed):.2f}"
    is_class = bool(info.class_counts)
    if is_sealed:
        return f"{n_sealed:,} sealed rows tell {off}." if is_class else ""
    if info.n_rows < FEWEST_ROWS_TO_SEAL:
        why = f": {n_sealed:,} of them would tell {off}." if is_class else "."
        return f"With {info.n_rows:,} rows sealing costs more than it tells{why}"
    worth = f" would tell {off}." if is_class else " would give one honest number."
    return f"Sealing {n_sealed:,} rows{worth}"


def _margin(n_rows: int) -> float:
    """Return half the interval of a usual accuracy on so many rows."""
    found = sealed_test(_USUAL_ACCURACY, max(n_rows, 1))
    return (found.high - found.low) / 2


def opened_before(db: Database, spec: StudySpec, info: DatasetInfo, timezone: str) -> str:
    """Say which study has opened these rows last; empty while nobody has."""
    opened = other_openings(db, "", spec, info)
    if not opened:
        return ""
    last = opened[-1]
    day = show.moment(last.test_opened_at or 0.0, timezone)
    return (
        f"{last.id} opened these rows on {day.day} {day:%B}; "
        + "a second look is a little less independent."
    )
