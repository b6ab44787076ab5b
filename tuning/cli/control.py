"""Commands for a study that is under way: pause, resume, stop, extend, try, clone, first.

They write a wish into the database; the worker that trains the study carries it out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from storage.database import Database, database
from storage.studies import get_study
from storage.wishes import ask_to_pause, ask_to_stop, set_priority
from storage.wishes import resume as let_go_on
from tuning.by_hand import read_values, try_by_hand
from tuning.cli.output import AsJson, console, print_json, sentences
from tuning.cli.read import change_spec
from tuning.extension import extend as extend_by
from tuning.launch import launch
from tuning.parameters import show_value

app = typer.Typer()

Changes = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change the spec: path=value, such as sampler.n_trials=50."),
]


@app.command()
def pause(study_id: str, *, as_json: AsJson = False) -> None:
    """Let a study rest: it frees the machine after its epoch, and finished trials stay."""
    _wish(ask_to_pause, study_id, "pauses", as_json=as_json)


@app.command()
def resume(study_id: str, *, as_json: AsJson = False) -> None:
    """Let a paused, stopped or failed study go on with what is missing."""
    _wish(let_go_on, study_id, "goes on", as_json=as_json)


@app.command()
def stop(study_id: str, *, as_json: AsJson = False) -> None:
    """End a study after its epoch; finished trials stay."""
    _wish(ask_to_stop, study_id, "stops", as_json=as_json)


@app.command()
def first(
    study_id: str,
    *,
    no: Annotated[bool, typer.Option("--no", help="No longer: it takes turns again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a study before others: in the queue, and for free cores while it trains."""
    priority, said = (0, "takes turns") if no else (1, "goes first")
    _wish(lambda db, id_: set_priority(db, id_, priority), study_id, said, as_json=as_json)


@app.command()
def extend(study_id: str, *, changes: Changes = None, as_json: AsJson = False) -> None:
    """Give a study more trials or more values; what it has tried stays."""
    with sentences(as_json=as_json):
        db = database()
        row = get_study(db, study_id)
        extend_by(db, row, change_spec(json.loads(row.spec), changes or []))
        _tell(db, study_id, "goes on", as_json=as_json)


@app.command()
def clone(study_id: str, *, changes: Changes = None, as_json: AsJson = False) -> None:
    """Queue a new study with the spec of another one."""
    with sentences(as_json=as_json):
        db = database()
        document = json.loads(get_study(db, study_id).spec)
        document.pop("by_hand", None)  # their numbers are those of the other study
        spec = change_spec(document, changes or [])
        _tell(db, launch(db, spec), "waits for a worker", as_json=as_json)


@app.command("try")
def try_settings(
    study_id: str,
    *,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", help="A searched parameter: name=value; once for each."),
    ] = None,
    like: Annotated[
        int | None,
        typer.Option("--like", help="Trial to take the parameters from that are not set."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a study, running or finished, try exactly these settings as one more trial."""
    with sentences(as_json=as_json):
        entered = try_by_hand(database(), study_id, read_values(values or []), like)
        if as_json:
            print_json({"study": study_id, **asdict(entered)})
            return
        shown = ", ".join(f"{name} {show_value(v)}" for name, v in entered.settings.items())
        said = f"Trial {entered.number} of {study_id}: {shown}."
        for sentence in (said, "It is trained when those before are through.", *entered.notes):
            console.print(sentence, markup=False, soft_wrap=True)


def _wish(
    call: Callable[[Database, str], None], study_id: str, word: str, *, as_json: bool
) -> None:
    with sentences(as_json=as_json):
        db = database()
        call(db, study_id)
        _tell(db, study_id, word, as_json=as_json)


def _tell(db: Database, study_id: str, word: str, *, as_json: bool) -> None:
    row = get_study(db, study_id)
    if as_json:
        print_json({"study": study_id, "state": row.state, "wish": row.wish})
    elif row.is_final:
        console.print(f"{study_id} is {row.state}.", markup=False)
    else:
        console.print(f"{study_id} {word}.", markup=False)
