"""What is above the grid of results: by what it is sorted, and which trials it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.study.diagnosed import diagnosed
from pages.parts.study.facts import STATES
from pages.parts.study.results_snapshot import Snapshot
from pages.parts.study.view import View
from pages.parts.words import HELP
from tuning.analysis.diagnosis_words import LABELS
from tuning.analysis.grid import Chosen, Order
from tuning.analysis.tables import is_number
from tuning.parameters import PARAMETERS
from tuning.spec import StudySpec

_COLUMN_LABELS = {
    "place": "Rank",
    "rank": "Rank",
    "number": "Trial",
    "state": "State",
    "score": "Score",
    "half_width": "±",
    "gap": "Gap",
    "tie": "Tie",
    "diagnosis": "Diagnosis",
    "diagnosis_place": "Diagnosis",
    "n_epochs": "Epochs trained",
    "duration_s": "Time",
    "n_weights": "Weights",
    "n_repeats": "Repeats",
    "trained_by": "Trainer",
    "message": "Message",
}
_SORTED_BY = ("place", "number", "score", "half_width", "gap")
_AFTER_PARAMETERS = ("diagnosis_place", "duration_s", "n_weights", "n_repeats", "n_epochs")
_TOLD_BY_BETTER = ("score", "gap")


@dataclass(frozen=True)
class Controls:
    """What a person has chosen.

    Attributes
    ----------
    label : str
        What the grid is sorted by.
    extra : mapping
        Columns that it takes and that are not made otherwise, a value for each trial.
    """

    chosen: Chosen
    order: Order
    label: str
    extra: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def controls(view: View, snapshot: Snapshot) -> Controls:
    """Draw the controls, and return what is chosen."""
    table = snapshot.grid.table
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order, label = _order(view)
        states = _states(table)
        only_ties = st.toggle(
            "Only ties with the leader", key="results_ties", help=HELP["tied"]
        )
        with st.popover("Filter", icon=":material/filter_alt:", key="results_filter"):
            values, ranges = _parameter_filters(view.spec, table)
            labels = st.multiselect(
                "Diagnosis", LABELS, key="filter_diagnosis", help=HELP["diagnosis"]
            )
        text = st.text_input(
            "Search", type="search", live="300ms", placeholder="Search…", key="results_search",
            width=200, label_visibility="collapsed",
        )  # fmt: skip
    extra: dict[str, Sequence[Any]] = {}
    if labels or order.column == "diagnosis_place":
        extra = _diagnoses(view, snapshot)
    if labels:
        values["diagnosis_label"] = labels
    chosen = Chosen(states, values, ranges, (text or "").strip(), only_ties)
    return Controls(chosen, order, label, extra)


def _order(view: View) -> tuple[Order, str]:
    names = [*_SORTED_BY, *view.spec.searched, *_AFTER_PARAMETERS]
    labels = {label_of(name): name for name in names}
    label = st.selectbox(
        "Sort by", list(labels), key="sort", bind="query-params", width=180, filter_mode=None,
    )  # fmt: skip
    column = labels.get(label or "", "place")
    reverse = st.toggle("Reverse", key="results_reverse")
    ascending = column not in _TOLD_BY_BETTER or view.row.direction == "minimize"
    return Order(column, ascending != reverse), label_of(column)


def _states(table: pd.DataFrame) -> list[str]:
    present = [state for state in STATES if (table["state"] == state).any()]
    if len(present) < 2:
        return []
    return st.pills(
        "State", present, selection_mode="multi", format_func=STATES.__getitem__,
        key="results_states", label_visibility="collapsed",
    )  # fmt: skip


def _parameter_filters(
    spec: StudySpec, table: pd.DataFrame
) -> tuple[dict[str, Sequence[Any]], dict[str, tuple[float, float]]]:
    values: dict[str, Sequence[Any]] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for name, setting in spec.searched.items():
        if setting.kind == "list" or not is_number(name, setting):
            present = sorted(table[name].dropna().unique().tolist())
            picked = st.multiselect(label_of(name), present, key=f"filter_{name}")
            if picked:
                values[name] = picked
            continue
        low, high = float(table[name].min()), float(table[name].max())
        if low < high:
            span = st.slider(label_of(name), low, high, (low, high), key=f"filter_{name}")
            if span != (low, high):
                ranges[name] = span
    return values, ranges


def _diagnoses(view: View, snapshot: Snapshot) -> dict[str, Sequence[Any]]:
    """Diagnose all trials: only then can they be sorted or filtered by it."""
    listed = snapshot.grid.table["number"].tolist()
    book = diagnosed(view, snapshot, listed)
    return {
        "diagnosis_label": book.labels(listed),
        "diagnosis_place": book.places(listed).tolist(),
    }


def clear_filters() -> None:
    """Forget all that hides trials; called back by a button."""
    for key in list(st.session_state):
        if str(key).startswith("filter_"):
            del st.session_state[key]
    st.session_state.update(results_search="", results_states=[], results_ties=False)


def label_of(column: str) -> str:
    """Return the heading of a column."""
    if column in PARAMETERS:
        return PARAMETERS[column].label
    return _COLUMN_LABELS.get(column, column[0].upper() + column[1:])
