"""A study's results as files: tables of trials and fits, one JSON document, the saved model."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from storage.database import Database
from storage.notes import NOTHING, Note, read_note, read_trial_notes
from storage.results import FitRow, TrialRow, read_fits, read_trials
from storage.studies import StudyRow, get_study
from tuning.analysis.grid import standing_table
from tuning.execution.interface import BestModel
from tuning.judging import judge_study
from tuning.parameters import show_value
from tuning.spec import StudySpec

_SUMMARY = (
    "id", "name", "state", "message", "dataset", "sampler", "score_name", "direction",
    "n_trials_planned", "n_trials_done", "n_trials_failed", "n_fits_planned", "n_fits_done",
    "best_number", "best_score", "best_half_width", "created_at", "started_at", "finished_at",
)  # fmt: skip
_STANDING = ("rank", "score", "half_width", "gap", "tie", "n_repeats")
_UNKNOWN: dict[str, Any] = dict.fromkeys(_STANDING)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run such a cell


def trials_csv(db: Database, study_id: str, numbers: Iterable[int] | None = None) -> bytes:
    """Write one row a trial: number, state, searched parameters, standing, folds, cost.

    `score` and `half_width` are over all repeats of the trial, those of confirming included;
    `gap` is its score less that of the leader on the same folds, `rank` the first of those it
    shares, `tie` as in `standing_table`; `search_score` and `search_std` are of the repeats of
    the search alone.

    Parameters
    ----------
    numbers : iterable of int or None
        Only these trials; None writes all.
    """
    return _csv(*trial_rows(db, study_id, numbers))


def trial_rows(
    db: Database, study_id: str, numbers: Iterable[int] | None = None
) -> tuple[list[str], list[list[Any]]]:
    """Return the header and the rows of `trials_csv`."""
    trials = _chosen(read_trials(db, study_id), numbers)
    fits = _by_trial(read_fits(db, study_id))
    standings = _standings(standing_table(judge_study(db, study_id).found))
    n_searched = StudySpec.parse(get_study(db, study_id).spec).evaluation.repeats
    names = list(trials[0].params) if trials else []
    keys = sorted({(f.repeat, f.fold) for own in fits.values() for f in own})
    header = ["number", "state", *names, *_STANDING, "search_score", "search_std"]
    header += [f"score_repeat{repeat}_fold{fold}" for repeat, fold in keys]
    header += ["n_epochs", "duration_s", "n_weights", "message"]
    rows = []
    for trial in trials:
        scores = {(fit.repeat, fit.fold): fit.score for fit in fits.get(trial.number, [])}
        standing = _standing_of(trial, standings.get(trial.number), n_searched)
        rows.append(
            [trial.number, trial.state]
            + [_cell(trial.params.get(name)) for name in names]
            + [*standing.values(), trial.score, trial.spread]
            + [scores.get(key) for key in keys]
            + [trial.n_epochs, trial.duration_s, trial.n_weights, trial.message]
        )
    return header, rows


def fits_csv(db: Database, study_id: str) -> bytes:
    """Write one row a fit: trial, repeat, fold, state, every score, epochs, cost."""
    fits = read_fits(db, study_id)
    scores = sorted({name for fit in fits for name in fit.metrics})
    header = ["number", "repeat", "fold", "state", *scores, "n_epochs", "best_epoch"]
    header += ["duration_s", "trainer", "message"]
    rows = [
        [fit.number, fit.repeat, fit.fold, fit.state]
        + [fit.metrics.get(name) for name in scores]
        + [fit.n_epochs, fit.best_epoch, fit.duration_s, fit.trainer, fit.message]
        for fit in fits
    ]
    return _csv(header, rows)


def study_document(db: Database, study_id: str) -> dict[str, Any]:
    """Return a study with all its trials, and its verdict, as one JSON-ready document."""
    row = get_study(db, study_id)
    fits = _by_trial(read_fits(db, study_id))
    judged = judge_study(db, study_id)
    standings = _standings(standing_table(judged.found))
    spec = StudySpec.parse(row.spec)
    n_searched, notes = spec.evaluation.repeats, read_trial_notes(db, study_id)
    trials = [
        trial_document(
            trial, fits.get(trial.number, []), n_searched, standings.get(trial.number)
        )
        | {"by_hand": trial.number in spec.hand_numbers}
        | note_document(notes.get(trial.number, NOTHING))
        for trial in read_trials(db, study_id)
    ]
    best = next((trial for trial in trials if trial["number"] == row.best_number), None)
    return {
        "study": study_summary(row) | note_document(read_note(db, study_id)),
        "spec": json.loads(row.spec),
        "verdict": judged.document,
        "trials": trials,
        "best": best,
        "seconds": row.seconds,
    }


def study_json(db: Database, study_id: str) -> bytes:
    """Write a study with all its trials as JSON text."""
    return json.dumps(study_document(db, study_id), indent=2).encode()


def study_summary(row: StudyRow) -> dict[str, Any]:
    """Return what a list of studies tells of one."""
    return {name: getattr(row, name) for name in _SUMMARY}


def note_document(written: Note) -> dict[str, Any]:
    """Return what people have written to a study or a trial."""
    return {
        "note": written.text,
        "tags": list(written.tags),
        "is_starred": written.is_starred,
    }


def trial_document(
    trial: TrialRow,
    fits: Sequence[FitRow],
    n_searched: int = 1,
    standing: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a trial as scripts read it.

    Parameters
    ----------
    n_searched : int
        Repeats of the search: their scores are `fold_scores`, those of confirming are
        `confirm_scores`.
    standing : mapping or None
        How it stands, as in `trials_csv`.
    """
    return {
        "number": trial.number,
        "state": trial.state,
        "params": trial.params,
        **_standing_of(trial, standing, n_searched),
        "search_score": trial.score,
        "search_std": trial.spread,
        "fold_scores": [fit.score for fit in fits if fit.repeat < n_searched],
        "confirm_scores": [fit.score for fit in fits if fit.repeat >= n_searched],
        "n_epochs": trial.n_epochs,
        "duration_s": trial.duration_s,
        "n_weights": trial.n_weights,
        "trainer": next((fit.trainer for fit in fits if fit.trainer), ""),
        "message": trial.message,
    }


