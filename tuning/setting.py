"""What a study does with one parameter: fix it, or try a list, a range or a log range.

Values have one spelling, the one of `Parameter.parse`; a grid turns every setting into a list.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuning.errors import ParameterError, SpecError
from tuning.parameters import PARAMETERS, Parameter, Value, parameters_of
from tuning.sentences import sentences

MOST_VALUES = 10_000  # in a list; a study has no more trials
_NUMBER_KINDS = ("int", "float")
_STEP_TOLERANCE = Decimal("1e-9")  # of a step: an end rounded to a float still meets its step


class Frozen(BaseModel):
    """A part of a spec: unchangeable, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Fixed(Frozen):
    """A parameter that every trial sets to the same value."""

    kind: Literal["fixed"] = "fixed"
    value: Any


class Choices(Frozen):
    """A parameter with the values to try, in the order written."""

    kind: Literal["list"] = "list"
    values: tuple[Any, ...] = Field(min_length=1)


class Range(Frozen):
    """A parameter between two numbers, both included.

    `points` (or `step`) makes it a list for a grid; `step` also restricts the other samplers
    and wins where both are given.
    """

    kind: Literal["range"] = "range"
    low: float
    high: float
    step: float | None = Field(default=None, gt=0)
    points: int | None = Field(default=None, ge=2, le=1000)


class LogRange(Frozen):
    """A parameter between two positive numbers, drawn evenly on a log scale."""

    kind: Literal["log_range"] = "log_range"
    low: float
    high: float
    points: int | None = Field(default=None, ge=2, le=1000)


Setting = Annotated[Fixed | Choices | Range | LogRange, Field(discriminator="kind")]

_setting_classes: dict[str, type[Fixed | Choices | Range | LogRange]] = {
    "fixed": Fixed,
    "list": Choices,
    "range": Range,
    "log_range": LogRange,
}


def setting_problems(name: str, setting: object, model: str) -> list[str]:
    """Return what is wrong with one setting of the search space, a sentence each.

    Parameters
    ----------
    name : str
        The parameter's library name.
    setting : mapping or Setting
        As it stands in a spec.
    model : str
        The kind of model it is for.
    """
    known = [parameter.name for parameter in parameters_of(model)]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Choose one of: {', '.join(known)}."
        return [f"Search space: {name!r} is not a parameter of a {model} network. {hint}"]
    try:
        canonical(name, setting)
    except SpecError as error:
        return list(error.problems)
    except ParameterError as error:
        return [str(error)]
    return []


def canonical(name: str, setting: object) -> Setting:
    """Return a setting with its values in the one spelling that specs hold.

    Raises
    ------
    ParameterError, SpecError
        If a value or the kind of setting is not allowed for this parameter.
    """
    parameter = PARAMETERS[name]
    checked = _as_setting(parameter, setting)
    if isinstance(checked, Fixed):
        return Fixed(value=parameter.parse(checked.value))
    if isinstance(checked, Choices):
        values = dict.fromkeys(parameter.parse(value) for value in checked.values)
        return Choices(values=tuple(values))
    if parameter.kind not in _NUMBER_KINDS:
        raise ParameterError(parameter.label, "it has no order, so no range. Write a list.")
    if isinstance(checked, LogRange) and checked.low <= 0:
        raise ParameterError(
            parameter.label,
            f"a log range cannot start at {checked.low:g}. Use for example 0.0001.",
        )
    low, high = parameter.parse(checked.low), parameter.parse(checked.high)
    if checked.low >= checked.high:
        raise ParameterError(
            parameter.label, f"From ({checked.low:g}) must be below To ({checked.high:g})."
        )
    ends = {"low": float(low), "high": float(high)}  # type: ignore[arg-type]
    return _on_step(parameter, checked.model_copy(update=ends))


