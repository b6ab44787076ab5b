"""The dialog that lets a study try exactly the settings that somebody types."""

from __future__ import annotations

import streamlit as st

from pages.parts import problems
from pages.parts.show import escape, plural
from pages.parts.state import close_popover, db, remember, take
from pages.parts.study.view import View
from tuning.analysis.tables import settings_of
from tuning.by_hand import try_by_hand
from tuning.errors import ParameterError, SpecError
from tuning.parameters import PARAMETERS, Value
from tuning.setting import Fixed
from tuning.space import read_setting, write_setting

_ENTERED = "try_entered"
_STATES = ("preparing", "training", "finished")


def can_try(view: View) -> bool:
    """Tell whether a trial may be entered: into a study that runs or is finished."""
    return view.row.state in _STATES and not view.row.wish


def try_button(view: View, popover: str) -> None:
    """Draw the button that opens the dialog, in a popover that it closes."""
    if can_try(view) and st.button(
        "Try exactly this…", icon=":material/edit:", key="study_try", width="stretch",
        help="One more trial, with the settings you type. It counts like any other.",
        on_click=close_popover, args=(popover,),
    ):  # fmt: skip
        try_settings(view)


@st.dialog("Try exactly this")
def try_settings(view: View) -> None:
    """Ask for a value of each searched parameter, and enter them as one more trial."""
    problems.draw_told()
    fits = plural(view.spec.n_fits_per_trial, "fit")
    st.caption(f"One more trial, {fits}. Values may lie outside the search space.")
    started_from = _like(view)
    found = {
        name: _value(name, started_from.get(name, default))
        for name, default in view.spec.default_settings.items()
    }
    typed = {name: fixed.value for name, fixed in found.items() if fixed is not None}
    with st.container(horizontal=True):
        wanted = st.button(
            "Try it", type="primary", key="try_confirm", disabled=len(typed) < len(found),
            on_click=_enter, args=(view.id, typed),
        )  # fmt: skip
        if st.button("Not now", key="try_cancel") or (wanted and take(_ENTERED, False)):
            st.rerun()


@problems.told
def _enter(study_id: str, typed: dict[str, Value]) -> None:
    """Enter the trial; what is refused stays typed, below what is wrong with it."""
    entered = try_by_hand(db(), study_id, typed)
    notes = " ".join(entered.notes)
    problems.say(f"Trial {entered.number} is trained when a core is free. {notes}".strip())
    remember(_ENTERED, value=True)


def _like(view: View) -> dict[str, Value]:
    """Return the settings to start from: the leader's, if there is one."""
    with view.reader.reading() as seen:
        leader = seen.judged.found.leader
        row = None if leader is None else seen.trials.get(leader)
    return {} if row is None else settings_of(row)


def _value(name: str, value: Value) -> Fixed | None:
    """Draw one parameter; None where what is typed cannot be read."""
    label, written = PARAMETERS[name].label, write_setting(name, Fixed(value=value))
    text = st.text_input(label, value=written, key=f"try_{name}", help=PARAMETERS[name].help)
    try:
        reading = read_setting(name, "fixed", text or "")
    except (ParameterError, SpecError) as error:
        problems.draw(error)
        return None
    if reading.shown:
        st.caption(escape(reading.shown))
    return reading.setting if isinstance(reading.setting, Fixed) else None
