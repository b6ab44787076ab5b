"""The studies that are not finished, each a card that moves by itself."""

from __future__ import annotations

import streamlit as st

from pages.parts import links, problems
from pages.parts.home.studies_grid import show_running
from pages.parts.running import progress, running, study_badge
from pages.parts.show import escape, plural
from pages.parts.state import db
from pages.parts.study.facts import confirming_sentence, is_confirming, time_left
from storage.errors import UnknownStudyError
from storage.studies import WAITING, StudyRow, get_study, n_ahead
from storage.wishes import ask_to_stop
from tuning.digits import with_error

_POLL_S = 2


def running_cards() -> None:
    """Draw the running studies; nothing at all if there are none."""
    found = running(db())
    if not found.rows:
        return
    st.subheader("Running now", anchor=False)
    grid = st.grid(3, min_column_width=320)
    for row in found.rows:
        with grid.container(border=True, key=f"home_card_{row.id}"):
            _facts(row)
            _buttons(row)
    if found.n_more:
        st.button(
            f"and {found.n_more} more", type="tertiary", key="home_more", on_click=show_running
        )


def _facts(row: StudyRow) -> None:
    """Draw the moving part of a card, in a fragment of its own."""
    seen = (row.state, row.wish)
    moving = st.fragment(_moving, run_every=_POLL_S, key=f"home_running_{row.id}")
    moving(row.id, seen)


def _moving(study_id: str, seen: tuple[str, str]) -> None:
    try:
        row = get_study(db(), study_id)
    except UnknownStudyError:
        st.rerun()
    if (row.state, row.wish) != seen:
        st.rerun()
    badge = study_badge(row)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.markdown(f"**{escape(row.name)}**")
        st.badge(badge.word, icon=badge.icon, color=badge.color)
    st.progress(progress(row), text=_progress_words(row))
    st.caption(_best_words(row))


def _progress_words(row: StudyRow) -> str:
    if row.state == WAITING:
        ahead = n_ahead(db(), row)
        return f"{ahead} ahead, starts by itself" if ahead else "Next in line, starts by itself"
    if is_confirming(row):
        return escape(confirming_sentence(row))
    done = f"{progress(row):.0%} of {plural(row.n_fits_planned, 'fit')}"
    if row.phase not in {"", "Training"}:
        return f"{done} · {escape(row.phase)}"
    return done if row.seconds_left is None else f"{done} · {time_left(row.seconds_left)} left"


def _best_words(row: StudyRow) -> str:
    if row.best_score is None:
        return "Best so far: after the first trial"
    score = with_error(row.best_score, row.best_half_width)
    of = "of the search" if is_confirming(row) else "so far"
    return f"Best {of}: {score}, trial {row.best_number}"


def _buttons(row: StudyRow) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Open", key=f"home_open_{row.id}", on_click=links.open_study, args=(row.id,))
        if row.state == WAITING:
            st.button("Cancel", key=f"home_cancel_{row.id}", on_click=_cancel, args=(row.id,))
        elif st.button(
            "Stop",
            icon=":material/stop:",
            key=f"home_stop_{row.id}",
            disabled=row.wish == "stop",
        ):
            _confirm_stop(row.id)


@problems.told
def _cancel(study_id: str) -> None:
    ask_to_stop(db(), study_id)
    problems.say("Cancelled.")


@st.dialog("Stop this study?")
def _confirm_stop(study_id: str) -> None:
    row = get_study(db(), study_id)
    st.markdown(
        f"{escape(row.name)}: {row.n_fits_done} of {plural(row.n_fits_planned, 'fit')} done. "
        + "Finished trials are kept."
    )
    with st.container(horizontal=True):
        stop = st.button(
            "Stop", type="primary", key="stop_confirm", on_click=_stop, args=(study_id,)
        )
        if st.button("Keep running", key="stop_keep") or stop:
            st.rerun()


@problems.told
def _stop(study_id: str) -> None:
    ask_to_stop(db(), study_id)
