"""The draft of this session, and widgets tied to its fields.

A widget that is not on the screen loses its state; its field keeps the value. Widgets are
filled from the fields before they are drawn, and read into them before anything is computed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts import show, state
from pages.parts.forms.draft import Draft
from pages.parts.forms.reading import Checked

_DRAFT, _BEGUN, _HEARD = "new_draft", "new_begun", "new_heard"
_SETTLING_S = 15.0  # in which a browser has loaded what draws the widgets
_NEVER_EMPTY = ("model", "sampler", "method")  # of what a person can choose
LIVE = "400ms"  # a pause in typing after which the count follows


def current() -> Draft:
    """Return the draft this session works on."""
    draft: Draft = st.session_state[_DRAFT]
    return draft


def has_draft() -> bool:
    """Tell whether this session has begun a draft."""
    return _DRAFT in st.session_state


def begin(draft: Draft) -> None:
    """Work on another draft from now on; widgets that are drawn already follow."""
    state.remember(_DRAFT, draft)
    state.remember(_BEGUN, time.monotonic())
    state.remember(_HEARD, frozenset())
    put(draft.fields)


def key_of(field: str) -> str:
    """Return the key of a field's widget: new_folds, space_batch_size_kind."""
    return f"space_{field.replace('.', '_')}" if "." in field else f"new_{field}"


def bind(field: str) -> str:
    """Fill the widget of a field, and return its key."""
    key = key_of(field)
    if key not in st.session_state:
        st.session_state[key] = current().fields[field]
    return key


def collect() -> None:
    """Read every widget that is on the screen into the draft.

    A browser whose widgets began empty, because they were never told what they hold, is told
    now instead.
    """
    fields = current().fields
    shown = {
        field: st.session_state[key_of(field)]
        for field in fields
        if key_of(field) in st.session_state
    }
    if any(shown.get(field, field) is None for field in _NEVER_EMPTY):
        put(fields)
        return
    changed = {field for field, value in shown.items() if value != fields[field]}
    state.remember(_HEARD, state.recall(_HEARD, frozenset()) | changed)
    fields |= shown


def settle() -> None:
    """Say again what the widgets hold, for as long as the browser may not have heard it.

    Streamlit says it once. A widget that the browser can draw only after the page has run
    again, because its code was still being loaded, would be empty. What a person has changed
    meanwhile is not said again: they may be typing on.
    """
    if time.monotonic() - state.recall(_BEGUN, 0.0) < _SETTLING_S:
        heard = state.recall(_HEARD, frozenset())
        fields = current().fields
        put({field: value for field, value in fields.items() if field not in heard})


def put(changes: Mapping[str, Any]) -> None:
    """Change fields and their widgets; only before these are drawn, so from callbacks."""
    for field, value in changes.items():
        current().fields[field] = value
        if key_of(field) in st.session_state:
            st.session_state[key_of(field)] = value


def value(field: str) -> Any:  # noqa: ANN401 (whatever the widget holds)
    """Return what stands in a field."""
    return current().fields[field]


def draw_messages(checked: Checked, place: str, quiet: str = "") -> None:
    """Draw the line below a section or row: what is wrong, or what to know."""
    problems, warnings = checked.problems.get(place, ()), checked.warnings.get(place, ())
    draw_line(problems, warnings, quiet)


def draw_line(problems: Sequence[str], warnings: Sequence[str], quiet: str) -> None:
    """Draw one line that is there even when it is empty, so that nothing moves."""
    if problems:
        st.caption("  \n".join(f":red[:material/error: {show.escape(p)}]" for p in problems))
        return
    parts = [f":orange[:material/warning: {show.escape(w)}]" for w in warnings]
    parts += [show.escape(quiet)] if quiet else []
    st.caption("  \n".join(parts) or "&nbsp;")
