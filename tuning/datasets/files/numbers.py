"""Numbers as people write them, as patterns that Python's re and Arrow's RE2 both know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache


@cache
def number_pattern(decimal: str, thousands: str) -> str:
    """Return the pattern of a number: 1,234.5 is one of (".", ","), but 1,23.4 is not."""
    point = re.escape(decimal)
    digits = r"\d+"
    if thousands:
        digits = rf"(?:[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+|\d+)"
    return rf"[+-]?(?:{digits}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d{{1,4}})?"


def is_number(cells: Sequence[str], decimal: str, thousands: str) -> bool:
    """Tell whether all cells are numbers in one convention."""
    pattern = re.compile(number_pattern(decimal, thousands), re.ASCII)
    return all(map(pattern.fullmatch, cells))
