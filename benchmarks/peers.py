"""Side by side with what a user would use instead: ``python -m benchmarks.peers --help``."""

from __future__ import annotations

import contextlib
import fnmatch
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from benchmarks.job import (
    QUICK_EPOCHS,
    QUICK_VALUES,
    UnsupportedRecipeError,
    check,
    shortened,
)
from benchmarks.memory import memory_kind
from benchmarks.results import (
    PEERS,
    Comparison,
    Results,
    ResultsFileError,
    about_this_machine,
    comparisons,
    is_measured,
    resumed,
)
from benchmarks.runner import Runner, plan
from benchmarks.words import figures, losses, noise_words, notes, score_words
from tuning.errors import TuningError
from tuning.recipes import RECIPES
from tuning.spec import StudySpec

_USUAL = (
    "pima-*",
    "california-random",
    "mnist27-baseline",
    "mnist27-epochs",
    "mnist27-batch",
    "mnist27-batch-epochs",
)
_USUAL_QUICK = ("pima-batch-epochs", "pima-sgd")
_BUILD = Path("build")

console = Console(highlight=False)
progress = Console(stderr=True, highlight=False)


class UnknownChoiceError(ValueError):
    """A recipe or a peer that is not there."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"{name!r} is not known. Choose from: {', '.join(known)}.")


def chosen_recipes(patterns: Sequence[str], *, quick: bool) -> list[str]:
    """Return the names of the recipes asked for, in the order of the list of recipes.

    Raises
    ------
    UnknownChoiceError
        If a name or pattern fits none.
    """
    usual = _USUAL_QUICK if quick else _USUAL
    for pattern in patterns:
        if not fnmatch.filter(RECIPES, pattern):
            raise UnknownChoiceError(pattern, RECIPES)
    return [
        name for name in RECIPES if any(fnmatch.fnmatch(name, p) for p in patterns or usual)
    ]


def chosen_peers(names: Sequence[str]) -> list[str]:
    """Return the peers asked for; all if none is named.

    Raises
    ------
    UnknownChoiceError
        If there is no such peer.
    """
    for name in names:
        if name not in PEERS:
            raise UnknownChoiceError(name, PEERS)
    return [name for name in PEERS if name in names or not names]


def recipe_facts(name: str, spec: StudySpec, whole: StudySpec) -> dict[str, object]:
    """Return what a table says of a recipe, and what of it was cut."""
    cut = ""
    if spec != whole:
        is_grid = spec.sampler.kind == "grid"
        cells = "values of each searched parameter" if is_grid else "draws"
        words = f"the first {QUICK_VALUES} {cells}, and one epoch for every {QUICK_EPOCHS}"
        cut = f"{words}; {spec.n_trials} of {whole.n_trials} trials"
    return {
        "group": RECIPES[name].group,
        "title": RECIPES[name].title,
        "n_trials": spec.n_trials,
        "n_fits": spec.n_trials * spec.n_fits_per_trial,
        "score": spec.evaluation.score,
        "direction": spec.direction,
        "cut": cut,
    }


def open_results(path: Path, variant: str, *, resume: bool) -> Results:
    """Start a document of results, or read the one to go on with.

    Raises
    ------
    ResultsFileError
        If there is one and nobody said to go on, or it cannot be gone on with.
    """
    date = datetime.now().astimezone().date().isoformat()
    about = about_this_machine(memory_kind(), date)
    if not path.exists():
        return Results(variant, about)
    if not resume:
        way_out = "Go on with --resume, choose another --out, or delete it."
        raise ResultsFileError(path, "is there already", way_out)
    return resumed(path, variant, about)


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (
        UnknownChoiceError,
        UnsupportedRecipeError,
        ResultsFileError,
        TuningError,
    ) as error:
        progress.print(str(error), style="red")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        progress.print("Interrupted. What is finished is kept: go on with --resume.")
        raise typer.Exit(130) from None


def main(
    recipe: Annotated[
        list[str] | None, typer.Option(help="A recipe, or a pattern such as 'pima-*'.")
    ] = None,
    peer: Annotated[
        list[str] | None, typer.Option(help="scikit-learn, keras-tuner or optuna.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where results go; build/benchmarks.json or build/benchmarks-quick.json."
        ),
    ] = None,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Cut recipes, for both sides: takes minutes.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep what the file already has.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Measure ours and what a user would use instead, in turn, and compare scores as well.

    Without --recipe every recipe the comparison knows, which takes hours. Seconds are of one
    run each; nothing else should run on the machine meanwhile.
    """
    variant = "quick" if quick else "full"
    path = out or _BUILD / ("benchmarks-quick.json" if quick else "benchmarks.json")
    with _sentences():
        peers = chosen_peers(peer or [])
        results = open_results(path, variant, resume=resume)
        specs: dict[str, StudySpec] = {}
        groups: dict[str, list[str]] = {}
        for name in chosen_recipes(recipe or [], quick=quick):
            whole = RECIPES[name].spec
            specs[name] = shortened(whole) if quick else whole
            check(specs[name])
            results.recipes[name] = recipe_facts(name, specs[name], whole)
            groups.setdefault(RECIPES[name].group, []).append(name)
        results.recipes = {n: results.recipes[n] for n in RECIPES if n in results.recipes}
        Runner(results, path, specs, progress.print).run(plan(groups, peers))
    if as_json:
        typer.echo(json.dumps(_told(results), indent=1))
    else:
        print_tables(results)
        console.print(f"Results are in {path}.")
    if any(m.error for m in results.measurements):
        raise typer.Exit(1)


def _told(results: Results) -> dict[str, object]:
    """Return the document with what follows from it."""
    rows = [
        asdict(row)
        | {
            "cold_ratio": row.cold_ratio,
            "first_ratio": row.first_ratio,
            "again_ratio": row.again_ratio,
        }
        for group in results.groups()
        for peer in PEERS
        for row in comparisons(results, group, peer)
    ]
    return results.document() | {"comparisons": rows}


def print_tables(results: Results) -> None:
    """Print one table a group and peer with what it says, and what was cut."""
    for group, names in results.groups().items():
        for peer, words in PEERS.items():
            rows = comparisons(results, group, peer)
            if is_measured(results, group, peer):
                _print_table(f"{group}: ours and {words}", rows)
        for sentence in noise_words(results, names):
            console.print(sentence)
    for sentence in notes(results):
        console.print(sentence)


def _print_table(title: str, rows: Sequence[Comparison]) -> None:
    ours, theirs = "ours: cold, first, again (s)", "theirs: process, search (s)"
    headers = (ours, theirs, "ratio: cold, first, again", "MB: ours, theirs")
    table = Table(Column("recipe", no_wrap=True), "fits", *headers, title=title)
    for row in rows:
        table.add_row(row.name, str(row.n_fits), *map("  ".join, figures(row)))
    console.print(table)
    for sentence in losses(rows):
        console.print(sentence)
    for row in rows:
        if row.scores is not None:
            console.print(score_words(row))
    console.print()


if __name__ == "__main__":
    typer.run(main)
