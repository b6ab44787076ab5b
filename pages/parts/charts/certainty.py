"""What chance adds to the chart of the best score so far: intervals and the luck line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pages.parts.charts.colors import LEADER, NEUTRAL
from pages.parts.charts.curve_labels import end_label

Option = dict[str, Any]


@dataclass(frozen=True)
class LuckLine:
    """The best score by luck alone, in units of the score, and how it is written."""

    value: float
    text: str


def leader_bars(history: pd.DataFrame, standings: pd.DataFrame) -> pd.DataFrame:
    """Return the intervals of the trials that took the lead.

    Parameters
    ----------
    history : DataFrame
        Of `tuning.analysis.tables.history`, whole or thinned.
    standings : DataFrame
        The table of a judgement, by number.

    Returns
    -------
    DataFrame
        Columns finished, number, low and high; trials without an interval are left out.
    """
    led = history.loc[history["number"] == history["leader"], ["finished", "number"]]
    known = standings[["mean", "half_width"]].reindex(led["number"]).to_numpy(float)
    mean, half = known[:, 0], known[:, 1]
    return led.assign(low=mean - half, high=mean + half).dropna()


def with_certainty(option: Option, bars: pd.DataFrame, luck: LuckLine | None) -> Option:
    """Add bars and the luck line to `best_so_far`; without what is not known."""
    series = list(option["series"])
    if not bars.empty:
        series.append(_bars(bars))
    if luck is not None:
        series.append(_luck_line(luck, int(option["xAxis"]["max"])))
    return option | {"series": series}


def _bars(bars: pd.DataFrame) -> Option:
    """Draw each bar as a piece of one line that is broken between them."""
    points: list[list[float | None]] = []
    for finished, low, high in bars[["finished", "low", "high"]].to_numpy(float).tolist():
        points += [[finished, low], [finished, high], [finished, None]]
    return _silent("interval", points) | {
        "lineStyle": {"color": LEADER, "width": 1.5, "opacity": 0.6},
        "connectNulls": False,
    }


def _luck_line(luck: LuckLine, last: int) -> Option:
    return _silent("best by luck alone", [[1, luck.value], [last, luck.value]]) | {
        "lineStyle": {"color": NEUTRAL, "type": "dotted", "width": 1.5},
        "endLabel": end_label(f"luck {luck.text}", 0.0),
    }


def _silent(name: str, points: list[list[float | None]]) -> Option:
    return {
        "type": "line",
        "name": name,
        "data": points,
        "showSymbol": False,
        "silent": True,
        "tooltip": {"show": False},
        "emphasis": {"disabled": True},
        "z": 1,
    }
