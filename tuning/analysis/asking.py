"""Asking what a setting would score: the values to choose from, and the answer in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tuning.analysis.effects import in_sentence
from tuning.analysis.encoding import Settings
from tuning.analysis.what_if import Prediction
from tuning.digits import decimals
from tuning.parameters import PARAMETERS, Value, show_value
from tuning.setting import Choices, LogRange, Range, Setting, grid_values, n_values

_MOST_STEPS = 101  # of a slider; more cannot be told apart with a finger
_DIGITS = 3  # significant, of values between the ends of a range


def values_to_ask(name: str, setting: Setting) -> tuple[Value, ...]:
    """List the values of a searched parameter that can be asked about, as far apart as seen.

    Lists as they are written. Of a range every step where there are few, else values that lie
    evenly on the scale it is searched on.
    """
    if isinstance(setting, Choices):
        return setting.values
    count = n_values(name, setting)
    if count is not None and count <= _MOST_STEPS:
        listed = grid_values(name, setting)
        whole = range(round(setting.low), round(setting.high) + 1)  # type: ignore[union-attr]
        return tuple(whole) if listed is None else listed
    return _spread(name, setting)  # type: ignore[arg-type]  # a range


def _spread(name: str, setting: Range | LogRange) -> tuple[Value, ...]:
    evenly = np.geomspace if isinstance(setting, LogRange) else np.linspace
    inner = evenly(setting.low, setting.high, _MOST_STEPS)[1:-1]
    numbers = [setting.low, *(float(f"{number:.{_DIGITS}g}") for number in inner), setting.high]
    if PARAMETERS[name].kind == "int":
        return tuple(dict.fromkeys(round(number) for number in numbers))
    return tuple(dict.fromkeys(numbers))


def nearest_value(name: str, values: Sequence[Value], wanted: Value) -> Value:
    """Return the value itself where it can be asked about, else the one nearest to it."""
    if wanted in values:
        return wanted
    if PARAMETERS[name].kind not in {"int", "float"} or wanted is None or None in values:
        return values[len(values) // 2]
    numbers = np.array(values, dtype=np.float64)
    return values[int(np.abs(numbers - float(wanted)).argmin())]  # type: ignore[arg-type]


def differences(settings: Settings, asked: Settings) -> str:
    """Say in which settings a trial differs from what was asked: learning rate 0.0123."""
    parts = [
        f"{in_sentence(PARAMETERS[name].label)} {_short(settings[name])}"
        for name, value in asked.items()
        if settings[name] != value
    ]
    return " · ".join(parts) or "the same settings"


def _short(value: Value) -> str:
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else show_value(value)


def in_own_units(found: Prediction, sign: int) -> tuple[float, float, float]:
    """Return the predicted score and its 90 % interval; `sign` is -1 for a loss."""
    low, high = sorted(sign * end for end in found.within_90)
    return sign * found.score, low, high


def prediction_sentence(found: Prediction, sign: int) -> str:
    """Say what a setting would probably score, or that this is not known."""
    if not found.is_known:
        return found.sentence
    score, low, high = in_own_units(found, sign)
    places = decimals((high - low) / 2)
    return (
        f"Would probably score {score:.{places}f}; nine of ten such trials lie between "
        + f"{low:.{places}f} and {high:.{places}f}."
    )
