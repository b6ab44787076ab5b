"""How a dropped file was read, and the widgets that change it; each change reads it anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.parts import uploads
from pages.parts.data.chosen import names_key
from pages.parts.show import escape
from tuning.datasets.files.options import (
    COLUMN_TYPES,
    COMMENTS,
    DECIMALS,
    ENCODINGS,
    MISSING,
    QUOTES,
    SEPARATORS,
    THOUSANDS,
    Options,
)
from tuning.datasets.uploads.receiving import Received

_QUOTE_WORDS = {'"': 'double, "', "'": "single, '"}
_MOST_SKIPPED = 1_000
_MISSING_HELP = "Cells with exactly one of these words have no value. Type to add another."


def read_as(file: Received) -> None:
    """Draw how a file was read, with everything that can be changed; nothing for images."""
    if file.table.images is not None:
        st.caption(escape(file.options.words), width="content")
        return
    with st.popover(
        f"Read as {escape(file.options.words)}", icon=":material/tune:", key="ds_read"
    ):
        if file.options.kind == "text":
            _draw_marks(file.options)
            _draw_lines(file.options)
        elif file.options.kind == "excel":
            _draw_sheet(file)
        if file.options.kind in ("text", "excel"):
            _draw_missing(file.options)
        _draw_type(file)


def _draw_marks(options: Options) -> None:
    left, right = st.columns(2)
    with left:
        _choose("Separator", "separator", SEPARATORS, options)
        _choose("Decimal sign", "decimal", DECIMALS, options)
        _choose("Encoding", "encoding", ENCODINGS, options)
    with right:
        _choose("Quote", "quote", {quote: _QUOTE_WORDS[quote] for quote in QUOTES}, options)
        _choose("Thousands", "thousands", THOUSANDS, options)
        marks = {mark: mark or "none" for mark in COMMENTS}
        _choose("Comment lines start with", "comment", marks, options)


def _draw_lines(options: Options) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Lines before the table",
            min_value=0,
            max_value=_MOST_SKIPPED,
            key=_mirrored("skipped", options.skipped),
            on_change=_changed,
            args=(options, "skipped"),
            width=170,
        )
        _toggle("First row has the names", "header", options)
        _toggle("Day before month: 3/4 is in April", "day_first", options)


def _draw_sheet(file: Received) -> None:
    options = file.options
    sheets = {sheet: sheet for sheet in (*file.sheets, options.sheet)}
    _choose("Sheet", "sheet", sheets, options)
    _toggle("First row has the names", "header", options)


def _draw_missing(options: Options) -> None:
    st.multiselect(
        "Words that stand for no value",
        list(dict.fromkeys((*MISSING, *options.missing))),
        format_func=lambda word: word or "(empty)",
        accept_new_options=True,
        key=_mirrored("missing", list(options.missing)),
        on_change=_changed,
        args=(options, "missing"),
        help=_MISSING_HELP,
    )


def _draw_type(file: Received) -> None:
    types = dict(file.options.types)
    left, right = st.columns(2)
    name = left.selectbox(
        "Type of column", file.table.names, key=f"ds_read_{names_key(file.table.names)}"
    )
    right.selectbox(
        "is",
        COLUMN_TYPES,
        key=_mirrored("type", types.get(name, file.table.type_of(name))),
        on_change=_type_changed,
        args=(file.options, name),
    )


def _choose(label: str, option: str, words: Mapping[str, str], options: Options) -> None:
    st.selectbox(
        label,
        list(words),
        format_func=lambda value: words.get(value, value),
        key=_mirrored(option, getattr(options, option)),
        on_change=_changed,
        args=(options, option),
    )


def _toggle(label: str, option: str, options: Options) -> None:
    st.toggle(
        label,
        key=_mirrored(option, getattr(options, option)),
        on_change=_changed,
        args=(options, option),
    )


def _mirrored(option: str, value: object) -> str:
    """Return the key of a widget that shows what is so, whatever was wanted of it before."""
    st.session_state[f"ds_read_{option}"] = value
    return f"ds_read_{option}"


def _changed(options: Options, option: str) -> None:
    uploads.want(changed_options(options, option, st.session_state[f"ds_read_{option}"]))


def changed_options(options: Options, option: str, value: Any) -> Options:  # noqa: ANN401 (as the option has)
    """Return options with one changed, and what it rules out.

    One sign cannot stand both for decimals and for thousands: the one that was set last stays.
    """
    changes: dict[str, object] = {option: tuple(value) if option == "missing" else value}
    if option == "decimal" and value == options.thousands:
        changes["thousands"] = ""
    if option == "thousands" and value == options.decimal:
        changes["decimal"] = "." if value == "," else ","
    return options.changed(**changes)


def _type_changed(options: Options, name: str) -> None:
    uploads.want_type(options, name, st.session_state["ds_read_type"])
