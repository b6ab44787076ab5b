"""What is above the grid of results: by what it is sorted, and which trials it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts.state import db
from pages.parts.study.diagnosed import diagnosed
from pages.parts.study.facts import STATES
from pages.parts.study.results_chips import Filter, chips
from pages.parts.study.results_columns import chosen_columns, label_of
from pages.parts.study.results_snapshot import Snapshot
from pages.parts.study.view import View
from pages.parts.words import HELP
from storage.notes import NOTHING, Note, read_trial_marks
from tuning.analysis.diagnosis_words import LABELS
from tuning.analysis.grid import Chosen, Order
from tuning.analysis.tables import is_number
from tuning.spec import StudySpec

_SORTED_BY = ("place", "number", "score", "half_width", "gap")
_OF_CURVES = ("diagnosis_place", "best_epoch")
_AFTER_PARAMETERS = (*_OF_CURVES, "duration_s", "n_weights", "n_repeats", "n_epochs")
_MARKED = ("is_tagged", "is_starred")
_TOLD_BY_BETTER = ("score", "gap")


@dataclass(frozen=True)
class Controls:
    """What a person has chosen.

    Attributes
    ----------
    label : str
        What the grid is sorted by.
    columns : list of str
        What the grid shows of each trial.
    marks : mapping
        Tags and stars by trial.
    hiding : sequence of Filter
        All that hides trials.
    extra : mapping
        Columns that it takes and that are not made otherwise, a value for each trial.
    """

    chosen: Chosen
    order: Order
    label: str
    columns: list[str]
    marks: Mapping[int, Note]
    hiding: Sequence[Filter]
    extra: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def controls(view: View, snapshot: Snapshot) -> Controls:
    """Draw the controls, and return what is chosen."""
    marks = read_trial_marks(db(), view.id)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order, label = _order(view)
        states = _states(snapshot.grid.table)
        only_ties = st.toggle(
            "Only ties with the leader", key="results_ties", help=HELP["tied"]
        )
        with st.popover("Filter", icon=":material/filter_alt:", key="results_filter"):
            picked = _picked(view.spec, snapshot.grid.table, marks)
        with st.popover("Columns", icon=":material/view_column:", key="results_columns"):
            columns = chosen_columns(view, has_marks=bool(marks))
        text = st.text_input(
            "Search", type="search", live="300ms", placeholder="Search…", key="results_search",
            width=200, label_visibility="collapsed",
        )  # fmt: skip
    if picked.filters:
        chips(picked.filters)
    extra = _extra(view, snapshot, marks, picked, order.column)
    values = {**picked.values, **{name: [True] for name in _MARKED if name in extra}}
    chosen = Chosen(states, values, picked.ranges, (text or "").strip(), only_ties)
    hiding = (*picked.filters, *_beside_the_popover(chosen))
    return Controls(chosen, order, label, columns, marks, hiding, extra)


def _beside_the_popover(chosen: Chosen) -> Iterator[Filter]:
    """Give the filters that are widgets of the row itself; these need no chip."""
    if chosen.states:
        yield Filter("results_states", "State", [])
    if chosen.text:
        yield Filter("results_search", "Search", "")
    if chosen.only_ties:
        yield Filter("results_ties", "Only ties", cleared=False)


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


# What is behind "Filter".


@dataclass
class _Picked:
    """What was picked there, and a chip for each of it."""

    values: dict[str, Sequence[Any]] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    only_starred: bool = False
    filters: list[Filter] = field(default_factory=list)


def _picked(spec: StudySpec, table: pd.DataFrame, marks: Mapping[int, Note]) -> _Picked:
    picked = _Picked()
    for name, setting in spec.searched.items():
        if setting.kind == "list" or not is_number(name, setting):
            present = sorted(table[name].dropna().unique().tolist())
            _pick_values(picked, name, present)
        else:
            _pick_range(picked, name, float(table[name].min()), float(table[name].max()))
    _pick_values(picked, "diagnosis_label", LABELS, HELP["diagnosis"])
    if not marks:
        return picked
    in_use = sorted({tag for mark in marks.values() for tag in mark.tags})
    picked.tags = st.multiselect("Tags", in_use, key="filter_tags", help=HELP["tag"])
    if picked.tags:
        words = f"Tagged {', '.join(picked.tags)}"
        picked.filters.append(Filter("filter_tags", words, []))
    picked.only_starred = st.toggle("Only starred", key="filter_starred", help=HELP["star"])
    if picked.only_starred:
        picked.filters.append(Filter("filter_starred", "Starred", cleared=False))
    return picked


def _pick_values(
    picked: _Picked, name: str, present: Sequence[Any], helped: str | None = None
) -> None:
    key = f"filter_{name}"
    values = st.multiselect(label_of(name), present, key=key, help=helped)
    if values:
        picked.values[name] = values
        words = f"{label_of(name)} {', '.join(str(value) for value in values)}"
        picked.filters.append(Filter(key, words, []))


def _pick_range(picked: _Picked, name: str, low: float, high: float) -> None:
    if not low < high:  # nothing to choose from, or no number yet
        return
    key = f"filter_{name}"
    span = st.slider(label_of(name), low, high, (low, high), key=key)
    if span != (low, high):
        picked.ranges[name] = span
        words = f"{label_of(name)} {span[0]:.4g} to {span[1]:.4g}"
        picked.filters.append(Filter(key, words, (low, high)))


# What the table of the grid has not.


def _extra(
    view: View, snapshot: Snapshot, marks: Mapping[int, Note], picked: _Picked, order: str
) -> dict[str, Sequence[Any]]:
    """Make the columns that are filtered or sorted by, a value a trial."""
    listed = snapshot.grid.table["number"].tolist()
    extra: dict[str, Sequence[Any]] = {}
    if "diagnosis_label" in picked.values or order in _OF_CURVES:
        book = diagnosed(view, snapshot, listed)  # all trials: only then can they be compared
        extra["diagnosis_label"] = book.labels(listed)
        extra["diagnosis_place"] = book.places(listed).tolist()
        extra["best_epoch"] = book.best_epochs(listed).tolist()
    if picked.tags:
        wanted = set(picked.tags)
        extra["is_tagged"] = [wanted <= set(marks.get(n, NOTHING).tags) for n in listed]
    if picked.only_starred:
        extra["is_starred"] = [marks.get(n, NOTHING).is_starred for n in listed]
    return extra
