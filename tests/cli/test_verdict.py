"""Commands after a search: confirm, skip it, keep models, open the sealed test, refine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from storage.database import database
from storage.leases import claim_study, update_claimed
from storage.results import Batch, FitRow, TrialRow, write_batch
from storage.studies import FINISHED, get_study
from storage.wishes import ask_to_confirm, open_test
from tuning.cli.app import app
from tuning.export.files import model_folder
from tuning.launch import launch
from tuning.refined import propose
from tuning.sealed import opened_test, sealed_sentence
from tuning.spec import StudySpec


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Give each test a data folder and database of its own."""


def run(*arguments: str, fails: bool = False) -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))
    assert (result.exit_code != 0) == fails, result.output
    return result


def run_json(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def write(state: str = FINISHED, **changes: Any) -> str:
    """Write a study of four sizes, the first of which failed."""
    spec = StudySpec.parse(
        {
            "name": "units",
            "data": {"dataset": "breast-cancer", "test_fraction": 0.2},
            "space": {"n_neurons": {"kind": "list", "values": [8, 16, 32, 64]}},
        }
        | changes
    )
    study_id = launch(database(), spec)
    claim = claim_study(database(), "worker", study_id)
    assert claim is not None
    trials = [TrialRow(0, "FAIL", {"n_neurons": 8}, message="Loss became NaN.")]
    trials += [
        TrialRow(n, "COMPLETE", {"n_neurons": 8 * 2**n}, 0.6 + 0.1 * n, 0.002)
        for n in (1, 2, 3)
    ]
    noise = (0.001, -0.002, 0.0, 0.002, -0.001)[: spec.evaluation.n_folds]
    fits = [
        FitRow(n, 0, fold, "COMPLETE", 0.6 + 0.1 * n + off * n)
        for n in (1, 2, 3)
        for fold, off in enumerate(noise)
    ]
    write_batch(database(), claim, Batch(trials=trials, fits=fits))
    update_claimed(database(), claim, state=state)
    return study_id


def asked(study_id: str) -> Any:
    return json.loads(get_study(database(), study_id).asked)


def test_the_leaders_of_a_finished_study_are_confirmed() -> None:
    study_id = write()

    said = run("confirm", study_id).stdout

    assert said == f"{study_id} confirms its leaders next.\n"
    assert get_study(database(), study_id).state == "waiting"
    assert (asked(study_id)["race"], asked(study_id)["numbers"]) == (True, [])


def test_chosen_trials_are_repeated_without_a_race() -> None:
    study_id = write()

    said = run_json("confirm", study_id, "--trials", "3, 1,3")

    assert said["state"] == "waiting"
    assert (said["asked"]["numbers"], said["asked"]["race"]) == ([1, 3], False)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("x", ["--trials 'x' is not a trial's number. Write 3,7."]),
        ("-1", ["--trials '-1' is not a trial's number. Write 3,7."]),
        ("²", ["--trials '²' is not a trial's number. Write 3,7."]),
        (",", ["--trials ',' names no trial. Write 3,7."]),
        ("0", ["Trial 0 is failed, so it has no score to confirm."]),
        ("1,99", ["There is no trial 99 in study {id}."]),
        (
            "0,9,y",
            [
                "Trial 0 is failed, so it has no score to confirm.",
                "There is no trial 9 in study {id}.",
                "--trials 'y' is not a trial's number. Write 3,7.",
            ],
        ),
    ],
)
def test_trials_that_cannot_be_repeated_are_told(text: str, sentences: list[str]) -> None:
    study_id = write()

    result = run("confirm", study_id, f"--trials={text}", fails=True)

    wanted = [sentence.format(id=repr(study_id)) for sentence in sentences]
    assert result.stderr.splitlines() == wanted
    assert get_study(database(), study_id).state == "finished"


def test_a_race_that_could_tell_nothing_is_not_begun() -> None:
    study_id = write(evaluation={"folds": 2})

    result = run("confirm", study_id, fails=True)

    assert result.stderr == (
        "Confirming needs at least 3 folds: with fewer, more repeats hardly help.\n"
    )
    assert get_study(database(), study_id).state == "finished"


def test_a_stopped_study_has_to_go_on_before_it_is_confirmed() -> None:
    study_id = write("stopped")

    result = run("confirm", study_id, fails=True)

    assert result.stderr == (
        f"Study {study_id!r} is stopped, not finished. Let it finish first, then try again.\n"
    )


def test_the_model_of_any_scored_trial_is_made_when_asked_for() -> None:
    study_id = write()

    said = run("model", study_id, "2").stdout
    failed = run("model", study_id, "0", fails=True).stderr
    missing = run("model", study_id, "9", fails=True).stderr

    row = get_study(database(), study_id)
    assert said == f"{study_id} trains the model of trial 2 next.\n"
    assert (row.state, json.loads(row.asked)["models"]) == ("waiting", [2])
    assert failed == "Trial 0 is failed, so no model is made of it.\n"
    assert missing == f"There is no trial 9 in study {study_id!r}.\n"


