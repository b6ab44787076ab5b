"""The Analysis tab: what the finished trials tell, from a snapshot of them.

A Plotly chart is built anew whenever its data changes, so that nothing here polls.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts.show import plural
from pages.parts.state import recall, remember
from pages.parts.study.analysis_views.importance import importance_view
from pages.parts.study.analysis_views.plots import plots_view
from pages.parts.study.analysis_views.search import best_view, more_view
from pages.parts.study.analysis_views.slices import one_parameter_view, two_parameters_view
from pages.parts.study.analysis_views.snapshot import PICTURES, Snapshot
from pages.parts.study.analysis_views.what_if import what_if_view
from pages.parts.study.view import View
from pages.parts.words import HELP
from tuning.spec import StudySpec

_Draw = Callable[[View, Snapshot], None]


def analysis_tab(view: View) -> None:
    """Draw the chosen view of the finished trials."""
    snapshot = _snapshot(view)
    views = _views(view.spec)
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = st.segmented_control(
            "View", list(views), default=next(iter(views)), required=True, key="chart",
            bind="query-params", label_visibility="collapsed", wrap=True,
        )  # fmt: skip
        st.space("stretch")
        _picture(chosen or "")
        _based_on(view, snapshot)
    draw = views.get(chosen or "", importance_view)
    draw(view, snapshot)


def _views(spec: StudySpec) -> dict[str, _Draw]:
    """Return the views a study has; their labels are part of addresses people have shared."""
    views: dict[str, _Draw] = {
        "Importance": importance_view,
        "Best so far": best_view,
        "More trials": more_view,
    }
    if spec.searched:
        views |= {"What if": what_if_view, "One parameter": one_parameter_view}
    if len(spec.searched) > 1:
        views["Two parameters"] = two_parameters_view
    views["All plots"] = plots_view
    return views


def _picture(chosen: str) -> None:
    """Let a person choose what the camera above a chart saves; one chart has none."""
    if chosen == "What if":
        return
    st.segmented_control(
        "Picture", PICTURES, default=PICTURES[0], required=True, key="an_picture",
        label_visibility="collapsed", help=HELP["picture"], persist_state="session",
    )  # fmt: skip


def _snapshot(view: View) -> Snapshot:
    key = view.key("analysis")
    kept: Snapshot | None = recall(key)
    if kept is None or view.row.is_final or not kept.n_finished:
        _update(view)
    snapshot: Snapshot = recall(key)
    return snapshot


def _update(view: View) -> None:
    with view.reader.reading() as seen:
        remember(view.key("analysis"), seen.made("analysis", lambda: Snapshot.of(seen)))


def _based_on(view: View, snapshot: Snapshot) -> None:
    total = plural(view.row.n_trials_planned, "trial")
    st.caption(f"Based on {snapshot.n_finished:,} of {total}", width="content")
    if not view.row.is_final:
        st.button(
            "Update", icon=":material/refresh:", key="analysis_update", on_click=_update,
            args=(view,),
        )  # fmt: skip
