"""Tables → CSV that a spreadsheet opens as values and never runs as formulas [1]_.

References
----------
.. [1] OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import pandas as pd

from tuning.datasets.files.found import frame

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 50_000
_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def harmless(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_STARTS) else text


def to_csv(table: pd.DataFrame, *, header: bool = True) -> str:
    """Write a table as CSV, its formulas made harmless; numbers and dates stay as they are."""
    safe = table.rename(columns=lambda name: harmless(str(name)))
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(_harmless_cell)
    return safe.to_csv(index=False, header=header)


def write_csv(table: pa.Table, target: TextIO) -> None:
    """Write a table as `to_csv` does, some rows at a time, so that it needs little memory."""
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        rows = frame(table.slice(start, _ROWS_AT_ONCE))
        target.write(to_csv(rows, header=start == 0))


def _harmless_cell(value: object) -> object:
    return harmless(value) if isinstance(value, str) else value