def test_confirming_is_skipped_while_it_may_still_come() -> None:
    study_id = write()
    ask_to_confirm(database(), study_id, race=True)

    said = run("skip-confirming", study_id).stdout

    assert said == f"{study_id} ends without confirming.\n"
    assert asked(study_id)["skip"] is True


def test_there_is_nothing_to_skip_in_a_finished_study() -> None:
    study_id = write()

    assert run("skip-confirming", study_id).stdout == f"{study_id} is finished.\n"
    assert asked(study_id).get("skip", False) is False


def test_a_test_without_rows_is_not_opened() -> None:
    study_id = write(data={"dataset": "breast-cancer", "test_fraction": 0.0})

    result = run("open-test", study_id, "--yes", fails=True)

    assert result.stderr == (
        f"Study {study_id!r} sealed no rows. "
        + "Clone it with --set data.test_fraction=0.2 to seal a fifth.\n"
    )
    assert get_study(database(), study_id).test_opened_at is None


def test_a_test_without_a_model_stays_sealed() -> None:
    study_id = write()

    result = run("open-test", study_id, "--yes", fails=True)

    assert result.stderr.startswith(f"Study {study_id!r} has no finished model yet.")
    assert get_study(database(), study_id).test_opened_at is None


def test_a_test_is_not_opened_where_nobody_can_answer(home: Path) -> None:
    study_id = write()
    folder = model_folder(home, study_id)
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"model")

    result = run("open-test", study_id, fails=True)

    assert " ".join(result.stderr.split()) == (
        f"Open the sealed test of {study_id}? This can be done once. After it, changing "
        + "settings and looking again would no longer be a fair test. "
        + "There is no terminal to answer in. Add --yes to go ahead."
    )
    assert get_study(database(), study_id).test_opened_at is None


@pytest.mark.parametrize("state", ["training", "stopped"])
def test_a_test_is_opened_only_when_the_study_is_finished(state: str) -> None:
    study_id = write(state)

    result = run("open-test", study_id, "--yes", fails=True)

    assert result.stderr == (
        f"Study {study_id!r} is {state}, not finished. Let it finish first, then try again.\n"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning")
def test_an_opened_test_is_scored_at_once_and_told_again_later(tmp_path: Path) -> None:
    spec = {
        "name": "opened",
        "data": {"dataset": "breast-cancer", "test_fraction": 0.2},
        "space": {
            "n_neurons": {"kind": "list", "values": [4, 8]},
            "epochs": {"kind": "fixed", "value": 5},
        },
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    study_id = run_json("search", str(path))["study"]["id"]

    said = run("open-test", study_id, "--yes").stdout
    again = run("open-test", study_id).stdout
    document = run_json("open-test", study_id)

    row = get_study(database(), study_id)
    opened = opened_test(row)
    assert opened is not None
    sentence = sealed_sentence(opened, "accuracy", opened.promised)
    assert said == again == f"{sentence}\n"
    assert opened.n_rows == 114  # a fifth of 569, rounded up
    assert document["n_openings"] == 1
    assert document["scores"]["accuracy"] == opened.scores["accuracy"]
    assert document["low"] < opened.scores["accuracy"] < document["high"]
    assert sentence in " ".join(run("show", study_id).stdout.split())
    assert run_json("show", study_id)["sealed_test"]["sentence"] == sentence


def test_a_test_that_was_opened_but_not_scored_shows_nothing() -> None:
    study_id = write()
    open_test(database(), study_id)

    assert run_json("show", study_id)["sealed_test"] is None


def test_the_refined_spec_is_json_and_its_reasons_stand_beside_it() -> None:
    study_id = write()

    result = run("refine", study_id)

    proposed = propose(database(), study_id)
    assert StudySpec.parse(result.stdout) == proposed.refinement.spec
    for sentence in proposed.refinement.sentences.values():
        assert sentence in result.stderr
    assert "A new study has 7 trials. In this one, which keeps what is finished, 4 trials " in (
        result.stderr
    )


def test_what_refining_proposes_is_a_document_for_scripts() -> None:
    study_id = write()

    document = run_json("refine", study_id)

    proposed = propose(database(), study_id)
    assert proposed.extension is not None
    assert StudySpec.parse(document["spec"]) == proposed.refinement.spec
    assert StudySpec.parse(document["extension"]) == proposed.extension
    assert (document["study"], document["n_more_trials"]) == (study_id, 4)
    assert document["reason_to_stop"] is None


@pytest.mark.parametrize("command", ["confirm", "skip-confirming", "open-test", "refine"])
def test_a_study_that_is_not_there_is_told(command: str) -> None:
    result = run(command, "gone-1234", fails=True)

    assert result.stderr == "There is no study 'gone-1234'. It may have been deleted.\n"
