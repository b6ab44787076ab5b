"""Section 3 of the New study page: the search-space editor, a row of widgets a parameter."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts import problems, show
from pages.parts.forms import paste, widgets
from pages.parts.forms.draft import (
    Fields,
    kinds_of,
    points_for,
    row_fields,
    space_fields,
    with_sampler,
)
from pages.parts.forms.reading import Checked, fixed_of, read_row, rows_of
from pages.parts.forms.samplers import SAMPLER_HELP, WITH_STARTUP
from tuning.errors import ParameterError, SpecError
from tuning.parameters import OFF, PARAMETERS, Parameter, parameters_of
from tuning.setting import Fixed, Setting, grid_values, n_values
from tuning.space import write_setting

_KINDS: Mapping[str, str] = {
    "fixed": "Fixed",
    "list": "List",
    "range": "Range",
    "log_range": "Log range",
}
_FIX, _DEFAULT, _REMOVE = "Fix it", "Back to default", "Remove"
_COPY, _RESET = "Copy as Python", "Reset"
_LONGEST_SUMMARY = 100


def draw_space(checked: Checked) -> None:
    """Draw the section."""
    with st.container(border=True, key="new_section_space", gap="xsmall"):
        _draw_head()
        _draw_sampler()
        for name in rows_of(widgets.current().fields):
            _draw_row(PARAMETERS[name], checked)
        _draw_add()
        _draw_fixed(checked)
        widgets.draw_messages(checked, "space")


def _draw_head() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("3 Search space", anchor=False, width="stretch")
        st.button(
            "Paste a Python dict",
            icon=":material/content_paste:",
            key="space_paste",
            on_click=paste.ask,
            args=(paste.PASTE,),
        )
        st.menu_button(
            ":material/more_vert:",
            [_COPY, _RESET, *_undo()],
            key="space_menu",
            help="More for the search space",
            on_click=_use_menu,
        )


def _undo() -> list[str]:
    """Return the menu's way back, if what was replaced is still as it was left."""
    draft = widgets.current()
    if draft.undo is None or not draft.can_undo:
        return []
    return [f"Undo {draft.undo.get('what', paste.PASTE)}"]


def _draw_sampler() -> None:
    sampler = widgets.value("sampler")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Sampler",
            list(show.SAMPLERS),
            format_func=show.SAMPLERS.__getitem__,
            key=widgets.bind("sampler"),
            required=True,
            help="Decides which settings to try next.  \n" + _sampler_lines(),
            on_change=_sampler_changed,
        )
        if sampler != "grid":
            st.number_input(
                "Trials",
                min_value=1,
                max_value=10_000,
                step=10,
                key=widgets.bind("n_trials"),
                help="Settings to try.",
                width=140,
            )
        if sampler in WITH_STARTUP:
            st.number_input(
                "Start-up trials",
                min_value=1,
                max_value=1000,
                key=widgets.bind("n_startup_trials"),
                help="Drawn at random before anything is learnt.",
                width=140,
            )
    st.caption(SAMPLER_HELP[sampler])


def _sampler_lines() -> str:
    return "  \n".join(
        f"**{show.SAMPLERS[name]}**: {text}" for name, text in SAMPLER_HELP.items()
    )


def _sampler_changed() -> None:
    widgets.collect()
    fields = widgets.current().fields
    changes = with_sampler(fields, fields["sampler"])
    widgets.put(changes)
    if any(field.endswith(".points") and text for field, text in changes.items()):
        problems.say("A grid needs a list of each range: they got 5 points.")


def _draw_row(parameter: Parameter, checked: Checked) -> None:
    name = parameter.name
    reading = checked.readings.get(name)
    kind = widgets.value(f"{name}.kind")
    with st.container(gap=None, key=f"space_row_{name}"):
        with st.container(
            horizontal=True, vertical_alignment="center", gap="xsmall", key=f"space_{name}"
        ):
            st.markdown(parameter.label, width=160, help=f"{parameter.help} `{name}`")
            st.selectbox(
                f"{parameter.label}, kind",
                kinds_of(parameter),
                format_func=_KINDS.__getitem__,
                key=widgets.bind(f"{name}.kind"),
                label_visibility="collapsed",
                on_change=_kind_changed,
                args=(name,),
                width=120,
            )
            with st.container(
                horizontal=True, vertical_alignment="center", gap="xsmall", width="stretch"
            ):
                _draw_values(parameter, kind)
            setting = reading.setting if reading else None
            st.markdown(_count(name, setting), width=32)
            st.menu_button(
                ":material/more_vert:",
                [_FIX, _DEFAULT, _REMOVE],
                key=f"space_{name}_menu",
                help=f"More for {parameter.label.lower()}",
                on_click=_use_row_menu,
                args=(name,),
                type="tertiary",
            )
        _draw_row_line(name, checked)


