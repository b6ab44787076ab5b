"""The next, finer values of one parameter: around the best trials, in its own scale.

Of what was tried, one step more on each side stays in, for the best trials are not sure to
enclose the optimum. Hard limits bound what is added, never what a person has tried already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tuning.parameters import PARAMETERS, Layers, Value, show_value
from tuning.setting import Choices, Fixed, LogRange, Range, Setting, canonical, grid_values
from tuning.space import show_setting

Array = NDArray[np.float64]

# The most that is worth trying; the rest have the bounds of `PARAMETERS`.
_HIGHEST: Mapping[str, float] = {
    "dropout_rate": 0.9,
    "conv_dropout_rate": 0.9,
    "learning_rate": 1.0,
    "momentum": 0.99,
}
_CHEAP_LOW = ("epochs", "n_hidden", "n_neurons", "kernel_size")
_CHEAP_HIGH = ("batch_size", "pool_size")
_LOG = ("learning_rate", "batch_size")  # what people double or divide by ten
_DIGITS = 3  # of a value that is added to a list
_N_STEPS = 6  # of a range that was drawn from
_LEAST_SHARE = 0.1  # of the lowest value tried, where the bound itself is not allowed
_DECADE = 10  # two values further apart than this factor lie on a log scale
_ROUND = 1e-9  # of a step
_FEWEST_TRIALS = 3  # with a value before it can be dropped


@dataclass(frozen=True)
class Tried:
    """What a study has tried of one parameter.

    Attributes
    ----------
    values : tuple
        Of every finished trial.
    tied : ndarray of bool, shape (n_finished,)
        Whether it may be the best.
    near : ndarray of bool, shape (n_finished,)
        Whether it is one of the few that the next study goes around.
    winner : value
        Of the winner.
    most_rows : int or None
        Training rows of a fold; no batch is larger.
    """

    name: str
    setting: Setting
    values: tuple[Value, ...]
    tied: NDArray[np.bool_]
    near: NDArray[np.bool_]
    winner: Value
    most_rows: int | None = None

    @property
    def label(self) -> str:
        """As forms write it."""
        return PARAMETERS[self.name].label

    @property
    def best(self) -> list[Value]:
        """The different values of the few best trials."""
        pairs = zip(self.values, self.near, strict=True)
        return list(dict.fromkeys(value for value, is_near in pairs if is_near))

    @property
    def is_whole(self) -> bool:
        """Whether its numbers are whole."""
        return PARAMETERS[self.name].kind == "int"


@dataclass(frozen=True)
class Refined:
    """A parameter's setting in the next study, and why, in a sentence."""

    setting: Setting
    sentence: str


def refined(tried: Tried, *, is_grid: bool, is_flat: bool) -> Refined:
    """Choose the next setting of a searched parameter.

    Parameters
    ----------
    is_grid : bool
        Whether every value was tried, not some drawn.
    is_flat : bool
        Whether the scores were not shown to depend on it.
    """
    if not _is_numeric(tried):
        return _of_categories(tried, is_flat=is_flat)
    pointed = not isinstance(tried.setting, Choices) and getattr(tried.setting, "points", None)
    if is_grid or isinstance(tried.setting, Choices) or pointed:
        return _of_levels(tried, is_flat=is_flat)
    return _of_range(tried, is_flat=is_flat)


def _is_numeric(tried: Tried) -> bool:
    listed = tried.setting.values if isinstance(tried.setting, Choices) else ()
    return PARAMETERS[tried.name].kind in ("int", "float") and None not in (
        *listed,
        *tried.best,
    )


def _of_categories(tried: Tried, *, is_flat: bool) -> Refined:
    listed = tuple(
        dict.fromkeys([*(grid_values(tried.name, tried.setting) or ()), *tried.best])
    )
    if is_flat and set(listed) <= set(tried.best):
        return _fixed_at_cheapest(tried, listed)
    kept = [value for value in listed if not _has_lost(tried, value)]
    dropped = [value for value in listed if value not in kept]
    if len(kept) == 1:
        sentence = f"{tried.label}: fixed at {show_value(kept[0])}, the only one left."
        return Refined(Fixed(value=kept[0]), sentence)
    setting = canonical(tried.name, Choices(values=tuple(kept)))
    if not dropped:
        return Refined(setting, f"{tried.label}: all {len(kept)} stay, none has clearly lost.")
    out = ", ".join(show_value(value) for value in dropped)
    return Refined(setting, f"{tried.label}: without {out}, clearly behind the best.")


def _has_lost(tried: Tried, value: Value) -> bool:
    if value in tried.best:
        return False
    rows = np.array([other == value for other in tried.values], dtype=bool)
    return bool(rows.sum() >= _FEWEST_TRIALS and not tried.tied[rows].any())


