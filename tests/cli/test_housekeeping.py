"""Deleting and backing up by command, and what every way in says of a newer database."""

from __future__ import annotations

import json
import os
import pty
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from storage.database import database
from storage.datasets import list_datasets
from storage.errors import NewerDatabaseError
from storage.studies import count_studies, list_studies
from storage.wishes import ask_to_stop
from tests.upload_files import save_upload
from tuning.cli.app import app
from tuning.launch import launch
from tuning.recipes import recipe
from tuning.spec import StudySpec

ROOT = Path(__file__).resolve().parents[2]
CSV = "a,b,kind\n" + "".join(f"{i},{i * i},{'yes' if i % 3 else 'no'}\n" for i in range(60))


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Give each test a data folder and database of its own."""


def run(*arguments: str, fails: bool = False) -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))
    assert (result.exit_code != 0) == fails, result.output
    return result


def run_json(*arguments: str, fails: bool = False) -> Any:
    return json.loads(run(*arguments, "--json", fails=fails).stdout)


def write_study(*, stopped: bool = True, dataset: str = "breast-cancer") -> str:
    spec = recipe("pima-sgd").spec
    data = spec.data.model_copy(update={"dataset": dataset})
    study_id = launch(database(), StudySpec.parse(spec.model_copy(update={"data": data})))
    if stopped:
        ask_to_stop(database(), study_id)
    return study_id


def answer(home: Path, text: str, *arguments: str) -> tuple[int, str]:
    """Run a command in a terminal, type an answer, and return its status and what it said."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "tuning", *arguments]
    environment = {**os.environ, "TUNEBOARD_HOME": str(home), "COLUMNS": "200"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=its, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        os.close(its)
        os.write(ours, text.encode())
        said, _ = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, said


def test_studies_that_have_ended_are_deleted() -> None:
    first, second, other = (write_study() for _ in range(3))

    assert run("delete", first, "--yes").stdout == f"{first} is deleted.\n"
    assert run_json("delete", second, second, "-y") == {"deleted": [second]}

    assert [row.id for row in list_studies(database())] == [other]


def test_a_study_that_has_not_ended_stays_and_so_do_those_beside_it() -> None:
    done, waiting = write_study(), write_study(stopped=False)
    sentence = (
        f"Study {waiting!r} is not finished (waiting), so it stays. "
        + "Stop it first, then delete it."
    )

    result = run("delete", done, waiting, "--yes", fails=True)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{sentence}\n")
    assert run_json("delete", done, waiting, "--yes", fails=True) == {"errors": [sentence]}
    assert count_studies(database()) == 2


def test_a_study_that_is_not_there_keeps_the_others() -> None:
    done = write_study()

    result = run("delete", done, "pima-9999", "--yes", fails=True)

    assert result.stderr == "There is no study 'pima-9999'. It may have been deleted.\n"
    assert count_studies(database()) == 1


def test_nothing_is_deleted_without_a_yes_where_nobody_can_be_asked() -> None:
    study_id = write_study()
    info = save_upload(database(), CSV.encode(), "own.csv", "kind")
    way_out = "There is no terminal to answer in. Add --yes to go ahead.\n"

    one = run("delete", study_id, fails=True)
    both = run("delete", study_id, write_study(), fails=True)
    table = run("datasets", "delete", info.id, fails=True)

    end = "This cannot be undone."
    assert one.stderr == f"Delete {study_id} with 0 trials? {end} {way_out}"
    assert both.stderr == f"Delete 2 studies with 0 trials? {end} {way_out}"
    assert table.stderr == f"Delete {info.id} (own)? {end} {way_out}"
    assert (count_studies(database()), len(list_datasets(database()))) == (2, 1)


@pytest.mark.slow
def test_in_a_terminal_the_answer_decides(home: Path) -> None:
    study_id = write_study()
    question = f"Delete {study_id} with 0 trials? This cannot be undone. [y/N]: "

    status, said = answer(home, "n\n", "delete", study_id)
    assert (status, said) == (1, f"{question}Aborted.\n")
    assert count_studies(database()) == 1

    status, said = answer(home, "y\n", "delete", study_id)
    assert (status, said) == (0, f"{question}{study_id} is deleted.\n")
    assert count_studies(database()) == 0


def test_an_upload_that_a_study_uses_is_refused_before_anything_is_asked() -> None:
    info = save_upload(database(), CSV.encode(), "own.csv", "kind")
    study_id = write_study(dataset=info.id)

    result = run("datasets", "delete", info.id, fails=True)

    assert result.stderr == (
        "Dataset 'own' is used by 1 study, so it stays. Delete those first.\n"
    )
    run("delete", study_id, "--yes")
    assert run_json("datasets", "delete", info.id, "--yes") == {"deleted": info.id}


def test_a_backup_says_how_to_go_back_and_what_it_does_not_hold(
    home: Path, tmp_path: Path
) -> None:
    study_id = write_study()
    copy = tmp_path / "my copy.sqlite3"

    said = run("backup", str(copy)).stdout.splitlines()

    source = home / "tuneboard.sqlite3"
    assert said == [
        f"{copy}: {copy.stat().st_size / 1e6:.1f} MB, checked.",
        "To go back to it, stop Tuneboard and its workers. Then either set "
        + f"TUNEBOARD_DATABASE_URL=sqlite:///{copy}, or put it in place: "
        + f"rm -f {source}-wal {source}-shm && cp '{copy}' {source}",
        "It holds studies, results and curves, but no files: copy "
        + f"{home / 'datasets' / 'uploads'} and {home / 'models'} as well.",
    ]
    with sqlite3.connect(copy) as plain:
        assert plain.execute("SELECT id FROM study").fetchall() == [(study_id,)]
    plain.close()


def test_a_backup_is_written_over_only_when_asked(tmp_path: Path) -> None:
    write_study()
    copy = tmp_path / "copy.sqlite3"
    run("backup", str(copy))

    again = run_json("backup", str(copy), fails=True)
    forced = run_json("backup", str(copy), "--force")

    assert "Choose another name, or write over it with --force." in again["errors"][0]
    assert forced == {"file": str(copy), "bytes": copy.stat().st_size}


def test_a_server_is_backed_up_with_its_own_program_without_telling_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUNEBOARD_DATABASE_URL", "postgresql://me:secret@host/tuneboard")

    result = run("backup", "monday.dump", fails=True)

    way = "pg_dump --format=custom --file=monday.dump postgresql://me:***@host/tuneboard"
    assert way in " ".join(result.stderr.split())
    assert "secret" not in result.output


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "start", "status"),
    [
        (["tuning", "studies"], "", 1),
        (["tuning", "delete", "pima-9999", "--yes"], "", 1),
        (["tuning", "worker", "--no-linger"], "", 1),
        (["tuning", "search", "pima-sgd"], "", 1),
        # uvicorn's status for an app that could not start
        (["streamlit", "run", "app.py", "--server.port=0"], "Tuneboard cannot start: ", 3),
    ],
)
def test_a_newer_database_is_one_sentence_without_a_traceback_for_every_way_in(
    home: Path, command: list[str], start: str, status: int
) -> None:
    with database().write() as connection:
        connection.exec_driver_sql("UPDATE tuneboard_version SET version_num = '9999'")

    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "TUNEBOARD_HOME": str(home), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == status
    assert ended.stdout == ""
    assert ended.stderr == f"{start}{NewerDatabaseError('9999')}\n"


def test_a_newer_database_can_be_backed_up(tmp_path: Path) -> None:
    write_study()
    with database().write() as connection:
        connection.exec_driver_sql("UPDATE tuneboard_version SET version_num = '9999'")

    run("backup", str(tmp_path / "copy.sqlite3"))

    with sqlite3.connect(tmp_path / "copy.sqlite3") as plain:
        assert plain.execute("SELECT version_num FROM tuneboard_version").fetchone() == (
            "9999",
        )
    plain.close()
