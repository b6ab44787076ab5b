"""How much of a long product of cases is run: `make soak` runs all of it, CI a fair part."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from typing import TypeVar

FULL = bool(os.environ.get("TUNEBOARD_TEST_FULL"))

First = TypeVar("First")
Second = TypeVar("Second")


def pairs(
    first: Iterable[First], second: Iterable[Second], share: int
) -> list[tuple[First, Second]]:
    """Pair the values of two lists: all of them, or one in `share`, along the diagonals.

    Each value of the first meets others of the second, and the other way round.
    """
    rows, columns = list(enumerate(first)), list(enumerate(second))
    return [
        (one, other)
        for (row, one), (column, other) in itertools.product(rows, columns)
        if FULL or (row + column) % share == 0
    ]
