"""All plots of a search in one place, chosen by name."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts.study.analysis_views.plots_pairs import (
    contour_view,
    dependence_of_two_view,
    dependence_view,
    rank_view,
)
from pages.parts.study.analysis_views.plots_scores import (
    convergence_view,
    cost_view,
    edf_view,
    history_view,
    timeline_view,
)
from pages.parts.study.analysis_views.plots_space import (
    looked_view,
    methods_view,
    parallel_view,
    slices_view,
)
from pages.parts.study.analysis_views.slices import two_parameters_view
from pages.parts.study.analysis_views.snapshot import Snapshot
from pages.parts.study.view import View
from tuning.spec import StudySpec

_Draw = Callable[[View, Snapshot], None]

_OF_SCORES: dict[str, _Draw] = {
    "Convergence": convergence_view,
    "History": history_view,
    "Distribution of scores": edf_view,
    "Score and time": cost_view,
    "Timeline": timeline_view,
}
_OF_SPACE: dict[str, _Draw] = {
    "Where it looked": looked_view,
    "Slices": slices_view,
    "Parallel coordinates": parallel_view,
    "Partial dependence": dependence_view,
    "Importance by three methods": methods_view,
}
_OF_PAIRS: dict[str, _Draw] = {
    "Partial dependence of two": dependence_of_two_view,
    "Contour": contour_view,
    "Heat map": two_parameters_view,
    "Rank": rank_view,
}


def plots_view(view: View, snapshot: Snapshot) -> None:
    """Draw the plot that is chosen."""
    plots = plots_of(view.spec)
    name = st.selectbox("Plot", list(plots), key="an_plot", bind="query-params", width=280)
    plots[name or "Convergence"](view, snapshot)


def plots_of(spec: StudySpec) -> dict[str, _Draw]:
    """Return the plots a study has; their names are part of addresses people have shared."""
    plots = dict(_OF_SCORES)
    if spec.searched:
        plots |= _OF_SPACE
    if len(spec.searched) > 1:
        plots |= _OF_PAIRS
    return plots
