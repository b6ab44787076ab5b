"""What becomes of one column, beyond what fits in a row of the table of columns."""

from __future__ import annotations

import streamlit as st

from pages.parts.data import chosen
from pages.parts.data.chosen import names_key
from pages.parts.show import escape, plural
from tuning.datasets.uploads.choices import Choices, ColumnChoice
from tuning.datasets.uploads.profile import TableProfile
from tuning.datasets.uploads.table import TypedTable

_MOST_CHOICES = 1_000
_MOST_ORDERED = 100  # lines that a person would move about
_INDICATOR_HELP = "One input more, 1 where the value is missing: that it is can tell something."
_CAP_HELP = "The most frequent choices have an input each; all others share one, other."


def one_column(table: TypedTable, profile: TableProfile, choices: Choices) -> None:
    """Draw the choices for one column that a person picks."""
    names = [column.name for column in choices.columns if column.role == "in"]
    if not names:
        return
    with st.expander("More about one column", icon=":material/view_column:", key="ds_one"):
        name = st.selectbox("Column", names, key=f"ds_one_{names_key(names)}", width=320)
        column = choices.column(name)
        _draw_summary(profile, name)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _draw_choices(column)
        if column.treatment == "ordered choice":
            _draw_order(table, column)


def _draw_summary(profile: TableProfile, name: str) -> None:
    summary = profile.column(name).summary
    facts = [f"{summary.missing:,} missing", plural(summary.distinct, "different value")]
    spread = summary.spread
    if spread is not None and summary.type == "number":
        facts.append(f"middle half {spread.lower:,.6g} to {spread.upper:,.6g}")
        facts.append(f"median {spread.median:,.6g} · mean {spread.mean:,.6g}")
    if summary.words:
        pairs = zip(summary.words, summary.counts, strict=True)
        facts.append(", ".join(f"{word}: {count:,}" for word, count in list(pairs)[:10]))
    st.caption(escape(" · ".join(facts)))


def _draw_choices(column: ColumnChoice) -> None:
    if column.treatment == "choice":
        st.number_input(
            "Choices told apart",
            min_value=1,
            max_value=_MOST_CHOICES,
            key=_mirrored("most_choices", column.most_choices),
            on_change=_changed,
            args=(column.name, "most_choices"),
            help=_CAP_HELP,
            width=170,
        )
    if column.treatment == "number":
        _toggle("0 means missing", "zeros_missing", column)
    _toggle("Tell the network where it is missing", "indicator", column, _INDICATOR_HELP)


def _toggle(label: str, field: str, column: ColumnChoice, help_text: str = "") -> None:
    st.toggle(
        label,
        key=_mirrored(field, getattr(column, field)),
        on_change=_changed,
        args=(column.name, field),
        help=help_text or None,
    )


def _draw_order(table: TypedTable, column: ColumnChoice) -> None:
    n_values = table.coded(column.name).n_values
    if n_values > _MOST_ORDERED:
        st.caption(f"{n_values:,} values, in the order of numbers or of the alphabet.")
        return
    st.text_area(
        "Order, the least first, one a line",
        key=_mirrored("order", "\n".join(column.order)),
        on_change=_order_changed,
        args=(column.name,),
        width=320,
    )


def _mirrored(field: str, value: object) -> str:
    st.session_state[f"ds_one_{field}"] = value
    return f"ds_one_{field}"


def _changed(name: str, field: str) -> None:
    chosen.change_column(name, **{field: st.session_state[f"ds_one_{field}"]})


def _order_changed(name: str) -> None:
    lines = st.session_state["ds_one_order"].split("\n")
    order = tuple(line for line in lines if line)
    chosen.change_column(name, order=order)