def _draw_row_line(name: str, checked: Checked) -> None:
    reading = checked.readings.get(name)
    warnings = list(checked.warnings.get(f"space.{name}", ()))
    parts: list[str] = []
    if reading is not None:
        warnings += reading.warnings
        parts = [reading.shown, *reading.notes]
    quiet = " · ".join(part for part in parts if part)
    widgets.draw_line(checked.problems.get(f"space.{name}", ()), warnings, quiet)


def _count(name: str, setting: Setting | None) -> str:
    if setting is None or isinstance(setting, Fixed):
        return "–"
    count = n_values(name, setting)
    return "∞" if count is None else f"{count:,}"


def _draw_values(parameter: Parameter, kind: str) -> None:
    if kind == "fixed":
        _draw_fixed_value(parameter)
    elif kind == "list":
        _draw_list(parameter)
    else:
        _draw_range(parameter, kind)


def _draw_fixed_value(parameter: Parameter) -> None:
    field = f"{parameter.name}.fixed"
    label = f"{parameter.label}, value"
    if parameter.kind == "choice":
        st.selectbox(
            label,
            parameter.options,
            format_func=lambda option: _option_text(parameter, option),
            key=widgets.bind(field),
            label_visibility="collapsed",
        )
        return
    st.text_input(
        label, key=widgets.bind(field), live=widgets.LIVE, label_visibility="collapsed"
    )


def _draw_list(parameter: Parameter) -> None:
    field = f"{parameter.name}.list"
    label = f"{parameter.label}, values"
    if parameter.kind == "choice":
        st.multiselect(
            label,
            parameter.options,
            format_func=lambda option: _option_text(parameter, option),
            key=widgets.bind(field),
            placeholder="Choose…",
            label_visibility="collapsed",
        )
        return
    st.text_input(
        label,
        key=widgets.bind(field),
        live=widgets.LIVE,
        placeholder=parameter.example,
        label_visibility="collapsed",
    )


def _option_text(parameter: Parameter, option: str) -> str:
    return parameter.none_means or option if option == OFF else option


def _draw_range(parameter: Parameter, kind: str) -> None:
    """Draw a range as it is said: from … to … step … points …."""
    words = {"low": "from", "high": "to"}
    in_grid = widgets.value("sampler") == "grid"
    if kind == "range":
        words["step"] = "step"
    if in_grid or widgets.value(f"{parameter.name}.points"):
        words["points"] = "points"
    for part, word in words.items():
        st.markdown(word, width="content")
        st.text_input(
            f"{parameter.label}, {word}",
            key=widgets.bind(f"{parameter.name}.{part}"),
            live=widgets.LIVE,
            placeholder="any" if part == "step" else "",
            label_visibility="collapsed",
            width=92 if part in ("low", "high") else 64,
        )


def _kind_changed(name: str) -> None:
    widgets.collect()
    fields = widgets.current().fields
    if fields["sampler"] == "grid":
        widgets.put(points_for(fields, name))


def _use_row_menu(name: str) -> None:
    widgets.collect()
    fields = widgets.current().fields
    chosen = st.session_state[f"space_{name}_menu"]
    if chosen == _DEFAULT:
        widgets.put(started_with(widgets.current().start, name))
        return
    rows = {"rows": [other for other in fields["rows"] if other != name]}
    widgets.put(rows | (fixed_at_first(fields, name) if chosen == _FIX else _unset(name)))


def started_with(start: Fields, name: str) -> Fields:
    """Return a row as the page began with it."""
    parts = row_fields(PARAMETERS[name])
    return {field: start[field] for field in parts}


