"""Sentences about a study and its trials. Nothing here draws or reads anything."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pages.parts.show import SAMPLERS, about, clock, duration, plural
from storage.results import FitRow, TrialRow
from storage.studies import FINISHED, PAUSED, PREPARING, STOPPED, TRAINING, WAITING, StudyRow
from tuning.analysis.curves import Measure, measures
from tuning.analysis.remaining import while_running
from tuning.analysis.verdict import Judgement
from tuning.analysis.verdict_words import SCORE_WORDS
from tuning.datasets.info import DatasetInfo
from tuning.digits import DIGITS_ALONE, with_error
from tuning.parameters import PARAMETERS, Value, show_value
from tuning.spec import StudySpec
from tuning.training.choice import trainers_in_words

SCORES = SCORE_WORDS
SPREAD_HELP = "± is half of the 95 % interval of the mean. One fit gives no ±."
STATES: Mapping[str, str] = {
    "COMPLETE": "Complete",
    "PRUNED": "Pruned",
    "FAIL": "Failed",
    "RUNNING": "Running",
    "WAITING": "Not finished",
}

_EXTRA_PHASES = ("Confirming", "Repeating")  # how the driver names training after the search
_SHARE = re.compile(r"(\d+) of (\d+) fits$")
_VERDICTS = {
    "leads": "leads",
    "default": "not clearly better than defaults",
    "guessing": "not clearly better than guessing",
    "cannot tell": "cannot tell",
}
_WISHES = {"stop": "Stopping", "pause": "Pausing"}
_FIRST_MINUTE_S = 60.0
_FAST_S, _WAITING_S = 0.8, 5.0  # an epoch is on the screen within two seconds
_FEW = 6  # sessions that may look at a study as often as one does


def poll_every(row: StudyRow, now: float) -> float | None:
    """Return the seconds between two looks at a study; None once nothing will change."""
    if row.is_final:
        return None
    if row.state == PAUSED:
        return _WAITING_S
    if row.state == WAITING and now - row.created_at >= _FIRST_MINUTE_S:
        return _WAITING_S
    return _FAST_S


def in_a_crowd(poll_s: float, n_watching: int) -> float:
    """Return the seconds between two looks: so many that a crowd costs little more than a few.

    Twenty who look as often as one would take a good part of the cores that train. The seconds
    rise in steps, because a page runs anew as a whole when they change.
    """
    return max(poll_s, _FAST_S * math.ceil(n_watching / _FEW))


def is_confirming(row: StudyRow) -> bool:
    """Tell whether a study's search is over and its best trials are trained again."""
    return row.state == TRAINING and row.phase.startswith(_EXTRA_PHASES)


def confirming_share(row: StudyRow) -> float:
    """Return how much of the current round of confirming is done, from 0 to 1."""
    found = _SHARE.search(row.phase)
    if found is None or not int(found[2]):
        return 0.0
    return min(int(found[1]) / int(found[2]), 1.0)


def is_skipping(row: StudyRow) -> bool:
    """Tell whether somebody asked for the end of confirming."""
    return bool(json.loads(row.asked).get("skip"))


def verdict_word(row: StudyRow) -> str:
    """Say in a word what a finished study's verdict is; empty without one."""
    if row.state != FINISHED:
        return ""  # what is kept of an earlier end is not about the trials to come
    verdict: dict[str, Any] = json.loads(row.verdict)
    if verdict.get("kind") == "tied":
        n_tied = len(verdict["tied"]) - 1
        return f"tied with {n_tied:,}" if n_tied else "leads"
    return _VERDICTS.get(verdict.get("kind", ""), "")


def outline(spec: StudySpec, dataset_title: str) -> str:
    """Say in one line what a study is: data, sampler, trials and folds, score."""
    evaluation = spec.evaluation
    size = plural(spec.n_trials, "trial")
    if evaluation.method == "kfold":
        size += f" × {plural(evaluation.folds, 'fold')}"
    if evaluation.repeats > 1:
        size += f" × {plural(evaluation.repeats, 'repeat')}"
    better = "higher" if spec.direction == "maximize" else "lower"
    judged = f"{SCORES[evaluation.score]}, {better} is better"
    return " · ".join([dataset_title, SAMPLERS[spec.sampler.kind], size, judged])


def trained_by(fits: Iterable[FitRow]) -> str:
    """Say how fits were trained: "trainer: Model.fit"; empty while that is not known."""
    words = trainers_in_words(fit.trainer for fit in fits)
    return f"trainer: {words}" if words else ""


