"""Errors written for a person become their sentence on the page; all others surface.

A callback runs before anything is drawn, and one of a dialog must draw nothing at all: what
it has to say is drawn by the run that follows it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import ParamSpec

import streamlit as st

from pages.parts.show import escape
from storage.errors import StorageError
from tuning.errors import SpecError, TuningError

P = ParamSpec("P")
_KEY = "problem_of_callback"
_NOTE_KEY = "note_of_callback"


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Draw the sentence of an error a person can act on, and end the page there."""
    try:
        yield
    except (TuningError, StorageError) as error:
        draw(error)


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
        except (TuningError, StorageError) as error:
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
    if error is not None:
        draw(error)
