"""What may be said of studies and trials side by side, and the table of what differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from tuning.analysis.comparable import same_folds, same_rows
from tuning.analysis.comparing import Entry
from tuning.analysis.pair_words import Pair
from tuning.analysis.tables import value_in_words
from tuning.analysis.verdict_words import SCORE_WORDS
from tuning.digits import decimals, with_error
from tuning.parameters import PARAMETERS, Value, show_value, show_values
from tuning.setting import Setting, grid_values
from tuning.spec import StudySpec

OTHER_ROWS = "These studies use different rows, so no verdict: scores stand side by side only."
OTHER_FOLDS = (
    "These studies cut their rows into different folds, so no verdict: scores stand side by "
    + "side only."
)
NO_SHARED_SCORE = (
    "One predicts classes, another one numbers: they have no metric in common, so no verdict."
)
_NONE = "–"
_MOST_VALUES = 6  # in a cell
_FEWEST_DIGITS, _MOST_DIGITS = 4, 10  # of a number; `show_value` has the most
_METHODS = {"holdout": "one part held out", "test": "the dataset's own test rows"}


def why_no_verdict(entries: Sequence[Entry]) -> str:
    """Say why scores cannot be compared fold by fold; empty where they can."""
    first = entries[0].spec
    if not all(same_rows(first, entry.spec) for entry in entries[1:]):
        return OTHER_ROWS
    if not all(same_folds(first, entry.spec) for entry in entries[1:]):
        return OTHER_FOLDS
    return ""


def different_scores(specs: Sequence[StudySpec]) -> str:
    """Say that studies are judged by different scores; empty where they are not."""
    names = list(dict.fromkeys(spec.evaluation.score for spec in specs))
    if len(names) < 2:
        return ""
    words = [f"by {SCORE_WORDS[name]}" for name in names]
    listed = ", one ".join(words)
    return f"One is judged {listed}. Choose a metric both have."


def verdicts(entries: Sequence[Entry], pairs: Sequence[Pair | None]) -> list[str]:
    """Say of each but the first whether it is better than the first; a sentence each."""
    first = entries[0]
    return [
        _verdict(first, entry, pair) for entry, pair in zip(entries[1:], pairs, strict=True)
    ]


def _verdict(first: Entry, other: Entry, pair: Pair | None) -> str:
    if pair is None:
        return f"{other.label} has no score to compare with {first.label}."
    so_far = "So far, " if first.found.is_running or other.found.is_running else ""
    fits = "on the same fit" if pair.n_fits == 1 else f"on the same {pair.n_fits:,} fits"
    if pair.comparison.reason is not None:
        return f"{other.label} and {first.label} cannot be told apart. {pair.comparison.reason}"
    if pair.verdict == "practically equal":
        return (
            f"{so_far}{other.label} and {first.label} are practically equal: almost surely "
            + f"they differ by no more than {pair.rope:.4g}."
        )
    size = _size(pair)
    if pair.verdict == "cannot tell":
        return (
            f"{so_far}{other.label} and {first.label} cannot be told apart {fits}: the "
            + f"difference is {size}."
        )
    better, worse = (other, first) if pair.verdict == "a better" else (first, other)
    return f"{so_far}{better.label} beats {worse.label} by {size} {fits}."


def _size(pair: Pair) -> str:
    """Write how large a difference is, without its direction."""
    digits = decimals(pair.half_width)
    return f"{abs(pair.difference):,.{digits}f} ± {pair.half_width:,.{digits}f}"


def search_finding(tables: Mapping[str, pd.DataFrame], by: str, direction: str) -> str:
    """Say which search was ahead once the shortest of them had ended.

    Parameters
    ----------
    tables : mapping
        Of `tuning.analysis.comparing.best_so_far`, by the name of the study.
    by : {"seconds", "trials"}
        What they are compared at.
    """
    usable = {name: table for name, table in tables.items() if table[by].notna().any()}
    if len(usable) < 2:
        return f"Best score so far by {by}"
    budget = min(float(table[by].max()) for table in usable.values())
    best = {
        name: table.loc[table[by] <= budget, "best"].iloc[-1]
        for name, table in usable.items()
        if (table[by] <= budget).any()
    }
    choose = max if direction == "maximize" else min
    top = choose(best.values())
    ahead = [name for name, value in best.items() if value == top]
    spent = _budget(budget, by)
    if len(ahead) == len(best) > 1:
        return f"After {spent} all have found the same best score, {with_error(top)}"
    names = " and ".join(ahead)
    return f"After {spent} {names} had the best score in the search, {with_error(top)}"


def _budget(budget: float, by: str) -> str:
    if by == "trials":
        return "1 trial" if budget == 1 else f"{budget:,.0f} trials"
    return f"{budget:,.1f} s" if budget < 10 else f"{budget:,.0f} s"


# What differs.


def settings_table(entries: Sequence[Entry]) -> pd.DataFrame:
    """List what the studies are and what the trials have set; a row a setting.

    Returns
    -------
    DataFrame
        Column setting, one for each entry under its label, and same: whether all are equal.
    """
    columns = [dict(_lines(entry, entries)) for entry in entries]
    names = list(dict.fromkeys(name for lines in columns for name in lines))
    table = pd.DataFrame(
        {"setting": names}
        | {
            entry.label: [lines.get(name, _NONE) for name in names]
            for entry, lines in zip(entries, columns, strict=True)
        }
    )
    labels = [entry.label for entry in entries]
    return table.assign(same=table[labels].nunique(axis=1) == 1)


def _lines(entry: Entry, entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    spec = entry.spec
    yield from _data_lines(entry)
    yield "Network", spec.model
    yield "Sampler", spec.sampler.kind
    yield "Trials", f"{spec.n_trials:,}"
    yield "Judged on", _judged_on(spec)
    yield "Repeats", str(spec.evaluation.repeats)
    yield "Judged by", SCORE_WORDS[entry.row.score_name]
    yield "Early stopping", _stopping(spec)
    yield "Pruner", spec.pruner.kind.replace("_", " ")
    yield "Default settings tried", "yes" if spec.include_default else "no"
    yield "Leaders confirmed", "yes" if spec.confirm else "no"
    yield "Seed", str(spec.seed)
    for name, value in entry.settings.items():
        text = value_in_words(name, value)
        if isinstance(value, float):
            text = _as_short(value, [other.settings.get(name) for other in entries])
        yield PARAMETERS[name].label, text
    for name, setting in spec.searched.items():
        yield f"{PARAMETERS[name].label}: tried", _tried(name, setting)


def _as_short(value: float, beside: Sequence[Value]) -> str:
    """Write a number with four digits, or as many as tell it from those beside it."""
    floats = {other for other in beside if isinstance(other, float)}
    for n_digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        if len({f"{other:.{n_digits}g}" for other in floats}) == len(floats):
            return f"{value:.{n_digits}g}"
    return show_value(value)


def _data_lines(entry: Entry) -> Iterator[tuple[str, str]]:
    data = entry.spec.data
    yield "Dataset", data.dataset if entry.info is None else entry.info.title
    if data.digits:
        yield "Digits", ", ".join(str(digit) for digit in data.digits)
    yield "Rows sealed as test", f"{data.test_fraction:.0%}"
    if data.sample_fraction < 1:
        yield "Rows used", f"{data.sample_fraction:.0%}"
    yield "Split seed", str(data.split_seed)


def _judged_on(spec: StudySpec) -> str:
    evaluation = spec.evaluation
    if evaluation.method == "kfold":
        return f"{evaluation.folds} folds{'' if evaluation.shuffle else ', not shuffled'}"
    return _METHODS[evaluation.method]


def _stopping(spec: StudySpec) -> str:
    stopping = spec.evaluation.early_stopping
    return "no" if stopping is None else f"{stopping.monitor}, patience {stopping.patience}"


def _tried(name: str, setting: Setting) -> str:
    """Write the values of a searched parameter: all of a short list, else its ends."""
    values = grid_values(name, setting)
    if values is not None and len(values) <= _MOST_VALUES:
        return show_values(values)
    if values is not None:
        return f"{len(values):,} values, {show_value(values[0])} to {show_value(values[-1])}"
    low, high = getattr(setting, "low", math.nan), getattr(setting, "high", math.nan)
    return f"{show_value(low)} to {show_value(high)}"
