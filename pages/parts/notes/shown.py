"""What was written to a study or a trial, as a page shows it."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from pages.parts.markdown import as_html
from pages.parts.show import escape
from storage.notes import Note

_SHORT = 300  # characters; a longer note waits until somebody opens it


def note_text(written: Note, key: str) -> None:
    """Draw a note; nothing where there is none."""
    if not written.text:
        return
    with st.expander("Note", expanded=len(written.text) <= _SHORT, key=key):
        st.html(as_html(written.text))


def tag_badges(tags: Iterable[str]) -> None:
    """Draw tags, one after the other."""
    for tag in tags:
        st.badge(escape(tag), icon=":material/sell:", color="gray")
