"""A judgement in words: one sentence for the header of a study, and the same for exports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tuning.analysis.standings import Confirmed
from tuning.analysis.verdict import Judgement
from tuning.digits import decimals, with_error
from tuning.parameters import PARAMETERS, Value
from tuning.setting import LogRange, Range, grid_values
from tuning.spec import StudySpec

SCORE_WORDS: Mapping[str, str] = {
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "roc_auc": "area under ROC",
    "f1": "F1",
    "mse": "MSE",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
}
_GUESSES: Mapping[str, str] = {
    "accuracy": "always guessing the most common class",
    "log_loss": "guessing by how common each class is",
    "r2": "always guessing the mean",
}


def leader_score(found: Judgement) -> str:
    """Write the score of the leader with its ±."""
    half = None if found.score is None else found.score.half_width
    return with_error(found.mean, half)


def verdict_sentence(
    spec: StudySpec, found: Judgement, settings: Mapping[str, Value] | None = None
) -> str:
    """Say in one or two sentences what may be said of a study.

    Parameters
    ----------
    settings : mapping or None
        Searched values of the leader, to tell whether it lies on an edge of the search.
    """
    if found.leader is None:
        return found.reason or "No trial has a score."
    if found.is_running:
        return _so_far(spec, found)
    parts = [_FINAL[found.kind](spec, found), _of_race(found)]
    if found.kind in {"leads", "tied"}:
        parts.append(edge_sentence(spec, settings or {}, found.leader))
    return " ".join(part for part in parts if part)


def _so_far(spec: StudySpec, found: Judgement) -> str:
    leader, n = found.leader, found.n_tied
    if found.kind == "leads":
        return f"So far trial {leader} is better than all others: {_score(spec, found)}."
    if n == 0:
        return f"Too early to call: trial {leader} leads with {_score(spec, found)}."
    others = "1 other" if n == 1 else f"{n:,} others"
    return (
        f"Too early to call: trial {leader} leads, {others} cannot be told apart from it yet."
    )


def expected_sentence(found: Judgement) -> str:
    """Say what the leader will probably score on new data, and what was luck of the choice."""
    expected = found.expected
    if expected is None or isinstance(found.honest, str):
        return f"What to expect on new data cannot be told: {_in_sentence(str(found.honest))}"
    half_width = expected.half_width
    shown = found.sign * found.honest.cv
    luck = found.sign * (shown - expected.mean)
    about = "about " if found.honest.is_adaptive else ""
    places = decimals(half_width)
    return (
        f"Expected on new data {about}{with_error(expected.mean, half_width)} "
        + f"(search showed {shown:,.{places}f}; {luck:,.{places}f} is selection luck)."
    )


def promise_sentence(found: Judgement) -> str:
    """Say what a sealed test will be compared with; empty where there is no score."""
    if found.leader is None:
        return ""
    expected = found.expected
    if expected is None:
        return f"The search shows {leader_score(found)}."
    return f"The search promises {with_error(expected.mean, expected.half_width)}."


def _leads(spec: StudySpec, found: Judgement) -> str:
    if found.confirmed is not None and found.n_tied:
        return _leads_a_race(spec, found, found.confirmed)
    text = f"Trial {found.leader} is better than all others: {_score(spec, found)}"
    ranking = found.ranking
    next_gap = None if ranking is None else ranking.runner_up_gap
    if next_gap is not None and found.confirmed is None:
        places = decimals(next_gap.half_width)
        text += f", the next is {next_gap.mean:.{places}f} worse"
    return f"{text}."


def _leads_a_race(spec: StudySpec, found: Judgement, race: Confirmed) -> str:
    """Say whom a winner has beaten, where others that may be as good did not enter."""
    n_beaten, n = len(race.entered) - 1, found.n_tied
    beaten = "the other one" if n_beaten == 1 else f"the {n_beaten} others"
    trials = "1 trial that ties was" if n == 1 else f"{n:,} trials that tie were"
    return (
        f"Trial {found.leader} is better than {beaten} in the race: {_score(spec, found)}. "
        + f"{trials} not trained again."
    )


def _tied(spec: StudySpec, found: Judgement) -> str:
    n = found.n_tied
    if n == 0:
        return f"Trial {found.leader} leads with {_score(spec, found)}."
    trials = "1 trial ties" if n == 1 else f"{n:,} trials tie"
    text = f"Trial {found.leader} leads with {_score(spec, found)}, but {trials} with it."
    if found.cheapest is not None and found.cheapest != found.leader:
        text += f" Trial {found.cheapest} is the cheapest of them."
    return text


def _default(spec: StudySpec, found: Judgement) -> str:
    mean, half_width = found.table[["mean", "half_width"]].to_numpy(float)[0]
    score = with_error(mean, half_width)
    return (
        f"Nothing clearly beats the default settings (trial 0, {SCORE_WORDS[_name(spec)]} "
        + f"{score}). Keep them, or widen the search."
    )


def _guessing(spec: StudySpec, found: Judgement) -> str:
    guess = found.guess or 0.0
    how = _GUESSES.get(_name(spec), "guessing")
    return (
        f"No trial clearly beats {how} ({guess:.3f}): the best is trial {found.leader} with "
        + f"{_score(spec, found)}. Check the target column and scaling."
    )


def _cannot_tell(spec: StudySpec, found: Judgement) -> str:
    return (
        f"Trial {found.leader} has the best score, {_score(spec, found)}. Whether it is better "
        + f"than the others cannot be told: {_in_sentence(found.reason or '')}"
    )


_FINAL = {
    "none": lambda _spec, found: found.reason or "",
    "leads": _leads,
    "tied": _tied,
    "default": _default,
    "guessing": _guessing,
    "cannot tell": _cannot_tell,
}


def _of_race(found: Judgement) -> str:
    """Say what confirming has changed."""
    race = found.confirmed
    if race is None:
        return "Not confirmed: that was skipped." if found.is_skipped else ""
    return " ".join(part for part in (_change_of_leader(found, race), _outcome(race)) if part)


def _change_of_leader(found: Judgement, race: Confirmed) -> str:
    if found.leader == race.first:
        return ""
    return (
        f"With {race.n_repeats} repeats trial {found.leader} scores best, "
        + f"not trial {race.first}, which led the search."
    )


def _outcome(race: Confirmed) -> str:
    repeats, n_left = f"{race.n_repeats} repeats", len(race.survivors)
    first = race.survivors[0]
    if race.kind == "winner":
        word = "stays" if first == race.first else "is"
        return f"Confirmed with {repeats}: trial {first} {word} ahead."
    if n_left == 1:
        return f"No other trial of the race has all its scores after {repeats}."
    if race.kind == "equal":
        return f"Confirmed with {repeats}: the {n_left} left in the race are practically equal."
    return f"{repeats} could not separate the {n_left} left in the race{_rows_needed(race)}."


def _rows_needed(race: Confirmed) -> str:
    rows = race.need_rows
    if rows is None or not math.isfinite(rows):
        return ""
    return f"; about {float(f'{rows:.2g}'):,.0f} rows could"


def edge_sentence(
    spec: StudySpec, settings: Mapping[str, Value], number: int | None = None
) -> str:
    """Say which value of a trial is the largest or smallest that was allowed, if one is.

    Parameters
    ----------
    settings : mapping
        Searched values of the trial.
    number : int or None
        Of the trial; None where it is clear which one is meant.
    """
    for name, value in settings.items():
        side = _edge(spec, name, value)
        if side:
            label = PARAMETERS[name].label.lower()
            which = f"Its {label}" if number is None else f"The {label} of trial {number}"
            verb = "are" if label.endswith("s") else "is"
            return f"{which} {verb} the {side} you allowed; better values may lie beyond."
    return ""


def _edge(spec: StudySpec, name: str, value: Value) -> str:
    setting = spec.searched.get(name)
    if setting is None or isinstance(value, (str, tuple)) or value is None:
        return ""
    values = grid_values(name, setting)
    if isinstance(setting, (Range, LogRange)):
        low, high = float(setting.low), float(setting.high)
    elif values and len(values) > 2 and all(isinstance(v, (int, float)) for v in values):
        numbers = [float(v) for v in values if isinstance(v, (int, float))]
        low, high = min(numbers), max(numbers)
    else:
        return ""
    limits = PARAMETERS[name]
    if value >= high and high != limits.high:
        return "largest"
    if value <= low and low != limits.low:
        return "smallest"
    return ""


def verdict_document(
    spec: StudySpec, found: Judgement, settings: Mapping[str, Value] | None = None
) -> dict[str, Any]:
    """Return a judgement as scripts and exports read it."""
    tied = found.table.index[found.table["tie"].isin(("leader", "tied"))]
    return {
        "kind": found.kind,
        "sentence": verdict_sentence(spec, found, settings),
        "leader": found.leader,
        "score": None if found.leader is None else found.mean,
        "half_width": None if found.score is None else found.score.half_width,
        "tied": [] if found.leader is None else [int(number) for number in tied],
        "cheapest_of_tied": found.cheapest,
        "is_running": found.is_running,
        "confirmed": None if found.confirmed is None else found.confirmed.to_dict(),
        "expected_on_new_data": _honest(found),
        "gain_over_default": _gain(found),
        "best_by_luck_alone": _luck(found),
        "guessing": found.guess,
        "smallest_difference_that_matters": found.rope,
        "reason": found.reason,
    }


def _honest(found: Judgement) -> dict[str, float] | str:
    expected = found.expected
    if expected is None:
        return found.honest if isinstance(found.honest, str) else ""
    return {"score": expected.mean, "low": expected.low, "high": expected.high}


def _gain(found: Judgement) -> dict[str, Any] | str | None:
    if found.gain is None or isinstance(found.gain, str):
        return found.gain
    interval = found.gain.interval
    return {
        "gain": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "is_shown": found.gain.beats_default,
    }


def _luck(found: Judgement) -> float | str:
    return found.luck if isinstance(found.luck, str) else found.sign * found.luck.expected


def _name(spec: StudySpec) -> str:
    return spec.evaluation.score


def _score(spec: StudySpec, found: Judgement) -> str:
    return f"{SCORE_WORDS[_name(spec)]} {leader_score(found)}"


def _in_sentence(reason: str) -> str:
    return reason[:1].lower() + reason[1:]
