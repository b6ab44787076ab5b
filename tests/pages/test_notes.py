"""Notes, tags and stars on the pages: written in the head and the drawer, found at home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from storage.database import Database, database
from storage.notes import Note, read_note, set_star, write_note, write_tags
from tests.pages.study_page import FRAME, buttons, opened
from tests.pages.written_study import WrittenStudy, grid_spec


@pytest.fixture
def db(home: Path) -> Database:
    return database()


@pytest.fixture
def study(db: Database) -> WrittenStudy:
    return finished(db, "pima grid")


def finished(db: Database, name: str) -> WrittenStudy:
    written = WrittenStudy.waiting(db, grid_spec(name))
    written.train()
    written.complete(0)
    written.end()
    return written


def home_page(**query: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(FRAME), default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def field(page: AppTest, kind: str, start: str) -> Any:
    return next(node for node in page.get(kind) if str(node.key).startswith(start))


def html(page: AppTest) -> str:
    return "".join(node.proto.body for node in page.get("html"))


def listed(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value["name"]) if app.dataframe else []


def test_a_note_and_tags_are_written_in_the_head(db: Database, study: WrittenStudy) -> None:
    page = opened(study.id)
    field(page, "text_area", "note_text_").set_value("**Good** start <b>x</b>")
    field(page, "multiselect", "note_tags_").set_value(["Baseline", "pima"])
    page.button(key=f"note_save_{study.id}").click().run()

    assert not page.exception
    assert read_note(db, study.id) == Note("**Good** start <b>x</b>", ("baseline", "pima"))
    assert "<strong>Good</strong> start &lt;b&gt;x&lt;/b&gt;" in html(page)
    assert [toast.value for toast in page.toast] == ["Saved."]


def test_what_is_no_tag_is_told_and_nothing_is_written(
    db: Database, study: WrittenStudy
) -> None:
    page = opened(study.id)
    field(page, "text_area", "note_text_").set_value("kept back")
    field(page, "multiselect", "note_tags_").set_value(["two words"])
    page.button(key=f"note_save_{study.id}").click().run()

    assert "'two words' is no tag" in page.error[0].value.replace("\\", "")
    assert not read_note(db, study.id)


def test_a_star_is_a_click_and_another_one_takes_it_away(
    db: Database, study: WrittenStudy
) -> None:
    page = opened(study.id)
    star = f"star_{study.id}"
    assert page.button(key=star).label == "☆ Star"

    page.button(key=star).click().run()
    assert read_note(db, study.id).is_starred
    assert page.button(key=star).label == "★ Starred"

    page.button(key=star).click().run()
    assert not read_note(db, study.id).is_starred


def test_a_trial_has_its_own_in_the_drawer(db: Database, study: WrittenStudy) -> None:
    write_note(db, study.id, 0, "Loss still *falls*")
    page = opened(study.id, trial="0")
    assert "Loss still <em>falls</em>" in html(page)
    assert "of this trial?" in field(page, "text_area", f"note_text_{study.id}_0").placeholder

    page.button(key=f"star_{study.id}_0").click().run()

    assert read_note(db, study.id, 0) == Note("Loss still *falls*", (), is_starred=True)
    assert not read_note(db, study.id)


def test_who_only_watches_reads_and_changes_nothing(db: Database, study: WrittenStudy) -> None:
    write_note(db, study.id, None, "read me")
    page = opened(study.id, watch="1", trial="0")

    assert "read me" in html(page)
    assert not {key for key in buttons(page) if key.startswith(("star_", "note_save"))}
    assert not page.text_area


def test_home_finds_studies_by_note_tag_and_star(db: Database) -> None:
    a, b = finished(db, "first"), finished(db, "second")
    write_note(db, a.id, None, "The reference run")
    write_tags(db, b.id, 0, ["Slow"])
    set_star(db, b.id, None, is_starred=True)

    assert listed(home_page(q="reference")) == ["first"]
    assert listed(home_page(q="slow")) == ["second"]
    assert listed(home_page(tag=["slow"])) == ["second"]
    assert listed(home_page(star="true")) == ["second"]
    app = home_page(q="reference", star="true")
    assert [info.value for info in app.info] == ["No study matches 'reference'."]

    app.button(key="studies_clear").click().run()

    assert listed(app) == ["second", "first"]


def test_the_list_shows_tags_and_stars(db: Database) -> None:
    a = finished(db, "first")
    write_tags(db, a.id, None, ["kept", "old"])
    set_star(db, a.id, None, is_starred=True)

    table = home_page().dataframe[0].value

    assert list(map(list, table["tags"])) == [["kept", "old"]]
    assert table["star"].tolist() == ["★"]


def choose(app: AppTest, n_rows: int) -> AppTest:
    key = app.dataframe[0].proto.id.rsplit("-", 1)[-1]
    rows = list(range(n_rows))
    app.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return app.run()


def test_ticked_studies_lead_to_their_comparison(db: Database) -> None:
    a, b = finished(db, "first"), finished(db, "second")
    app = home_page()
    assert app.button(key="studies_compare").disabled
    assert choose(app, 1).button(key="studies_compare").disabled

    choose(app, 2).button(key="studies_compare").click().run()

    assert not app.exception
    assert app.query_params["items"] == [b.id, a.id]


def test_two_hundred_studies_take_as_many_questions_as_two(db: Database) -> None:
    def n_statements() -> int:
        sent: list[str] = []

        def keep(_c: object, _cursor: object, statement: str, *_: object) -> None:
            sent.append(statement)

        sa.event.listen(database().engine, "before_cursor_execute", keep)
        home_page()
        sa.event.remove(database().engine, "before_cursor_execute", keep)
        assert sum("FROM note" in statement for statement in sent) == 2  # of rows, all tags
        return len(sent)

    def add(n_studies: int) -> None:
        for place in range(n_studies):
            study_id = WrittenStudy.waiting(db, grid_spec(f"study {place}")).id
            write_tags(db, study_id, None, ["kept", f"t{place % 12}"])

    add(4)  # more than are drawn as cards
    few = n_statements()
    add(196)

    assert n_statements() == few
