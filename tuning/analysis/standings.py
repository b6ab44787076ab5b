"""How the trials of a study stand: by the search, and by the race of its leaders after it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tuning.analysis.intervals import Interval, score_interval, score_intervals
from tuning.analysis.study_scores import StudyScores
from tuning.analysis.ties import Ranking

COLUMNS = ("mean", "half_width", "gap", "gap_low", "gap_high", "rank", "tie", "n_repeats")
_GAPS = ["gap", "gap_low", "gap_high"]
_UNKNOWN = (math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Confirmed:
    """What the race of a study's leaders has found; kept with the study.

    Attributes
    ----------
    kind : str
        "winner", "equal" or "cannot tell".
    survivors, entered : tuple of int
        Trials, the best first.
    n_repeats : int
        Repeats the survivors have in all.
    first : int
        Who led before the race.
    n_fits : int
        That the race has cost.
    gaps : mapping
        Of each that entered, at its last look: gap to the leader, its interval, and repeats.
        Of the default settings, which get all repeats without racing, at the last one.
    """

    kind: str
    survivors: tuple[int, ...]
    entered: tuple[int, ...]
    n_repeats: int
    first: int
    sentence: str
    n_fits: int = 0
    need_rows: float | None = None
    gaps: Mapping[int, tuple[float, float, float, int]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Confirmed | None:
        """Read it back; None where there was no race."""
        if not stored:
            return None
        gaps = {int(number): tuple(gap) for number, gap in stored["gaps"].items()}
        lists = {name: tuple(stored[name]) for name in ("survivors", "entered")}
        return cls(**{**stored, **lists, "gaps": gaps})


def usable(confirmed: Confirmed | None, scores: StudyScores) -> Confirmed | None:
    """Return the race, if there was one, and of trials that are all still there."""
    if confirmed is None or not confirmed.survivors:
        return None
    is_whole = len(scores.rows_of(confirmed.survivors)) == len(confirmed.survivors)
    return confirmed if is_whole else None


def leader_of(scores: StudyScores, ranking: Ranking, confirmed: Confirmed | None) -> int | None:
    """Return the number of the trial that leads: the first of the race, if there was one."""
    if confirmed is not None:
        return confirmed.survivors[0]
    return None if ranking.leader is None else int(scores.numbers[ranking.leader])


def standings(
    scores: StudyScores,
    ranking: Ranking,
    confirmed: Confirmed | None,
    n_rows: int | None,
    ratio: float | None,
) -> pd.DataFrame:
    """Make the table of `Judgement`: a row a trial, by number.

    After a race, gaps are those to its first. Of a trial that did not enter, the gap keeps the
    width it had in the search; but the default settings were given the same repeats.

    Parameters
    ----------
    n_rows : int or None
        Rows that are split.
    ratio : float or None
        See `tuning.analysis.study_scores.split_ratio`.
    """
    intervals = score_intervals(
        scores.searched(), kind=scores.kind, n_rows=n_rows, test_ratio=ratio
    )
    table = pd.DataFrame(
        {
            "mean": scores.sign * intervals.mean,
            "half_width": (intervals.high - intervals.low) / 2,
            "gap": ranking.gap,
            "gap_low": ranking.gap_low,
            "gap_high": ranking.gap_high,
            "rank": ranking.ranks,
            "tie": np.where(ranking.tied, "tied", "worse"),
            "n_repeats": scores.n_repeats(),
        },
        index=pd.Index(scores.numbers, name="number"),
    )
    table.loc[~ranking.is_compared, "tie"] = "not compared"
    _count_further_repeats(table, scores, n_rows, ratio)
    if confirmed is not None:
        _enter_race(table, confirmed)
    leader = leader_of(scores, ranking, confirmed)
    if leader is not None:
        table.loc[leader, "tie"] = "leader"
    return table


def _count_further_repeats(
    table: pd.DataFrame, scores: StudyScores, n_rows: int | None, ratio: float | None
) -> None:
    """Give trials with more repeats than the search had their score over all of them."""
    n_repeats = scores.n_repeats()
    for row in np.flatnonzero(n_repeats > scores.n_searched):
        number = int(scores.numbers[row])
        interval = own_interval(scores, number, n_rows, ratio)
        table.loc[number, "mean"] = float(scores.values[row, : n_repeats[row]].mean())
        table.loc[number, "half_width"] = math.nan if interval is None else interval.half_width


def _enter_race(table: pd.DataFrame, confirmed: Confirmed) -> None:
    """Let the trials of a race stand as it left them, and all others by the search alone."""
    leader = confirmed.survivors[0]
    ahead = float(table["gap"].loc[leader])  # of the first in the search, before the race
    table[_GAPS] -= ahead
    raced = {*confirmed.entered, *confirmed.gaps}
    others = ~table.index.isin(raced) & (table["tie"] != "not compared")
    table.loc[others, "tie"] = np.where(table.loc[others, "gap_low"] > 0, "worse", "tied")
    for number in table.index.intersection(list(raced)):
        gap = confirmed.gaps.get(number, _UNKNOWN)[:3]
        is_behind = gap[1] > 0 and number not in confirmed.survivors
        tie = "worse" if is_behind else "tied"
        if tie == "tied" and number in set(confirmed.entered) - set(confirmed.survivors):
            gap, tie = _UNKNOWN, "not compared"  # it left because it lacks a fit
        table.loc[number, _GAPS] = gap
        table.loc[number, "tie"] = tie
    table["rank"] = _ranks(table, confirmed)


def _ranks(table: pd.DataFrame, confirmed: Confirmed) -> pd.Series[int]:
    """Rank by what the race left; the search alone ranks the others behind it."""
    is_tied = table["tie"] == "tied"
    order = table["gap"].where(~is_tied, -math.inf)
    order = order.where(table["tie"] != "not compared")
    ranks = order.rank(method="min").fillna(0).astype(int)
    ranks[list(confirmed.survivors)] = 1
    return ranks


def own_interval(
    scores: StudyScores, number: int, n_rows: int | None, ratio: float | None
) -> Interval | None:
    """Return the interval of a trial over all its repeats, in units of the score."""
    row = scores.rows_of([number])
    if not row:
        return None
    n_repeats = int(scores.n_repeats()[row[0]])
    if not n_repeats:
        return None
    own = scores.repeated(row, n_repeats)[0]
    found = score_interval(own, kind=scores.kind, n_rows=n_rows, test_ratio=ratio)
    if found is None or scores.sign > 0:
        return found
    return dataclasses.replace(found, mean=-found.mean, low=-found.high, high=-found.low)
