"""Every recipe once, from the command line: ``python -m benchmarks.recipes``.

Each runs as ``python -m tuning search`` in a process and a data folder of its own, so that the
seconds are those of a person who types it: loading TensorFlow, compiling and the model that is
trained on all rows at the end included. With ``--write`` the table goes into docs/recipes.md.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.marked import replace
from benchmarks.results import ResultsFileError
from benchmarks.words import shown_seconds
from tuning.digits import with_error
from tuning.recipe import Recipe
from tuning.recipes import RECIPES

_ROOT = Path(__file__).resolve().parent.parent
_PAGE = _ROOT / "docs" / "recipes.md"
_FILE = _ROOT / "build" / "recipes.json"
_MARK = "recipes"
_WORDS = {"accuracy": "accuracy", "rmse": "RMSE", "log_loss": "log loss"}


def run(recipe: Recipe) -> dict[str, Any]:
    """Run a recipe to its end; return seconds, and what it found.

    Raises
    ------
    subprocess.CalledProcessError
        If it did not finish.
    """
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-m", "tuning", "search", recipe.name, "--json"],
            cwd=_ROOT,
            env=os.environ | {"TUNEBOARD_HOME": home},
            stdout=subprocess.PIPE,
            check=True,
        )
        seconds = time.perf_counter() - began
    document = json.loads(ended.stdout)
    states = [trial["state"] for trial in document["trials"]]
    return {
        "seconds": seconds,
        "n_trials": len(states),
        "n_failed": states.count("FAIL"),
        "score": document["best"]["search_score"],
        "std": document["best"]["search_std"],
        "half_width": document["study"]["best_half_width"],
        "verdict": document["verdict"]["sentence"],
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
    }


def measure(names: list[str], path: Path) -> dict[str, dict[str, Any]]:
    """Run the recipes the file does not have yet, and write it after each."""
    found: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name in found:
            continue
        found[name] = run(RECIPES[name])
        path.write_text(json.dumps(found, indent=2))
        typer.echo(f"{name}: {found[name]['seconds']:.0f} s", err=True)
    return found


def best_of_theirs(grid: Mapping[str, Any], score: str) -> tuple[float, float, float]:
    """Return the best mean of a grid that scikit-learn ran, its deviation, and seconds.

    Parameters
    ----------
    grid : mapping
        secs, and rows with mean and std: accuracies, or the negative mean squared error, whose
        root is returned for a recipe that is scored by it.
    """
    best = max(grid["rows"], key=lambda row: row["mean"])
    mean, std = float(best["mean"]), float(best["std"])
    if score == "rmse":
        root = (-mean) ** 0.5
        mean, std = root, std / (2 * root)
    return mean, std, float(grid["secs"])


def table(found: Mapping[str, Mapping[str, Any]], theirs: Mapping[str, Any]) -> str:
    """Return what was found as a table, a recipe a line, and which recipes it lacks."""
    lines = [
        "| recipe | trials | score | source | scikit-learn | ours | seconds, theirs | ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, recipe in RECIPES.items():
        if name in found:
            lines.append("| " + " | ".join(_cells(recipe, found[name], theirs)) + " |")
    missing = ", ".join(name for name in RECIPES if name not in found)
    return "\n".join([*lines, *(["", f"Not measured yet: {missing}."] if missing else [])])


def _cells(recipe: Recipe, own: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    score = recipe.spec.evaluation.score
    yield recipe.name
    yield str(own["n_trials"]) + (f", {own['n_failed']} failed" if own["n_failed"] else "")
    yield _WORDS[score]
    printed = recipe.printed
    other = "" if printed is None or printed.score == score else f" ({printed.score})"
    yield "–" if printed is None else f"{printed.value:g}{other}"
    seconds = None
    if recipe.name in theirs:
        mean, std, seconds = best_of_theirs(theirs[recipe.name], score)
        yield f"{with_error(mean, std)}"
    else:
        yield "–"
    yield with_error(own["score"], own["std"]) if own["std"] else f"{own['score']:.4f}"
    yield shown_seconds(seconds)
    yield shown_seconds(own["seconds"])


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Recipes; all without any.")] = None,
    theirs: Annotated[
        Path | None, typer.Option(help="Figures of scikit-learn: name to secs and rows.")
    ] = None,
    write: Annotated[bool, typer.Option(help="Write the table into the page.")] = False,
    out: Annotated[Path, typer.Option(help="The file of figures.")] = _FILE,
) -> None:
    """Run the recipes, print the table, and write it where asked."""
    found = measure(names or list(RECIPES), out)
    text = table(found, json.loads(theirs.read_text()) if theirs else {})
    print(text)
    try:
        if write:
            replace(_PAGE, _MARK, text)
    except ResultsFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
