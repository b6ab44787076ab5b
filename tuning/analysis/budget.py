"""Fit my budget: what a study could leave out to end in time, and what that costs.

Lists are only ever thinned to some of their own values: both ends and the default stay, and
no word of a list of words is dropped.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tuning.analysis.estimate import Estimate
from tuning.parameters import PARAMETERS
from tuning.setting import Choices, grid_values
from tuning.space import counted
from tuning.spec import StudySpec

Kind = Literal["repeats", "trials", "thinner", "random"]
Price = Callable[[StudySpec], Estimate]

_FEWEST_TRIALS = 10  # below this a random search is a handful of guesses
_TOP_SHARE = 0.05


@dataclass(frozen=True)
class Proposal:
    """A smaller study that fits.

    Attributes
    ----------
    kind : {"repeats", "trials", "thinner", "random"}
        Fewer repeats, fewer trials of a search that draws them, shorter lists of a grid, or
        random trials instead of a grid.
    sentence : str
        What is left out, and the effect.
    """

    kind: Kind
    spec: StudySpec
    estimate: Estimate
    sentence: str


def fit_budget(spec: StudySpec, budget_s: float, price: Price) -> tuple[Proposal, ...]:
    """Propose what to leave out of a study, so that it ends within some seconds.

    A study fits if the upper end of its estimate does, which nine of ten studies keep. Each
    proposal keeps as much as fits. Repeats go first: trials can then stay.

    Parameters
    ----------
    price : callable
        Estimates a study: ``lambda spec: estimate(db, spec, info)``, for example.

    Returns
    -------
    tuple of Proposal
        Empty where the study fits as it is, and where nothing that is left out is enough.
    """
    search = _Search(spec, budget_s, price)
    if search.fits(spec):
        return ()
    found: list[Proposal] = []
    n_repeats = spec.evaluation.repeats
    fewer = search.first(n_repeats - 1, lambda n: _with_repeats(spec, n_repeats - 1 - n))
    if fewer is not None:
        found.append(search.proposal("repeats", fewer))
    for n in dict.fromkeys((n_repeats, 1)):
        dropped = list(search.fewer_trials(_with_repeats(spec, n)))
        if dropped:
            return (*found, *dropped)
    return tuple(found)


@dataclass(frozen=True)
class _Search:
    """The study that is too long, and the question that every smaller one is asked."""

    spec: StudySpec
    budget_s: float
    price: Price

    def fits(self, smaller: StudySpec) -> bool:
        return self.price(smaller).high_s <= self.budget_s

    def first(self, count: int, make: Callable[[int], StudySpec]) -> StudySpec | None:
        """Return the first of ever smaller studies that fits; None if none does."""
        if count < 1 or not self.fits(make(count - 1)):
            return None
        return make(bisect_left(range(count), True, key=lambda n: self.fits(make(n))))

    def fewer_trials(self, start: StudySpec) -> Iterator[Proposal]:
        """Yield what fits with fewer trials than `start`, the gentlest first."""
        is_grid = start.sampler.kind == "grid"
        if is_grid:
            lengths = list(_shorter(_numbers_of(start)))
            thinner = self.first(len(lengths), lambda n: _thinned(start, lengths[n]))
            if thinner is not None:
                yield self.proposal("thinner", thinner)
        most = start.n_trials - 1
        drawn = self.first(most - _FEWEST_TRIALS + 1, lambda n: _drawing(start, most - n))
        if drawn is not None:
            yield self.proposal("random" if is_grid else "trials", drawn)

    def proposal(self, kind: Kind, smaller: StudySpec) -> Proposal:
        return Proposal(kind, smaller, self.price(smaller), _sentence(kind, self.spec, smaller))


def _with_repeats(spec: StudySpec, repeats: int) -> StudySpec:
    evaluation = spec.evaluation.model_copy(update={"repeats": repeats})
    return spec.model_copy(update={"evaluation": evaluation})


def _drawing(spec: StudySpec, n_trials: int) -> StudySpec:
    kind = "random" if spec.sampler.kind == "grid" else spec.sampler.kind
    sampler = spec.sampler.model_copy(update={"kind": kind, "n_trials": n_trials})
    return spec.model_copy(update={"sampler": sampler})


def _numbers_of(spec: StudySpec) -> dict[str, tuple[float, ...]]:
    """Return the rising numbers of each list that may be thinned.

    Not those of epochs: the longest training takes as long without the shorter ones, which
    are read off on its way.
    """
    lists = {}
    for name, setting in spec.searched.items():
        if PARAMETERS[name].kind in {"int", "float"} and name != "epochs":
            values = grid_values(name, setting) or ()
            lists[name] = tuple(sorted(value for value in values if value is not None))
    return lists  # type: ignore[return-value]  # numbers alone, by the kind of the parameter


def _shorter(lists: Mapping[str, Sequence[float]]) -> Iterator[dict[str, int]]:
    """Yield ever smaller lengths; the longest list gives one value at a time."""
    lengths = {name: len(numbers) for name, numbers in lists.items()}
    least = {
        name: len({numbers[0], numbers[-1], *_default_of(name, numbers)})
        for name, numbers in lists.items()
        if numbers
    }
    while any(lengths[name] > least[name] for name in least):
        name = max((n for n in least if lengths[n] > least[n]), key=lengths.__getitem__)
        lengths[name] -= 1
        yield dict(lengths)


def _default_of(name: str, numbers: Sequence[float]) -> tuple[float, ...]:
    return tuple(number for number in numbers if number == PARAMETERS[name].default)


def _thinned(spec: StudySpec, lengths: Mapping[str, int]) -> StudySpec:
    space = dict(spec.space)
    for name, numbers in _numbers_of(spec).items():
        if lengths[name] < len(numbers):
            kept = {*_kept(name, numbers, lengths[name]), None}
            values = grid_values(name, space[name]) or ()
            space[name] = Choices(values=tuple(value for value in values if value in kept))
    return spec.model_copy(update={"space": space})


def _kept(name: str, numbers: Sequence[float], length: int) -> list[float]:
    """Choose so many numbers: both ends, the default, and others evenly between them."""
    places = np.linspace(0, len(numbers) - 1, length).round().astype(int).tolist()
    for default in _default_of(name, numbers):
        wanted = numbers.index(default)
        if wanted not in places:
            inner = range(1, length - 1)
            places[min(inner, key=lambda n: abs(places[n] - wanted))] = wanted
    return [numbers[place] for place in places]


def _sentence(kind: Kind, spec: StudySpec, smaller: StudySpec) -> str:
    parts: list[str] = []
    effects: list[str] = []
    before, after = spec.evaluation.repeats, smaller.evaluation.repeats
    if after < before:
        parts.append(f"{counted(after, 'repeat')} instead of {before}")
        effects += _wider(spec, smaller)
    if kind != "repeats":
        word = "random trial" if kind == "random" else "trial"
        parts.append(f"{counted(smaller.n_trials, word)} instead of {spec.n_trials:,}")
        effects += _lists(spec, smaller) if kind == "thinner" else _chance(smaller)
    effect = f": {', '.join(effects)}" if effects else ""
    return f"{', '.join(parts)}{effect}."


def _wider(spec: StudySpec, smaller: StudySpec) -> Iterator[str]:
    """Say by how much the error bar of a score grows, after Nadeau and Bengio."""
    evaluation = spec.evaluation
    if evaluation.method == "test":
        return  # how the sizes of its parts compare is not in the spec
    share = (
        1 / evaluation.folds if evaluation.method == "kfold" else evaluation.holdout_fraction
    )
    luck = share / (1 - share)
    before, after = (luck + 1 / each.n_fits_per_trial for each in (spec, smaller))
    yield f"error bars {math.sqrt(after / before) - 1:.0%} wider"


def _lists(spec: StudySpec, smaller: StudySpec) -> Iterator[str]:
    for name, setting in smaller.searched.items():
        had = len(grid_values(name, spec.searched[name]) or ())
        has = len(grid_values(name, setting) or ())
        if has < had:
            label = PARAMETERS[name].label
            yield f"{label[0].lower()}{label[1:]} {has} of {had} values"


def _chance(smaller: StudySpec) -> Iterator[str]:
    if smaller.sampler.kind == "random":
        percent = math.floor(100 * (1 - (1 - _TOP_SHARE) ** smaller.n_trials))
        yield f"one of them is among the best {_TOP_SHARE:.0%} with {percent} % certainty"
