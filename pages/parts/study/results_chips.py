"""The filters of the grid of results, each with a button that takes it away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts.show import escape


@dataclass(frozen=True)
class Filter:
    """One filter that hides trials.

    Attributes
    ----------
    key : str
        Of the widget it was chosen with.
    words : str
        What it lets through, such as "Batch size 10, 20".
    cleared : object
        The value of the widget that hides nothing.
    """

    key: str
    words: str
    cleared: Any


def chips(filters: Iterable[Filter]) -> None:
    """Draw a button for each filter."""
    with st.container(horizontal=True, gap="small"):
        for chosen in filters:
            st.button(
                escape(chosen.words), icon=":material/close:", key=f"chip_{chosen.key}",
                on_click=clear, args=((chosen,),), help="Take this filter away.",
            )  # fmt: skip


def clear(filters: Iterable[Filter]) -> None:
    """Take filters away; called back by a button."""
    for chosen in filters:
        st.session_state[chosen.key] = chosen.cleared
