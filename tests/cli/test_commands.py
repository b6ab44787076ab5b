"""The commands that need no training: for people as tables, for scripts as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from storage.database import database
from storage.leases import claim_study, update_claimed
from storage.results import Batch, FitRow, TrialRow, write_batch
from storage.studies import FINISHED, get_study, list_studies
from tuning.cli.app import app
from tuning.digits import with_error
from tuning.export.files import model_folder
from tuning.judging import judge_study
from tuning.launch import launch
from tuning.recipes import RECIPES, with_sealed_test
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


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def write_study(trainers: Sequence[str] = ("", "")) -> str:
    """Write a finished study of two complete trials, tied, and a failed one."""
    queued = run_json(
        "search", "pima-batch-epochs", "--background", "--set", "data.dataset=breast-cancer"
    )
    study_id = str(queued["study"])
    claim = claim_study(database(), "worker", study_id)
    assert claim is not None
    params = [{"batch_size": 10, "epochs": n} for n in (10, 50, 100)]
    trials = [
        TrialRow(0, "COMPLETE", params[0], 0.61, 0.02, 10, 1.5, 121),
        TrialRow(1, "COMPLETE", params[1], 0.72, 0.01, 50, 3.0, 121),
        TrialRow(2, "FAIL", params[2], message="Loss became NaN [at once]."),
    ]
    scores = [(0.59, 0.63, 0.61), (0.71, 0.73, 0.72)]
    fits = [
        FitRow(number, 0, fold, "COMPLETE", score, trainer=trainer)
        for number, trainer in enumerate(trainers)
        for fold, score in enumerate(scores[number])
    ]
    best = {"best_number": 1, "best_score": 0.72, "best_half_width": 0.01, "n_trials_done": 3}
    write_batch(database(), claim, Batch(trials=trials, fits=fits, study=best))
    update_claimed(database(), claim, state=FINISHED, started_at=1.0)
    return study_id


def test_recipes_are_listed_with_their_size() -> None:
    listed = run_json("recipes")

    assert [entry["name"] for entry in listed] == list(RECIPES)
    assert (listed[0]["n_trials"], listed[0]["n_fits"]) == (18, 54)
    text = run("recipes").stdout
    for name in RECIPES:
        assert name in text


@pytest.mark.parametrize("arguments", [["datasets"], ["datasets", "list"]])
def test_datasets_are_listed(arguments: list[str]) -> None:
    listed = {entry["id"]: entry for entry in run_json(*arguments)}

    assert {"pima", "mnist", "california", "breast-cancer", "digits", "diabetes"} <= set(listed)
    assert (listed["pima"]["n_rows"], listed["pima"]["n_studies"]) == (768, 0)
    assert "breast-cancer" in run(*arguments).stdout


def test_one_dataset_is_shown() -> None:
    shown = run_json("datasets", "show", "california")

    assert (shown["n_rows"], shown["n_inputs"], shown["task"]) == (20_640, 8, "regression")
    assert "california" in run("datasets", "show", "california").stdout


def test_a_file_becomes_a_dataset_until_it_is_deleted(tmp_path: Path) -> None:
    file = tmp_path / "own file.csv"
    file.write_text(CSV)

    added = run_json("datasets", "add", str(file), "--target", "kind", "--name", "[own]")

    assert (added["title"], added["n_rows"], added["n_inputs"]) == ("[own]", 60, 2)
    assert added["id"] in [entry["id"] for entry in run_json("datasets", "list")]
    assert "[own]" in run("datasets", "list").stdout
    assert run_json("datasets", "delete", added["id"], "--yes") == {"deleted": added["id"]}
    assert added["id"] not in [entry["id"] for entry in run_json("datasets", "list")]


def test_adding_and_deleting_are_told_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(CSV)

    added = run("datasets", "add", str(file), "--target", "kind").stdout
    dataset_id = added.partition(":")[0]

    assert added == f"{dataset_id}: 60 rows, predicts kind.\n"
    assert (
        run("datasets", "delete", dataset_id, "--yes").stdout == f"{dataset_id} is deleted.\n"
    )


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    result = run("datasets", "add", str(tmp_path / "no.csv"), "--target", "x", fails=True)

    assert result.stdout == ""
    assert result.stderr == "'no.csv' cannot be read: No such file or directory.\n"


def test_the_catalogue_is_not_deleted() -> None:
    result = run("datasets", "delete", "pima", "--yes", fails=True)

    assert "There is no uploaded dataset 'pima'." in result.stderr


def test_a_search_in_the_background_waits_for_a_worker() -> None:
    queued = run_json("search", "pima-sgd", "--background", "--set", "seed=3")

    row = get_study(database(), queued["study"])
    assert queued == {"study": row.id, "state": "waiting"}
    assert row.n_fits_planned == 90
    assert StudySpec.parse(row.spec).seed == 3


def test_a_sealed_search_tries_the_default_settings_and_confirms() -> None:
    published = run_json("search", "pima-batch-epochs", "--background")["study"]
    sealed = run_json("search", "pima-batch-epochs", "--sealed", "--background")["study"]

    rows = {study_id: get_study(database(), study_id) for study_id in (published, sealed)}
    assert StudySpec.parse(rows[sealed].spec) == with_sealed_test(
        RECIPES["pima-batch-epochs"].spec
    )
    assert rows[published].n_trials_planned == 18
    assert rows[sealed].n_trials_planned == 19


def test_what_is_set_goes_before_what_is_sealed() -> None:
    queued = run_json(
        "search", "pima-sgd", "--sealed", "--background", "--set", "data.test_fraction=0.3"
    )

    assert (
        StudySpec.parse(get_study(database(), queued["study"]).spec).data.test_fraction == 0.3
    )


def test_a_queued_search_says_how_to_see_it() -> None:
    text = run("search", "pima-sgd", "--background").stdout

    (row,) = list_studies(database())
    way = f"python -m tuning show {row.id}"
    assert " ".join(text.split()) == f"{row.id} waits for a worker. See it with: {way}"


def test_every_mistake_is_a_line_for_people_and_an_entry_for_scripts() -> None:
    mistakes = ["--set", "seed=-1", "--set", "data.test_fraction=2", "--set", "modle=dense"]

    result = run("search", "pima-sgd", "--background", *mistakes, fails=True)
    as_json = run("search", "pima-sgd", "--background", *mistakes, "--json", fails=True)

    assert len(json.loads(as_json.stdout)["errors"]) == 3
    assert "modle is not a field of a spec." in result.stderr
    assert (result.exit_code, result.stdout) == (1, "")
    assert list_studies(database()) == []


def test_a_spec_that_does_not_fit_its_data_is_not_queued() -> None:
    change = "evaluation.score=rmse"

    result = run("search", "pima-sgd", "--background", "--set", change, fails=True)

    assert result.stderr.startswith("Score: rmse needs a number")
    assert list_studies(database()) == []


def test_studies_are_listed_newest_first_and_found_by_name() -> None:
    finished = write_study()
    waiting = run_json("search", "pima-sgd", "--background")["study"]

    assert [entry["id"] for entry in run_json("studies")] == [waiting, finished]
    assert [entry["id"] for entry in run_json("studies", "--find", "batch")] == [finished]
    text = run("studies").stdout
    assert "trial 1: accuracy 0.720 ± 0.010" in text
    assert "3/18" in text
    assert "and 1 older ones; use --limit to see more." in run("studies", "--limit", "1").stdout


def rows_of(lines: list[str]) -> list[list[str]]:
    """Return the words of each row of a printed table that begins with a trial's number."""
    words = [line.split() for line in lines if not line.startswith(" ")]
    return [row for row in words if row and row[0].isdecimal()]


