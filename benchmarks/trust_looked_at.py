"""A hundred curves of the recipes, labelled by eye, and where the rules disagree.

``python -m benchmarks.trust_looked_at --draw FOLDER`` trains the recipes and draws their curves
in sheets without the labels of the rules; what a person made of each stands in
``looked_at.json``. Without it the disagreements are printed, and with ``--write`` they go into
docs/trust.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import plotly.graph_objects as go
import typer
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from benchmarks.marked import replace
from benchmarks.trust import mark
from storage.database import Database, database
from storage.leases import claim_study
from storage.results import read_pieces, read_trials
from storage.studies import get_study
from tuning.analysis.diagnoses import MeanLosses, as_baseline, mean_losses
from tuning.analysis.diagnosis import diagnose_many
from tuning.analysis.diagnosis_words import Diagnosis
from tuning.driver import run_study
from tuning.judging import judge_study
from tuning.launch import launch
from tuning.recipes import recipe
from tuning.worker import load_engine

_HERE = Path(__file__).resolve().parent
LABELS_PATH = _HERE / "looked_at.json"
_PAGE = _HERE.parent / "docs" / "trust.md"
_PART = "looked at"
# How many curves of each recipe: every trial, or so many at even distances.
CURVES = {
    "pima-batch-epochs": 18,
    "pima-optimizer": 7,
    "pima-sgd": 22,
    "pima-init": 8,
    "pima-activation": 8,
    "pima-dropout": 20,
    "pima-neurons": 7,
    "california-random": 10,
}
_A_SHEET = 10
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The losses of one trial, and what the rules say of them.

    Attributes
    ----------
    is_a_guess : bool
        Whether the score is no better than that of a model that ignores the inputs.
    """

    recipe: str
    number: int
    train: Array
    validation: Array
    is_a_guess: bool
    found: Diagnosis

    @property
    def key(self) -> str:
        """How the file of labels names it."""
        return f"{self.recipe} {self.number}"


def curves() -> Iterator[Curve]:
    """Train the recipes that are not trained yet, and give their curves."""
    db = database()
    for name, count in CURVES.items():
        study_id = _trained(db, name)
        chosen = [trial.number for trial in read_trials(db, study_id)]
        places = np.linspace(0, len(chosen) - 1, count).round().astype(int)
        numbers = [chosen[place] for place in places]
        pieces, _ = read_pieces(db, study_id, numbers=numbers)
        yield from _diagnosed(db, study_id, name, mean_losses(pieces))


def _trained(db: Database, name: str) -> str:
    study_id = launch(db, recipe(name).spec, f"looked at: {name}")
    claim = claim_study(db, "looked at", study_id)
    if claim is not None:
        run_study(db, claim, load_engine())
    if get_study(db, study_id).state != "finished":
        message = f"{name} did not finish: {get_study(db, study_id).message}"
        raise RuntimeError(message)
    return study_id


def _diagnosed(db: Database, study_id: str, name: str, losses: MeanLosses) -> Iterator[Curve]:
    known = as_baseline(judge_study(db, study_id).found)
    flags = np.array([known.get(number, False) for number in losses.numbers])
    found = diagnose_many(losses.train, losses.validation, losses.n_epochs, flags)
    for row, number in enumerate(losses.numbers):
        end = losses.n_epochs[row]
        train, validation = losses.train[row, :end], losses.validation[row, :end]
        yield Curve(name, number, train, validation, bool(flags[row]), found[row])


def sheet(shown: Sequence[Curve]) -> go.Figure:
    """Draw some curves, a panel each, on a log axis: training grey, validation blue."""
    titles = [
        curve.key + (", scores as guessing" if curve.is_a_guess else "") for curve in shown
    ]
    figure = make_subplots(rows=2, cols=_A_SHEET // 2, subplot_titles=titles)
    for place, curve in enumerate(shown):
        row, column = divmod(place, _A_SHEET // 2)
        epochs = np.arange(1, len(curve.train) + 1)
        for losses, colour in ((curve.train, "#7F8A99"), (curve.validation, "#1F5FD1")):
            line = go.Scatter(x=epochs, y=losses, line={"color": colour, "width": 1.5})
            figure.add_trace(line, row=row + 1, col=column + 1)
    figure.update_yaxes(type="log")
    return figure.update_layout(showlegend=False, width=1900, height=900)


def disagreements(shown: Sequence[Curve], labels: dict[str, str]) -> str:
    """Return the agreement, and a row for each curve of which eye and rules say otherwise."""
    pairs = [(curve, labels[curve.key]) for curve in shown if curve.key in labels]
    same = sum(curve.found.label == label for curve, label in pairs)
    kinds = Counter(label for _, label in pairs)
    untold = sum(curve.found.label == "too noisy" != label for curve, label in pairs)
    counted = ", ".join(f"{count} {label}" for label, count in kinds.most_common())
    lines = [
        f"{len(pairs)} curves; by eye {counted}. The rules say the same of {same}, say nothing "
        + f"(too noisy) of {untold}, and say otherwise of {len(pairs) - same - untold}.",
        "",
        "| recipe | trial | epochs | by eye | by the rules |",
        "| --- | --: | --: | --- | --- |",
    ]
    lines += [
        f"| {curve.recipe} | {curve.number} | {len(curve.train)} | {label} | {_words(curve)} |"
        for curve, label in pairs
        if curve.found.label != label
    ]
    return "\n".join(lines)


def _words(curve: Curve) -> str:
    epoch = curve.found.epoch
    return curve.found.label + ("" if epoch is None else f", epoch {epoch + 1}")


def main(
    *,
    draw: Annotated[Path | None, typer.Option(help="Draw the sheets into a folder.")] = None,
    write: Annotated[bool, typer.Option(help="Put the result into docs/trust.md.")] = False,
) -> None:
    """Train the recipes, and compare the rules with a person's labels."""
    shown = list(curves())
    if draw is not None:
        draw.mkdir(parents=True, exist_ok=True)
        for start in range(0, len(shown), _A_SHEET):
            path = draw / f"sheet-{start // _A_SHEET:02}.html"
            sheet(shown[start : start + _A_SHEET]).write_html(path)
        return
    labels: dict[str, Any] = json.loads(LABELS_PATH.read_text("utf-8"))
    text = disagreements(shown, labels)
    typer.echo(text)
    if write:
        replace(_PAGE, mark(_PART), text)


if __name__ == "__main__":
    typer.run(main)
