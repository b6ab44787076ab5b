"""Scores over the values of one parameter, or of two."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.parts.charts.importance import one_parameter_dots, two_parameter_map
from pages.parts.study.analysis_views.snapshot import (
    Question,
    Snapshot,
    answers,
    caption,
    label,
    none_yet,
    numbers,
    plot,
    question,
)
from pages.parts.study.facts import SCORES
from pages.parts.study.view import View
from tuning.analysis.tables import (
    best_cell_finding,
    best_value_finding,
    one_parameter,
    outside,
    outside_sentence,
    two_parameters,
    value_means,
)
from tuning.setting import LogRange


@dataclass(frozen=True)
class _Dots:
    table: pd.DataFrame
    outside: str


@dataclass(frozen=True)
class _Cells:
    scores: pd.DataFrame
    counts: pd.DataFrame
    outside: str


def one_parameter_view(view: View, snapshot: Snapshot) -> None:
    """Draw the score of each trial over one parameter's value."""
    spec = view.spec
    name = _pick("Parameter", list(spec.searched), "an_x")
    dots = _find_dots(question(view, snapshot, name))
    table = dots.table
    if table.empty:
        none_yet()
        caption(dots.outside)
        return
    means = value_means(spec, table, name)
    title = best_value_finding(means, label(name), spec.direction)
    figure = one_parameter_dots(
        table,
        means,
        title=title,
        labels=(label(name), SCORES[view.row.score_name]),
        log_x=isinstance(spec.searched[name], LogRange),
    )
    plot(view, figure, title, snapshot)
    line = "" if means.empty else "The line joins the means of each value."
    caption("A dot is a trial; everything else varies, too.", line, dots.outside)
    numbers(table if means.empty else means)


def two_parameters_view(view: View, snapshot: Snapshot) -> None:
    """Draw the mean score of each combination of two parameters."""
    spec = view.spec
    names = list(spec.searched)
    left, right = st.columns(2)
    with left:
        x = _pick("Across", names, "an_x")
    with right:
        y = _pick("Upwards", [name for name in names if name != x], "an_y")
    cells = _find_cells(question(view, snapshot, x, y))
    if not cells.counts.to_numpy().any():
        none_yet()
        caption(cells.outside)
        return
    title = best_cell_finding(cells.scores, (label(x), label(y)), spec.direction)
    figure = two_parameter_map(
        cells.scores,
        cells.counts,
        title=title,
        labels=(label(x), label(y), SCORES[view.row.score_name]),
        higher_is_better=spec.direction == "maximize",
    )
    plot(view, figure, title, snapshot)
    caption("A cell is the mean score of its trials, over everything else.", cells.outside)
    numbers(cells.scores.reset_index(names=label(y)))


@answers
def _find_dots(asked: Question) -> _Dots:
    trials, name = asked.snapshot.trials(), str(asked.key[-1])
    left_out = outside_sentence(outside(asked.spec, trials, [name]))
    return _Dots(one_parameter(asked.spec, trials, name), left_out)


@answers
def _find_cells(asked: Question) -> _Cells:
    trials = asked.snapshot.trials()
    x, y = (str(name) for name in asked.key[-2:])
    left_out = outside_sentence(outside(asked.spec, trials, [x, y]))
    return _Cells(*two_parameters(asked.spec, trials, x, y), left_out)


def _pick(title: str, names: list[str], key: str) -> str:
    return st.selectbox(title, names, format_func=label, key=key, width=280)