def test_a_study_is_shown_best_first() -> None:
    study_id = write_study()

    lines = run("show", study_id).stdout.splitlines()

    assert [row[0] for row in rows_of(lines)] == ["1", "0", "2"]
    assert "Loss became NaN [at once]." in "".join(lines)
    said = " ".join(" ".join(lines).split())
    assert f"{study_id}: finished. Best: trial 1: accuracy 0.720 ± 0.010. " in said
    judged = judge_study(database(), study_id)
    assert judged.sentence in said
    assert "cannot be told: " in judged.sentence  # one trial of three failed


def test_a_winner_is_shown_with_what_it_may_score_on_new_data() -> None:
    study_id = write_nine()

    lines = run("show", study_id).stdout
    document = run_json("show", study_id)

    said = " ".join(lines.split())
    found = judge_study(database(), study_id).found
    assert found.expected is not None
    assert "Trial 8 is better than all others: accuracy 0.950 ± " in said
    # Trial 8 wins without each fold too, so that no optimism shows.
    assert found.leader == 8
    assert found.expected.mean == pytest.approx(0.95)
    assert f"Expected on new data: {with_error(0.95, found.expected.half_width)}." in said
    assert document["verdict"] == json.loads(json.dumps(judged_document(study_id)))
    assert document["verdict"]["kind"] == "leads"
    assert document["sealed_test"] is None


def judged_document(study_id: str) -> Any:
    return judge_study(database(), study_id).document


