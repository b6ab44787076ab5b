"""How far trials are from the leader, for the chart above the grid.

Bars of two scores that overlap tell nothing; the difference on the same folds does. Its
interval touches zero exactly where a trial is tied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from tuning.analysis.verdict import Judgement

MOST_SHOWN = 12


def gap_table(
    found: Judgement,
    highlighted: Sequence[int] = (),
    default: int | None = None,
    most: int = MOST_SHOWN,
) -> pd.DataFrame:
    """List the best trials, the highlighted ones and the default settings with their gaps.

    Parameters
    ----------
    highlighted : sequence of int
        In the order they were chosen.
    default : int or None
        Trial with the default settings.

    Returns
    -------
    DataFrame
        Best first; columns number, gap, low and high (its score less that of the leader, in
        units of the score, with its interval), tie, is_default, and highlight, its place
        among those chosen beside the leader, else -1. Empty where no trial but the leader has
        an interval.
    """
    is_compared = found.table["tie"] != "not compared"
    compared = set(found.table.index[is_compared].tolist())
    best_first = [number for number in found.best_first if number in compared]
    wanted = {*best_first[:most], *highlighted} | ({default} if default is not None else set())
    numbers = [number for number in best_first if number in wanted]
    chosen = [number for number in dict.fromkeys(highlighted) if number != found.leader]
    table = found.table.loc[numbers]
    if table["gap_low"][table.index != found.leader].isna().all():
        numbers, table = [], table.iloc[:0]
    ends = -found.sign * table[["gap_low", "gap_high"]].astype("float64")
    return pd.DataFrame(
        {
            "number": numbers,
            "gap": -found.sign * table["gap"].astype("float64") + 0.0,
            "low": ends.min(axis=1) + 0.0,
            "high": ends.max(axis=1) + 0.0,
            "tie": table["tie"],
            "is_default": [number == default for number in numbers],
            "highlight": [chosen.index(n) if n in chosen else -1 for n in numbers],
        }
    ).reset_index(drop=True)


def gap_finding(found: Judgement) -> str:
    """Say in one sentence how many trials cannot be told apart from the leader."""
    if found.leader is None:
        return (found.reason or "No trial has a score.").rstrip(".")
    if found.reason is not None:
        reason = found.reason.rstrip(".")
        return f"Cannot tell who is best. {reason}"
    so_far = "So far " if found.is_running else ""
    n = found.n_tied
    if n == 0:
        trial = "trial" if so_far else "Trial"
        return f"{so_far}{trial} {found.leader} is better than all others"
    trials = "1 trial" if n == 1 else f"{n:,} trials"
    return f"{so_far}{trials} cannot be told apart from trial {found.leader}"


def not_compared(found: Judgement, numbers: Iterable[int]) -> list[int]:
    """Return those of some trials that have no gap: unfinished, failed, or without a fit."""
    ties = found.table["tie"]
    return [n for n in numbers if n not in ties.index or ties.loc[n] == "not compared"]
