"""Commands after a search: confirm its leaders, keep models, open its test, refine it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from storage.database import Database, database
from storage.errors import UnfinishedError
from storage.results import read_trials
from storage.settings import settings
from storage.studies import FINISHED, StudyRow, get_study
from storage.wishes import (
    ask_for_model,
    ask_to_confirm,
    ask_to_skip_confirming,
    open_test,
)
from tuning.cli.housekeeping import Yes, make_sure
from tuning.cli.output import AsJson, complaints, console, print_json, sentences
from tuning.confirm_plan import why_no_race
from tuning.datasets.catalogue import dataset_info
from tuning.errors import NoBestModelError, SpecError
from tuning.export.files import best_model_path
from tuning.judging import known_info
from tuning.refined import Proposed, propose
from tuning.sealed import n_sealed, opened_test, other_openings, sealed_sentence
from tuning.space import counted
from tuning.spec import StudySpec

app = typer.Typer()


@app.command()
def confirm(
    study_id: str,
    *,
    trials: Annotated[
        str, typer.Option("--trials", help="Give these 10 repeats instead: 3,7.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Train the leaders of a study again on fresh repeats, or trials of your own choice."""
    with sentences(as_json=as_json):
        db = database()
        row = get_study(db, study_id)
        numbers = _chosen(db, row, trials) if trials else []
        reason = "" if trials else why_no_race(StudySpec.parse(row.spec))
        if reason:
            raise SpecError([reason])
        ask_to_confirm(db, study_id, numbers, race=not numbers)
        what = (
            f"repeats trial {', '.join(map(str, numbers))}"
            if numbers
            else "confirms its leaders"
        )
        _tell(db, study_id, f"{what} next", as_json=as_json)


@app.command()
def model(study_id: str, trial: int, *, as_json: AsJson = False) -> None:
    """Train a trial on all rows, and keep its model beside the leader's."""
    with sentences(as_json=as_json):
        db = database()
        row = get_study(db, study_id)
        problem = _unscored(row, _states(db, row), trial, "no model is made of it")
        if problem:
            raise SpecError([problem])
        ask_for_model(db, study_id, trial)
        _tell(db, study_id, f"trains the model of trial {trial} next", as_json=as_json)


@app.command()
def skip_confirming(study_id: str, *, as_json: AsJson = False) -> None:
    """End a study without confirming its leaders, or with what is known of them by now."""
    with sentences(as_json=as_json):
        db = database()
        ask_to_skip_confirming(db, study_id)
        _tell(db, study_id, "ends without confirming", as_json=as_json)