def write_nine() -> str:
    """Write a finished study of nine trials, the last of them far ahead on every fold."""
    spec = {
        "name": "nine",
        "data": {"dataset": "breast-cancer"},
        "space": {"n_neurons": {"kind": "list", "values": list(range(1, 10))}},
    }
    study_id = launch(database(), StudySpec.parse(spec))
    claim = claim_study(database(), "worker", study_id)
    assert claim is not None
    noise = (0.002, -0.004, 0.0, 0.004, -0.002)
    means = [0.80 + 0.01 * number for number in range(8)] + [0.95]
    trials = [
        TrialRow(number, "COMPLETE", {"n_neurons": number + 1}, mean, 0.003)
        for number, mean in enumerate(means)
    ]
    fits = [
        FitRow(number, 0, fold, "COMPLETE", mean + off * (1 + number % 3))
        for number, mean in enumerate(means)
        for fold, off in enumerate(noise)
    ]
    write_batch(database(), claim, Batch(trials=trials, fits=fits))
    update_claimed(database(), claim, state=FINISHED, started_at=1.0)
    return study_id


def test_how_a_study_was_trained_is_told_once_or_where_trials_differ_for_each() -> None:
    alike, mixed = write_study(["stacked", "stacked"]), write_study(["keras", "stacked"])

    text, table = run("show", alike).stdout, run("show", mixed).stdout

    assert "Trainer: many fits at once." in " ".join(text.split())
    rows = {row[0]: row for row in rows_of(table.splitlines())}
    assert "Trainer: many" not in " ".join(table.split())
    assert "Model.fit" in rows["0"]
    assert "many" in rows["1"]
    trials = run_json("show", mixed)["trials"]
    assert [trial["trainer"] for trial in trials] == ["keras", "stacked", ""]


def test_a_study_as_json_has_what_scripts_need() -> None:
    document = run_json("show", write_study())

    assert set(document) >= {"study", "spec", "trials", "best", "seconds"}
    assert document["best"]["number"] == 1
    wanted = {"number", "state", "params", "score", "search_score", "fold_scores", "duration_s"}
    assert all(set(trial) >= wanted for trial in document["trials"])


def test_the_score_of_a_minimized_study_is_shown_smallest_first() -> None:
    queued = run_json(
        "search", "pima-sgd", "--background", "--set", "evaluation.score=log_loss"
    )
    claim = claim_study(database(), "worker", queued["study"])
    assert claim is not None
    trials = [TrialRow(n, "COMPLETE", {}, score) for n, score in enumerate([0.7, 0.5, 0.6])]
    write_batch(database(), claim, Batch(trials=trials))

    lines = run("show", queued["study"]).stdout.splitlines()

    assert [row[0] for row in rows_of(lines)] == ["1", "2", "0"]
    assert "Message" not in lines[0]  # none of the trials has one


def test_an_export_writes_tables_documents_and_the_model(home: Path, tmp_path: Path) -> None:
    study_id, target = write_study(), tmp_path / "out"
    folder = model_folder(home, study_id)
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"model")
    (folder / "model.json").write_text("{}")

    exported = run_json("export", study_id, "--out", str(target))

    names = ["trials.csv", "fits.csv", "study.json", "spec.json", "model.keras", "model.json"]
    assert exported == {"study": study_id, "files": [str(target / name) for name in names]}
    assert (target / "trials.csv").read_text().count("\n") == 1 + 3
    StudySpec.parse((target / "spec.json").read_text())
    assert (target / "model.keras").read_bytes() == b"model"


def test_an_export_without_a_model_names_the_files_it_wrote(tmp_path: Path) -> None:
    study_id, target = write_study(), tmp_path / "out"

    lines = run("export", study_id, "--out", str(target)).stdout.splitlines()

    names = ["trials.csv", "fits.csv", "study.json", "spec.json"]
    assert lines == [str(target / name) for name in names]
    assert {path.name for path in target.iterdir()} == set(names)


@pytest.mark.parametrize("command", ["show", "export"])
def test_a_study_that_is_not_there_is_one_sentence(command: str) -> None:
    sentence = "There is no study 'pima-9999'. It may have been deleted."

    result = run(command, "pima-9999", fails=True)
    as_json = run(command, "pima-9999", "--json", fails=True)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"{sentence}\n")
    assert json.loads(as_json.stdout) == {"errors": [sentence]}


def test_a_narrow_terminal_still_shows_ids_whole() -> None:
    study_id = write_study()

    narrow = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["studies"])

    assert study_id in narrow.stdout


@pytest.mark.slow
def test_no_command_that_only_reads_imports_tensorflow() -> None:
    code = "import sys, tuning.cli.app; print(*{'tensorflow', 'keras'} & set(sys.modules))"

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == ""
