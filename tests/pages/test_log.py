"""The worker's log on the study page: its lines in words, its end in view, all to download."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.study.log import line_text
from storage.database import Database, database
from tests.pages.written_study import WrittenStudy
from tuning.study_log import LogLine, StudyLog

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"
AT = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
STAMP = "2023-11-14T22:13:20Z"


@pytest.fixture
def db(home: Path) -> Database:
    """Give the database that pages open, in a data folder of its own."""
    st.cache_data.clear()
    st.cache_resource.clear()
    return database()


def open_worker_log(study_id: str) -> AppTest:
    page = AppTest.from_file(str(FRAME), default_timeout=30)
    page.switch_page(str(FRAME.with_name("study.py")))
    page.query_params["id"] = study_id
    page.query_params["tab"] = "Log"
    page.run()
    page.button_group(key="log_kind").set_value("Worker log").run()
    assert not page.exception
    return page


def test_the_lines_of_the_worker_are_shown_oldest_first(db: Database, home: Path) -> None:
    study_id = WrittenStudy.waiting(db).id
    log = StudyLog(home)
    for level, event, fields in (
        ("info", "study taken", {"fits": 36}),
        ("warning", "study failed", {"reason": "Loss *became* NaN."}),
    ):
        line = {"study": study_id, "timestamp": STAMP, "level": level, "event": event}
        log(None, level, line | fields)

    page = open_worker_log(study_id)

    assert page.code[-1].value == (
        "2023-11-14 22:13:20  study taken · fits: 36\n"
        + "2023-11-14 22:13:20  warning: study failed · reason: Loss *became* NaN."
    )
    labels = [node.proto.label for node in page.get("download_button")]
    assert "Download all" in labels


def test_a_study_without_a_worker_log_says_why(db: Database) -> None:
    page = open_worker_log(WrittenStudy.waiting(db).id)

    assert [info.value for info in page.info] == [
        "There is no worker log here: nothing was logged yet, or another machine trains "
        + "this study."
    ]
    assert "Download all" not in [node.proto.label for node in page.get("download_button")]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (LogLine(AT, "info", "worker ended", {}), "2023-11-14 23:13:20  worker ended"),
        (
            LogLine(AT, "error", "no room", {"out_of_memory": True, "left": None, "n": 1.5}),
            "2023-11-14 23:13:20  error: no room · out of memory: yes · left: – · n: 1.5",
        ),
        (
            LogLine(AT, "error", "broke off", {"exception": "Traceback:\n  in x\nValueError"}),
            "2023-11-14 23:13:20  error: broke off\n    Traceback:\n      in x\n    ValueError",
        ),
    ],
)
def test_a_line_is_written_as_a_person_reads_it(line: LogLine, text: str) -> None:
    assert line_text(line, "Europe/Berlin") == text