@app.command("open-test")
def open_sealed(study_id: str, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Score the best model on the sealed rows. They can be opened once for a study."""
    with sentences(as_json=as_json):
        db = database()
        row = get_study(db, study_id)
        opened = opened_test(row)
        if opened is None:
            if row.state != FINISHED:
                raise UnfinishedError(study_id, row.state)
            _check_sealed(row)
            make_sure(_question(study_id), yes=yes)
            open_test(db, study_id)
        if opened is None or not opened.scores:
            from tuning.sealed_scoring import score_test
            from tuning.worker import load_engine

            score_test(db, study_id, load_engine())
        document = sealed_document(db, get_study(db, study_id))
        if as_json:
            print_json({"study": study_id, **(document or {})})
        elif document is not None:
            console.print(document["sentence"], markup=False, soft_wrap=True)


@app.command()
def refine(study_id: str, *, as_json: AsJson = False) -> None:
    """Print the spec of a finer study around the leaders, ready for a file and `search`."""
    with sentences(as_json=as_json):
        proposed = propose(database(), study_id)
        spec = proposed.refinement.spec
        if as_json:
            print_json(_proposal(proposed))
            return
        for sentence in _explained(proposed):
            complaints.print(Text(sentence), soft_wrap=True)
        print_json(spec.model_dump(mode="json"))


def sealed_document(db: Database, row: StudyRow) -> dict[str, Any] | None:
    """Return what an opened test has shown; None while it is sealed or not scored yet."""
    opened = opened_test(row)
    if opened is None or not opened.scores:
        return None
    spec, info = StudySpec.parse(row.spec), known_info(StudySpec.parse(row.spec))
    others = [] if info is None else other_openings(db, row.id, spec, info)
    n_openings = 1 + sum((other.test_opened_at or 0.0) < opened.at for other in others)
    score = spec.evaluation.score
    interval = opened.interval(score, n_openings=n_openings)
    return {
        "opened_at": opened.at,
        "n_openings": n_openings,
        "n_rows": opened.n_rows,
        "trial": opened.trial,
        "scores": dict(opened.scores),
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "promised": opened.promised,
        "sentence": sealed_sentence(opened, score, opened.promised, n_openings=n_openings),
    }


def _chosen(db: Database, row: StudyRow, text: str) -> list[int]:
    """Read the numbers of trials that have a score."""
    states = _states(db, row)
    numbers: list[int] = []
    problems: list[str] = []
    for word in text.replace(",", " ").split():
        if not (word.isascii() and word.isdecimal()):
            problems.append(f"--trials {word!r} is not a trial's number. Write 3,7.")
        elif problem := _unscored(row, states, int(word), "it has no score to confirm"):
            problems.append(problem)
        else:
            numbers.append(int(word))
    if not numbers and not problems:
        problems.append(f"--trials {text!r} names no trial. Write 3,7.")
    if problems:
        raise SpecError(problems)
    return sorted(set(numbers))


def _states(db: Database, row: StudyRow) -> dict[int, str]:
    return {trial.number: trial.state for trial in read_trials(db, row.id)}


def _unscored(row: StudyRow, states: Mapping[int, str], number: int, why_not: str) -> str:
    """Return what is wrong with a number that is no trial with a score."""
    if number not in states:
        return f"There is no trial {number} in study {row.id!r}."
    if states[number] != "COMPLETE":
        state = states[number].lower().replace("fail", "failed")
        return f"Trial {number} is {state}, so {why_not}."
    return ""


def _check_sealed(row: StudyRow) -> None:
    """Make sure that there are rows to open, and a model to score on them."""
    spec = StudySpec.parse(row.spec)
    if not n_sealed(spec, dataset_info(spec.data.dataset, spec.data.digits)):
        raise SpecError(
            [
                f"Study {row.id!r} sealed no rows. "
                + "Clone it with --set data.test_fraction=0.2 to seal a fifth."
            ]
        )
    if best_model_path(settings().home, row.id) is None:
        raise NoBestModelError(row.id)


def _question(study_id: str) -> str:
    return (
        f"Open the sealed test of {study_id}? This can be done once. After it, changing "
        + "settings and looking again would no longer be a fair test."
    )


def _explained(proposed: Proposed) -> list[str]:
    refinement = proposed.refinement
    n_trials = counted(refinement.n_trials, "trial")
    lines = [proposed.stop, *refinement.sentences.values(), refinement.note]
    if proposed.extension is not None:
        lines.append(
            f"A new study has {n_trials}. In this one, which keeps what is finished, "
            + f"{counted(proposed.n_more, 'trial')} would be left to run."
        )
    else:
        lines.append(f"The new study has {n_trials}.")
    return [line for line in lines if line]


def _proposal(proposed: Proposed) -> dict[str, Any]:
    extension = proposed.extension
    return {
        "study": proposed.row.id,
        "spec": proposed.refinement.spec.model_dump(mode="json"),
        "sentences": proposed.refinement.sentences,
        "note": proposed.refinement.note,
        "reason_to_stop": proposed.stop,
        "extension": None if extension is None else extension.model_dump(mode="json"),
        "n_more_trials": proposed.n_more,
    }


def _tell(db: Database, study_id: str, word: str, *, as_json: bool) -> None:
    row = get_study(db, study_id)
    if as_json:
        print_json({"study": study_id, "state": row.state, "asked": json.loads(row.asked)})
    elif row.is_final:
        console.print(f"{study_id} is {row.state}.", markup=False)
    else:
        console.print(f"{study_id} {word}.", markup=False)
