"""The Analysis tab: which settings matter, from a snapshot of the finished trials.

A Plotly chart is built anew whenever its data changes, so that nothing here polls.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.parts.charts.importance import (
    importance_bars,
    one_parameter_dots,
    two_parameter_map,
)
from pages.parts.show import plural
from pages.parts.state import db, recall, remember
from pages.parts.study.facts import SCORES
from pages.parts.study.reader import StudyReader
from pages.parts.study.view import View
from pages.parts.words import HELP
from storage.reading import Trials
from storage.results import TrialRow
from tuning.analysis.importance import METHODS, Importance, Method, importance
from tuning.analysis.tables import (
    best_cell_finding,
    best_value_finding,
    finished,
    one_parameter,
    two_parameters,
    value_means,
)
from tuning.parameters import PARAMETERS
from tuning.setting import LogRange
from tuning.spec import StudySpec

_CHART_PX = 420
_MOST_NUMBERS_SHOWN = 50  # rows; longer tables scroll
_METHOD_HELP: Mapping[Method, str] = {
    "PED-ANOVA": "What sets the best tenth of the trials apart from all trials.",
    "fANOVA": "How much of all difference in the scores each setting explains by itself.",
}
_PLOTLY_UNUSED = ["lasso2d", "select2d", "autoScale2d"]


@dataclass(frozen=True)
class _Snapshot:
    """The finished trials as they were at one version of the study, for all who look at it."""

    version: int
    n_finished: int
    lines: Trials

    def trials(self) -> list[TrialRow]:
        """Return the finished trials; made anew, as nothing that is kept needs them."""
        return finished(self.lines.in_state("COMPLETE"))


def analysis_tab(view: View) -> None:
    """Draw the chosen view of the finished trials."""
    snapshot = _snapshot(view)
    views = _views(view.spec)
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = st.segmented_control(
            "View", list(views), default=next(iter(views)), required=True, key="chart",
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
        st.space("stretch")
        _based_on(view, snapshot)
    draw = views.get(chosen or "", _importance)
    draw(view, snapshot)


def _views(spec: StudySpec) -> dict[str, Callable[[View, _Snapshot], None]]:
    views: dict[str, Callable[[View, _Snapshot], None]] = {"Importance": _importance}
    if spec.searched:
        views["One parameter"] = _one_parameter
    if len(spec.searched) > 1:
        views["Two parameters"] = _two_parameters
    return views


def _snapshot(view: View) -> _Snapshot:
    key = view.key("analysis")
    kept: _Snapshot | None = recall(key)
    if kept is None or view.row.is_final or not kept.n_finished:
        _update(view)
    snapshot: _Snapshot = recall(key)
    return snapshot


def _update(view: View) -> None:
    with view.reader.reading() as seen:
        remember(view.key("analysis"), seen.made("analysis", lambda: _make_snapshot(seen)))


def _make_snapshot(seen: StudyReader) -> _Snapshot:
    return _Snapshot(seen.row.version, len(seen.ranked), seen.trials.copy())


def _based_on(view: View, snapshot: _Snapshot) -> None:
    total = plural(view.row.n_trials_planned, "trial")
    st.caption(f"Based on {snapshot.n_finished:,} of {total}", width="content")
    if not view.row.is_final:
        st.button(
            "Update", icon=":material/refresh:", key="analysis_update", on_click=_update,
            args=(view,),
        )  # fmt: skip


def _importance(view: View, snapshot: _Snapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Method", width="content")
        method = st.segmented_control(
            "Method", METHODS, default=METHODS[0], required=True, key="an_method",
            label_visibility="collapsed",
        )  # fmt: skip
        st.caption(_METHOD_HELP[method], width="stretch")
    found = _computed(_question(view, snapshot, method), method)
    if isinstance(found, str):
        st.info(found, icon=":material/info:")
        return
    _plot(view, importance_bars(found.table, found.sentence), found.sentence, snapshot)
    st.caption(
        f"From {plural(found.n_trials, 'finished trial')}; pruned and failed trials are not "
        + "in it.",
        help=HELP["importance"],
    )
    _numbers(found.table[["label", "share"]])


@dataclass(frozen=True)
class _Question:
    """What something is computed from; the key stands for all of it."""

    key: tuple[Hashable, ...]
    spec: StudySpec
    snapshot: _Snapshot


def _question(view: View, snapshot: _Snapshot, *asked: str) -> _Question:
    return _Question((db().url, view.id, snapshot.version, *asked), view.spec, snapshot)


_answers = st.cache_data(
    show_spinner="Computing…",
    max_entries=128,
    hash_funcs={_Question: lambda question: question.key},
)


@_answers
def _computed(question: _Question, method: Method) -> Importance | str:
    return importance(question.spec, question.snapshot.trials(), method)


@_answers
def _slice(question: _Question, name: str) -> pd.DataFrame:
    return one_parameter(question.spec, question.snapshot.trials(), name)


@_answers
def _cells(question: _Question, x: str, y: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    return two_parameters(question.spec, question.snapshot.trials(), x, y)


def _one_parameter(view: View, snapshot: _Snapshot) -> None:
    spec = view.spec
    name = _pick("Parameter", list(spec.searched), "an_x")
    if not snapshot.n_finished:
        _none_yet()
        return
    table = _slice(_question(view, snapshot, name), name)
    means = value_means(spec, table, name)
    title = best_value_finding(means, _label(name), spec.direction)
    figure = one_parameter_dots(
        table,
        means,
        title=title,
        labels=(_label(name), SCORES[view.row.score_name]),
        log_x=isinstance(spec.searched[name], LogRange),
    )
    _plot(view, figure, title, snapshot)
    caption = "A dot is a trial; everything else varies, too."
    st.caption(caption if means.empty else f"{caption} The line joins the means of each value.")
    _numbers(table if means.empty else means)


def _two_parameters(view: View, snapshot: _Snapshot) -> None:
    spec = view.spec
    names = list(spec.searched)
    left, right = st.columns(2)
    with left:
        x = _pick("Across", names, "an_x")
    with right:
        y = _pick("Upwards", [name for name in names if name != x], "an_y")
    if not snapshot.n_finished:
        _none_yet()
        return
    scores, counts = _cells(_question(view, snapshot, x, y), x, y)
    title = best_cell_finding(scores, (_label(x), _label(y)), spec.direction)
    figure = two_parameter_map(
        scores,
        counts,
        title=title,
        labels=(_label(x), _label(y), SCORES[view.row.score_name]),
        higher_is_better=spec.direction == "maximize",
    )
    _plot(view, figure, title, snapshot)
    st.caption("A cell is the mean score of its trials, over everything else.")
    _numbers(scores.reset_index(names=_label(y)))


def _pick(label: str, names: list[str], key: str) -> str:
    return st.selectbox(label, names, format_func=_label, key=key, width=280)


def _label(name: str) -> str:
    return PARAMETERS[name].label


def _none_yet() -> None:
    st.info("No trial has a score yet.", icon=":material/hourglass_empty:")


def _plot(view: View, figure: go.Figure, title: str, snapshot: _Snapshot) -> None:
    config: dict[str, Any] = {
        "displaylogo": False,
        "modeBarButtonsToRemove": _PLOTLY_UNUSED,
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": view.id},
    }
    st.plotly_chart(
        figure, height=_CHART_PX, key=f"an_{snapshot.version}", config=config, alt=title
    )


def _numbers(table: pd.DataFrame) -> None:
    """Draw what a chart was made from; nothing is sent until somebody opens it."""
    opened = st.expander("Numbers behind this chart", key="an_numbers", on_change="rerun")
    if opened.open:
        with opened:
            st.dataframe(
                table, hide_index=True, height=_numbers_px(table), alt="Numbers of the chart"
            )


def _numbers_px(table: pd.DataFrame) -> Literal["content"] | int:
    """Return a height that keeps a long table from making the page as long."""
    return "content" if len(table) <= _MOST_NUMBERS_SHOWN else _CHART_PX
