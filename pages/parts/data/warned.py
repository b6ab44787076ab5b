"""What to know before a table is kept: warnings with one click each, and what was done."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from pages.parts.data import chosen
from pages.parts.data.chosen import Taken
from pages.parts.show import escape, plural
from tuning.datasets.uploads.warning_rules import TableWarning

_FIRST = 8
_MOST = 50  # of those in the expander; the table of columns shows the others too
_KEPT_OUT = "Keep it"  # the button of a warning that has been seen to already
_LONGEST_KEY = 40


def draw_warnings(warnings: Sequence[TableWarning]) -> None:
    """Draw warnings, what can still be done first; many are folded in."""
    ordered = sorted(warnings, key=lambda warning: warning.button == _KEPT_OUT)
    keys = warning_keys(ordered)
    for key, warning in list(zip(keys, ordered, strict=True))[:_FIRST]:
        _draw(key, warning)
    rest = list(zip(keys, ordered, strict=True))[_FIRST:]
    if not rest:
        return
    more = st.expander(plural(len(rest), "more warning"), key="ds_more", on_change="rerun")
    if more.open:
        with more:
            for key, warning in rest[:_MOST]:
                _draw(key, warning)
            if len(rest) > _MOST:
                st.caption(f"and {len(rest) - _MOST:,} more; see Use in the table of columns.")


def _draw(key: str, warning: TableWarning) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_line"):
        is_done = warning.button == _KEPT_OUT
        icon = ":material/info:" if is_done else ":orange[:material/warning:]"
        st.markdown(f"{icon} {escape(warning.sentence)}")
        if warning.button:
            st.button(warning.button, key=key, on_click=chosen.take_warning, args=(warning,))


def warning_keys(warnings: Sequence[TableWarning]) -> list[str]:
    """Return a key for the button of each warning: readable, and never the same twice."""
    keys: list[str] = []
    for warning in warnings:
        column = re.sub(r"[^a-z0-9]+", "_", warning.column.lower()).strip("_")[:_LONGEST_KEY]
        key = "_".join(part for part in ("ds_warn", warning.rule, column) if part)
        key = key.replace(" ", "_")
        n_same = sum(other == key or other.startswith(f"{key}__") for other in keys)
        keys.append(f"{key}__{n_same + 1}" if n_same else key)
    return keys


def draw_taken(taken: Sequence[Taken]) -> None:
    """Draw what was done with a click and still is so, each with its way back."""
    for place, done in enumerate(taken):
        if not done.is_in_force:
            continue
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"ds_done_{place}_line"
        ):
            st.markdown(f":green[:material/check:] {escape(taken_words(done.warning))}")
            st.button("Undo", key=f"ds_undo_{place}", on_click=chosen.undo, args=(place,))


def taken_words(warning: TableWarning) -> str:
    """Say what was done with a click on a warning."""
    about = f"{warning.column}: " if warning.column else "Repeated rows: "
    if warning.rule == "few rows":
        about = "Fewer inputs: "
    return f"{about}{_DONE.get(warning.button, warning.button)}."


_DONE = {
    "Leave out": "left out",
    "Keep it": "kept",
    "Treat as missing": "0 stands for a missing value",
    "Order by it": "rows are put in this order, and judged on the latest",
    "Keep together": "rows of each stay in one fold",
    "Drop them": "left out",
    "Weight the classes": "rare classes count more",
    "Predict its logarithm": "its logarithm is predicted",
}
