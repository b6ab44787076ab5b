"""What a person types into the search-space editor: one grammar, read without `eval`.

`read_setting` turns text into a setting, `write_setting` turns a setting into text that reads
back to the same one. Mistakes are told as sentences that name the parameter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from tuning.confirm_plan import most_extra_fits
from tuning.errors import ParameterError
from tuning.parameters import (
    OLD_CHOICES,
    PARAMETERS,
    Parameter,
    Value,
    show_value,
    show_values,
)
from tuning.setting import (
    Choices,
    Fixed,
    LogRange,
    Range,
    Setting,
    canonical,
    grid_values,
    n_values,
)
from tuning.spec import MOST_TRIALS, StudySpec

SettingKind = Literal["fixed", "list", "range", "log_range"]
Ends = tuple[int, int]

_DECADE = 10  # a range wider than this factor is better searched on a log scale
_MOST_NETWORKS_SHOWN = 6
_MOST_VALUES_SHOWN = 5
_OPTIMIZERS_WITH_MOMENTUM = {"sgd", "rmsprop"}

_QUOTES = "'\"`\u2018\u2019\u201c\u201d"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_SPAN = re.compile(
    rf"""(?P<low>{_NUMBER}) \s* (?:\bto\b|\.\.|:) \s* (?P<high>{_NUMBER})
    (?: \s* (?:\bstep\b|:) \s* (?P<step>{_NUMBER})
    | \s+ points \s+ (?P<points>\d+)
    | \s+ (?P<log>log) (?: \s+ (?P<log_points>\d+) )?
    )?""",
    re.VERBOSE | re.IGNORECASE,
)
_LOOKS_LIKE_SPAN = re.compile(r"\bto\b|\.\.|:", re.IGNORECASE)
_DECIMAL_COMMAS = re.compile(r"\s*\d+,\d+(?:\s+\d+,\d+)*\s*")
_PLAIN_BRACKETS = str.maketrans("(){}", "[][]")
_SMALL_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Reading:
    """How the text of one row was understood.

    Attributes
    ----------
    setting : Setting
        What the spec will hold.
    shown : str
        The reading, as it stands below the row; empty where there is nothing to add.
    notes, warnings : tuple of str
        What was changed on the way; what is probably not meant.
    """

    setting: Setting
    shown: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_setting(
    name: str, kind: SettingKind, written: object, ends: Ends | None = None
) -> Reading:
    """Read one row of the search space.

    Parameters
    ----------
    name : str
        The parameter's library name.
    kind : {"fixed", "list", "range", "log_range"}
        What the row is to be.
    written : str, value or sequence of values
        Text in the grammar, or what a person chose from a list. A range needs text here;
        `read_range` takes its numbers.
    ends : tuple of int, optional
        Inputs and outputs of the network, shown around its hidden layers.

    Raises
    ------
    ParameterError, SpecError
        If it cannot be read or is not allowed.
    """
    parameter = PARAMETERS[name]
    if kind in ("range", "log_range"):
        return _read_span(parameter, str(written), log=kind == "log_range")
    items, spans = _items(parameter, written, alone=kind == "fixed")
    if not items:
        raise ParameterError(
            parameter.label, f"no value is written. Write for example {parameter.example}."
        )
    if kind == "fixed":
        return _fixed(parameter, items)
    reading = _with_comma_hint(parameter, items, written)
    shown = _show_list(parameter, reading.setting, ends, spelled_out=not spans)
    notes = (*reading.notes, *(note for span in spans for note in span.notes))
    warnings = (*reading.warnings, *(warning for span in spans for warning in span.warnings))
    return Reading(reading.setting, shown, notes, warnings)


def read_values(name: str, values: Sequence[object]) -> Reading:
    """Read values that are no text any more as a list to try.

    Raises
    ------
    ParameterError
        If one of them is not allowed.
    """
    parameter = PARAMETERS[name]
    parsed = [parameter.parse(value) for value in values]
    notes = [*_renamed(parameter, values), *_repeated(parsed)]
    setting = Choices(values=tuple(dict.fromkeys(parsed)))
    return Reading(setting, _show_list(parameter, setting, None), tuple(notes))


def read_range(
    name: str,
    kind: Literal["range", "log_range"],
    low: float | None,
    high: float | None,
    points: int | None = None,
    step: float | None = None,
) -> Reading:
    """Read a range from its numbers.

    Raises
    ------
    ParameterError, SpecError
        If an end is missing or not allowed, or the points or the step are not.
    """
    parameter = PARAMETERS[name]
    if low is None or high is None:
        raise ParameterError(parameter.label, "a range needs both From and To. Fill in both.")
    if kind == "log_range" and step is not None:
        raise ParameterError(parameter.label, "a log range has no step. Set points instead.")
    ends = {"kind": kind, "low": low, "high": high, "points": points}
    setting = canonical(name, ends if step is None else ends | {"step": step})
    return Reading(
        setting,
        show_setting(name, setting),
        _short_of(setting, high),
        _log_warnings(name, setting),
    )


def write_setting(name: str, setting: Setting) -> str:
    """Write a setting as text that `read_setting` reads back to the same one."""
    if isinstance(setting, Fixed):
        return _write_value(setting.value)
    if isinstance(setting, Choices):
        layers = PARAMETERS[name].kind == "layers"
        return ", ".join(_write_value(value, brackets=layers) for value in setting.values)
    text = f"{_write_value(setting.low)} to {_write_value(setting.high)}"
    if isinstance(setting, LogRange):
        return f"{text} log" if setting.points is None else f"{text} log {setting.points}"
    if setting.step is not None:
        return f"{text} step {_write_value(setting.step)}"
    return text if setting.points is None else f"{text} points {setting.points}"


def show_setting(name: str, setting: Setting) -> str:
    """Describe a setting in a few words: its values, or the first and the last of many."""
    if isinstance(setting, Fixed):
        return show_value(setting.value)
    if isinstance(setting, Choices):
        return _show_some(setting.values)
    count = n_values(name, setting)
    if count is None:
        scale = ", even on a log scale" if isinstance(setting, LogRange) else ""
        return f"any number from {show_value(setting.low)} to {show_value(setting.high)}{scale}"
    if count > MOST_TRIALS:
        return f"{count:,} values from {show_value(setting.low)} to {show_value(setting.high)}"
    return _show_some(grid_values(name, setting) or ())


def count_sentence(spec: StudySpec) -> str:
    """Say how many fits a study has: "18 trials × 3 folds × 1 repeat = 54 fits (18 trained)".

    Trials that differ only in epochs share one training, which is told where every cell runs.
    What confirming may add is told after it: ", then up to 270 to confirm".
    """
    n_trials, evaluation = spec.n_trials or 0, spec.evaluation
    factors = [counted(n_trials, "trial")]
    if evaluation.method == "kfold":
        factors.append(counted(evaluation.folds, "fold"))
    factors.append(counted(evaluation.repeats, "repeat"))
    sentence = f"{' × '.join(factors)} = {counted(n_trials * spec.n_fits_per_trial, 'fit')}"
    n_trained, n_extra = _n_trained(spec), most_extra_fits(spec)
    if n_trained is not None:
        sentence += f" ({n_trained:,} trained)"
    return f"{sentence}, then up to {n_extra:,} to confirm" if n_extra else sentence


def space_note(spec: StudySpec) -> str:
    """Say that a small space ends a search early; empty where it does not."""
    n_cells, wanted = spec.n_cells, spec.sampler.n_trials
    if spec.sampler.kind == "grid" or n_cells is None or wanted is None:
        return ""
    n_trials = spec.n_trials
    if n_trials == wanted:
        return ""
    default = " beside the default settings" if n_trials > n_cells else ""
    verb = "runs" if n_trials == 1 else "run"
    return (
        f"The space has {counted(n_cells, 'combination')}{default}, "
        + f"so {counted(n_trials, 'trial')} {verb}, not {wanted:,}."
    )


def space_warnings(spec: StudySpec) -> tuple[str, ...]:
    """Return what is probably not meant in the search space as a whole."""
    optimizer = spec.space.get("optimizer", Fixed(value=PARAMETERS["optimizer"].default))
    optimizers = set(grid_values("optimizer", optimizer) or ())
    if "momentum" in spec.searched and not optimizers <= _OPTIMIZERS_WITH_MOMENTUM:
        return ("Momentum only matters for SGD and RMSprop.",)
    return ()


def counted(n: int, noun: str) -> str:
    """Write a count with its noun: 1 fit, 1,200 fits."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _n_trained(spec: StudySpec) -> int | None:
    """Return the trainings of a study where epochs are searched and every cell runs."""
    epochs, n_cells = spec.searched.get("epochs"), spec.n_cells
    if epochs is None or n_cells is None or spec.sampler.learns:
        return None
    beside = spec.include_default and not spec.has_default_cell
    n_epochs = n_values("epochs", epochs)
    if n_epochs is None or n_epochs == 1 or spec.n_trials != n_cells + beside:
        return None
    n_networks = n_cells // n_epochs + (beside and _default_is_another_network(spec))
    return n_networks * spec.n_fits_per_trial


