"""The bar at the bottom of the New study page: how much it is, and Start."""

from __future__ import annotations

import streamlit as st

from pages.parts import problems, show, state
from pages.parts.forms import widgets
from pages.parts.forms.brief import Brief
from pages.parts.forms.reading import Checked, check
from tuning.errors import SpecError
from tuning.launch import launch

_STARTED, _HAS_STARTED, _TOKEN = "new_started", "new_has_started", "new_start"


def draw_bar(
    checked: Checked, brief: Brief | None, *, takes_keys: bool, is_primary: bool = True
) -> None:
    """Draw the bar; Start is always at the same place.

    Parameters
    ----------
    takes_keys : bool
        Whether Ctrl+Enter starts; in a dialog the same keys end an entry.
    is_primary : bool
        Whether starting is the first thing to do; a page has one such button.
    """
    with (
        st.bottom,
        st.container(horizontal=True, vertical_alignment="center", key="new_bar"),
    ):
        st.markdown(_bar_text(checked, brief), width="stretch")
        st.button(
            "Start study",
            type="primary" if is_primary else "secondary",
            icon=":material/play_arrow:",
            key="new_start",
            shortcut="Ctrl+Enter" if takes_keys else None,
            disabled=checked.spec is None,
            on_click=start,
        )


def _bar_text(checked: Checked, brief: Brief | None) -> str:
    if brief is not None:
        return show.escape(brief.cost)
    problem = checked.first_problem
    if problem is None:
        return ""
    section, sentence = problem
    return f":red[:material/error: **{section}** · {show.escape(sentence)}]"


@problems.told
def start() -> None:
    """Check what stands in the form now, and create its study; twice creates one."""
    if not widgets.has_draft():
        return
    widgets.collect()
    checked = check(widgets.current().fields)
    if checked.spec is None:
        raise SpecError(checked.all_problems)
    leave_for(launch(state.db(), checked.spec, state.token(_TOKEN)))


def leave_for(study_id: str) -> None:
    """Let the run that follows put the draft away and open a study."""
    state.remember(_STARTED, study_id)


def just_started() -> str | None:
    """Return the study that the click before this run has created; only once."""
    study_id: str | None = state.take(_STARTED)
    if study_id is not None:
        state.remember(_HAS_STARTED, True)
    return study_id


def begin_anew() -> bool:
    """Tell whether the session's draft was started before, and let it start once more.

    The token outlives the click that used it, so that a second click, which may come before
    the page has changed, finds the study of the first.
    """
    if not state.take(_HAS_STARTED, False):
        return False
    state.forget_token(_TOKEN)
    return True
