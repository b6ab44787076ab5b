"""All studies, newest first, twenty at a time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ButtonColumnResult, ColumnConfig

from pages.parts import links
from pages.parts.deleting import confirm_delete
from pages.parts.notes.editor import Place, change_star
from pages.parts.running import CONFIRMING, study_badge
from pages.parts.show import SAMPLERS, escape, plural, state_badge
from pages.parts.state import db
from pages.parts.study.facts import verdict_word
from pages.parts.words import HELP
from storage import studies
from storage.notes import NOTHING, Note, read_study_notes, tags_in_use
from storage.studies import StudyFilter, StudyRow
from tuning.analysis.comparing import FEWEST, MOST
from tuning.datasets.catalogue import catalogue
from tuning.digits import with_error

_PAGE_ROWS = 20
_ROW_PX = 36
_NAME_PX = 180  # leaves room for the state on a phone
_STAR_PX = 60
_NOTHING = "–"
_STAR, _NO_STAR = "★", "☆"
_STATES = {
    "All": (),
    "Running": studies.ACTIVE_STATES,
    "Paused": (studies.PAUSED,),
    "Finished": (studies.FINISHED,),
    "Stopped": (studies.STOPPED,),
    "Failed": (studies.FAILED,),
}


def search_field() -> str:
    """Draw the search, which is part of the address, and return what is typed."""
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
    return (text or "").strip()


def filter_bar(text: str) -> StudyFilter:
    """Draw state, tags and star, which are part of the address, beside what is searched."""
    with st.container(horizontal=True, vertical_alignment="center"):
        state = st.segmented_control(
            "State",
            list(_STATES),
            default="All",
            required=True,
            key="state",
            bind="query-params",
            label_visibility="collapsed",
        )
        tags = _tag_filter()
        is_starred = st.toggle("Starred", key="star", bind="query-params", help=HELP["starred"])
    return StudyFilter(text, _STATES[state or "All"], tuple(tags), is_starred)


def _tag_filter() -> list[str]:
    """Draw the choice of tags; nothing while there are none."""
    tags = tags_in_use(db())
    if not tags:
        return []
    return st.multiselect(
        "Tags",
        tags,
        key="tag",
        bind="query-params",
        placeholder="Tags",
        label_visibility="collapsed",
        help=HELP["tag"],
        width=180,
    )


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
        with st.container(horizontal=True, width="content"):
            _compare_button(picked)
            _delete_button(picked)
        st.caption(f"{first + 1}–{first + len(rows)} of {n_found:,}", width="content")
        if n_pages > 1:
            st.pagination(n_pages, key=page_key)


def _draw_no_match(chosen: StudyFilter) -> None:
    if not (chosen.text or chosen.tags or chosen.is_starred):
        st.info("No study is in this state.", icon=":material/search_off:")
        return
    searched = f" '{escape(chosen.text)}'" if chosen.text else ""
    st.info(f"No study matches{searched}.", icon=":material/search_off:")
    st.button("Clear the search", key="studies_clear", on_click=_clear_search)


def show_running() -> None:
    """Let the table show only what is not finished."""
    st.session_state["state"] = "Running"


def _clear_search() -> None:
    st.session_state.update(q=None, star=False, tag=[])


def _draw_rows(rows: Sequence[StudyRow]) -> list[StudyRow]:
    """Draw the table, and return the rows that are chosen.

    Its key is made of the studies in it: a choice is kept by row, and must not move to another
    study when a new one arrives on top.
    """
    ids = [row.id for row in rows]
    notes = read_study_notes(db(), ids)
    event = st.dataframe(
        studies_table(rows, notes),
        key=_key("studies_grid", *ids),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        row_height=_ROW_PX,
        height="content",
        placeholder=_NOTHING,
        column_config=_columns(ids, [id_ for id_ in ids if notes.get(id_, NOTHING).is_starred]),
        alt=f"{plural(len(rows), 'study', 'studies')}, newest first",
    )
    return [rows[index] for index in event["selection"]["rows"] if index < len(rows)]


def _key(name: str, *parts: str) -> str:
    """Return a key of a widget that is another one for other parts."""
    return f"{name}_{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"


def studies_table(
    rows: Sequence[StudyRow], notes: Mapping[str, Note] | None = None
) -> pd.DataFrame:
    """Return studies as a table, a row each, in the words of the page."""
    written = [(notes or {}).get(row.id, NOTHING) for row in rows]
    titles = {dataset_id: info.title for dataset_id, info in catalogue().items()}
    return pd.DataFrame(
        {
            "name": [row.name for row in rows],
            "state": [[study_badge(row).word] for row in rows],
            "star": [_STAR if note.is_starred else _NO_STAR for note in written],
            "best": [_best(row) for row in rows],
            "verdict": [verdict_word(row) or _NOTHING for row in rows],
            "tags": [list(note.tags) for note in written],
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


def _columns(
    ids: Sequence[str], starred: Sequence[str]
) -> dict[str, ColumnConfig | ButtonColumnResult | str | None]:
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
        "star": config.ButtonColumn(
            "Star",
            width=_STAR_PX,
            type="tertiary",
            key="studies_star",
            on_click=_change_star,
            args=(ids, starred),
            help=HELP["star"],
        ),
        "tags": config.ListColumn("Tags", help=HELP["tag"]),
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


def _change_star(ids: Sequence[str], starred: Sequence[str]) -> None:
    study_id = ids[st.session_state["studies_star"]["row"]]
    change_star(Place(study_id), is_starred=study_id not in starred)


def _compare_button(picked: Sequence[StudyRow]) -> None:
    can = FEWEST <= len(picked) <= MOST
    st.button(
        f"Compare {len(picked)}" if can else "Compare",
        icon=":material/compare_arrows:",
        key="studies_compare",
        disabled=not can,
        on_click=links.compare,
        args=([row.id for row in picked],),
        help=None if can else f"Choose {FEWEST} to {MOST} rows first.",
    )


def _delete_button(picked: Sequence[StudyRow]) -> None:
    if st.button(
        f"Delete {len(picked)}" if picked else "Delete",
        icon=":material/delete:",
        key="studies_delete",
        disabled=not picked,
        help=None if picked else "Choose one or more rows first.",
    ):
        confirm_delete(picked)
