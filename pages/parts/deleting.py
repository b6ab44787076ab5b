"""Deleting studies for good: asked once, told plainly, refused while one is running."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import links, problems
from pages.parts.show import escape, plural
from pages.parts.state import db
from storage.settings import settings
from storage.studies import StudyRow
from tuning.housekeeping import delete_studies

_NAME_TYPED_ABOVE = 100  # trials; losing more than that by one click would hurt


@st.dialog("Delete for good?")
def confirm_delete(rows: Sequence[StudyRow]) -> None:
    """Ask, delete, and go to the list of studies."""
    running = [row for row in rows if not row.is_final]
    if running:
        st.markdown(
            f"{escape(running[0].name)} is not finished. Stop it first, then delete it."
        )
        return
    n_trials = sum(row.n_trials_done for row in rows)
    st.markdown(_question(rows, n_trials))
    word = rows[0].name if len(rows) == 1 else "delete"
    sure = n_trials <= _NAME_TYPED_ABOVE or word == st.text_input(
        f"Type {escape(word)} to confirm", key="delete_word", live=True
    )
    with st.container(horizontal=True):
        gone = st.button(
            "Delete", type="primary", key="delete_confirm", disabled=not sure,
            on_click=_delete, args=([row.id for row in rows],),
        )  # fmt: skip
        if gone:
            links.go(links.STUDIES)
        if st.button("Keep", key="delete_keep"):
            st.rerun()


def _question(rows: Sequence[StudyRow], n_trials: int) -> str:
    what = f"'{escape(rows[0].name)}'" if len(rows) == 1 else f"{len(rows)} studies"
    owner = "its" if len(rows) == 1 else "their"
    return f"Delete {what} and {owner} {plural(n_trials, 'trial')}? This cannot be undone."


@problems.told
def _delete(ids: Sequence[str]) -> None:
    delete_studies(db(), ids, settings().home)
    problems.say(f"Deleted {plural(len(ids), 'study', 'studies')}.")