def _default_is_another_network(spec: StudySpec) -> bool:
    """Tell whether the default settings differ from every cell in more than epochs."""
    return any(
        value not in (grid_values(name, spec.searched[name]) or ())
        for name, value in spec.default_settings.items()
        if name != "epochs"
    )


def _items(
    parameter: Parameter, written: object, *, alone: bool
) -> tuple[list[object], list[Reading]]:
    """Split what was written into values; the ranges among them are returned as well."""
    if isinstance(written, Sequence) and not isinstance(written, str):
        return list(written), []
    if not isinstance(written, str):
        return [written], []
    _check_brackets(parameter, written)
    if parameter.kind == "layers":
        return list(_networks(parameter, written, alone=alone)), []
    items: list[object] = []
    spans: list[Reading] = []
    for part in re.split(r"[,;\n]", _unwrapped(written.strip())):
        span = None if parameter.kind == "choice" else _span(parameter, part, log=False)
        if span is None:
            items += [word for token in part.split() if (word := token.strip(_QUOTES))]
        else:
            items += _listed(parameter, span.setting, part.strip())
            spans.append(span)
    return items, spans


def _listed(parameter: Parameter, span: Setting, text: str) -> Sequence[Value]:
    count = n_values(parameter.name, span)
    if count is None:
        missing, more = (
            ("number of points", "4") if isinstance(span, LogRange) else ("step", "step 0.1")
        )
        raise ParameterError(
            parameter.label, f"{text!r} has no {missing}. Write for example {text} {more}."
        )
    if count > MOST_TRIALS:
        raise ParameterError(
            parameter.label,
            f"{count:,} values in {text!r}. The limit is {MOST_TRIALS:,}: use a larger step.",
        )
    return grid_values(parameter.name, span) or ()


