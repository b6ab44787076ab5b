"""The commands. None but `search` (in the foreground) and `worker` imports TensorFlow."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from storage.database import database
from storage.notes import read_tags
from storage.studies import (
    StudyFilter,
    StudyRow,
    count_studies,
    first_claim,
    get_study,
    list_studies,
)
from tuning.cli import control, datasets, housekeeping, notes, verdict
from tuning.cli.export import export
from tuning.cli.output import (
    AsJson,
    console,
    print_json,
    print_table,
    sentences,
)
from tuning.cli.read import read_spec
from tuning.datasets.catalogue import fetch
from tuning.digits import with_error
from tuning.export.files import study_document, study_summary
from tuning.judging import Judged, judge_study
from tuning.launch import launch
from tuning.parameters import show_value
from tuning.recipes import RECIPES
from tuning.training.choice import trainers_in_words

_OWNER = "command line"

app = typer.Typer(
    help="Tune neural networks: the search of Tuneboard without a browser.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(datasets.app, name="datasets")
app.add_typer(control.app)
app.add_typer(verdict.app)
app.add_typer(notes.app)


@app.command()
def recipes(*, as_json: AsJson = False) -> None:
    """List the ready-made studies."""
    rows = [
        {
            "name": entry.name,
            "title": entry.title,
            "group": entry.group,
            "dataset": entry.spec.data.dataset,
            "n_trials": entry.spec.n_trials,
            "n_fits": entry.spec.n_trials * entry.spec.n_fits_per_trial,
            "published": entry.published,
        }
        for entry in RECIPES.values()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["Recipe", "What", "Trials", "Fits", "Published"],
        [(r["name"], r["title"], r["n_trials"], r["n_fits"], r["published"]) for r in rows],
    )


@app.command()
def search(
    source: Annotated[str, typer.Argument(help="A recipe's name, or a spec as a JSON file.")],
    *,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change the spec: path=value, such as data.dataset=pima."),
    ] = None,
    sealed: Annotated[
        bool,
        typer.Option(
            "--sealed",
            help="Seal 20 % of the rows, try the default settings too, confirm the leaders.",
        ),
    ] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Leave it to the worker and return.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a study here, or queue it for the worker. Ctrl-C stops it and keeps what is done."""
    with sentences(as_json=as_json):
        db, spec = database(), read_spec(source, changes or [], sealed=sealed)
        fetch(spec.data.dataset)
        if background:
            _announce(launch(db, spec), as_json=as_json)
            return
        study_id = launch(db, spec, owner=_OWNER)
        from tuning.cli.foreground import run_here

        run_here(db, first_claim(study_id, _OWNER), quiet=as_json)
        _show(study_id, as_json=as_json)
        if get_study(db, study_id).state == "failed":
            raise typer.Exit(1)