def fixed_at_first(fields: Fields, name: str) -> Fields:
    """Return a row fixed at the first of its values; as it was where they cannot be read."""
    field = f"{name}.fixed"
    try:
        setting = read_row(fields, name).setting
    except (ParameterError, SpecError):
        return {}
    values = grid_values(name, setting)
    if values:
        return {field: write_setting(name, Fixed(value=values[0]))}
    low = setting.low if not isinstance(setting, Fixed) else None  # type: ignore[union-attr]
    return {field: write_setting(name, Fixed(value=low))}


def _unset(name: str) -> Fields:
    field = f"{name}.fixed"
    return {field: row_fields(PARAMETERS[name])[field]}


def _draw_add() -> None:
    fields = widgets.current().fields
    taken = rows_of(fields)
    free = [p for p in parameters_of(fields["model"]) if p.name not in taken]
    names = [parameter.name for parameter in sorted(free, key=lambda p: _GROUPS.index(p.group))]
    st.selectbox(
        "Search another parameter",
        names,
        index=None,
        format_func=lambda name: f"{PARAMETERS[name].group}: {PARAMETERS[name].label}",
        placeholder="Search another parameter",
        key="space_add",
        on_change=_add_chosen,
        label_visibility="collapsed",
        width=320,
    )


_GROUPS = list(dict.fromkeys(parameter.group for parameter in PARAMETERS.values()))


def _add_chosen() -> None:
    name = st.session_state["space_add"]
    st.session_state["space_add"] = None
    if name is not None:
        search(name)


def search(name: str) -> None:
    """Give a parameter a row of its own."""
    widgets.collect()
    fields = widgets.current().fields
    rows = [other for other in fields["rows"] if other != name]
    changes: Fields = {"rows": [*rows, name]}
    if fields[f"{name}.kind"] == "fixed":
        changes[f"{name}.kind"] = "list"
    widgets.put(changes)
    if fields["sampler"] == "grid":
        widgets.put(points_for(fields, name))


def _draw_fixed(checked: Checked) -> None:
    parameters = fixed_of(widgets.current().fields)
    expander = st.expander("Fixed", key="space_fixed", on_change="rerun")
    if expander.open:
        with expander:
            for parameter in parameters:
                _draw_fixed_row(parameter, checked)
        return
    told = [t for p in parameters for t in checked.problems.get(f"space.{p.name}", ())]
    widgets.draw_line(told, (), _summary(parameters))


def _draw_fixed_row(parameter: Parameter, checked: Checked) -> None:
    name = parameter.name
    with st.container(gap=None, key=f"space_row_{name}"):
        with st.container(
            horizontal=True, vertical_alignment="center", gap="xsmall", key=f"space_{name}"
        ):
            st.markdown(parameter.label, width=200, help=f"{parameter.help} `{name}`")
            with st.container(width="stretch"):
                _draw_fixed_value(parameter)
            st.button("Search this", key=f"space_{name}_search", on_click=search, args=(name,))
        told = checked.problems.get(f"space.{name}", ())
        warned = checked.warnings.get(f"space.{name}", ())
        if told or warned:
            widgets.draw_line(told, warned, "")


def _summary(parameters: list[Parameter]) -> str:
    """Return the fixed values in one line, the ones that differ from their default first.

    What is off is left out, unless it usually is on.
    """
    written = {p: widgets.value(f"{p.name}.fixed") for p in parameters}
    usual = {p: row_fields(p)[f"{p.name}.fixed"] for p in parameters}
    shown = [p for p in parameters if written[p] != "off" or usual[p] != "off"]
    order = sorted(shown, key=lambda p: written[p] == usual[p])
    text = " · ".join(f"{p.label.lower()} {written[p]}" for p in order)
    return text if len(text) <= _LONGEST_SUMMARY else f"{text[: _LONGEST_SUMMARY - 1]}…"


def _use_menu() -> None:
    widgets.collect()
    chosen, draft = st.session_state["space_menu"], widgets.current()
    if chosen == _COPY:
        paste.ask(paste.COPY)
    elif chosen == _RESET:
        paste.replace_space(space_fields(draft.start), "reset")
        problems.say("Search space reset. Undo is in the menu.")
    elif draft.undo is not None:
        widgets.put(draft.undo["before"])
        draft.undo = None