def _fixed(parameter: Parameter, items: Sequence[object]) -> Reading:
    if len(items) > 1:
        raise ParameterError(
            parameter.label,
            f"{len(items)} values are written, but one is needed. Choose List to try them all.",
        )
    setting = Fixed(value=parameter.parse(items[0]))
    return Reading(setting, notes=tuple(_renamed(parameter, items)))


def _with_comma_hint(parameter: Parameter, items: Sequence[object], written: object) -> Reading:
    """Read a list, and tell where a comma was probably meant as a decimal point."""
    if parameter.kind != "float" or not isinstance(written, str):
        return read_values(parameter.name, items)
    if not _DECIMAL_COMMAS.fullmatch(written):
        return read_values(parameter.name, items)
    hint = _comma_hint(items, written)
    try:
        reading = read_values(parameter.name, items)
    except ParameterError as error:
        raise ParameterError(parameter.label, hint) from error
    return Reading(reading.setting, reading.shown, reading.notes, (hint,))


def _comma_hint(items: Sequence[object], written: str) -> str:
    decimals = ", ".join(written.replace(",", ".").split())
    shown = f"{', '.join(str(item) for item in items[:-1])} and {items[-1]}"
    meant = "a decimal" if len(items) == 2 else "decimals"
    return f"Read as {_in_words(len(items))} values, {shown}. For {meant} write {decimals}."


def _renamed(parameter: Parameter, items: Sequence[object]) -> Iterator[str]:
    if parameter.kind == "choice":
        for word in dict.fromkeys(str(item).strip().strip(_QUOTES).lower() for item in items):
            if word in OLD_CHOICES:
                yield f"{word} is called {OLD_CHOICES[word]} now"


def _repeated(values: Sequence[Value]) -> Iterator[str]:
    for value, count in Counter(values).items():
        if count > 1:
            times = "twice" if count == 2 else f"{count} times"
            yield (
                f"{show_value(value)} appears {times}; it runs once. "
                + "Repeats are set under Evaluation."
            )


def _read_span(parameter: Parameter, text: str, *, log: bool) -> Reading:
    reading = _span(parameter, text, log=log)
    if reading is None:
        raise ParameterError(parameter.label, _no_range(parameter, text, log=log))
    return reading


def _span(parameter: Parameter, text: str, *, log: bool) -> Reading | None:
    """Read ``0 to 0.9 step 0.1`` and its like; None where the text is no range."""
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        if _LOOKS_LIKE_SPAN.search(text):
            raise ParameterError(parameter.label, _no_range(parameter, text, log=log))
        return None
    points = match["points"] or match["log_points"]
    return read_range(
        parameter.name,
        "log_range" if log or match["log"] else "range",
        float(match["low"]),
        float(match["high"]),
        int(points) if points else None,
        float(match["step"]) if match["step"] else None,
    )


def _no_range(parameter: Parameter, text: str, *, log: bool) -> str:
    whole = parameter.kind == "int"
    plain = "10 to 100 step 10" if whole else "0 to 0.9 step 0.1"
    example = "0.0001 to 0.1 log 4" if log and not whole else plain
    return f"{text.strip()!r} is not a range. Write for example {example}."


