"""The Analysis tab: which settings matter, from a snapshot of the finished trials.

A Plotly chart is built anew whenever its data changes, so that nothing here polls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

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
from pages.parts.study.view import View
from pages.parts.words import HELP
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
_METHOD_HELP: Mapping[Method, str] = {
    "PED-ANOVA": "What sets the best tenth of the trials apart from all trials.",
    "fANOVA": "How much of all difference in the scores each setting explains by itself.",
}
_PLOTLY_UNUSED = ["lasso2d", "select2d", "autoScale2d"]


@dataclass(frozen=True)
class _Snapshot:
    """The finished trials as they were at one version of the study."""

    version: int
    trials: list[TrialRow]


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
    if kept is None or view.row.is_final or not kept.trials:
        _update(view)
    snapshot: _Snapshot = recall(key)
    return snapshot


def _update(view: View) -> None:
    with view.reader.reading() as seen:
        snapshot = _Snapshot(seen.row.version, finished(seen.trials.values()))
    remember(view.key("analysis"), snapshot)


def _based_on(view: View, snapshot: _Snapshot) -> None:
    total = plural(view.row.n_trials_planned, "trial")
    st.caption(f"Based on {len(snapshot.trials):,} of {total}", width="content")
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
    question = _Question(db().url, view.id, method, view.spec, snapshot)
    found = _computed(question)
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
    """What an importance is computed from; the key stands for all of it."""

    url: str
    study_id: str
    method: Method
    spec: StudySpec
    snapshot: _Snapshot

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.url, self.study_id, self.method, self.snapshot.version


@st.cache_data(
    show_spinner="Computing importance…",
    max_entries=128,
    hash_funcs={_Question: lambda question: question.key},
)
def _computed(question: _Question) -> Importance | str:
    return importance(question.spec, question.snapshot.trials, question.method)


def _one_parameter(view: View, snapshot: _Snapshot) -> None:
    spec = view.spec
    name = _pick("Parameter", list(spec.searched), "an_x")
    if not snapshot.trials:
        _none_yet()
        return
    table = one_parameter(spec, snapshot.trials, name)
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
    if not snapshot.trials:
        _none_yet()
        return
    scores, counts = two_parameters(spec, snapshot.trials, x, y)
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
    with st.expander("Numbers behind this chart"):
        st.dataframe(table, hide_index=True, height="content", alt="Numbers of the chart")
