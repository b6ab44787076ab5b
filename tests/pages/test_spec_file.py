"""A study's spec as a file: opened on the New study page, it fills the form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.forms.reading import check
from storage.database import database
from tests.export.small_study import SPEC, write_study
from tuning.export.formats import FORMATS
from tuning.launch import launch
from tuning.spec import StudySpec

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"


@pytest.fixture
def page(home: Path) -> AppTest:
    """Open the New study page through the frame."""
    opened = AppTest.from_file(str(FRAME), default_timeout=30)
    opened.run()
    opened.switch_page(str(FRAME.with_name("new_study.py"))).run()
    assert not opened.exception
    return opened


def name_of(page: AppTest) -> str:
    return str(page.text_input(key="new_name").value)


def test_an_exported_spec_fills_the_form(page: AppTest) -> None:
    db = database()
    spec = FORMATS["spec"].make(db, write_study(db))

    page.file_uploader(key="new_spec_file").upload("rates.json", spec).run()

    assert not page.exception
    assert name_of(page) == SPEC.name
    assert page.selectbox(key="new_start_from").value == "file:rates.json"


def test_where_a_search_starts_is_part_of_its_spec_and_later_trials_are_not(
    page: AppTest,
) -> None:
    document = SPEC.model_dump()
    document |= {"sampler": {"kind": "random", "n_trials": 2}}
    cell = dict(next(SPEC.grid()))
    early, late = ({"number": n, "settings": cell} for n in (int(SPEC.include_default), 3))
    spec = StudySpec.parse(document | {"by_hand": [early, late]})
    text = FORMATS["spec"].make(database(), launch(database(), spec))

    page.file_uploader(key="new_spec_file").upload("rates.json", text).run()

    found = check(page.session_state["new_draft"].fields).spec
    assert found is not None
    assert [trial.settings for trial in found.by_hand] == [cell]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no spec", "The spec is not JSON"),
        (
            json.dumps({"name": "a", "data": {"dataset": "nobody-has-it"}, "space": {
                "epochs": {"kind": "list", "values": [1, 2]}}}).encode(),
            "There is no dataset 'nobody-has-it'.",
        ),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_told_and_replaces_nothing(
    page: AppTest, content: bytes, sentence: str
) -> None:
    before = name_of(page)

    page.file_uploader(key="new_spec_file").upload("bad.json", content).run()

    assert not page.exception
    told = " ".join(str(part.value) for part in page.error).replace("\\", "")
    assert sentence in told
    assert name_of(page) == before
