"""What some settings would probably score, beside the trials that come nearest.

An ECharts option: it is drawn anew at each move of a slider, and Plotly would blink.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pages.parts.charts.colors import LEADER, NEUTRAL, SECOND
from pages.parts.charts.titles import broken
from tuning.digits import decimals

Option = dict[str, Any]

_GAP = 0.06  # of the scores, on either side
_PRECISION = 12  # digits; ECharts would round the place of a line to two
ASKED = "these settings"


@dataclass(frozen=True)
class Guess:
    """A predicted score, and between which scores nine of ten such trials lie."""

    score: float
    low: float
    high: float

    def rounded(self) -> Guess:
        """Return it with as many decimals as its interval supports."""
        n_digits = decimals((self.high - self.low) / 2)
        return Guess(*(round(x, n_digits) for x in (self.score, self.low, self.high)))


@dataclass(frozen=True)
class Scale:
    """What the axis shows: a score, and between which ends it lies."""

    name: str
    ends: tuple[float, float] = (-math.inf, math.inf)


def guessed_score(
    guess: Guess | None,
    nearest: Sequence[tuple[int, float]],
    *,
    title: str,
    scale: Scale,
    leader: tuple[int, float] | None = None,
) -> Option:
    """Draw a predicted score with its interval above the scores of the nearest trials.

    Parameters
    ----------
    guess : Guess or None
        None where nothing near was tried.
    nearest : sequence of (int, float)
        Numbers and scores of tried trials, the scores rounded as their ± supports.
    leader : (int, float), optional
        Number and score of the leader, drawn as a level line.
    """
    guess = None if guess is None else guess.rounded()
    names = [f"trial {number}" for number, _ in nearest]
    scores = [score for _, score in nearest]
    tried = [[score, name] for score, name in zip(scores, names, strict=True)]
    dots: Option = _dots("tried", tried, NEUTRAL, "circle")
    if leader is not None:
        dots["markLine"] = _level(*leader)
    return {
        "animationDuration": 0,
        "animationDurationUpdate": 300,
        "title": {
            "text": broken(title),
            "left": 0,
            "top": 0,
            "textStyle": {"fontSize": 15, "fontWeight": 600, "lineHeight": 20},
        },
        "legend": {"show": False},
        "grid": {"left": 4, "right": 24, "top": 72, "bottom": 24, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "xAxis": _ends(guess, scores, scale.ends)
        | {
            "type": "value",
            "name": scale.name,
            "nameLocation": "middle",
            "nameGap": 26,
            "scale": True,
            "boundaryGap": [f"{_GAP:.0%}"] * 2,
        },
        "yAxis": {"type": "category", "data": [ASKED, *names], "inverse": True},
        "series": [*_guess(guess), dots],
    }


def _ends(guess: Guess | None, scores: Sequence[float], ends: tuple[float, float]) -> Option:
    """Keep the gap beside the outermost mark from reaching where no score can be."""
    drawn = [*scores, *(() if guess is None else (guess.low, guess.high))]
    low, high = min(drawn), max(drawn)
    gap = _GAP * (high - low)
    found: Option = {}
    if low - gap < ends[0]:
        found["min"] = ends[0]
    if high + gap > ends[1]:
        found["max"] = ends[1]
    return found


def _guess(guess: Guess | None) -> list[Option]:
    if guess is None:
        return []
    bar: Option = {
        "type": "line",
        "name": "90 % of such trials",
        "data": [[guess.low, ASKED], [guess.high, ASKED]],
        "symbol": "rect",
        "symbolSize": [3, 18],
        "lineStyle": {"color": LEADER, "width": 8, "opacity": 0.4, "cap": "butt"},
        "itemStyle": {"color": LEADER},
        "cursor": "default",
    }
    return [bar, _dots("predicted", [[guess.score, ASKED]], LEADER, "diamond")]


def _dots(name: str, data: list[list[Any]], color: str, symbol: str) -> Option:
    return {
        "type": "scatter",
        "name": name,
        "data": data,
        "symbol": symbol,
        "symbolSize": 12,
        "itemStyle": {"color": color},
        "cursor": "default",
    }


def _level(number: int, score: float) -> Option:
    return {
        "symbol": "none",
        "silent": True,
        "data": [{"xAxis": score}],
        "precision": _PRECISION,
        "lineStyle": {"color": SECOND, "type": "dashed", "width": 1.5},
        "label": {"formatter": f"leader {number}", "color": SECOND, "position": "start"},
    }
