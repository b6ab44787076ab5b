"""What all Plotly charts of the analysis share."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import LEADER_BAND
from pages.parts.charts.titles import broken
from tuning.analysis.verdict import Judgement
from tuning.digits import with_ends

_LINE_PX = 20  # of the title
_TITLE_LINES = 2  # there is always room for so many
_EACH_BELOW = 10  # steps of an axis that counts
SCORE = ":.4g}"  # how a chart writes a score, until it is known what its ± supports
OF_TRIALS = "trials"  # meta of dots that are a trial each; customdata begins with its number
_TRIAL_SCORE = re.compile(r"%\{[^}]*:\.4g\}")
_TOGETHER = "\u00a0±\u00a0"  # a score and its ± stay on one line


def titled(figure: go.Figure, title: str, *, has_legend: bool = False) -> go.Figure:
    """Give a figure its finding as title, and a legend below where its marks need one."""
    text = broken(title.replace(" ± ", _TOGETHER), "<br>")
    n_lines = max(text.count("<br>") + 1, _TITLE_LINES)
    figure.update_layout(
        title={
            "text": text,
            "font": {"size": 15},
            "x": 0,
            "xanchor": "left",
            "y": 0.97,
            "yanchor": "top",
            "yref": "container",
        },
        margin={"l": 8, "r": 24, "t": 32 + _LINE_PX * n_lines, "b": 96 if has_legend else 48},
        showlegend=has_legend,
    )
    if has_legend:
        at_the_bottom = {"y": 0, "yanchor": "bottom", "yref": "container"}
        figure.update_layout(
            legend={"orientation": "h", "x": 0, "xanchor": "left", "traceorder": "normal"}
            | at_the_bottom
        )
    figure.update_yaxes(automargin=True)
    return figure


def with_digits(figure: go.Figure, found: Judgement) -> None:
    """Write scores with the digits their ± supports, those of single trials with the ±."""
    for trace in figure.data:
        if trace.meta == OF_TRIALS:
            _write_trials(trace, found)
            continue
        digits = f":.{found.n_digits}f}}"
        for name in ("hovertemplate", "texttemplate"):
            template = getattr(trace, name, None)
            if isinstance(template, str) and SCORE in template:
                trace[name] = template.replace(SCORE, digits)


def _write_trials(trace: Any, found: Judgement) -> None:  # noqa: ANN401 (Plotly has no types)
    data = np.asarray(trace.customdata, np.float64)
    data = data.reshape(len(data), -1)
    scores = data[:, 1] if data.shape[1] > 1 else np.asarray(trace.y, np.float64)
    trace.text = found.texts_of(data[:, 0].astype(np.intp).tolist(), scores.tolist())
    trace.hovertemplate = _TRIAL_SCORE.sub("%{text}", trace.hovertemplate)


def ends_in_words(table: pd.DataFrame, score: str = "score") -> list[str]:
    """Write each score with the ends of its interval: columns low and high beside it."""
    return [with_ends(*line) for line in table[[score, "low", "high"]].itertuples(index=False)]


def count_axis(figure: go.Figure, n: int, title: str) -> None:
    """Make the axis across count in whole numbers."""
    figure.update_xaxes(title=title, tickformat=",d")
    if n < _EACH_BELOW:
        figure.update_xaxes(dtick=1)


def add_band(figure: go.Figure, x: pd.Series[int], low: pd.Series, high: pd.Series) -> None:
    """Shade what lies between two lines."""
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=x, y=low, **edge)
    figure.add_scatter(x=x, y=high, fill="tonexty", fillcolor=LEADER_BAND, **edge)
