"""A study's search space in Optuna's words.

Layer sizes travel through Optuna as text, because it stores only numbers and text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuning.parameters import PARAMETERS, Value, show_value
from tuning.setting import Choices, LogRange, Range, Setting, grid_values
from tuning.spec import StudySpec


def distributions(
    spec: StudySpec, *, with_default: bool = False
) -> dict[str, BaseDistribution]:
    """Return the search space as Optuna sees it.

    Parameters
    ----------
    with_default : bool
        Whether a list holds the default value too, where trial 0 has it: in Optuna's tables
        all trials of a study have one list.
    """
    space = {name: _distribution(name, s) for name, s in spec.searched.items()}
    if with_default and spec.include_default:
        for name, value in spec.default_settings.items():
            listed, default = space[name], encode(value)
            if isinstance(listed, CategoricalDistribution) and not contains(listed, default):
                space[name] = CategoricalDistribution([*listed.choices, default])
    return space


def reaching(distribution: BaseDistribution, value: Any) -> BaseDistribution | None:  # noqa: ANN401 (as `encode`)
    """Return a distribution whose range is wide enough for a value; None if none can be."""
    if contains(distribution, value):
        return distribution
    if not isinstance(distribution, (IntDistribution, FloatDistribution)):
        return None
    if value is None or (distribution.log and value <= 0):
        return None
    low, high = min(distribution.low, value), max(distribution.high, value)
    if isinstance(distribution, IntDistribution):
        return IntDistribution(low, high, log=distribution.log)
    return FloatDistribution(low, high, log=distribution.log)


def _distribution(name: str, setting: Setting) -> BaseDistribution:
    if isinstance(setting, Choices):
        return CategoricalDistribution([encode(value) for value in setting.values])
    whole = PARAMETERS[name].kind == "int"
    if isinstance(setting, LogRange) and setting.points is None:
        if whole:
            return IntDistribution(int(setting.low), int(setting.high), log=True)
        return FloatDistribution(setting.low, setting.high, log=True)
    if isinstance(setting, Range) and setting.points is None:
        if whole:
            return IntDistribution(
                int(setting.low), int(setting.high), step=int(setting.step or 1)
            )
        return FloatDistribution(setting.low, setting.high, step=setting.step)
    return CategoricalDistribution([encode(v) for v in grid_values(name, setting) or ()])


def contains(distribution: BaseDistribution, value: Any) -> bool:  # noqa: ANN401 (as `encode`)
    """Tell whether a value, encoded, is one that a distribution gives."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return value is not None and distribution._contains(distribution.to_internal_repr(value))


def encode(value: Value) -> Any:  # noqa: ANN401 (Optuna's own type of a choice)
    """Write a value as Optuna stores it: layer sizes as "32-32", the rest as it is."""
    return show_value(value) if isinstance(value, tuple) else value


def decode(name: str, value: object) -> Value:
    """Read a value back from Optuna."""
    if PARAMETERS[name].kind == "layers" and isinstance(value, str):
        return tuple(int(size) for size in value.split("-"))
    return PARAMETERS[name].parse(value)


def step_value(low: float, step: float, n_steps: int) -> float:
    """Return a step's multiple above `low`, without the digits that binary arithmetic adds."""
    return float(Decimal(str(low)) + Decimal(str(step)) * n_steps)
