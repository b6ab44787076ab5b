"""Where a search looked and what it found there, over many parameters at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from pages.parts.charts.axes import (
    of_trials,
    parameter_axis,
    place_ticks,
    scatter_kind,
    short_label,
)
from pages.parts.charts.colors import CONTEXT, LEADER, NEUTRAL, SECOND, STRONGER
from pages.parts.charts.plots import titled
from tuning.analysis.points import Points, best_rows

SLICES_A_ROW = 3
_MOST_BEST = 100  # lines, besides the best of all
_MOST_GREY = 300  # lines of trials that are not among the best
_BINS = 20
_AROUND = 0.06
_GAP = 0.14  # of the side of a chart of the matrix, to the next one
_SIDE = [-0.03, 1.03]


def evaluations_matrix(points: Points, names: Sequence[str], title: str) -> go.Figure:
    """Draw each pair of parameters with a dot a trial, light to strong in order of time.

    On the diagonal: how many trials lie where. The axes are laid out at once: Plotly takes
    seconds to change those of so many charts one by one.
    """
    traces: list[Any] = []
    axes: dict[str, Any] = {}
    n = len(names)
    for row, below in enumerate(names):
        for column, across in enumerate(names[: row + 1]):
            own = str(1 + row * n + column)
            place = {"xaxis": f"x{own}", "yaxis": f"y{own}"}
            if row == column:
                traces.append(_histogram(points, across, place))
            else:
                traces.append(_dots(points, (across, below), place))
            axes |= _cell_axes(points, names, (row, column), own)
    figure = go.Figure(traces, axes)
    return titled(figure, title)


def _histogram(points: Points, name: str, place: dict[str, str]) -> go.Bar:
    n_words = len(points.words(name))
    counts, edges = np.histogram(points.place(name), bins=n_words or _BINS, range=(0, 1))
    return go.Bar(
        x=(edges[:-1] + edges[1:]) / 2, y=counts, width=np.diff(edges), marker_color=NEUTRAL,
        opacity=0.7, hovertemplate="%{y:,} trials<extra></extra>", **place,
    )  # fmt: skip


def _dots(points: Points, names: tuple[str, str], place: dict[str, str]) -> Any:  # noqa: ANN401 (Plotly has no types)
    x, y = (points.place(name) + _jitter(points, name) for name in names)
    order = points.table["order"]
    return scatter_kind(len(points) * 10)(  # many small charts at once
        x=x, y=y, mode="markers", **of_trials(points), **place,
        marker={
            "color": order, "colorscale": list(STRONGER), "size": 4,
            "cmin": 1, "cmax": int(order.max()), "opacity": 0.85, "line": {"width": 0},
        },
    )  # fmt: skip


def _cell_axes(
    points: Points, names: Sequence[str], place: tuple[int, int], own: str
) -> dict[str, Any]:
    """Lay out the two axes of one chart of the matrix; only the outer ones have words."""
    (row, column), n = place, len(names)
    across, upwards = (_ticks(points, name) for name in (names[column], names[row]))
    is_lowest, is_first, is_diagonal = row == n - 1, column == 0, row == column
    gap = _GAP / n
    side = {"zeroline": False, "showgrid": False, "tickfont": {"size": 11}}
    x = side | across | {"anchor": f"y{own}", "showticklabels": is_lowest, "range": _SIDE}
    x["domain"] = [column / n + gap / 2, (column + 1) / n - gap / 2]
    y = side | {"anchor": f"x{own}", "showticklabels": is_first and not is_diagonal}
    y["domain"] = [1 - (row + 1) / n + gap / 2, 1 - row / n - gap / 2]
    if not is_diagonal:
        y |= upwards | {"range": _SIDE}
    x["title"] = _axis_title(points, names[column]) if is_lowest else None
    y["title"] = _axis_title(points, names[row]) if is_first and not is_diagonal else None
    return {f"xaxis{own}": x, f"yaxis{own}": y}


def _ticks(points: Points, name: str) -> dict[str, Any]:
    values, words = place_ticks(points.axis(name), 4)
    return {"tickvals": values, "ticktext": words}


def _axis_title(points: Points, name: str) -> dict[str, Any]:
    return {"text": short_label(points.axis(name).label), "font": {"size": 12}}


def _jitter(points: Points, name: str) -> NDArray[np.float64]:
    """Spread the trials of one value of a list a little, so that they can be seen."""
    n_words = len(points.words(name))
    if not n_words:
        return np.zeros(len(points))
    rng = np.random.default_rng(0 if not name else len(name))
    return rng.uniform(-0.3, 0.3, len(points)) / n_words


def slice_dots(points: Points, names: Sequence[str], title: str, value: str) -> go.Figure:
    """Draw the score over each parameter side by side, light to strong in order of time."""
    n_columns = min(SLICES_A_ROW, len(names))
    n_rows = -(-len(names) // n_columns)
    figure = make_subplots(
        n_rows, n_columns, shared_yaxes=True, horizontal_spacing=0.03,
        vertical_spacing=0.3 / n_rows,
    )  # fmt: skip
    order = points.table["order"]
    for number, name in enumerate(names):
        row, column = divmod(number, n_columns)
        figure.add_trace(
            scatter_kind(len(points) * len(names))(
                x=points.table[name], y=points.table["score"], mode="markers",
                **of_trials(points),
                marker={
                    "color": order, "colorscale": list(STRONGER), "size": 6, "opacity": 0.8,
                    "cmin": 1, "cmax": int(order.max()), "line": {"width": 0},
                },
            ),
            row=row + 1,
            col=column + 1,
        )  # fmt: skip
        look = parameter_axis(points.axis(name))
        figure.update_xaxes(**look, row=row + 1, col=column + 1)
        if column == 0:
            figure.update_yaxes(title=value, row=row + 1, col=1)
    return titled(figure, title)


def parallel_lines(
    points: Points, title: str, value: str, *, share: float, sign: int
) -> go.Figure:
    """Draw a line a trial through its values: the best ones blue, the best of all thick.

    Parameters
    ----------
    share : float
        Of the trials that are drawn as the best.
    sign : int
        -1 where a smaller score is better.
    """
    scores = points.table["score"].to_numpy()
    low, high = float(scores.min()), float(scores.max())
    heights = np.column_stack([points.places, (scores - low) / ((high - low) or 1.0)])
    best = best_rows(scores, share, sign)
    others = np.setdiff1d(np.arange(len(points)), best)
    step = -(-len(others) // _MOST_GREY) or 1
    figure = go.Figure()
    looks = (
        ("others", others[::step], CONTEXT, 1.0),
        (f"best {share:.0%}", best[1 : _MOST_BEST + 1], LEADER, 1.5),
        ("the best", best[:1], SECOND, 4.0),
    )
    for name, rows, color, width in looks:
        if len(rows):
            figure.add_trace(_lines(points, heights, rows, (name, color, width)))
    _parallel_axes(figure, points, (low, high), value)
    return titled(figure, title, has_legend=True)


def _lines(
    points: Points,
    heights: NDArray[np.float64],
    rows: NDArray[np.intp],
    look: tuple[str, str, float],
) -> go.Scattergl:
    """Draw some trials as one line with gaps: a trace of its own each would be slow."""
    name, color, width = look
    n_axes = heights.shape[1]
    y = np.full((len(rows), n_axes + 1), np.nan)
    y[:, :n_axes] = heights[rows]
    told = points.at(rows)
    own = of_trials(told)
    own["customdata"] = np.repeat(own["customdata"], n_axes + 1, axis=0)
    return go.Scattergl(
        x=np.tile([*range(n_axes), np.nan], len(rows)), y=y.ravel(), mode="lines",
        line={"color": color, "width": width}, name=name, **own,
    )  # fmt: skip


def _parallel_axes(
    figure: go.Figure, points: Points, ends: tuple[float, float], value: str
) -> None:
    """Draw an upright line a parameter, with what stands on it."""
    score_ticks = ([0.0, 1.0], [f"{end:.4g}" for end in ends])
    ticks = [*(place_ticks(axis) for axis in points.axes), score_ticks]
    uprights = [
        {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": {"color": NEUTRAL}}
        for x in range(len(ticks))
    ]
    words = [
        {
            "x": x, "y": place, "text": word, "showarrow": False, "xanchor": "left",
            "xshift": 3, "font": {"size": 12, "color": "#FFFFFF"}, "borderpad": 1,
            "bgcolor": "#5B6573",
        }
        for x, (places, own) in enumerate(ticks)
        for place, word in zip(places, own, strict=True)
    ]  # fmt: skip
    figure.update_layout(shapes=uprights, annotations=words)
    labels = [short_label(axis.label) for axis in points.axes]
    figure.update_xaxes(
        tickvals=list(range(len(ticks))), ticktext=[*labels, f"<b>{short_label(value)}</b>"],
        range=[-0.4, len(ticks) - 0.5], showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(visible=False, range=[-_AROUND, 1 + _AROUND])