def _of_levels(tried: Tried, *, is_flat: bool) -> Refined:
    numbers = [*(grid_values(tried.name, tried.setting) or ()), *tried.best]
    levels = np.unique(np.array(numbers, dtype=np.float64))
    if len(levels) < 2:
        return Refined(tried.setting, f"{tried.label}: one value, nothing to refine.")
    best = np.array(tried.best, dtype=np.float64)
    if is_flat and best.min() == levels[0] and best.max() == levels[-1]:
        return _fixed_at_cheapest(tried, tuple(numbers))
    is_log = isinstance(tried.setting, LogRange) or (
        isinstance(tried.setting, Choices) and (_is_log(levels) or tried.name in _LOG)
    )
    places = np.searchsorted(levels, [best.min(), best.max(), cast("float", tried.winner)])
    points = _finer(np.log10(levels) if is_log else levels, *(int(p) for p in places))
    wanted = 10**points if is_log else points
    low, high = _limits(tried, levels)
    values = _distinct(np.clip(wanted, low, high), whole=tried.is_whole)
    setting = _as_written(tried, values, levels)
    at_ends = bool(places[2] == 0), bool(places[2] == len(levels) - 1)
    moved = _Moved(levels, wanted, (low, high), at_ends)
    return Refined(setting, _sentence(tried, setting, moved))


def _is_log(levels: Array) -> bool:
    """Tell whether listed numbers are spread evenly on a log scale rather than a plain one."""
    if levels[0] <= 0:
        return False
    if len(levels) == 2:
        return bool(levels[1] >= _DECADE * levels[0])
    plain, log = np.diff(levels), np.diff(np.log(levels))
    return bool(log.std() / log.mean() < plain.std() / plain.mean())


def _finer(levels: Array, first: int, last: int, winner: int) -> Array:
    """Return levels half as far apart, from one below the best ones to one above.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
        Ascending, in units of the scale; at least two.
    first, last, winner : int
        Places of the lowest and the highest level of the best trials, and of the winner's.
    """
    end, reach = len(levels) - 1, (levels[-1] - levels[0]) / 2
    below, above = levels[1] - levels[0], levels[-1] - levels[-2]
    down = max(below if first == 0 else 0.0, reach if winner == 0 else 0.0)
    up = max(above if last == end else 0.0, reach if winner == end else 0.0)
    inside = levels[max(first - 1, 0) : min(last + 1, end) + 1]
    middles = (inside[1:] + inside[:-1]) / 2
    beyond = levels[0] - below / 2 * np.arange(1, int(2 * down / below + _ROUND) + 1)
    further = levels[-1] + above / 2 * np.arange(1, int(2 * up / above + _ROUND) + 1)
    return np.sort(np.concatenate([beyond, inside, middles, further]))


def _of_range(tried: Tried, *, is_flat: bool) -> Refined:
    setting = cast("Range | LogRange", tried.setting)
    best = np.array(tried.best, dtype=np.float64)
    ends = np.array([min(setting.low, best.min()), max(setting.high, best.max())])
    is_log = isinstance(setting, LogRange)
    (start, stop), near = (np.log10(x) if is_log else x for x in (ends, best))
    step = (stop - start) / _N_STEPS
    if isinstance(setting, Range):
        step = max(step, setting.step or float(tried.is_whole))
    if is_flat and near.min() - step <= start and near.max() + step >= stop:
        return _fixed_at_cheapest(tried, tuple(ends))
    winner = cast("float", tried.winner)
    place = math.log10(winner) if is_log else winner
    at_start, at_stop = bool(place <= start + step / 2), bool(place >= stop - step / 2)
    reach = (stop - start) / 2
    lowest = min(near.min() - step, start - reach if at_start else math.inf)
    highest = max(near.max() + step, stop + reach if at_stop else -math.inf)
    wanted = np.array([lowest, highest])
    wanted = 10**wanted if is_log else wanted
    low, high = _limits(tried, ends)
    narrowed = _narrowed(tried, *(float(x) for x in np.clip(wanted, low, high)))
    moved = _Moved(ends, wanted, (low, high), (at_start, at_stop))
    return Refined(narrowed, _sentence(tried, narrowed, moved))


def _narrowed(tried: Tried, low: float, high: float) -> Setting:
    """Return the setting between other ends, with half its step if it has one."""
    old = cast("Range | LogRange", tried.setting)
    if isinstance(old, LogRange) or old.step is None:
        low, high = ((round(x) if tried.is_whole else float(f"{x:.3g}")) for x in (low, high))
        if low >= high:
            return Fixed(value=PARAMETERS[tried.name].parse(low))
        return canonical(tried.name, type(old)(low=low, high=high))
    step = old.step / 2
    if tried.is_whole and not step.is_integer():
        step = 1.0
    first = old.low + step * math.ceil((low - old.low) / step - _ROUND)
    step, first, high = (float(f"{x:.12g}") for x in (step, first, high))
    return canonical(tried.name, Range(low=first, high=high, step=step))


