"""What is chosen to be put side by side; the address holds it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts.state import db
from storage.studies import list_studies
from tuning.analysis.comparing import MOST
from tuning.analysis.verdict_words import SCORE_WORDS

_MOST_OPTIONS = 100  # studies, the newest; any other can be typed


def choose_items() -> list[str]:
    """Draw the choice of studies and trials, and return what is chosen, in order."""
    known = [row.id for row in list_studies(db(), limit=_MOST_OPTIONS)]
    return st.multiselect(
        "Studies and trials",
        known,
        key="items",
        bind="query-params",
        accept_new_options=True,
        max_selections=MOST,
        placeholder="Add a study, or type study:trial…",
        help="A study stands for its leader. All others are compared with the first.",
    )


def choose_score(names: Sequence[str], own: Sequence[str]) -> str | None:
    """Draw the choice of a metric; None while several are possible and none is chosen."""
    is_one = len(set(own)) == 1
    # Another question has another answer: what was chosen for other studies is forgotten.
    return st.selectbox(
        "Metric",
        list(names),
        index=list(names).index(own[0]) if is_one else None,
        format_func=lambda name: _label(SCORE_WORDS[name]),
        key=f"compare_metric_{own[0] if is_one else 'open'}",
        placeholder="Choose a metric",
        width=220,
    )


def swap() -> None:
    """Let the next one be what the others are compared with; called back by a button."""
    items: list[str] = list(st.session_state.get("items", []))
    st.session_state["items"] = items[1:] + items[:1]


def _label(word: str) -> str:
    return word[0].upper() + word[1:]
