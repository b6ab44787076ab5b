"""Where a person stars a study or a trial, writes a note and gives tags."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import streamlit as st

from pages.parts import problems
from pages.parts.state import db
from pages.parts.words import HELP
from storage.notes import (
    LONGEST_NOTE,
    MOST_TAGS,
    Note,
    read_tags,
    set_star,
    tags_in_use,
    write_note,
    write_tags,
)

_EDITOR_PX = 160


@dataclass(frozen=True)
class Place:
    """What a note is about: a study, or, with a number, a trial of it."""

    study_id: str
    number: int | None = None

    @property
    def key(self) -> str:
        """Part of the key of a widget."""
        return self.study_id if self.number is None else f"{self.study_id}_{self.number}"

    @property
    def word(self) -> str:
        """What it is."""
        return "study" if self.number is None else "trial"


def star_button(place: Place, written: Note) -> None:
    """Draw the star: a click gives it, another one takes it away."""
    st.button(
        "★ Starred" if written.is_starred else "☆ Star",
        key=f"star_{place.key}",
        on_click=change_star,
        args=(place,),
        kwargs={"is_starred": not written.is_starred},
        help=HELP["star"],
    )


@problems.told
def change_star(place: Place, *, is_starred: bool) -> None:
    """Give a star, or take it away; called back by a button."""
    set_star(db(), place.study_id, place.number, is_starred=is_starred)


def note_editor(place: Place, written: Note) -> None:
    """Draw the form for a note and tags.

    What somebody else saves meanwhile makes new fields: those in a browser would hide it.
    """
    problems.draw_told()  # of a drawer, which no frame draws anew
    version = hashlib.sha256(repr(written).encode()).hexdigest()[:8]
    text_key, tags_key = (f"note_{kind}_{place.key}_{version}" for kind in ("text", "tags"))
    with st.form(f"note_form_{place.key}", border=False, enter_to_submit=False):
        st.text_area(
            "Note", value=written.text, key=text_key, max_chars=LONGEST_NOTE,
            height=_EDITOR_PX, help=HELP["note"],
            placeholder=f"What should be remembered of this {place.word}?",
        )  # fmt: skip
        st.multiselect(
            "Tags", sorted({*tags_in_use(db()), *written.tags}), default=list(written.tags),
            key=tags_key, accept_new_options=True, max_selections=MOST_TAGS,
            placeholder="Choose or type a tag", help=HELP["tag"],
        )  # fmt: skip
        st.form_submit_button(
            "Save", icon=":material/check:", key=f"note_save_{place.key}",
            on_click=_save, args=(place, text_key, tags_key),
        )  # fmt: skip


@problems.told
def _save(place: Place, text_key: str, tags_key: str) -> None:
    tags = read_tags(st.session_state[tags_key])
    write_note(db(), place.study_id, place.number, st.session_state[text_key])
    write_tags(db(), place.study_id, place.number, tags)
    problems.say("Saved.")
