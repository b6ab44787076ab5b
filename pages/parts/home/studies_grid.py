"""All studies, newest first, twenty at a time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ButtonColumnResult, ColumnConfig

from pages.parts import links
from pages.parts.deleting import confirm_delete
from pages.parts.running import CONFIRMING, study_badge
from pages.parts.show import SAMPLERS, escape, plural, state_badge
from pages.parts.state import db
from pages.parts.study.facts import verdict_word
from pages.parts.words import HELP
from storage import studies
from storage.studies import StudyFilter, StudyRow
from tuning.datasets.catalogue import catalogue
from tuning.digits import with_error

_PAGE_ROWS = 20
_ROW_PX = 36
_NAME_PX = 180  # leaves room for the state on a phone
_NOTHING = "–"
_STATES = {
    "All": (),
    "Running": studies.ACTIVE_STATES,
    "Paused": (studies.PAUSED,),
    "Finished": (studies.FINISHED,),
    "Stopped": (studies.STOPPED,),
    "Failed": (studies.FAILED,),
}


def filter_bar() -> StudyFilter:
    """Draw search and state; both are part of the address."""
    text = st.text_input(
        "Search",
        value=None,
        type="search",
        live="300ms",
        placeholder="Search…",
        key="q",
        bind="query-params",
        label_visibility="collapsed",
        width=240,
    )
    state = st.segmented_control(
        "State",
        list(_STATES),
        default="All",
        required=True,
        key="state",
        bind="query-params",
        label_visibility="collapsed",
    )
    return StudyFilter(text=(text or "").strip(), states=_STATES[state or "All"])


def studies_grid(chosen: StudyFilter) -> None:
    """Draw one page of the studies that match, with what can be done to chosen rows."""
    n_found = studies.count_studies(db(), chosen)
    if not n_found:
        _draw_no_match(chosen)
        return
    n_pages = math.ceil(n_found / _PAGE_ROWS)
    # Another filter starts at its first page: it has another key.
    page_key = _key("studies_page", repr(chosen), str(n_pages))
    first = (min(st.session_state.get(page_key, 1), n_pages) - 1) * _PAGE_ROWS
    rows = studies.list_studies(db(), chosen, limit=_PAGE_ROWS, offset=first)
    picked = _draw_rows(rows)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        _delete_button(picked)
        st.caption(f"{first + 1}–{first + len(rows)} of {n_found:,}", width="content")
        if n_pages > 1:
            st.pagination(n_pages, key=page_key)


def _draw_no_match(chosen: StudyFilter) -> None:
    if not chosen.text:
        st.info("No study is in this state.", icon=":material/search_off:")
        return
    st.info(f"No study matches '{escape(chosen.text)}'.", icon=":material/search_off:")
    st.button("Clear the search", key="studies_clear", on_click=_clear_search)


def show_running() -> None:
    """Let the table show only what is not finished."""
    st.session_state["state"] = "Running"


def _clear_search() -> None:
    st.session_state["q"] = None


def _draw_rows(rows: Sequence[StudyRow]) -> list[StudyRow]:
    """Draw the table, and return the rows that are chosen.

    Its key is made of the studies in it: a choice is kept by row, and must not move to another
    study when a new one arrives on top.
    """
    ids = [row.id for row in rows]
    event = st.dataframe(
        studies_table(rows),
        key=_key("studies_grid", *ids),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        row_height=_ROW_PX,
        height="content",
        placeholder=_NOTHING,
        column_config=_columns(ids),
        alt=f"{plural(len(rows), 'study', 'studies')}, newest first",
    )
    return [rows[index] for index in event["selection"]["rows"] if index < len(rows)]


def _key(name: str, *parts: str) -> str:
    """Return a key of a widget that is another one for other parts."""
    return f"{name}_{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"


def studies_table(rows: Sequence[StudyRow]) -> pd.DataFrame:
    """Return studies as a table, a row each, in the words of the page."""
    titles = {dataset_id: info.title for dataset_id, info in catalogue().items()}
    return pd.DataFrame(
        {
            "name": [row.name for row in rows],
            "state": [[study_badge(row).word] for row in rows],
            "best": [_best(row) for row in rows],
            "verdict": [verdict_word(row) or _NOTHING for row in rows],
            "dataset": [titles.get(row.dataset, row.dataset) for row in rows],
            "sampler": [SAMPLERS[row.sampler] for row in rows],
            "trials": [_trials(row) for row in rows],
            "took": [_seconds(row) for row in rows],
            "created": pd.to_datetime([row.created_at for row in rows], unit="s", utc=True),
        }
    )


def _trials(row: StudyRow) -> str:
    if row.n_trials_done == row.n_trials_planned:
        return f"{row.n_trials_done:,}"
    return f"{row.n_trials_done:,} of {row.n_trials_planned:,}"


def _best(row: StudyRow) -> str:
    return (
        _NOTHING if row.best_score is None else with_error(row.best_score, row.best_half_width)
    )


def _seconds(row: StudyRow) -> float | None:
    return None if row.seconds is None else round(row.seconds, 1 if row.seconds < 10 else None)


def _columns(ids: Sequence[str]) -> dict[str, ColumnConfig | ButtonColumnResult | str | None]:
    config = st.column_config
    states = (*studies.ACTIVE_STATES, studies.PAUSED, *studies.FINAL_STATES)
    words = [state_badge(state) for state in states]
    words += [CONFIRMING, *(state_badge(studies.TRAINING, wish) for wish in ("stop", "pause"))]
    return {
        "name": config.ButtonColumn(
            "Name",
            width=_NAME_PX,
            type="tertiary",
            alignment="left",
            pinned=True,
            key="studies_open",
            on_click=_open,
            args=(ids,),
        ),
        "state": config.MultiselectColumn(
            "State",
            options=[badge.word for badge in words],
            color=[badge.color for badge in words],
        ),
        "best": config.TextColumn("Best", help=HELP["best"], alignment="right"),
        "verdict": config.TextColumn("Verdict", help=HELP["verdict"]),
        "dataset": "Dataset",
        "sampler": config.TextColumn("Sampler", help=HELP["sampler"]),
        "trials": config.TextColumn("Trials", help=HELP["trial"], alignment="right"),
        "took": config.NumberColumn("Seconds", help=HELP["took"], format="localized"),
        "created": config.DatetimeColumn("Created", format="distance"),
    }


def _open(ids: Sequence[str]) -> None:
    links.open_study(ids[st.session_state["studies_open"]["row"]])


def _delete_button(picked: Sequence[StudyRow]) -> None:
    if st.button(
        f"Delete {len(picked)}" if picked else "Delete",
        icon=":material/delete:",
        key="studies_delete",
        disabled=not picked,
        help=None if picked else "Choose one or more rows first.",
    ):
        confirm_delete(picked)