def _short_of(setting: Setting, high: float) -> tuple[str, ...]:
    if isinstance(setting, Range) and setting.high < high:
        last = show_value(setting.high)
        return (f"The steps do not meet {show_value(float(high))}; the last value is {last}.",)
    return ()


def _log_warnings(name: str, setting: Setting) -> tuple[str, ...]:
    if name != "learning_rate" or not isinstance(setting, Range):
        return ()
    if setting.high < setting.low * _DECADE:
        return ()
    return ("Steps are even on a plain scale; learning rates usually need a log range.",)


def _check_brackets(parameter: Parameter, text: str) -> None:
    depths = _depths(text.translate(_PLAIN_BRACKETS))
    if min(depths) < 0 or depths[-1] > 0:
        raise ParameterError(
            parameter.label,
            f"the brackets in {text!r} do not match. Write for example {parameter.example}.",
        )


def _depths(text: str) -> list[int]:
    """Return how many brackets are open before the text and after each character."""
    return [0, *accumulate((character == "[") - (character == "]") for character in text)]


def _unwrapped(text: str) -> str:
    """Take off a pair of brackets around everything."""
    if text[:1] in {"[", "(", "{"} and text[-1:] in {"]", ")", "}"}:
        return text[1:-1]
    return text


def _networks(parameter: Parameter, text: str, *, alone: bool) -> Iterator[object]:
    """Yield the layers of each network: a list of texts, or the word for none."""
    text = text.strip().translate(_PLAIN_BRACKETS).replace("\n", ";")
    text = re.sub(r"(?<=\d)\s*-\s*(?=\d)", "-", text)
    if _wraps_networks(text):
        text = text[1:-1]
    parts = [part for part in _split_outside(text, ";") if part.strip()]
    for part in parts:
        groups = [group for group in _split_outside(part, ", \t") if group]
        if all(group.isdecimal() for group in groups) and len(groups) > 1:
            if len(parts) == 1 and not alone:
                raise ParameterError(parameter.label, _one_or_many(groups))
            yield groups
        else:
            yield from (_layers(group) for group in groups)


def _wraps_networks(text: str) -> bool:
    """Tell whether a pair of brackets surrounds networks, rather than the layers of one."""
    one_pair = text.startswith("[") and 0 not in _depths(text)[1:-1]
    return one_pair and any(mark in text[1:-1] for mark in "[;-")


def _split_outside(text: str, separators: str) -> list[str]:
    """Split at the separators that stand outside brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if depth == 0 and character in separators:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _layers(group: str) -> object:
    words = [w.strip(_QUOTES) for w in re.split(r"[\[\],\s]+|(?<=\d)-(?=\d)", group) if w]
    return words[0] if words and words[0].lower() in {"none", "off"} else words


def _one_or_many(sizes: Sequence[str]) -> str:
    count = _in_words(len(sizes))
    return (
        f"One network with {count} layers, or {count} networks? "
        + f"Write [{'-'.join(sizes)}] or [{'; '.join(sizes)}]."
    )


def _in_words(n: int) -> str:
    return _SMALL_NUMBERS[n - 2] if 2 <= n < 2 + len(_SMALL_NUMBERS) else f"{n:,}"


def _show_list(
    parameter: Parameter, setting: Setting, ends: Ends | None, *, spelled_out: bool = True
) -> str:
    values = grid_values(parameter.name, setting) or ()
    if parameter.kind == "choice":
        return f"{len(values)} of {len(parameter.choices)}"
    if parameter.kind == "layers":
        return _show_networks(parameter, values, ends)
    count = counted(len(values), "value")
    return count if spelled_out else f"{count}: {_show_some(values)}"


def _show_networks(parameter: Parameter, values: Sequence[Value], ends: Ends | None) -> str:
    around = ends if parameter.name == "dense_layer_sizes" else None
    shown = [_show_network(value, around) for value in values[:_MOST_NETWORKS_SHOWN]]
    more = " · …" if len(values) > _MOST_NETWORKS_SHOWN else ""
    return f"{counted(len(values), 'network')}: {' · '.join(shown)}{more}"


def _show_network(value: Value, ends: Ends | None) -> str:
    if not isinstance(value, tuple):
        return show_value(value)
    sizes = value if ends is None else (ends[0], *value, ends[1])
    return "→".join(str(size) for size in sizes)


def _show_some(values: Sequence[Value]) -> str:
    if len(values) <= _MOST_VALUES_SHOWN:
        return show_values(values)
    return f"{show_values(values[:3])} … {show_value(values[-1])}"


def _write_value(value: Value, *, brackets: bool = False) -> str:
    """Write a value in full: unlike `show_value`, no digit is lost."""
    if isinstance(value, tuple):
        text = ", ".join(str(size) for size in value)
        return f"[{text}]" if brackets else text.replace(", ", "-")
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
    return show_value(value)