def _limits(tried: Tried, levels: Array) -> tuple[float, float]:
    """Return the hard limits, further out where they were passed already."""
    parameter = PARAMETERS[tried.name]
    low = -math.inf if parameter.low is None else parameter.low
    if parameter.low_open:
        low = _LEAST_SHARE * float(levels[0])
    high = math.inf if parameter.high is None else parameter.high
    high = min(high, _HIGHEST.get(tried.name, math.inf))
    if tried.name == "batch_size" and tried.most_rows is not None:
        high = min(high, tried.most_rows)
    return min(low, float(levels[0])), max(high, float(levels[-1]))


def _distinct(numbers: Array, *, whole: bool) -> tuple[Value, ...]:
    # 12 digits are far below what training can tell apart, and 0.01 stays 0.01
    values = [round(n) if whole else float(f"{n:.12g}") for n in numbers.tolist()]
    return tuple(sorted(dict.fromkeys(values)))


def _as_written(tried: Tried, values: tuple[Value, ...], had: Array) -> Setting:
    """Return a range where the setting was one and its values are these; a list otherwise.

    In a list, values that were not tried yet are rounded to what a person would write.
    """
    if len(values) == 1:
        return Fixed(value=values[0])
    old = tried.setting
    low, high = (float(cast("float", value)) for value in (values[0], values[-1]))
    if isinstance(old, (Range, LogRange)) and len(values) <= 1000:
        points = type(old)(low=low, high=high, points=len(values))
        written: list[Range | LogRange] = [points]
        if isinstance(old, Range) and old.points is None:
            step = float(f"{(high - low) / (len(values) - 1):.12g}")
            if step.is_integer() or not tried.is_whole:
                written.insert(0, Range(low=low, high=high, step=step))
        for setting in written:
            if _are_equal(grid_values(tried.name, setting), values):
                return canonical(tried.name, setting)
    numbers = (_written(cast("float", value), had, whole=tried.is_whole) for value in values)
    return canonical(tried.name, Choices(values=tuple(dict.fromkeys(numbers))))


def _written(number: float, had: Array, *, whole: bool) -> float:
    """Return a number to three digits, unless it is whole or was tried."""
    if whole or np.isclose(had, number, rtol=_ROUND, atol=0).any():
        return number
    return float(f"{number:.{_DIGITS}g}")


def _are_equal(found: tuple[Value, ...] | None, wanted: tuple[Value, ...]) -> bool:
    if found is None or len(found) != len(wanted):
        return False
    return np.allclose(np.array(found, float), np.array(wanted, float), rtol=1e-9, atol=0)


def _fixed_at_cheapest(tried: Tried, values: Sequence[Value]) -> Refined:
    value, why = tried.winner, "the winner's"
    if tried.name in (*_CHEAP_LOW, *_CHEAP_HIGH) and None not in values:
        numbers = [cast("float", number) for number in values]
        value, why = (min if tried.name in _CHEAP_LOW else max)(numbers), "the cheapest"
    elif PARAMETERS[tried.name].kind == "layers" and None not in values:
        value, why = min((cast("Layers", v) for v in values), key=_n_products), "the cheapest"
    value = PARAMETERS[tried.name].parse(value)
    sentence = (
        f"{tried.label}: fixed at {show_value(value)}, {why}. No value was shown to matter."
    )
    return Refined(Fixed(value=value), sentence)


def _n_products(sizes: Layers) -> int:
    """Return about how many multiplications layers take, without those of the inputs."""
    return sum(a * b for a, b in pairwise(sizes)) + sum(sizes)


@dataclass(frozen=True)
class _Moved:
    """How a range moved: its old ends, what was wanted instead, what the limits allow."""

    ends: Array
    wanted: Array
    limits: tuple[float, float]
    winner_at_ends: tuple[bool, bool]


def _sentence(tried: Tried, setting: Setting, moved: _Moved) -> str:
    shown = f"{tried.label}: {show_setting(tried.name, setting)}"
    ends = (moved.ends[0], moved.ends[-1])
    at = [
        show_value(float(e))
        for e, is_there in zip(ends, moved.winner_at_ends, strict=True)
        if is_there
    ]
    if at:
        return f"{shown}. The winner is at the end, {' and '.join(at)}.{_stopped(moved)}"
    if moved.wanted.min() < ends[0] or moved.wanted.max() > ends[1]:
        return f"{shown}. The best reach the end, so it goes a step further.{_stopped(moved)}"
    return f"{shown}, closer around the best."


def _stopped(moved: _Moved) -> str:
    """Say which limits cut off what was wanted; empty if none did."""
    low, high = moved.limits
    cut = [low] * bool(moved.wanted.min() < low - abs(low) * _ROUND)
    cut += [high] * bool(moved.wanted.max() > high + abs(high) * _ROUND)
    limits = " and ".join(show_value(value) for value in cut)
    return f" It stops at {limits}, its limit." if cut else ""
