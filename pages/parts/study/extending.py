"""The dialog that gives a study more trials or more values."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.parts import problems
from pages.parts.show import escape, plural
from pages.parts.state import db
from pages.parts.study.view import View
from tuning.errors import ParameterError, SpecError
from tuning.extension import extend, extension_problems
from tuning.parameters import PARAMETERS
from tuning.setting import Setting
from tuning.space import SettingKind, read_setting, write_setting
from tuning.spec import MOST_TRIALS, StudySpec


@st.dialog("Add trials")
def add_trials(view: View) -> None:
    """Ask for more trials or wider settings, and let the study go on with them."""
    spec = view.spec
    st.caption("What was tried stays. Everything else of the study stays as it is, too.")
    document = spec.model_dump(mode="json")
    if spec.sampler.kind != "grid":
        wanted = st.number_input(
            "Trials in all", min_value=1, max_value=MOST_TRIALS, key="extend_trials",
            value=min(2 * spec.n_trials, MOST_TRIALS), step=1,
        )  # fmt: skip
        document["sampler"]["n_trials"] = wanted
    found = [_widen(name, setting, document) for name, setting in spec.searched.items()]
    new = _read(spec, document) if all(found) else None
    if new is not None:
        more = new.n_trials - spec.n_trials
        fits = plural(more * new.n_fits_per_trial, "fit")
        st.markdown(f"{plural(more, 'more trial')}, {fits}.")
    with st.container(horizontal=True):
        go = st.button(
            "Add and go on", type="primary", key="extend_confirm", disabled=new is None,
            on_click=_extend, args=(view, new),
        )  # fmt: skip
        if st.button("Not now", key="extend_cancel") or go:
            st.rerun()


def _widen(name: str, setting: Setting, document: dict[str, Any]) -> bool:
    """Draw one searched parameter; put what is typed into the document, if it can be read."""
    label = PARAMETERS[name].label
    text = st.text_input(label, value=write_setting(name, setting), key=f"extend_{name}")
    kind: SettingKind = setting.kind
    try:
        reading = read_setting(name, kind, text or "")
    except (ParameterError, SpecError) as error:
        problems.draw(error)
        return False
    document["space"][name] = reading.setting.model_dump(mode="json")
    if reading.shown:
        st.caption(escape(reading.shown))
    return True


def _read(old: StudySpec, document: dict[str, Any]) -> StudySpec | None:
    try:
        new = StudySpec.parse(document)
    except SpecError as error:
        problems.draw(error)
        return None
    found = extension_problems(old, new)
    for sentence in found:
        st.info(escape(sentence), icon=":material/info:")
    return None if found else new


@problems.told
def _extend(view: View, spec: StudySpec) -> None:
    extend(db(), view.row, spec)
    problems.say("Added. The study goes on as soon as there is a core for it.")
