"""The columns of a table: what is known of each, and what becomes of it."""

from __future__ import annotations

import datetime as dt
from typing import Any, get_args

import pandas as pd
import streamlit as st

from pages.parts.show import escape, plural
from tuning.datasets.uploads.choices import Choices, Role, Treatment
from tuning.datasets.uploads.profile import TableProfile
from tuning.datasets.uploads.summary import Summary

ROLES: tuple[Role, ...] = get_args(Role)
TREATMENTS: tuple[Treatment, ...] = get_args(Treatment)
_ROW_PX = 35
_MOST_SHOWN = 12  # rows of the table before it scrolls by itself
_N_WORDS = 3
_KNOWN = ("column", "kind", "missing", "distinct", "values", "shape", "relation")
_EPOCH = dt.datetime(1970, 1, 1)
_USE_HELP = (
    "in: an input. out: left out. time: rows are put in its order and judged on the latest. "
    + "group: rows with the same value stay in one fold."
)
_TREATMENT_HELP = (
    "As what it goes in: a number; a choice, one input for each; an ordered choice, one input "
    + "for its place; the parts of a date."
)


def edit_columns(profile: TableProfile, choices: Choices, key: str) -> None:
    """Draw the columns with Use and Treatment to change; `typed` says what was."""
    st.data_editor(
        columns_table(profile, choices),
        key=key,
        hide_index=True,
        disabled=list(_KNOWN),
        column_config=_config(profile),
        row_height=_ROW_PX,
        height=_height(len(profile.columns)),
        alt=f"{plural(len(profile.columns), 'column')} besides the target",
    )


def show_columns(profile: TableProfile, choices: Choices) -> None:
    """Draw the columns of a dataset that is kept."""
    st.dataframe(
        columns_table(profile, choices),
        key="ds_columns",
        hide_index=True,
        column_config=_config(profile),
        row_height=_ROW_PX,
        height=_height(len(profile.columns)),
        alt=f"{plural(len(profile.columns), 'column')} besides the target",
    )


def _height(n_rows: int) -> int:
    return _ROW_PX * (min(n_rows, _MOST_SHOWN) + 1) + 3


def _config(profile: TableProfile) -> dict[str, Any]:
    config = st.column_config
    relation_help = (
        f"How well the column alone foretells {escape(profile.target.name)}: "
        + f"{profile.relation_name}, from 0 to 1, on rows the model had not seen."
    )
    return {
        "column": config.TextColumn("Column", pinned=True),
        "use": config.SelectboxColumn(
            "Use", options=ROLES, required=True, help=_USE_HELP, width=70
        ),
        "treatment": config.SelectboxColumn(
            "Treatment", options=TREATMENTS, required=True, help=_TREATMENT_HELP, width=125
        ),
        "kind": config.TextColumn("Kind", width=75),
        "missing": config.NumberColumn("Missing", format="localized", width=80),
        "distinct": config.NumberColumn("Distinct", format="localized", width=80),
        "values": config.TextColumn("Range or most frequent"),
        "shape": config.BarChartColumn("Shape", y_min=0, width=110),
        "relation": config.NumberColumn(
            "Relation", format="%.2f", help=relation_help, width=80
        ),
    }


def columns_table(profile: TableProfile, choices: Choices) -> pd.DataFrame:
    """Return every column but the target as a table, a row each."""
    of_name = {column.name: column for column in choices.columns}
    summaries = [column.summary for column in profile.columns]
    return pd.DataFrame(
        {
            "column": [summary.name for summary in summaries],
            "use": [of_name[summary.name].role for summary in summaries],
            "treatment": [of_name[summary.name].treatment for summary in summaries],
            "kind": [summary.type for summary in summaries],
            "missing": [summary.missing for summary in summaries],
            "distinct": [summary.distinct for summary in summaries],
            "values": [values_text(summary) for summary in summaries],
            "shape": [list(summary.counts) for summary in summaries],
            "relation": [column.relation for column in profile.columns],
        }
    )


def values_text(summary: Summary) -> str:
    """Say between what the values of a column lie, or which are there most often."""
    if summary.type == "text":
        more = ", …" if summary.distinct > _N_WORDS else ""
        return ", ".join(summary.words[:_N_WORDS]) + more
    if summary.spread is None:
        return ""
    ends = (summary.spread.minimum, summary.spread.maximum)
    if summary.type == "yes or no":
        words = ["yes" if end else "no" for end in ends]
    elif summary.type == "date":
        words = [_day(end) for end in ends]
    else:
        words = [f"{end:,.6g}" for end in ends]
    return " … ".join(dict.fromkeys(words))


def _day(days: float) -> str:
    """Return days since 1970 as a date; years that no calendar has as a number."""
    try:
        return (_EPOCH + dt.timedelta(days=days)).date().isoformat()
    except OverflowError:
        return f"{days:,.0f} days"


def typed(key: str, n_columns: int) -> dict[int, dict[str, str]]:
    """Return what was typed into the editor of the columns; nothing that no cell offers.

    By the place of the column, and then by "role" or "treatment".
    """
    allowed = {"use": ("role", ROLES), "treatment": ("treatment", TREATMENTS)}
    rows = st.session_state.get(key, {}).get("edited_rows", {})
    return {
        int(row): {
            allowed[cell][0]: str(value)
            for cell, value in cells.items()
            if cell in allowed and value in allowed[cell][1]
        }
        for row, cells in rows.items()
        if 0 <= int(row) < n_columns
    }
