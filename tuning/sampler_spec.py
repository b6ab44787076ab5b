"""How a study chooses settings: by which sampler, how many, and which a person has entered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tuning.errors import ParameterError, SpecError
from tuning.parameters import PARAMETERS
from tuning.setting import Frozen, LogRange, Range, Setting

MOST_TRIALS = 10_000

SamplerKind = Literal["grid", "random", "tpe", "gp", "forest", "qmc", "cmaes"]
LEARNING_KINDS = ("tpe", "gp", "forest", "cmaes")


class SamplerSpec(Frozen):
    """How the next settings are chosen; `n_trials` is counted for a grid.

    Attributes
    ----------
    kind : str
        Besides every cell and random draws: tree of Parzen estimators, Gaussian process, random
        forest (both by expected improvement), Sobol points, CMA-ES.
    n_startup_trials : int
        Trials drawn at random before TPE, the Gaussian process or the forest learns.
    """

    kind: SamplerKind = "grid"
    n_trials: int | None = Field(default=None, ge=1, le=MOST_TRIALS)
    n_startup_trials: int = Field(default=10, ge=1, le=1000)

    @model_validator(mode="after")
    def _needs_a_count(self) -> Self:
        if self.kind != "grid" and self.n_trials is None:
            raise SpecError(
                [f"Sampler: {self.kind} needs a number of trials. Set for example n_trials 40."]
            )
        return self

    @property
    def learns(self) -> bool:
        """Whether trials depend on the scores of earlier ones."""
        return self.kind in LEARNING_KINDS


class HandTrial(Frozen):
    """A trial whose settings a person has entered, not the sampler.

    Attributes
    ----------
    number : int
        Which trial of the study it is.
    settings : dict
        The value of each searched parameter; it may lie outside the search space.
    """

    number: int = Field(ge=0, lt=2 * MOST_TRIALS)
    settings: dict[str, Any]

    @field_validator("settings")
    @classmethod
    def _values_are_allowed(cls, settings: dict[str, Any]) -> dict[str, Any]:
        problems: list[str] = []
        read: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in PARAMETERS:
                problems.append(f"By hand: {name!r} is not a parameter. Check its spelling.")
                continue
            try:
                read[name] = PARAMETERS[name].parse(value)
            except ParameterError as error:
                problems.append(str(error))
        if problems:
            raise SpecError(problems)
        return read


def range_problems(sampler: SamplerSpec, searched: Mapping[str, Setting]) -> Iterator[str]:
    """Yield which searched parameters a sampler cannot search, a sentence each."""
    if sampler.kind != "cmaes":
        return
    for name, setting in searched.items():
        if not isinstance(setting, (Range, LogRange)) or setting.points:
            label = PARAMETERS[name].label
            yield (
                f"{label}: CMA-ES searches ranges of numbers only, no lists. "
                + "Give it a range, fix it, or use TPE."
            )


def hand_problems(
    by_hand: Sequence[HandTrial], searched: Mapping[str, Setting], numbers: range
) -> Iterator[str]:
    """Yield what is wrong with trials entered by hand, a sentence each.

    Parameters
    ----------
    numbers : range
        Those they may have, each once.
    """
    taken: set[int] = set()
    for trial in by_hand:
        if set(trial.settings) != set(searched):
            yield (
                f"By hand: trial {trial.number} sets {', '.join(trial.settings) or 'nothing'}, "
                + f"but {', '.join(searched)} are searched. Set exactly these."
            )
        if trial.number not in numbers or trial.number in taken:
            yield (
                f"By hand: there is no place for a trial {trial.number}. "
                + f"Number them from {numbers.start} to {numbers.stop - 1}, each once."
            )
        taken.add(trial.number)
