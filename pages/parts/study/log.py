"""The Log tab: what happened to a study, and the trials that failed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts.show import moment
from pages.parts.state import db, timezone
from pages.parts.study.facts import settings_text
from pages.parts.study.view import View
from storage.studies import events
from tuning.analysis.tables import settings_of

_POLL_S = 3.0
_EVENTS, _FAILED = "Events", "Failed trials"


def log_tab(view: View) -> None:
    """Draw the events, or the failed trials."""
    kind = st.segmented_control(
        "Show", [_EVENTS, _FAILED], default=_EVENTS, required=True, key="log_kind",
        label_visibility="collapsed",
    )  # fmt: skip
    draw = _failed if kind == _FAILED else _events
    st.fragment(draw, run_every=None if view.poll_s is None else _POLL_S, key="study_log")(view)


def _events(view: View) -> None:
    zone = timezone()
    rows = [
        (moment(row["at"], zone).strftime("%Y-%m-%d %H:%M:%S"), row["text"])
        for row in events(db(), view.id)
    ]
    st.dataframe(
        pd.DataFrame(rows, columns=["Time", "What"]),
        hide_index=True,
        height="content",
        key="log_events",
        column_config={"Time": st.column_config.TextColumn(width=170)},
        alt="What happened to the study, oldest first",
    )


def _failed(view: View) -> None:
    with view.reader.reading() as seen:
        failed = [row for row in seen.trials.values() if row.state == "FAIL"]
    if not failed:
        st.info("Nothing failed.", icon=":material/check_circle:")
        return
    rows = [
        (row.number, settings_text(settings_of(row)), row.message)
        for row in sorted(failed, key=lambda row: row.number)
    ]
    st.dataframe(
        pd.DataFrame(rows, columns=["Trial", "Settings", "What went wrong"]),
        hide_index=True,
        key="log_failed",
        column_config={
            "Trial": st.column_config.NumberColumn(width=70),
            "What went wrong": st.column_config.TextColumn(width="large"),
        },
        alt="Failed trials with what went wrong",
    )
