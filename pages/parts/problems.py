"""Errors written for a person become their sentence on the page; all others surface.

A callback runs before anything is drawn, and one of a dialog must draw nothing at all: what
it has to say is drawn by the run that follows it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import ParamSpec

import sqlalchemy as sa
import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from pages.parts.show import escape
from pages.parts.state import db
from storage.errors import StorageError
from storage.patience import is_outage
from tuning.errors import SpecError, TuningError

P = ParamSpec("P")
AWAY = (
    "The database does not answer. Nothing is lost: studies wait for it, "
    + "and this page comes back by itself."
)
_KEY = "problem_of_callback"
_NOTE_KEY = "note_of_callback"
_LOOK_S = 2.0  # between two tries while the database is away


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Draw the sentence of an error a person can act on, and end the page there.

    While the database is away the page waits for it.
    """
    try:
        yield
    except (TuningError, StorageError) as error:
        draw(error)
    except SQLAlchemyError as error:
        if not draw_away(error):
            raise
        st.fragment(_look, run_every=_LOOK_S, key="database_away")()


def draw_away(error: Exception) -> bool:
    """Draw that the database is away, where an error says so; tell whether it did."""
    if not is_outage(error):
        return False
    st.error(AWAY, icon=":material/cloud_off:")
    return True


def _look() -> None:
    """Run the page anew once the database answers."""
    try:
        with db().read() as connection:
            connection.execute(sa.text("SELECT 1"))
    except SQLAlchemyError:
        return
    st.rerun()


def draw(error: TuningError | StorageError) -> None:
    """Draw the sentences of an error, with what people typed letter by letter."""
    sentences = error.problems if isinstance(error, SpecError) else (str(error),)
    for sentence in sentences:
        st.error(escape(sentence), icon=":material/error:")


def told(callback: Callable[P, None]) -> Callable[P, None]:
    """Let the next run draw what goes wrong in a callback."""

    @functools.wraps(callback)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(*args, **kwargs)
        except (TuningError, StorageError, SQLAlchemyError) as error:
            if isinstance(error, SQLAlchemyError) and not is_outage(error):
                raise
            st.session_state[_KEY] = error

    return guarded


def say(text: str) -> None:
    """Let the next run tell, in a passing note, what a callback has done."""
    st.session_state[_NOTE_KEY] = text


def draw_told() -> None:
    """Draw what the callback before this run has done, or what went wrong in it."""
    note = st.session_state.pop(_NOTE_KEY, None)
    if note is not None:
        st.toast(note)
    error = st.session_state.pop(_KEY, None)
    if error is not None and not draw_away(error):
        draw(error)