def save_best_model(home: Path, study_id: str, best: BestModel) -> None:
    """Keep a study's model as ``model.keras``, with ``model.json`` for its facts."""
    _save_model(model_folder(home, study_id), best)


def save_trial_model(home: Path, study_id: str, number: int, model: BestModel) -> None:
    """Keep the model of a trial in a folder of its own beside that of the leader."""
    _save_model(_trial_folder(home, study_id, number), model)


def _save_model(folder: Path, best: BestModel) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "model.keras.part"
    part.write_bytes(best.content)
    (folder / "model.json").write_text(json.dumps(best.facts, indent=2), "utf-8")
    part.replace(folder / "model.keras")


def model_folder(home: Path, study_id: str) -> Path:
    """Return the folder that holds a study's saved model, whether it is there or not."""
    return home / "models" / study_id


def best_model_path(home: Path, study_id: str) -> Path | None:
    """Return a study's saved model, None if there is none."""
    path = model_folder(home, study_id) / "model.keras"
    return path if path.is_file() else None


def trial_model_path(home: Path, study_id: str, number: int) -> Path | None:
    """Return the saved model of a trial, the leader or another; None if none was kept."""
    best = best_model_path(home, study_id)
    if best is not None and model_trial(best) == number:
        return best
    path = _trial_folder(home, study_id, number) / "model.keras"
    return path if path.is_file() else None


def kept_model(home: Path, study_id: str, number: int, leader: int | None) -> Path | None:
    """Return the saved model of a trial; one that does not say whose counts as the leader's."""
    best = best_model_path(home, study_id)
    if best is not None and number == leader and model_trial(best) is None:
        return best
    return trial_model_path(home, study_id, number)


def _trial_folder(home: Path, study_id: str, number: int) -> Path:
    return model_folder(home, study_id) / f"trial-{number}"


def model_trial(path: Path) -> int | None:
    """Return the trial whose model a file holds; None where nothing beside it says so."""
    trial: int | None = model_facts(path).get("trial")
    return trial


def model_facts(path: Path) -> dict[str, Any]:
    """Return what is told of a saved model beside it, nothing where that is lost or broken."""
    try:
        facts: dict[str, Any] = json.loads(path.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return facts


def _chosen(trials: list[TrialRow], numbers: Iterable[int] | None) -> list[TrialRow]:
    if numbers is None:
        return trials
    wanted = set(numbers)
    return [trial for trial in trials if trial.number in wanted]


def _by_trial(fits: Sequence[FitRow]) -> Mapping[int, list[FitRow]]:
    grouped: dict[int, list[FitRow]] = {}
    for fit in fits:
        grouped.setdefault(fit.number, []).append(fit)
    return grouped


def _standings(table: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """Return how each trial stands; None in place of what is not known."""
    lines = zip(*(table[name].tolist() for name in _STANDING), strict=True)
    return {
        number: {name: _known(name, value) for name, value in zip(_STANDING, line, strict=True)}
        for number, line in zip(table.index.tolist(), lines, strict=True)
    }


def _standing_of(
    trial: TrialRow, standing: Mapping[str, Any] | None, n_searched: int
) -> Mapping[str, Any]:
    """Return how a trial stands; only its score where the verdict does not know of it.

    A trial without further repeats has the score of the search to the last digit.
    """
    if standing is None:
        return _UNKNOWN | {"score": trial.score}
    if standing["n_repeats"] <= n_searched:
        return {**standing, "score": trial.score}
    return standing


def _known(name: str, value: Any) -> Any:  # noqa: ANN401 (a number or a word)
    if isinstance(value, float) and math.isnan(value):
        return None
    return value or None if name == "rank" else value


def _cell(value: Any) -> Any:  # noqa: ANN401 (a parameter's value, as JSON gave it)
    if isinstance(value, (list, tuple)):
        return show_value(tuple(value))
    return value


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _harmless(cell: Any) -> Any:  # noqa: ANN401 (cells have many types)
    """Keep a spreadsheet from reading text as a formula."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return "'" + cell
    return cell
