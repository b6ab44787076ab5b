"""The gap chart: who may be as good as the leader, and who is surely worse."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from pages.parts.charts.gap import gap_option, gap_px
from pages.parts.show import plural
from pages.parts.study.facts import SCORES
from pages.parts.study.view import View, highlighted
from pages.parts.words import HELP
from tuning.analysis.gaps import gap_finding, gap_table, not_compared
from tuning.analysis.verdict import Judgement


def gap_chart(view: View, found: Judgement) -> None:
    """Draw the gaps of the best trials, the highlighted ones and the default settings."""
    title = gap_finding(found)
    chosen = highlighted()
    table = gap_table(found, chosen, default_trial(view, found))
    if table.empty:
        if found.leader is not None:
            st.caption(f"{title}.", help=HELP["gap"])
        return
    option = gap_option(
        table,
        title,
        SCORES[view.row.score_name],
        higher_is_better=view.row.direction == "maximize",
    )
    st.echarts_chart(option, height=gap_px(table), key="results_gap", alt=title)
    st.caption(" ".join(_sentences(found, table, chosen)), help=HELP["gap"])
    _numbers(table)


def default_trial(view: View, found: Judgement) -> int | None:
    """Return the trial with the default settings, where the study has one with a score."""
    return 0 if view.spec.include_default and 0 in found.table.index else None


def _sentences(found: Judgement, table: pd.DataFrame, chosen: list[int]) -> Iterator[str]:
    """Say what the marks are, and what is not drawn."""
    yield "Hollow: may be as good as the leader. Filled: worse."
    if table["is_default"].any():
        yield "Diamond: the default settings."
    yield "Worse is on the left; the intervals hold for all trials together, at 95 %."
    n_hidden = found.n_tied + 1 - int(table["tie"].isin(("leader", "tied")).sum())
    if n_hidden:
        yield f"{plural(n_hidden, 'more trial')} that may be as good: in the grid."
    missing = not_compared(found, chosen)
    if missing:
        numbers = ", ".join(str(number) for number in missing)
        yield f"Not compared, for want of scores: trial {numbers}."


def _numbers(table: pd.DataFrame) -> None:
    """Draw what the chart was made from; nothing is sent until somebody opens it."""
    opened = st.expander("Numbers behind this chart", key="gap_numbers", on_change="rerun")
    if opened.open:
        with opened:
            st.dataframe(
                table[["number", "gap", "low", "high", "tie"]], hide_index=True,
                height="content", alt="Numbers of the chart",
            )  # fmt: skip
