"""Commands for a study that is under way; each leaves its wish in the database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from storage.database import database
from storage.leases import claim_study, update_claimed
from storage.studies import get_study, list_studies
from tuning.cli.app import app
from tuning.spec import StudySpec


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Give each test a data folder and database of its own."""


def run(*arguments: str, fails: bool = False) -> Result:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))
    assert (result.exit_code != 0) == fails, result.output
    return result


def run_json(*arguments: str, fails: bool = False) -> Any:
    return json.loads(run(*arguments, "--json", fails=fails).stdout)


@pytest.fixture
def waiting() -> str:
    queued = run_json(
        "search", "pima-neurons", "--background", "--set", "data.dataset=breast-cancer"
    )
    return str(queued["study"])


def train(study_id: str, state: str = "training") -> None:
    claim = claim_study(database(), "worker", study_id)
    assert claim is not None
    update_claimed(database(), claim, state=state)


def test_a_study_that_waits_pauses_at_once_and_goes_on_when_asked(waiting: str) -> None:
    assert run("pause", waiting).stdout == f"{waiting} pauses.\n"
    assert get_study(database(), waiting).state == "paused"

    assert run("resume", waiting).stdout == f"{waiting} goes on.\n"
    assert get_study(database(), waiting).state == "waiting"


def test_a_study_in_training_is_asked_to_pause_and_to_stop(waiting: str) -> None:
    train(waiting)

    assert run_json("pause", waiting) == {
        "study": waiting,
        "state": "training",
        "wish": "pause",
    }
    assert run_json("resume", waiting)["wish"] == ""
    assert run_json("stop", waiting)["wish"] == "stop"


def test_a_stopped_study_goes_on(waiting: str) -> None:
    assert run("stop", waiting).stdout == f"{waiting} is stopped.\n"

    run("resume", waiting)

    row = get_study(database(), waiting)
    assert (row.state, row.message, row.finished_at) == ("waiting", "", None)


def test_a_study_is_moved_to_the_head_of_the_queue(waiting: str) -> None:
    run("first", waiting)
    assert get_study(database(), waiting).priority == 1

    assert run("first", waiting, "--no").stdout == f"{waiting} takes turns.\n"
    assert get_study(database(), waiting).priority == 0


def test_an_extension_adds_values_and_lets_the_study_go_on(waiting: str) -> None:
    train(waiting, state="finished")
    neurons = '{"kind": "list", "values": [1, 5, 10, 15, 20, 25, 30, 40]}'

    said = run("extend", waiting, "--set", f"space.n_neurons={neurons}").stdout

    row = get_study(database(), waiting)
    assert said == f"{waiting} goes on.\n"
    assert (row.state, row.n_trials_planned) == ("waiting", 8)


def test_an_extension_that_is_none_says_why(waiting: str) -> None:
    train(waiting, state="finished")

    result = run("extend", waiting, "--set", "seed=8", fails=True)

    assert result.stderr.splitlines() == [
        "An extension keeps the seed of its study. Clone it to change that.",
        "7 trials are not more than the 7 there are. Ask for more trials, or add values.",
    ]


def test_a_trial_entered_by_hand_joins_the_study_and_is_said_to_be_by_hand(
    waiting: str,
) -> None:
    train(waiting, state="finished")

    said = run("try", waiting, "--set", "neurons=12").stdout
    entered = run_json("try", waiting, "--set", "n_neurons=4097", "--like", "0", fails=True)

    row = get_study(database(), waiting)
    assert said == (
        f"Trial 7 of {waiting}: n_neurons 12.\n"
        + "It is trained when those before are through.\n"
        + "Neurons: 12 lies outside the search space (1, 5, 10, 15, 20, 25, 30). "
        + "It is trained all the same; a sampler does not learn from it.\n"
    )
    assert (row.state, row.n_trials_planned) == ("waiting", 8)
    assert entered == {"errors": ["Neurons: 4097 is too large. Use 1 to 4096."]}


def test_a_trial_by_hand_is_told_as_json(waiting: str) -> None:
    assert run_json("try", waiting, "--set", "n_neurons=12") == {
        "study": waiting,
        "number": 7,
        "settings": {"n_neurons": 12},
        "notes": [
            "Neurons: 12 lies outside the search space (1, 5, 10, 15, 20, 25, 30). "
            + "It is trained all the same; a sampler does not learn from it."
        ],
    }


def test_a_clone_leaves_trials_by_hand_behind(waiting: str) -> None:
    run("try", waiting, "--set", "n_neurons=12")

    cloned = run_json("clone", waiting)["study"]

    assert get_study(database(), cloned).n_trials_planned == 7


def test_a_clone_is_a_study_of_its_own_with_the_same_spec(waiting: str) -> None:
    cloned = run_json("clone", waiting, "--set", "name=another")["study"]

    rows = {row.id: StudySpec.parse(row.spec) for row in list_studies(database())}
    assert set(rows) == {waiting, cloned}
    assert rows[cloned] == rows[waiting].model_copy(update={"name": "another"})


@pytest.mark.parametrize(
    "command", ["pause", "resume", "stop", "first", "extend", "try", "clone"]
)
def test_a_study_that_is_not_there_is_told(command: str) -> None:
    result = run(command, "gone-1234", fails=True)

    assert result.stderr == "There is no study 'gone-1234'. It may have been deleted.\n"
