"""Commands for notes, tags and stars."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from storage.database import database
from storage.notes import Note, read_note
from tests.pages.written_study import WrittenStudy
from tuning.cli.app import app


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Give each test a data folder and database of its own."""


@pytest.fixture
def study_id() -> str:
    study = WrittenStudy.waiting(database())
    study.train()
    study.complete(0)
    return study.id


def run(*arguments: str, fails: bool = False) -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))
    assert (result.exit_code != 0) == fails, result.output
    return result


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_a_note_is_written_shown_and_taken_away(study_id: str) -> None:
    assert run("note", study_id).stdout == f"{study_id}: nothing is written.\n"
    assert run("note", study_id, "**Best** [so far]").stdout == (
        f"{study_id}:\n**Best** [so far]\n"
    )
    assert run_json("note", study_id) == {
        "study": study_id,
        "trial": None,
        "note": "**Best** [so far]",
        "tags": [],
        "is_starred": False,
    }
    run("note", study_id, "")

    assert read_note(database(), study_id) == Note()


def test_a_trial_has_its_own_tags_and_star(study_id: str) -> None:
    run("tag", study_id, "Adam", "slow", "--trial", "0")
    run("tag", study_id, "slow", "--trial", "0", "--remove")
    said = run("star", study_id, "--trial", "0").stdout

    assert said == f"Trial 0 of {study_id}: ★ adam\n"
    assert read_note(database(), study_id, 0) == Note("", ("adam",), is_starred=True)
    assert not read_note(database(), study_id)

    run("star", study_id, "--trial", "0", "--remove")
    assert not read_note(database(), study_id, 0).is_starred


def test_studies_are_listed_by_tag_star_and_note(study_id: str) -> None:
    other = WrittenStudy.waiting(database()).id
    run("tag", study_id, "kept")
    run("star", other)
    run("note", other, "Diverges")

    assert [row["id"] for row in run_json("studies", "--tag", "kept")] == [study_id]
    assert [row["id"] for row in run_json("studies", "--starred")] == [other]
    assert [row["id"] for row in run_json("studies", "--find", "diverg")] == [other]


def test_what_was_written_travels_in_the_document_of_the_study(study_id: str) -> None:
    run("note", study_id, "Of the study")
    run("note", study_id, "Of the trial", "--trial", "0")
    run("tag", study_id, "kept")

    document = run_json("show", study_id)

    assert (document["study"]["note"], document["study"]["tags"]) == ("Of the study", ["kept"])
    assert document["trials"][0]["note"] == "Of the trial"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["note", "nowhere"], "There is no study 'nowhere'. It may have been deleted."),
        (["star", "nowhere"], "There is no study 'nowhere'. It may have been deleted."),
        (
            ["tag", "nowhere", "two words"],
            "'two words' is no tag. Use up to 30 letters, digits, - _ + and . only.",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments: list[str], sentence: str) -> None:
    assert run(*arguments, fails=True).stderr == f"{sentence}\n"


def test_a_trial_that_is_not_there_has_no_note(study_id: str) -> None:
    said = run("note", study_id, "x", "--trial", "7", fails=True).stderr
    assert said == f"Study '{study_id}' has no trial 7. Choose one that has been started.\n"
