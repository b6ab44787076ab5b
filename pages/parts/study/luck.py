"""The best score so far as the Live tab draws it, with what chance alone would have shown."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pages.parts.charts.certainty import LuckLine, leader_bars, with_certainty
from pages.parts.charts.curves import best_so_far
from pages.parts.study.facts import SCORES
from storage.studies import StudyRow
from tuning.analysis.tables import history_finding, thin_history
from tuning.analysis.verdict import Judgement
from tuning.digits import DIGITS_ALONE, decimals


def history_chart(row: StudyRow, found: Judgement, history: pd.DataFrame) -> dict[str, Any]:
    """Draw the best score so far.

    Parameters
    ----------
    history : DataFrame
        Of `tuning.analysis.tables.history`; not empty.
    """
    dots = thin_history(history)
    option = best_so_far(dots, history_finding(history), SCORES[row.score_name])
    return with_certainty(option, leader_bars(dots, found.table), luck_line(found))


def luck_line(found: Judgement) -> LuckLine | None:
    """Return the best score by luck alone; None where it cannot be told."""
    if isinstance(found.luck, str):
        return None
    value = found.sign * found.luck.expected
    places = DIGITS_ALONE if found.score is None else decimals(found.score.half_width)
    return LuckLine(value, f"{value:,.{places}f}")


def luck_caption(found: Judgement) -> str:
    """Say what is dotted and what the bars are, or why there is no such line."""
    luck = luck_line(found)
    if luck is None:
        return str(found.luck)
    return f"Bars: 95 % interval of each new best. Dotted: best by luck alone, {luck.text}."