def status_sentence(
    row: StudyRow, n_ahead: int, timezone: str, *, confirms: bool = False
) -> str:
    """Say what is happening to a study, and how far it is.

    `confirms` tells whether its leaders are trained again after the search.
    """
    fits = f"{row.n_fits_done:,} of {plural(row.n_fits_planned, 'fit')}"
    if not row.is_final and row.wish in _WISHES:
        return f"{_WISHES[row.wish]} after the current epoch"
    if row.state == WAITING:
        return f"Waiting, {n_ahead} ahead" if n_ahead else "Waiting for the worker"
    if row.state == PREPARING:
        return row.phase or "Reading data"
    if row.state == TRAINING:
        return _training_sentence(row, fits, confirms=confirms)
    if row.state == PAUSED:
        return f"{row.message or 'Paused.'} {fits} are done."
    return _ended_sentence(row, fits, timezone)


def _ended_sentence(row: StudyRow, fits: str, timezone: str) -> str:
    took = "" if row.seconds is None else f" in {duration(row.seconds)}"
    at = "" if row.finished_at is None else f" at {clock(row.finished_at, timezone)}"
    if row.state == FINISHED:
        return f"Finished{took}{at}."
    if row.state == STOPPED:
        ended = row.message.rstrip(".") or "Stopped"
        return f"{ended}{at}, after {fits}. What is finished is kept."
    return _failed_sentence(row)


def _training_sentence(row: StudyRow, fits: str, *, confirms: bool) -> str:
    if is_confirming(row):
        return confirming_sentence(row)
    if row.phase not in {"", "Training"}:
        return f"{row.phase} · {fits}"
    then = " · then confirming" if confirms else ""
    if row.seconds_left is None:
        return f"{fits}{then} · time left: after the first epoch"
    return f"{fits}{then} · {time_left(row.seconds_left)} left"


def confirming_sentence(row: StudyRow) -> str:
    """Say how far the current round of confirming is, and how long it still takes."""
    if is_skipping(row):
        return "Confirming ends after the current epoch"
    if row.seconds_left is None:
        return row.phase
    return f"{row.phase} · {time_left(row.seconds_left)} for these"


def time_left(seconds: float) -> str:
    """Say how long something that is running still takes: "about 12 s (9–16 s)"."""
    low_s, high_s = while_running(seconds)
    return about(low_s, high_s, seconds)


def _failed_sentence(row: StudyRow) -> str:
    if row.message.startswith("All "):
        return row.message
    kept = f" {plural(row.n_fits_done, 'fit')} are kept." if row.n_fits_done else ""
    return f"Failed: {row.message or 'no reason was given.'}{kept}"


def offline_sentence(row: StudyRow, since: str) -> str:
    """Say what a missing worker means for a study that is not finished."""
    start = f"Worker offline since {since}." if since else "The worker is offline."
    if row.state == WAITING:
        return f"{start} The study starts by itself when it is back."
    safe = f"; {plural(row.n_fits_done, 'fit')} are safe" if row.n_fits_done else ""
    return f"{start} The study continues by itself when it is back{safe}."


def ended_toast(row: StudyRow) -> str:
    """Say that a study has just ended."""
    took = "" if row.seconds is None else f" {'in' if row.state == FINISHED else 'after'} "
    took += "" if row.seconds is None else duration(row.seconds)
    word = verdict_word(row)
    return f"{row.name} {row.state}{took}{': ' if word else ''}{word}."


def settings_text(settings: Mapping[str, Value]) -> str:
    """Write settings in one line, numbers in four digits: batch size 20 · epochs 100."""
    return " · ".join(
        f"{in_sentence(PARAMETERS[name].label)} "
        + (f"{value:.4g}" if isinstance(value, float) else show_value(value))
        for name, value in settings.items()
    )


def in_sentence(label: str) -> str:
    """Write a parameter's label inside a sentence."""
    return label[0].lower() + label[1:]


def as_python(settings: Mapping[str, Value]) -> str:
    """Write settings as a Python dictionary under their library names."""
    lines = [f'    "{name}": {_literal(value)},' for name, value in settings.items()]
    return "\n".join(["params = {", *lines, "}"])


def _literal(value: Value) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)


def digits_of(found: Judgement, score: str, measure: Measure, numbers: Iterable[int]) -> int:
    """Return the decimals of values of curves: of the score as many as each ± supports."""
    return found.digits_of(numbers) if measure == measures(score)[0] else DIGITS_ALONE


def guessing(info: DatasetInfo | None) -> float | None:
    """Return the accuracy of always answering the most common class; None without classes."""
    if info is None or not info.class_counts or not sum(info.class_counts):
        return None
    return max(info.class_counts) / sum(info.class_counts)


def trial_ending(row: TrialRow, n_fits: int) -> str:
    """Say how a trial ended, or how it stands."""
    if row.state == "COMPLETE" and row.score is not None:
        return f"{with_error(row.score)} over {plural(n_fits, 'fit')}"
    if row.state in {"FAIL", "PRUNED"}:
        return f"{STATES[row.state]}: {row.message or 'no reason was given.'}"
    return row.message or "In training."


def unknown_trials(wanted: Sequence[str], known: Sequence[int]) -> list[str]:
    """Return what was asked for and is not the number of a trial."""
    numbers = {str(number) for number in known}
    return [text for text in wanted if text not in numbers]
