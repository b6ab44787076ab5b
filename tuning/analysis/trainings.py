"""Which trainings a study has, or a fair sample of them, without reading a row."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar, cast

from tuning.parameters import Value
from tuning.samplers import all_params, planned_settings, round_sizes, sample_settings
from tuning.spec import StudySpec

MOST_SETTINGS = 400  # drawn, of a search that draws more or has not chosen its own yet
_MOST_ROUNDS = 24

Settings = Mapping[str, Value]
_Item = TypeVar("_Item")


def settings_to_price(spec: StudySpec) -> Sequence[Settings]:
    """Return the settings of every trial; a sample where they are drawn and many or unknown."""
    known = spec.sampler.kind == "grid" or spec.n_trials <= MOST_SETTINGS
    settings = planned_settings(spec) if known else None
    return settings or sample_settings(spec, min(spec.n_trials, MOST_SETTINGS)) or [{}]


def networks_of(settings: Iterable[Settings]) -> list[list[Settings]]:
    """Group settings that differ only in `epochs`; they share their trainings."""
    groups: dict[tuple[Value, ...], list[Settings]] = {}
    for chosen in settings:
        key = tuple([value for name, value in chosen.items() if name != "epochs"])
        groups.setdefault(key, []).append(chosen)
    return list(groups.values())


def longest_of(spec: StudySpec, network: Iterable[Settings]) -> tuple[dict[str, Value], int]:
    """Return the parameters of a network, and the most epochs it is trained for."""
    params = [all_params(spec, chosen) for chosen in network]
    return params[0], max(cast(int, own["epochs"]) for own in params)


def spaced(items: Sequence[_Item], most: int) -> Sequence[_Item]:
    """Return at most so many items, evenly spaced."""
    if len(items) <= most:
        return items
    return [items[index * len(items) // most] for index in range(most)]


def rounds_of(spec: StudySpec, n_settings: int) -> list[tuple[range, float]]:
    """Return the trials of a few rounds by number, and how many such rounds each stands for."""
    sizes = round_sizes(spec)
    if len(sizes) == 1:
        return [(range(n_settings), spec.n_trials / n_settings)]
    ends = list(itertools.accumulate(sizes))
    first, *later = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    some = spaced(later, _MOST_ROUNDS)
    count = sum(map(len, later)) / max(sum(map(len, some)), 1)
    return [(first, 1.0), *((numbers, count) for numbers in some)]
