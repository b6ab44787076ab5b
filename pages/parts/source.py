"""What the source of a published search printed."""

from __future__ import annotations

import streamlit as st

from pages.parts.show import escape
from pages.parts.words import HELP
from tuning.recipes import RECIPES


def draw_source(recipe: str | None) -> None:
    """Say what the source of a recipe printed, to stand beside what it gives here."""
    known = RECIPES.get(recipe or "")
    if known is not None and known.printed is not None:
        st.caption(f"Its source printed {escape(known.published)}.", help=HELP["printed"])