def _on_step(parameter: Parameter, setting: Range | LogRange) -> Range | LogRange:
    """Let a range with a step end on its last step, as Optuna would with a warning."""
    if isinstance(setting, LogRange) or setting.step is None:
        return setting
    label, step = parameter.label, setting.step
    if parameter.kind == "int" and not step.is_integer():
        raise ParameterError(label, f"a step of {step:g} is not a whole number. Use 1 or more.")
    n_steps = _n_stepped(setting.low, setting.high, step) - 1
    if n_steps == 0:
        raise ParameterError(
            label,
            f"a step of {step:g} goes past To ({setting.high:g}). Use a smaller one.",
        )
    last = float(Decimal(str(setting.low)) + Decimal(str(step)) * n_steps)
    return setting.model_copy(update={"high": last, "points": None})


def _as_setting(parameter: Parameter, setting: object) -> Setting:
    if isinstance(setting, (Fixed, Choices, Range, LogRange)):
        return setting
    if not isinstance(setting, Mapping):
        raise ParameterError(
            parameter.label,
            f"{setting!r} is not a setting. Write for example "
            + f'{{"kind": "fixed", "value": {json.dumps(parameter.default)}}}.',
        )
    kind = setting.get("kind")
    if not isinstance(kind, str) or kind not in _setting_classes:
        known = ", ".join(_setting_classes)
        raise ParameterError(
            parameter.label, f"kind {kind!r} is not known. Use one of: {known}."
        )
    try:
        return _setting_classes[kind].model_validate(setting)
    except ValidationError as error:
        raise SpecError(sentences(error, prefix=f"{parameter.label}: ")) from error


def n_values(name: str, setting: Setting) -> int | None:
    """Return how many values a setting can take; None if endless."""
    if isinstance(setting, Range):
        step = _step(PARAMETERS[name], setting)
        if step is not None:  # counted, not listed: a small step makes a list of any length
            return _n_stepped(setting.low, setting.high, step)
    if isinstance(setting, LogRange) and not setting.points:
        whole = PARAMETERS[name].kind == "int"
        return round(setting.high) - round(setting.low) + 1 if whole else None
    values = grid_values(name, setting)
    return None if values is None else len(values)


def grid_values(name: str, setting: Setting) -> tuple[Value, ...] | None:
    """Return the values of a parameter's setting as a list, or None where they are endless."""
    parameter = PARAMETERS[name]
    if isinstance(setting, Fixed):
        return (setting.value,)
    if isinstance(setting, Choices):
        return setting.values
    whole = parameter.kind == "int"
    if isinstance(setting, LogRange):
        numbers = _spread_log(setting) if setting.points else None
    elif (step := _step(parameter, setting)) is not None:
        numbers = _stepped(setting.low, setting.high, step)
    else:
        numbers = _spread(setting.low, setting.high, setting.points) if setting.points else None
    if numbers is None:
        return None
    return tuple(dict.fromkeys(round(n) if whole else n for n in numbers))


def _step(parameter: Parameter, setting: Range) -> float | None:
    """Return the step of a range; whole numbers without points go in steps of 1."""
    if setting.step is None and setting.points is None and parameter.kind == "int":
        return 1.0
    return setting.step


def _n_stepped(low: float, high: float, step: float) -> int:
    start, stop, width = (Decimal(str(number)) for number in (low, high, step))
    return int((stop - start) / width + _STEP_TOLERANCE) + 1


def _stepped(low: float, high: float, step: float) -> list[float]:
    count = _n_stepped(low, high, step)
    if count > MOST_VALUES:
        raise SpecError(
            [
                f"{count:,} values from {low:g} to {high:g}. "
                + f"The limit is {MOST_VALUES:,}: use a larger step."
            ]
        )
    start, width = Decimal(str(low)), Decimal(str(step))
    return [float(start + width * i) for i in range(count)]


def _spread(low: float, high: float, points: int) -> list[float]:
    start, stop = Decimal(str(low)), Decimal(str(high))
    return [float(start + (stop - start) * i / (points - 1)) for i in range(points)]


def _spread_log(setting: LogRange) -> list[float]:
    points = setting.points or 2
    start, stop = math.log10(setting.low), math.log10(setting.high)
    inner = [10 ** (start + (stop - start) * i / (points - 1)) for i in range(1, points - 1)]
    # 12 digits are far below what training can tell apart, and 0.01 stays 0.01
    return [setting.low, *(float(f"{number:.12g}") for number in inner), setting.high]
