"""Text → dates, in the few ways people write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([ t]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?(z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_OTHER = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}( \d{1,2}:\d{2}(:\d{2})?)?", re.ASCII)
_DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y")
_YEAR_FIRST = ("%Y/%m/%d", "%Y.%m.%d")
_TRIED = 20
_TIMES = ("", " %H:%M", " %H:%M:%S")


def looks_like_dates(values: Sequence[str]) -> bool:
    """Tell whether all values, in small letters, have the shape of a date."""
    return all(_ISO.fullmatch(value) or _OTHER.fullmatch(value) for value in values)


def as_dates(column: pa.ChunkedArray, *, day_first: bool) -> pa.ChunkedArray:
    """Return text as dates, null where it is none.

    The one way of writing is taken that fits most values; times with an offset become UTC.

    Parameters
    ----------
    day_first : bool
        Which of two ways is taken where both fit: 3/4/2024 is in April if true.
    """
    coded = column.combine_chunks().dictionary_encode()
    return pa.chunked_array([_parse(coded.dictionary, day_first=day_first).take(coded.indices)])


def _parse(words: pa.StringArray, *, day_first: bool) -> pa.TimestampArray:
    import pandas as pd

    values = pd.Series(words.to_pylist(), dtype=object)
    is_iso = values.str.fullmatch(_ISO.pattern, case=False, flags=re.ASCII, na=False)
    iso = pd.to_datetime(
        values.where(is_iso.astype(bool)), format="ISO8601", errors="coerce", utc=True
    )
    best = iso.dt.tz_localize(None)
    n_most = best.notna().sum()
    for date_format in _formats(values.dropna().head(_TRIED).tolist(), day_first=day_first):
        dates = pd.to_datetime(values, format=date_format, errors="coerce")
        if dates.notna().sum() > n_most:
            best, n_most = dates, dates.notna().sum()
    return pa.array(best, type=pa.timestamp("us"), from_pandas=True, safe=False)


def _formats(values: Sequence[str], *, day_first: bool) -> list[str]:
    """Return the ways of writing that fit one value at least, the likeliest first."""
    days, months = (_DAY_FIRST, _MONTH_FIRST) if day_first else (_MONTH_FIRST, _DAY_FIRST)
    ways = [date + time for date in (*days, *months, *_YEAR_FIRST) for time in _TIMES]
    return [way for way in ways if any(_fits(value, way) for value in values)]


def _fits(value: str, way: str) -> bool:
    try:
        datetime.strptime(value, way)
    except ValueError:
        return False
    return True