@app.command()
def worker(
    *,
    linger: Annotated[
        bool, typer.Option("--linger/--no-linger", help="Stay when idle and no app is alive.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Train the studies that wait, until stopped. This is the service of a worker container."""
    from tuning.worker import run_worker, set_up_log

    with sentences(as_json=as_json):
        set_up_log(as_json=as_json)
        run_worker(database(), linger=linger)


@app.command()
def studies(
    *,
    text: Annotated[
        str, typer.Option("--find", help="Part of a name, dataset, tag or note.")
    ] = "",
    tags: Annotated[list[str] | None, typer.Option("--tag", help="Only those with it.")] = None,
    starred: Annotated[bool, typer.Option("--starred", help="Only those with a star.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """List the studies, newest first."""
    with sentences(as_json=as_json):
        db = database()
        chosen = StudyFilter(text, tags=read_tags(tags or []), is_starred=starred)
        rows = list_studies(db, chosen, limit=limit)
        if as_json:
            print_json([study_summary(row) for row in rows])
            return
        print_table(
            ["Study", "State", "Dataset", "Sampler", "Trials", "Best"],
            [
                (
                    row.id,
                    row.state,
                    row.dataset,
                    row.sampler,
                    f"{row.n_trials_done}/{row.n_trials_planned}",
                    _best(row),
                )
                for row in rows
            ],
        )
        hidden = count_studies(db, chosen) - len(rows)
        if hidden > 0:
            console.print(f"and {hidden} older ones; use --limit to see more.")


@app.command()
def show(study_id: str, *, as_json: AsJson = False) -> None:
    """Show a study's trials, best first."""
    with sentences(as_json=as_json):
        _show(study_id, as_json=as_json)


def _announce(study_id: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"study": study_id, "state": "waiting"})
    else:
        console.print(
            f"{study_id} waits for a worker. See it with: python -m tuning show {study_id}",
            soft_wrap=True,  # a command that a terminal's width breaks cannot be copied
        )


def _best(row: StudyRow) -> str:
    if row.best_score is None:
        return ""
    value = with_error(row.best_score, row.best_half_width)
    return f"trial {row.best_number}: {row.score_name} {value}"


def _show(study_id: str, *, as_json: bool) -> None:
    db = database()
    row, document = get_study(db, study_id), study_document(db, study_id)
    judged = judge_study(db, study_id)
    test = verdict.sealed_document(db, row)
    if as_json:
        print_json({**document, "verdict": judged.document, "sealed_test": test})
        return
    trials = _best_first(document["trials"], judged)
    names = list(trials[0]["params"]) if trials else []
    ways = {trainers_in_words([trial["trainer"]]) for trial in trials} - {""}
    columns: dict[str, list[str]] = {}
    if len(ways) > 1:
        columns["Trainer"] = [trainers_in_words([trial["trainer"]]) for trial in trials]
    messages = [_message(trial) for trial in trials]
    if any(messages):
        columns["Message"] = messages
    print_table(
        ["Trial", "State", row.score_name, "±", *names, "Epochs", "Seconds", *columns],
        [
            [*_trial_cells(trial, names, judged), *rest]
            for trial, *rest in zip(trials, *columns.values(), strict=True)
        ],
    )
    best = f"Best: {_best(row)}." if row.best_score is not None else ""
    trained = f"Trainer: {ways.pop()}." if len(ways) == 1 else ""
    facts = filter(None, (f"{row.id}: {row.state}.", row.message, best, trained))
    console.print(" ".join(facts), markup=False)
    told = [judged.sentence, _expected(judged), "" if test is None else test["sentence"]]
    for sentence in filter(None, told):
        console.print(sentence, markup=False)


def _best_first(trials: list[dict[str, Any]], judged: Judged) -> list[dict[str, Any]]:
    """Order trials as the verdict ranks them, then those it cannot compare by their score."""
    table = judged.found.table
    places = {
        number: place
        for place, number in enumerate(judged.found.best_first)
        if table["tie"].loc[number] != "not compared"
    }
    sign = -judged.found.sign
    return sorted(
        trials,
        key=lambda t: (
            places.get(t["number"], len(places)),
            t["score"] is None,
            sign * (t["score"] or 0.0),
            t["number"],
        ),
    )


def _expected(judged: Judged) -> str:
    """Say what the leader will probably score on new data; empty where nobody can tell."""
    expected = judged.found.expected
    if expected is None:
        return ""
    shown = with_error(expected.mean, expected.half_width)
    return f"Expected on new data: {shown}."


def _trial_cells(trial: dict[str, Any], names: list[str], judged: Judged) -> list[str]:
    values = [trial["params"].get(name) for name in names]
    shown = [show_value(tuple(v) if isinstance(v, list) else v) for v in values]
    return [
        str(trial["number"]),
        trial["state"].lower(),
        *_score_cells(trial, judged),
        *shown,
        _number(trial["n_epochs"], "g"),
        _number(trial["duration_s"], ".1f"),
    ]


def _score_cells(trial: dict[str, Any], judged: Judged) -> list[str]:
    """Write a trial's score and its ±, which has the repeats of confirming in it."""
    table, number, score = judged.found.table, trial["number"], trial["score"]
    if number in table.index and math.isfinite(table["half_width"].loc[number]):
        mean, _, half_width = with_error(
            table["mean"].loc[number], table["half_width"].loc[number]
        ).partition(" ± ")
        return [mean, half_width]
    return ["" if score is None else with_error(score), ""]


def _message(trial: dict[str, Any]) -> str:
    by_hand = "By hand. " if trial["by_hand"] else ""
    return f"{by_hand}{trial['message']}".strip()


def _number(value: float | None, style: str) -> str:
    return "" if value is None else format(value, style)


app.command()(export)
app.command()(housekeeping.delete)
app.command()(housekeeping.backup)


def main() -> None:
    """Run the command line."""
    app(prog_name="python -m tuning")
