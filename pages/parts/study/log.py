"""The Log tab: what happened to a study, what its worker logged, the trials that failed."""

from __future__ import annotations

import functools

import pandas as pd
import streamlit as st

from pages.parts.show import moment
from pages.parts.state import db, timezone
from pages.parts.study.facts import settings_text
from pages.parts.study.view import View
from pages.parts.words import HELP
from storage.settings import settings
from storage.studies import events
from tuning.analysis.tables import settings_of
from tuning.study_log import LogLine, read_log, whole_log

_POLL_S = 3.0
_LOG_PX = 480
_MOST_FAILED = 500  # drawn; they are sent anew whenever one more fails
_EVENTS, _WORKER_LOG, _FAILED = "Events", "Worker log", "Failed trials"


def log_tab(view: View) -> None:
    """Draw the events, what the worker logged, or the failed trials."""
    draws = {_EVENTS: _events, _WORKER_LOG: _worker_log, _FAILED: _failed}
    kind = st.segmented_control(
        "Show", list(draws), default=_EVENTS, required=True, key="log_kind",
        label_visibility="collapsed",
    )  # fmt: skip
    draw = draws[kind]
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
        width="content",
        height="content",
        key="log_events",
        column_config={
            "Time": st.column_config.TextColumn(width=170),
            "What": st.column_config.TextColumn(width=830),
        },
        alt="What happened to the study, oldest first",
    )


def _worker_log(view: View) -> None:
    home, zone = settings().home, timezone()
    lines = read_log(home, view.id)
    if not lines:
        st.info(
            "There is no worker log here: nothing was logged yet, or another machine trains "
            + "this study.",
            icon=":material/info:",
        )
        return
    with st.container(height=_LOG_PX, autoscroll=True, key="log_worker"):
        text = "\n".join(line_text(line, zone) for line in lines)
        st.code(text, language=None, wrap_lines=True)
    st.download_button(
        "Download all",
        data=functools.partial(whole_log, home, view.id),
        file_name=f"{view.id}.jsonl",
        mime="application/jsonl",
        icon=":material/download:",
        key="log_download",
        on_click="ignore",
        help=HELP["worker_log"],
    )


def line_text(line: LogLine, timezone: str) -> str:
    """Write what a worker logged as a person reads it; a traceback follows on its own lines."""
    fields = dict(line.fields)
    trace = fields.pop("exception", "")
    said = [line.event, *(f"{_words(name)}: {_value(fields[name])}" for name in fields)]
    level = "" if line.level == "info" else f"{line.level}: "
    at = moment(line.at, timezone).strftime("%Y-%m-%d %H:%M:%S")
    first = f"{at}  {level}{' · '.join(said)}"
    return "\n".join([first, *(f"    {row}" for row in str(trace).splitlines())])


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _failed(view: View) -> None:
    with view.reader.reading() as seen:
        failed = seen.trials.in_state("FAIL")
    if not failed:
        st.info("Nothing failed.", icon=":material/check_circle:")
        return
    latest = sorted(failed, key=lambda row: row.number)[-_MOST_FAILED:]
    rows = [(row.number, settings_text(settings_of(row)), row.message) for row in latest]
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
    if len(latest) < len(failed):
        shown = f"The last {len(latest)} of {len(failed):,}."
        st.caption(f"{shown} Results lists them all, by their state.")
