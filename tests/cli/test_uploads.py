"""``datasets add``, ``show`` and ``download``, for files of any kind, with choices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from storage.database import database
from storage.datasets import list_datasets
from tuning.cli.app import app
from tuning.cli.upload_words import reading_changes
from tuning.datasets.uploads.loading import upload_choices
from tuning.datasets.uploads.receiving import Changes
from tuning.errors import UploadError

N_ROWS = 60
CSV = "id;plan;size;left\n" + "".join(
    f"{i + 500};{('basic', 'plus')[i % 2]};{i % 7},5;{'yes' if i % 4 else 'no'}\n"
    for i in range(N_ROWS)
)


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Give each test a data folder and database of its own."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "churn.csv"
    path.write_text(CSV)
    return path


def run(*arguments: str, fails: bool = False) -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))
    assert (result.exit_code != 0) == fails, result.output
    return result


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_a_file_is_added_shown_and_downloaded_again(file: Path, tmp_path: Path) -> None:
    added = run_json("datasets", "add", str(file))
    shown = run_json("datasets", "show", added["id"])
    text = run("datasets", "show", added["id"]).stdout
    original, table = tmp_path / "again.csv", tmp_path / "table.csv"
    run("datasets", "download", added["id"], "--to", str(original))
    told = run_json("datasets", "download", added["id"], "--table", "--to", str(table))

    assert (added["target"], added["task"], added["n_rows"]) == ("left", "binary", N_ROWS)
    assert added["columns"] == ["plan: basic", "plan: plus", "size"]
    assert added["read_as"] == "semicolon, decimal comma, UTF-8"
    assert added["warnings"] == [warning["sentence"] for warning in shown["warnings"]]
    assert [column["summary"]["name"] for column in shown["profile"]["columns"]] == [
        "id",
        "plan",
        "size",
    ]
    assert [(warning["rule"], warning["column"]) for warning in shown["warnings"]] == [
        ("id", "id"),
        ("few rows", ""),
    ]
    assert "id is different in every row. It cannot help and is left out." in text
    assert "0.5 … 6.5" in text
    assert original.read_text() == CSV
    assert told == {"file": str(table), "bytes": table.stat().st_size}
    assert pd.read_csv(table)["size"].tolist() == [i % 7 + 0.5 for i in range(N_ROWS)]


def test_choices_and_options_are_those_asked_for(file: Path, tmp_path: Path) -> None:
    wanted = tmp_path / "choices.json"
    wanted.write_text('{"target": "plan", "columns": [{"name": "left", "role": "out"}]}')

    run(
        *("datasets", "add", str(file), "--choices", str(wanted), "--name", "mine"),
        *("--option", "separator=semicolon", "--option", "decimal=,"),
        *("--option", "type id=text"),
    )

    [row] = list_datasets(database())
    choices = upload_choices(row)
    assert (row.name, row.target) == ("mine", "plan")
    assert [column.name for column in choices.of_role("in")] == ["size"]
    assert dict(json.loads(row.options)["types"])["id"] == "text"


def test_what_cannot_be_used_is_one_sentence(file: Path, tmp_path: Path) -> None:
    run("datasets", "add", str(file))
    [row] = list_datasets(database())
    here = tmp_path / "here.csv"
    here.write_text("mine")

    unknown = run("datasets", "add", str(file), "--option", "colour=red", fails=True)
    task = run("datasets", "add", str(file), "--task", "guess", fails=True)
    taken = run("datasets", "download", row.id, "--to", str(here), fails=True)

    assert unknown.stderr.startswith("'churn.csv' cannot be read with 'colour=red'. Write ")
    assert task.stderr == (
        "'choices' cannot be used: task: Input should be 'binary', 'multiclass' or "
        + "'regression'.\n"
    )
    assert taken.stderr == (
        "'here.csv' is there already. Choose another name, or use --force.\n"
    )
    assert here.read_text() == "mine"


def test_options_are_understood_as_their_type() -> None:
    said = ["separator=tab", "header=no", "skipped=3", "missing=?,none", "type a=b=date"]

    changes = reading_changes(said, "x.csv")

    assert changes == Changes(
        (("separator", "\t"), ("header", False), ("skipped", 3), ("missing", ("?", "none"))),
        (("a=b", "date"),),
    )
    for wrong, end in (("header=maybe", "Say yes or no."), ("skipped=x", "Say how many.")):
        with pytest.raises(UploadError, match=end):
            reading_changes([wrong], "x.csv")
