"""Plots of all searched parameters at once."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.parts.charts.methods import method_bars
from pages.parts.charts.space import (
    SLICES_A_ROW,
    evaluations_matrix,
    parallel_lines,
    slice_dots,
)
from pages.parts.study.analysis_views.snapshot import (
    CHART_PX,
    Question,
    Snapshot,
    answers,
    cannot,
    caption,
    label,
    left_out,
    none_yet,
    numbers,
    plot,
    question,
    waited,
)
from pages.parts.study.facts import SCORES
from pages.parts.study.view import View
from tuning.analysis.methods import importance_by_method, methods_finding
from tuning.analysis.points import Points, make_points, thin_rows
from tuning.analysis.space_plots import best_part_finding, looked_finding

_MOST_DOTS = 500  # trials in each of many small charts
_MOST_TOGETHER = 6  # parameters whose pairs can be read
_FRAME_PX, _ROW_PX, _CELL_PX = 140, 240, 110
_SHARES = (0.05, 0.1, 0.25, 0.5)


@dataclass(frozen=True)
class Found:
    """The trials as points, and which are left out."""

    points: Points
    outside: str


def found_points(view: View, snapshot: Snapshot) -> Found:
    """Return the finished trials as points of the search space."""
    return _points(question(view, snapshot, "points"))


@answers
def _points(asked: Question) -> Found:
    tried = asked.snapshot.tried()
    points = make_points(asked.spec, tried, asked.snapshot.scores.sign)
    return Found(points, left_out(tried))


def drawn(found: Found, sign: int, most: int = _MOST_DOTS) -> tuple[Points, str]:
    """Return as many trials as a chart can take, and a sentence where that is not all."""
    points = found.points
    rows = thin_rows(points.table["score"].to_numpy(), most, sign)
    if len(rows) == len(points):
        return points, ""
    return points.at(rows), f"Drawn are {len(rows):,} of {len(points):,} trials, evenly."


def looked_view(view: View, snapshot: Snapshot) -> None:
    """Draw where the search looked, from its first trial to its last."""
    found = found_points(view, snapshot)
    if not len(found.points):
        none_yet()
        caption(found.outside)
        return
    names = _names(view)
    if not names:
        return
    points, thinned = drawn(found, snapshot.scores.sign)
    title = looked_finding(found.points, learns=snapshot.is_adaptive)
    height = max(CHART_PX, _FRAME_PX + _CELL_PX * len(names))
    plot(view, evaluations_matrix(points, names, title), title, snapshot, height)
    caption(
        "A dot is a trial, grey for the first and blue for the last; bars count trials.",
        "Dots of one value of a list are spread a little.",
        thinned,
        found.outside,
    )
    numbers(found.points.table)


def _names(view: View) -> list[str]:
    """Let a person choose among many parameters."""
    names = list(view.spec.searched)
    if len(names) <= _MOST_TOGETHER:
        return names
    return st.multiselect(
        "Parameters", names, default=names[:_MOST_TOGETHER], format_func=label,
        key="an_names", max_selections=_MOST_TOGETHER,
    )  # fmt: skip


def slices_view(view: View, snapshot: Snapshot) -> None:
    """Draw the score over each parameter side by side."""
    found = found_points(view, snapshot)
    if not len(found.points):
        none_yet()
        caption(found.outside)
        return
    points, thinned = drawn(found, snapshot.scores.sign)
    names = list(view.spec.searched)
    title = best_part_finding(found.points, 0.1, snapshot.scores.sign)
    figure = slice_dots(points, names, title, SCORES[view.row.score_name])
    n_rows = -(-len(names) // SLICES_A_ROW)
    plot(view, figure, title, snapshot, max(CHART_PX, _FRAME_PX + _ROW_PX * n_rows))
    caption(
        "A dot is a trial, grey for the first and blue for the last; everything else varies, "
        + "too.",
        thinned,
        found.outside,
    )
    numbers(found.points.table)


def parallel_view(view: View, snapshot: Snapshot) -> None:
    """Draw each trial as a line through its values."""
    found = found_points(view, snapshot)
    if not len(found.points):
        none_yet()
        caption(found.outside)
        return
    share = st.select_slider(
        "Show the best", _SHARES, value=0.1, format_func=lambda part: f"{part:.0%}",
        key="an_top", width=280,
    )  # fmt: skip
    sign = snapshot.scores.sign
    title = best_part_finding(found.points, float(share), sign)
    figure = parallel_lines(
        found.points, title, SCORES[view.row.score_name], share=float(share), sign=sign
    )
    plot(view, figure, title, snapshot)
    caption(
        "A line is a trial. Drawn are at most 100 of the best, and evenly 300 of the others.",
        found.outside,
    )
    numbers(found.points.table)


def methods_view(view: View, snapshot: Snapshot) -> None:
    """Draw how much each parameter matters, by three methods side by side."""
    found = found_points(view, snapshot)
    table = waited(question(view, snapshot, "methods"), _find_methods)
    if isinstance(table, str):
        cannot(table)
        caption(found.outside)
        return
    title = methods_finding(table)
    plot(view, method_bars(table, title), title, snapshot)
    caption(
        "Each method adds up to 100 %, even where all is chance: the view Importance tells "
        + "that apart.",
        found.outside,
        help_name="three_methods",
    )
    numbers(table.drop(columns="name"))


@answers
def _find_methods(asked: Question) -> pd.DataFrame | str:
    tried, sign = asked.snapshot.tried(), asked.snapshot.scores.sign
    return importance_by_method(make_points(asked.spec, tried, sign), sign)
