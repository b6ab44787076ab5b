"""Measured shares beside what was promised and what was found before, and their tables.

A share of a few hundred simulations is known to a few points only: one that misses its bound by
no more than three standard errors counts as within luck, and is said to.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

Verdict = Literal["yes", "within luck", "no"]

_ERRORS = 3  # standard errors that luck is given
_WORST_LAST: tuple[Verdict, ...] = ("yes", "within luck", "no")


@dataclass(frozen=True)
class Bounds:
    """What a share should lie between.

    Attributes
    ----------
    n : int
        Simulations the bounds were found by; 0 where they are stated.
    """

    least: float = 0.0
    most: float = 1.0
    n: int = 0

    def verdict(self, share: float, n: int) -> Verdict:
        """Tell whether a share of so many simulations lies in the bounds."""
        if self.least <= share <= self.most:
            return "yes"
        edge = self.least if share < self.least else self.most
        luck = _ERRORS * standard_error(edge, n)
        if self.n:
            luck = math.hypot(luck, _ERRORS * standard_error(edge, self.n))
        return "within luck" if abs(share - edge) <= luck else "no"

    def __str__(self) -> str:
        if self.least == self.most:
            return percent(self.least)
        if self.most == 1 and self.least:
            return f"≥ {percent(self.least)}"
        if not self.least:
            return f"≤ {percent(self.most)}"
        return f"{percent(self.least)} – {percent(self.most)}"


@dataclass(frozen=True)
class Figure:
    """How many of some simulations something happened in.

    Attributes
    ----------
    what : str
        Row of the table.
    case : str
        Column of the table.
    promised : Bounds or None
        What the app says of itself; None where it says nothing.
    before : Bounds or None
        What the simulations found that the methods were chosen by; None where there is none.
    n_independent : int
        Independent simulations that these are worth; 0 where they are independent.
    """

    what: str
    n_hits: int
    n: int
    promised: Bounds | None = None
    before: Bounds | None = None
    case: str = "measured"
    how: str = ""
    n_independent: int = 0

    @property
    def share(self) -> float:
        """Share of the simulations; NaN of none."""
        return self.n_hits / self.n if self.n else math.nan

    @property
    def kept(self) -> Verdict | None:
        """Whether the promise is kept."""
        return self._verdict(self.promised)

    @property
    def again(self) -> Verdict | None:
        """Whether what was found before is found again."""
        return self._verdict(self.before)

    def _verdict(self, bounds: Bounds | None) -> Verdict | None:
        n = self.n_independent or self.n
        return None if bounds is None else bounds.verdict(self.share, n)

    def __str__(self) -> str:
        shown = percent(self.share)
        if "no" in (self.kept, self.again):
            shown = f"**{shown}**"
        return shown if self.before is None else f"{shown} ({self.before})"

    def document(self) -> dict[str, Any]:
        """Return it as JSON takes it, with what follows from it."""
        verdicts = {"share": self.share, "kept": self.kept, "again": self.again}
        return asdict(self) | verdicts

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Figure:
        """Return the figure of a document."""
        own = {field.name: document[field.name] for field in fields(cls)}
        bounds = {
            name: None if own[name] is None else Bounds(**own[name])
            for name in ("promised", "before")
        }
        return cls(**own | bounds)


def at_most(share: float) -> Bounds:
    """Promise that something happens no more often."""
    return Bounds(most=share)


def at_least(share: float) -> Bounds:
    """Promise that something happens no less often."""
    return Bounds(least=share)


def found(least: float, most: float | None = None, *, n: int) -> Bounds:
    """Return what so many simulations found: one share, or from one to another."""
    return Bounds(least, least if most is None else most, n)


def standard_error(share: float, n: int) -> float:
    """Return the standard error of a share; at 0 and 1 that of one simulation in all."""
    share = min(max(share, 1 / (n + 1)), n / (n + 1))
    return math.sqrt(share * (1 - share) / n)


def percent(share: float, n_digits: int = 1) -> str:
    """Write a share in percent."""
    return f"{100 * share:.{n_digits}f} %"


def tables(figures: Sequence[Figure]) -> str:
    """Return figures as Markdown, and in words which promises are not kept.

    Figures of one `what` share a row, rows of the same cases a table.
    """
    rows = [list(group) for _, group in itertools.groupby(figures, lambda one: one.what)]
    parts = []
    for cases, same in itertools.groupby(rows, lambda row: tuple(one.case for one in row)):
        parts.append("\n".join(_table(cases, list(same))))
    words = "\n".join(f"- {sentence}" for sentence in misses(figures))
    return "\n\n".join([*parts, words])


def _table(cases: Sequence[str], rows: Sequence[Sequence[Figure]]) -> Iterator[str]:
    last = ("promised", "kept", "again", "how")
    shown = [any(_last(row)[place] not in ("", "–") for row in rows) for place in range(4)]
    kept_last = [word for word, is_shown in zip(last, shown, strict=True) if is_shown]
    yield _line(["what", "of", *cases, *kept_last])
    yield _line(["---", "--:", *["--:"] * len(cases), *["---"] * len(kept_last)])
    for row in rows:
        cells = [cell for cell, is_shown in zip(_last(row), shown, strict=True) if is_shown]
        yield _line([row[0].what, _of(row), *map(str, row), *cells])


def _last(row: Sequence[Figure]) -> list[str]:
    promises = {str(one.promised) for one in row if one.promised is not None}
    return [
        promises.pop() if len(promises) == 1 else "as headed" if promises else "–",
        _worst(one.kept for one in row),
        _worst(one.again for one in row),
        "; ".join(one.how for one in row if one.how),
    ]


def _of(row: Sequence[Figure]) -> str:
    return ", ".join(dict.fromkeys(f"{one.n:,}" for one in row))


def _worst(verdicts: Iterable[Verdict | None]) -> str:
    told = [verdict for verdict in verdicts if verdict is not None]
    worst = max(told, key=_WORST_LAST.index, default=None)
    return "–" if worst is None else "**no**" if worst == "no" else worst


def misses(figures: Sequence[Figure]) -> list[str]:
    """Say which promises are not kept, and what was not found again."""
    broken, lucky = (
        "; ".join(_named(one) for one in figures if one.kept == word) or "none"
        for word in ("no", "within luck")
    )
    other = "; ".join(_named(one) for one in figures if one.again == "no") or "none"
    sentences = []
    if any(one.promised for one in figures):
        sentences.append(f"Promises not kept: {broken}.")
        sentences.append(f"Missed by no more than luck: {lucky}.")
    if any(one.before for one in figures):
        sentences.append(f"Found otherwise than before: {other}.")
    return sentences


def _named(figure: Figure) -> str:
    case = "" if figure.case == "measured" else f", {figure.case}"
    return f"{figure.what}{case} ({percent(figure.share)})"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
