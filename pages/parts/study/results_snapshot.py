"""The trials as the Results tab holds them while somebody reads it, and what is new since."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pages.parts.show import plural
from tuning.analysis.diagnoses import as_baseline
from tuning.analysis.grid import Grid
from tuning.analysis.verdict import Judgement


@dataclass(frozen=True)
class Snapshot:
    """The trials as they were when the grid was made.

    Attributes
    ----------
    serial : int
        Grows with each snapshot; part of the grid's key, because ticks are kept by row.
    grid : Grid
        Shared by all who watch the study, so nobody changes it.
    found : Judgement
        What could be said of the trials then.
    finished : frozenset of int
        Trials that had ended.
    """

    serial: int
    grid: Grid
    found: Judgement
    finished: frozenset[int]

    @cached_property
    def as_baseline(self) -> dict[int, bool]:
        """Of each trial with a score, whether it is no better than guessing."""
        return as_baseline(self.found)


def news(snapshot: Snapshot, ended: frozenset[int], found: Judgement) -> str:
    """Return what is new since a snapshot in words; empty if nothing is."""
    parts = []
    n_new = len(ended - snapshot.finished)
    if n_new:
        parts.append(plural(n_new, "new trial"))
    elif _told_by_repeats(found) != _told_by_repeats(snapshot.found):
        parts.append("new repeats of the leaders")
    if parts and found.leader != snapshot.found.leader:
        parts.append("the leader changed")
    return " · ".join(parts)


def _told_by_repeats(found: Judgement) -> tuple[int, bool]:
    repeats = 0 if found.table.empty else int(found.table["n_repeats"].sum())
    return repeats, found.confirmed is None
