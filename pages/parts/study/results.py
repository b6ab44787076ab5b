"""The Results tab: the grid of trials, sorted and filtered over all of them.

The grid is a snapshot. While somebody reads it, trials that finish wait behind "Show them":
rows that moved would put a tick on another trial.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import problems
from pages.parts.charts.curves import Display, Frame, Lines, curve_table, learning_curves
from pages.parts.show import plural
from pages.parts.state import db, recall, remember
from pages.parts.study.facts import SCORES, SPREAD_HELP, STATES
from pages.parts.study.header import downloads
from pages.parts.study.reader import StudyReader
from pages.parts.study.view import MOST_HIGHLIGHTED, View, highlighted, open_drawer
from pages.parts.words import HELP
from storage.reading import FitScore, read_fit_scores
from tuning.analysis.curves import measures
from tuning.analysis.tables import fold_labels, fold_scores, is_number, trial_table
from tuning.parameters import PARAMETERS
from tuning.spec import StudySpec
from tuning.training.choice import trainers_in_words

_NEWS_S = 3.0
_ROW_PX = 36
_MOST_ROWS = 2_000  # in one grid; above, pages
_PAGE_ROWS = 1_000
_GRID_PX = 560
_CURVES_PX = 300
_TIME_HELP = "Until its fits were done. Trials that differ only in epochs share a training."
_FIXED_LABELS = {
    "number": "Trial",
    "state": "State",
    "score": "Score",
    "spread": "±",
    "n_epochs": "Epochs trained",
    "duration_s": "Time",
    "n_weights": "Weights",
    "trained_by": "Trainer",
    "message": "Message",
}


@dataclass(frozen=True)
class Snapshot:
    """The trials as they were when the grid was made.

    Attributes
    ----------
    serial : int
        Grows with each snapshot; part of the grid's key, because ticks are kept by row.
    table : DataFrame
        Of `trial_table`; shared by all who watch the study, so nobody changes it.
    finished : frozenset of int
        Trials that had ended.
    leader : int or None
        The leader then.
    """

    serial: int
    table: pd.DataFrame
    finished: frozenset[int]
    leader: int | None


def results_tab(view: View) -> None:
    """Draw the grid with its controls, and the curves of the rows that are ticked."""
    snapshot = _snapshot(view)
    if view.poll_s is not None or _newer(view, snapshot):
        news_s = None if view.poll_s is None else _NEWS_S
        st.fragment(_news, run_every=news_s, key="results_news")(view)
    if snapshot.table.empty:
        st.info("No trial has begun yet. Trials appear here.", icon=":material/hourglass_top:")
        return
    chosen, order = _controls(view, snapshot)
    table = filtered(snapshot.table, chosen).sort_values(
        order.column, ascending=order.ascending, kind="stable", na_position="last"
    )
    if table.empty:
        st.info("No trial matches.", icon=":material/search_off:")
        st.button("Clear filters", key="results_clear", on_click=_clear_filters)
        return
    _grid(view, snapshot, _with_fits(view, _page(table)), order)
    _ticked_curves(view)
    with st.container(horizontal=True):
        downloads(view.id, "results")


# The snapshot.


def _snapshot(view: View) -> Snapshot:
    key = view.key("results")
    kept: Snapshot | None = recall(key)
    if kept is None or kept.table.empty:
        _renew(view)
    snapshot: Snapshot = recall(key)
    return snapshot


def _renew(view: View) -> None:
    """Make a new snapshot; called back by "Show them"."""
    key = view.key("results")
    before: Snapshot | None = recall(key)
    serial = 0 if before is None else before.serial + 1
    with view.reader.reading() as seen:
        table = seen.made(("table", view.row.spec), lambda: trial_table(view.spec, seen.trials))
        remember(key, Snapshot(serial, table, seen.ended, _leader(seen)))


def _leader(seen: StudyReader) -> int | None:
    return seen.ranked[0] if seen.ranked else None


def _newer(view: View, snapshot: Snapshot) -> str:
    with view.reader.reading() as seen:
        return news(snapshot, seen.ended, _leader(seen))


def _news(view: View) -> None:
    """Say what has finished since the grid was made."""
    snapshot = _snapshot(view)
    with view.reader.reading() as seen:
        n_trials = len(seen.trials)
    if snapshot.table.empty and n_trials:
        st.rerun()
    text = _newer(view, snapshot)
    with st.container(horizontal=True, vertical_alignment="center", height=44, border=False):
        if text:
            st.markdown(text, width="content")
            st.button(
                "Show them", key="results_show", type="tertiary", on_click=_renew,
                args=(view,),
            )  # fmt: skip
        else:
            st.caption(f"Based on {plural(len(snapshot.finished), 'finished trial')}.")


def news(snapshot: Snapshot, ended: frozenset[int], leader: int | None) -> str:
    """Return what is new since a snapshot in words; empty if nothing is."""
    n_new = len(ended - snapshot.finished)
    if not n_new:
        return ""
    changed = " · the leader changed" if leader != snapshot.leader else ""
    return f"{plural(n_new, 'new trial')}{changed}"


# Sorting and filtering.


@dataclass(frozen=True)
class Order:
    """By which column the grid is sorted."""

    column: str
    ascending: bool


@dataclass(frozen=True)
class Chosen:
    """Which trials the grid shows.

    Attributes
    ----------
    states : sequence of str
        Empty: all.
    values : mapping
        Allowed values by parameter.
    ranges : mapping
        Smallest and largest value by parameter, both included.
    text : str
        Part of any cell.
    """

    states: Sequence[str]
    values: Mapping[str, Sequence[Any]]
    ranges: Mapping[str, tuple[float, float]]
    text: str


def filtered(table: pd.DataFrame, chosen: Chosen) -> pd.DataFrame:
    """Return the rows that match everything chosen."""
    keep = pd.Series(data=True, index=table.index)
    if chosen.states:
        keep &= table["state"].isin(list(chosen.states))
    for name, values in chosen.values.items():
        keep &= table[name].isin(list(values))
    for name, (low, high) in chosen.ranges.items():
        keep &= table[name].between(low, high)
    if chosen.text:
        wanted = chosen.text.lower()
        rows = table.itertuples(index=False)
        found = [any(wanted in str(cell).lower() for cell in row) for row in rows]
        keep &= np.array(found, dtype=bool)
    return table[keep]


def _controls(view: View, snapshot: Snapshot) -> tuple[Chosen, Order]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = _order(view)
        states = _states(snapshot.table)
        with st.popover("Filter", icon=":material/filter_alt:", key="results_filter"):
            values, ranges = _parameter_filters(view.spec, snapshot.table)
        text = st.text_input(
            "Search", type="search", live="300ms", placeholder="Search…", key="results_search",
            width=200, label_visibility="collapsed",
        )  # fmt: skip
    return Chosen(states, values, ranges, (text or "").strip()), order


def _order(view: View) -> Order:
    names = ["score", "number", *view.spec.searched, "spread", "n_epochs", "duration_s"]
    labels = {label_of(name): name for name in names}
    label = st.selectbox(
        "Sort by", list(labels), key="sort", bind="query-params", width=180, filter_mode=None,
    )  # fmt: skip
    column = labels.get(label or "", "score")
    reverse = st.toggle("Reverse", key="results_reverse")
    ascending = column != "score" or view.row.direction == "minimize"
    return Order(column, ascending != reverse)


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


def _clear_filters() -> None:
    for key in list(st.session_state):
        if str(key).startswith("filter_"):
            del st.session_state[key]
    st.session_state.update(results_search="", results_states=[])


def label_of(column: str) -> str:
    """Return the heading of a column."""
    if column in PARAMETERS:
        return PARAMETERS[column].label
    return _FIXED_LABELS.get(column, column[0].upper() + column[1:])


# The grid.


def _page(table: pd.DataFrame) -> pd.DataFrame:
    if len(table) <= _MOST_ROWS:
        return table
    n_pages = math.ceil(len(table) / _PAGE_ROWS)
    with st.container(horizontal=True, vertical_alignment="center"):
        page = min(st.pagination(n_pages, key="results_page"), n_pages)
        first = (page - 1) * _PAGE_ROWS
        last = min(first + _PAGE_ROWS, len(table))
        st.caption(f"{first + 1:,}–{last:,} of {len(table):,}", width="content")
    return table.iloc[first:last]


def _with_fits(view: View, table: pd.DataFrame) -> pd.DataFrame:
    """Add to some trials the score of each fit, and how they were trained."""
    numbers = tuple(table["number"].tolist())
    with view.reader.reading() as seen:
        fits = seen.made(
            ("fit scores", numbers), lambda: read_fit_scores(db(), view.id, numbers)
        )
    scores = fold_scores(view.spec, fits).reindex(numbers)
    scores.index = table.index
    return pd.concat([table, scores], axis=1).assign(trained_by=_trained_by(numbers, fits))


def _trained_by(numbers: Sequence[int], fits: Sequence[FitScore]) -> list[str]:
    """Say of each trial how its fits were trained; empty while that is not known."""
    trainers: dict[int, list[str]] = {}
    for fit in fits:
        trainers.setdefault(fit.number, []).append(fit.trainer)
    return [trainers_in_words(trainers.get(number, ())) for number in numbers]


def _grid(view: View, snapshot: Snapshot, table: pd.DataFrame, order: Order) -> None:
    numbers = table["number"].tolist()
    shown = table.assign(
        number=table["number"].astype(str),
        state=table["state"].map(lambda state: [STATES[state]]),
    )
    key = f"results_grid_{view.id}_{snapshot.serial}_{hash(tuple(numbers)) & 0xFFFFFFFF:08x}"
    ticked = [numbers.index(n) for n in highlighted() if n in numbers]
    st.dataframe(
        shown,
        key=key,
        hide_index=True,
        height=min(_GRID_PX, _ROW_PX * (len(shown) + 1) + 4),
        row_height=_ROW_PX,
        column_config=_columns(view, shown, key, numbers),
        column_order=_column_order(view, shown),
        on_select=lambda: _tick(key, numbers),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        alt=f"Trials of {view.row.name}, by {label_of(order.column)}",
    )


def _tick(key: str, numbers: Sequence[int]) -> None:
    """Highlight the ticked trials; those ticked elsewhere that are not in the grid stay."""
    rows = st.session_state[key]["selection"]["rows"]
    picked = [numbers[row] for row in rows if row < len(numbers)]
    before = highlighted()
    kept = [n for n in before if n in picked or n not in set(numbers)]
    kept += [n for n in picked if n not in kept]
    if len(kept) > MOST_HIGHLIGHTED:
        problems.say(f"At most {MOST_HIGHLIGHTED} trials can be highlighted at once.")
    st.session_state["trials"] = [str(number) for number in kept[:MOST_HIGHLIGHTED]]


def _open(key: str, numbers: Sequence[int]) -> None:
    open_drawer(numbers[st.session_state[key]["row"]])


def _column_order(view: View, shown: pd.DataFrame) -> list[str]:
    folds = fold_labels(view.spec)
    order = ["number", "state", "score", "spread", *view.spec.searched, *folds]
    order += ["n_epochs", "duration_s", "n_weights"]
    order += [name for name in ("trained_by", "message") if (shown[name] != "").any()]
    return order


def _columns(
    view: View, shown: pd.DataFrame, key: str, numbers: Sequence[int]
) -> dict[str, Any]:
    config = st.column_config
    digits = _digits(shown["spread"])
    number = f"%.{digits}f"
    open_key = f"{key}_open"
    columns: dict[str, Any] = {
        "number": config.ButtonColumn(
            "Trial", type="tertiary", pinned=True, key=open_key, on_click=_open,
            args=(open_key, tuple(numbers)), help="Opens everything known of this trial.",
        ),
        "state": config.MultiselectColumn(
            "State", options=list(STATES.values()),
            color=["green", "violet", "red", "blue", "gray"],
        ),
        "score": config.NumberColumn(
            f"Score ({SCORES[view.row.score_name]})", format=number, help=HELP["score"]
        ),
        "spread": config.NumberColumn("±", format=number, help=SPREAD_HELP),
        "n_epochs": config.NumberColumn(
            "Epochs trained", format="%.4g",
            help="Mean over the fits; fewer than asked for where early stopping ended them.",
        ),
        "duration_s": config.NumberColumn("Time", format="%.1f s", help=_TIME_HELP),
        "n_weights": config.NumberColumn("Weights", format="localized"),
        "trained_by": config.TextColumn("Trainer", help=HELP["trained_by"]),
        "message": config.TextColumn("Message", width="large"),
    }  # fmt: skip
    for name in view.spec.searched:
        helped = PARAMETERS[name].help
        if pd.api.types.is_numeric_dtype(shown[name]):
            columns[name] = config.NumberColumn(label_of(name), format="%.6g", help=helped)
        else:
            columns[name] = config.TextColumn(label_of(name), help=helped)
    for name in fold_labels(view.spec):
        columns[name] = config.NumberColumn(
            label_of(name), format=number, help="Score of this fit."
        )
    return columns


def _digits(spreads: pd.Series[float]) -> int:
    """Return the decimals that the middle ± supports, from 3 to 5."""
    middle = spreads[spreads > 0].median()
    if not math.isfinite(middle):
        return 3
    return min(max(1 - math.floor(math.log10(middle)), 3), 5)


def _ticked_curves(view: View) -> None:
    """Draw the curves of the highlighted trials below the grid."""
    chosen = highlighted()
    measure = measures(view.row.score_name)[0]
    with view.reader.reading() as seen:
        drawn = tuple(number for number in chosen if number in seen.reached)
        lines = Lines(None, highlighted=drawn, n_trials=len(drawn))
        book = seen.curves_of(drawn)
        table = seen.made(
            ("ticked", drawn), lambda: curve_table(book, measure, lines, Display())
        )
    if not drawn:
        st.caption("Tick rows to see their curves here and to highlight them in Live.")
        return
    title = f"{measure.label} of {plural(len(drawn), 'ticked trial')} by epoch"
    frame = Frame(title, f"{measure.word} on validation rows")
    option = learning_curves(table, lines, frame)
    st.echarts_chart(option, height=_CURVES_PX, key="results_curves", alt=title)
