"""Tables → CSV that a spreadsheet opens as values and never runs as formulas [1]_.

References
----------
.. [1] OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection.
"""

from __future__ import annotations

import pandas as pd

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def harmless(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_STARTS) else text


def to_csv(table: pd.DataFrame) -> str:
    """Write a table as CSV, its formulas made harmless; numbers and dates stay as they are."""
    safe = table.rename(columns=lambda name: harmless(str(name)))
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(_harmless_cell)
    return safe.to_csv(index=False)


def _harmless_cell(value: object) -> object:
    return harmless(value) if isinstance(value, str) else value
