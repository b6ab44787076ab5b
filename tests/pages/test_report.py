"""The report is one file that says everything, refers to nothing, and never runs a name."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.offline
import pytest

from pages.parts.report import report_html
from pages.parts.report_page import Cell, chart, table
from storage.database import Database, database
from tests.pages.study_page import opened
from tests.pages.written_study import WrittenStudy, grid_spec


class Seen(HTMLParser):
    """Collects tags with what they refer to, and the text of cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def written(db: Database, name: str = "pima grid") -> WrittenStudy:
    study = WrittenStudy.waiting(db, grid_spec(name))
    study.train()
    for number in range(11):
        study.complete(number)
    study.fail(11, "Loss became NaN. <b>Lower</b> it.")
    study.end()
    return study


def read(db: Database, study_id: str) -> tuple[str, Seen]:
    """Return the report without Plotly's own source, and what a browser sees of it."""
    report = report_html(db, study_id).decode().replace(plotly.offline.get_plotlyjs(), "")
    seen = Seen()
    seen.feed(report)
    return report, seen


def test_the_report_has_every_section_and_every_trial(db: Database) -> None:
    study = written(db)

    report, seen = read(db, study.id)

    heads = re.findall(r"<h2>(.*?)</h2>", report)
    assert heads == [
        "How far trials are from the leader", "Which settings matter", "Learning curves",
        "All trials", "Settings", "How it was evaluated", "Versions",
    ]  # fmt: skip
    assert "Trial 0 has the best score, accuracy 0.90" in seen.text
    assert len(re.findall(r'<tr><td class="number" data-value="\d+\.0">', report)) == 12
    assert "Needs 20 trials in the space; 11 have finished." in seen.text


def test_the_report_refers_to_no_network_and_holds_plotly(db: Database) -> None:
    study = written(db)

    _, seen = read(db, study.id)

    assert seen.addresses == []
    assert not {"link", "img", "iframe"} & set(seen.tags)
    assert plotly.offline.get_plotlyjs() in report_html(db, study.id).decode()


def test_names_and_messages_are_text_and_never_markup(db: Database) -> None:
    study = written(db, "<script>alert(1)</script> & </title>")

    report, seen = read(db, study.id)

    assert "<script>alert(1)" not in report
    assert "<script>alert(1)</script> & </title>" in seen.text
    assert "b" not in seen.tags[seen.tags.index("table") :]
    assert "<b>Lower</b> it." in seen.text


def test_charts_are_data_that_no_text_can_leave() -> None:
    import plotly.graph_objects as go

    figure = go.Figure(layout={"title": {"text": "</script><b>"}})

    written_as = chart(figure, "one", 300)

    data = re.findall(r'id="one">(.*)</script>', written_as)[0]
    assert "<" not in data
    found: dict[str, Any] = json.loads(data)
    assert found["layout"]["title"]["text"] == "</script><b>"


def test_cells_are_sorted_by_their_numbers() -> None:
    text = table(["Score <1"], [[Cell("1,000", 1000.0)], [Cell("<b>")]], sortable=True)

    assert '<th scope="col"><button>Score &lt;1</button></th>' in text
    assert '<td class="number" data-value="1000.0">1,000</td>' in text
    assert "<td>&lt;b&gt;</td>" in text


def test_a_study_without_trials_has_a_report(db: Database) -> None:
    study = WrittenStudy.waiting(db)

    _, seen = read(db, study.id)

    assert "All trials" in seen.text


def test_the_study_page_offers_every_form(home: Path) -> None:
    study = written(database())

    page = opened(study.id, tab="Results")

    labels = {node.proto.label for node in page.get("download_button")}
    assert {
        "Report (HTML)", "Trials as Parquet", "cv_results_ as JSON", "TensorBoard logs",
        "Optuna study", "Spec as JSON", "Trials as CSV", "Everything as JSON",
    } <= labels  # fmt: skip


@pytest.mark.parametrize("number", [0, 3])
def test_the_best_model_page_offers_the_script_of_the_trial(home: Path, number: int) -> None:
    study = written(database())

    page = opened(study.id, tab="Best model")
    if number:
        page.button_group(key="best_pick").set_value("other").run()
        page.selectbox(key="best_trial").set_value(number).run()

    assert "Download the training script (.py)" in [
        node.proto.label for node in page.get("download_button")
    ]
