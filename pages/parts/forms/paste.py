"""The search space in and out as Python: the dialogs Paste a parameter grid and Copy."""

from __future__ import annotations

import streamlit as st

from pages.parts import show, state
from pages.parts.forms import widgets
from pages.parts.forms.draft import Fields, points_for, space_fields, space_form
from pages.parts.forms.reading import Checked
from tuning.errors import SpaceTextError
from tuning.parameters import PARAMETERS, parameters_of
from tuning.paste import Pasted, PastedRow, as_python, read_pasted
from tuning.setting import Fixed, Setting
from tuning.space import counted

PASTE, COPY = "paste", "copy"
_DIALOG = "new_dialog"
_MEANINGS = "paste_meanings"
_LEAVE_OUT = ""


def ask(dialog: str) -> None:
    """Open a dialog in the run that follows."""
    widgets.collect()
    state.remember(_DIALOG, dialog)


def is_open() -> bool:
    """Tell whether one of the dialogs is on the screen."""
    return state.recall(_DIALOG) is not None


def close() -> None:
    """Close the dialog in the run that follows."""
    state.remember(_DIALOG, None)
    state.remember(_MEANINGS, {})


def draw_dialogs(checked: Checked) -> None:
    """Draw the dialog that is open, if any."""
    asked = state.recall(_DIALOG)
    if asked == PASTE:
        _paste_dialog()
    elif asked == COPY:
        _copy_dialog(as_python(_space(checked)))


def _space(checked: Checked) -> dict[str, Setting]:
    """Return the rows that can be read, as they would be searched."""
    return {
        name: reading.setting
        for name, reading in checked.readings.items()
        if not isinstance(reading.setting, Fixed)
    }


@st.dialog("Copy as Python", on_dismiss=close)
def _copy_dialog(code: str) -> None:
    st.caption("Pasted back, it gives the same search space.")
    st.code(code, language="python")


@st.dialog("Paste a parameter grid", width="large", on_dismiss=close)
def _paste_dialog() -> None:
    if not is_open():
        st.rerun()
    left, right = st.columns(2)
    with left:
        st.text_area(
            "Python",
            height=220,
            key="paste_text",
            placeholder="param_grid = dict(batch_size=[10, 20, 40], epochs=[10, 50])",
            help="Press Ctrl+Enter or leave the field to read it.",
        )
        st.caption("Nothing is executed; only lists, numbers, ranges and text are read.")
    with right:
        pasted = _draw_reading()
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="paste_cancel", on_click=close)
        st.button(
            "Use these",
            type="primary",
            key="paste_use",
            disabled=pasted is None or not usable(pasted),
            on_click=use_pasted,
        )


def _draw_reading() -> Pasted | None:
    text = st.session_state.get("paste_text", "")
    if not text.strip():
        st.caption("What you paste is explained here.")
        return None
    try:
        pasted = _pasted()
    except SpaceTextError as error:
        st.error(show.escape(str(error)), icon=":material/error:")
        return None
    if len(pasted.groups) > 1:
        st.segmented_control(
            "Sub-grid",
            range(len(pasted.groups)),
            format_func=lambda number: f"{number + 1}",
            default=0,
            required=True,
            key="paste_group",
            help="A study searches one of them.",
        )
    for row in pasted.groups[_group(pasted)]:
        _draw_pasted_row(row)
    n_trials = Pasted((pasted.groups[_group(pasted)],)).n_trials
    st.markdown("Ranges without end" if n_trials is None else counted(n_trials, "trial"))
    return pasted


def _draw_pasted_row(row: PastedRow) -> None:
    written = f"`{row.written.replace('`', '')}`"
    if row.name is None:
        names = [p.name for p in parameters_of(widgets.value("model"))]
        st.selectbox(
            f"{written} is not a parameter here",
            [_LEAVE_OUT, *names],
            format_func=lambda name: PARAMETERS[name].label if name else "Leave out",
            key=f"paste_meaning_{row.written}",
            on_change=_mean,
            args=(row.written,),
        )
        return
    st.markdown(f"{written} {PARAMETERS[row.name].label}: {show.escape(row.shown)}")
    if row.note:
        color = "gray" if row.setting else "red"
        st.caption(f":{color}[{show.escape(row.note)}]")


def _mean(written: str) -> None:
    """Remember what a person says an unknown name means."""
    meanings = dict(state.recall(_MEANINGS) or {})
    meanings[written] = st.session_state[f"paste_meaning_{written}"]
    state.remember(_MEANINGS, meanings)


def _pasted() -> Pasted:
    meanings = {old: new for old, new in (state.recall(_MEANINGS) or {}).items() if new}
    text = str(st.session_state.get("paste_text", ""))
    return read_pasted(text, widgets.value("model"), meanings)


def _group(pasted: Pasted) -> int:
    number = st.session_state.get("paste_group") or 0
    return min(int(number), len(pasted.groups) - 1)


def usable(pasted: Pasted) -> bool:
    """Tell whether a pasted grid holds a parameter, and no value that is not allowed."""
    rows = pasted.groups[_group(pasted)]
    named = [row for row in rows if row.name is not None]
    return bool(named) and all(row.setting is not None for row in named)


def use_pasted() -> None:
    """Put the pasted grid in the place of the searched rows."""
    try:
        pasted = _pasted()
    except SpaceTextError:
        return  # the dialog says why
    if not usable(pasted):
        return
    widgets.collect()
    changes = with_pasted(widgets.current().fields, pasted.spaces[_group(pasted)])
    replace_space(changes, PASTE)
    close()


def with_pasted(fields: Fields, space: dict[str, Setting]) -> Fields:
    """Return a form's search space with the pasted one in the place of its rows.

    Fixed values that the pasted grid does not name stay.
    """
    pasted = space_form(space)
    changes: Fields = {"rows": pasted["rows"]}
    changes["explicit"] = [*dict.fromkeys([*fields["explicit"], *pasted["explicit"]])]
    for field, value in pasted.items():
        if field.split(".")[0] in space:
            changes[field] = value
    if fields["sampler"] == "grid":
        for name in pasted["rows"]:
            changes |= points_for(fields | changes, name)
    return changes


def replace_space(changes: Fields, what: str) -> None:
    """Replace the search space as a whole; Undo brings the old one back."""
    draft = widgets.current()
    before = space_fields(draft.fields)
    widgets.put(changes)
    draft.undo = {"what": what, "before": before, "after": space_fields(draft.fields)}
