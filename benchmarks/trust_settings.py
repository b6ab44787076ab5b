"""What is said of settings: which of them matter, and what an untried one would score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.trust_figures import Bounds, Figure, at_least, at_most, found, percent
from benchmarks.trust_studies import Array, Generator, studies
from tuning.analysis.chance import LEVEL
from tuning.analysis.effects import main_effects, total_effects
from tuning.analysis.encoding import Axis
from tuning.analysis.what_if import WhatIf, make_what_if
from tuning.spec import StudySpec

Settings = Sequence[dict[str, Any]]
Surface = Callable[[Settings], Array]

AXES = tuple(Axis(f"x{n}", f"X{n}", "linear", (0.0, 1.0)) for n in range(7))
# Of the variance of scores; x2 and x3 matter together alone, x5 and x6 not at all.
SHARES = (0.45, 0.20, 0.10, 0.10, 0.05, 0.0, 0.0)
_NOISE = 0.20
_N_TRIALS = 100
_WORDS = {
    0: "a strong one",
    1: "a middling one",
    2: "one of a pair that matters together",
    4: "a weak one",
    5: "one that does not matter",
}
# How often each is flagged by its main effect, and by the trees.
_FLAGS = {0: (1.0, 1.0), 1: (0.80, 0.96), 2: (0.08, 0.04), 4: (0.10, 0.28), 5: (0.03, 0.0)}
_N_BEFORE = 60
_ASKED = 40  # untried settings of each study
_ACTIVATIONS = ("relu", "tanh", "elu")
_NEURONS = (4, 8, 16, 32, 64)

SPEC = StudySpec.parse(
    {
        "name": "what if",
        "data": {"dataset": "digits"},
        "space": {
            "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1.0},
            "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.8},
            "activation": {"kind": "list", "values": list(_ACTIVATIONS)},
            "n_neurons": {"kind": "list", "values": list(_NEURONS)},
        },
        "sampler": {"kind": "random", "n_trials": 100},
    }
)


@dataclass(frozen=True)
class Flags:
    """What was said of the seven parameters of one study; arrays of shape (7,).

    Attributes
    ----------
    main, total : ndarray of bool
        Whether the main effect and the trees say that it matters.
    low, high : ndarray
        Whiskers of the total effect, from 5 to 95 % of the bootstraps.
    """

    main: NDArray[np.bool_]
    total: NDArray[np.bool_]
    low: Array
    high: Array


def draw_scores(places: Array, rng: Generator, *, is_noise: bool = False) -> Array:
    """Return scores that depend on the parameters by `SHARES`, or on nothing."""
    noise = rng.normal(size=len(places))
    if is_noise:
        return noise
    centred = places - 0.5
    line = centred * math.sqrt(12)
    bowl = (centred[:, 0] ** 2 - 1 / 12) * math.sqrt(180)
    scores: Array = math.sqrt(SHARES[0]) * bowl + math.sqrt(SHARES[1]) * line[:, 1]
    scores = scores + math.sqrt(SHARES[2]) * line[:, 2] * line[:, 3]
    return scores + math.sqrt(SHARES[4]) * line[:, 4] + math.sqrt(_NOISE) * noise


def flagged(rng: Generator, *, is_noise: bool, with_totals: bool = True) -> Flags:
    """Simulate a study, and return what is said of its parameters."""
    places = rng.uniform(size=(_N_TRIALS, len(AXES)))
    scores = draw_scores(places, rng, is_noise=is_noise)
    p_values = main_effects(AXES, places, scores)["p_value"].to_numpy()
    nothing = np.full(len(AXES), np.nan)
    low, high, is_shown = nothing, nothing, False
    if with_totals:
        totals = total_effects(AXES, places, scores)
        low, high, is_shown = totals.lows, totals.highs, totals.fit >= 0
    return Flags(p_values <= LEVEL, is_shown & (low > 0), low, high)


def importance_figures(effort: float) -> Iterator[Figure]:
    """Measure what is flagged of seven parameters, and what the whiskers cover."""
    rng = np.random.default_rng(5)
    signals = [flagged(rng, is_noise=False) for _ in range(studies(50, effort))]
    n = len(signals)
    for axis, (by_main, by_trees) in _FLAGS.items():
        least = 0.0 if SHARES[axis] == 0 else 1.0
        for case, share in (("main effect", by_main), ("trees", by_trees)):
            rows = [one.main if case == "main effect" else one.total for one in signals]
            before = found(least * share, share, n=_N_BEFORE)
            n_hits = sum(bool(row[axis]) for row in rows)
            yield Figure(_flag_words(axis), n_hits, n, None, before, case=case)
    yield from _whiskers(signals)
    yield from _pure_noise(effort, rng)


def _flag_words(axis: int) -> str:
    return f"flagged: {_WORDS[axis]}, {percent(SHARES[axis], 0)} of the differences"


def _whiskers(signals: Sequence[Flags]) -> Iterator[Figure]:
    for axis in _FLAGS:
        n_held = sum(one.low[axis] <= SHARES[axis] <= one.high[axis] for one in signals)
        what = f"total effect within its whisker: {percent(SHARES[axis], 0)}"
        low, high = (
            np.mean([ends[axis] for ends in which])
            for which in ([one.low for one in signals], [one.high for one in signals])
        )
        how = f"on average from {percent(low)} to {percent(high)}"
        n = len(signals)
        yield Figure(what, int(n_held), n, at_least(0.90), case=percent(0.90, 0), how=how)


def _pure_noise(effort: float, rng: Generator) -> Iterator[Figure]:
    mains = [
        flagged(rng, is_noise=True, with_totals=False).main for _ in range(studies(600, effort))
    ]
    totals = [flagged(rng, is_noise=True).total for _ in range(studies(50, effort))]
    ways = (("main effect", mains, 0.08), ("trees", totals, 0.04))
    for way, rows, rate in ways:
        yield Figure(
            "any of seven parameters flagged: pure noise",
            sum(bool(row.any()) for row in rows),
            len(rows),
            at_most(0.05),
            case=way,
            how=f"{way}: {np.mean([row.sum() for row in rows]):.2f} flags a study, "
            + f"{rate:.2f} before",
        )


def draw_settings(n_trials: int, rng: Generator) -> list[dict[str, Any]]:
    """Draw settings of `SPEC` as a random search does."""
    return [
        {
            "learning_rate": float(10 ** rng.uniform(-4, 0)),
            "dropout_rate": float(rng.uniform(0, 0.8)),
            "activation": str(rng.choice(_ACTIVATIONS)),
            "n_neurons": int(rng.choice(_NEURONS)),
        }
        for _ in range(n_trials)
    ]


def _bowl(settings: Settings) -> Array:
    rate, dropout = _numbers(settings, "learning_rate"), _numbers(settings, "dropout_rate")
    width = np.log2(_numbers(settings, "n_neurons"))
    scores: Array = 0.8 - 0.05 * (np.log10(rate) + 2) ** 2 - 0.1 * dropout + 0.01 * width
    return scores


def _cliff(settings: Settings) -> Array:
    """Score badly beyond a learning rate that only ReLU does not stand."""
    rate = np.log10(_numbers(settings, "learning_rate"))
    is_relu = np.array([chosen["activation"] == "relu" for chosen in settings])
    level = np.where((rate > -1) & is_relu, 0.3, 0.8 - 0.03 * np.abs(rate + 2.5))
    scores: Array = level + 0.05 * np.sin(6 * _numbers(settings, "dropout_rate"))
    return scores


def _numbers(settings: Settings, name: str) -> Array:
    return np.array([chosen[name] for chosen in settings], np.float64)


SURFACES: Mapping[str, tuple[Surface, float]] = {
    "a smooth surface, even noise": (_bowl, 0.0),
    "a cliff, uneven noise": (_cliff, 0.05),
}


def _scored(settings: Settings, name: str, rng: Generator) -> Array:
    surface, unevenness = SURFACES[name]
    scatter = 0.01 + unevenness * _numbers(settings, "dropout_rate")
    scores: Array = surface(settings) + scatter * rng.normal(size=len(settings))
    return scores


def held_by_what_if(
    name: str, n_trials: int, n_studies: int, rng: Generator
) -> NDArray[np.intp]:
    """Count untried settings near tried ones, and those whose score lies in 90 % and 95 %.

    Returns
    -------
    ndarray of shape (n_studies, 3)
    """
    counts = np.zeros((n_studies, 3), np.intp)
    for study in range(n_studies):
        tried, asked = draw_settings(n_trials, rng), draw_settings(_ASKED, rng)
        learned = make_what_if(SPEC, tried, _scored(tried, name, rng)[:, None, None])
        if not isinstance(learned, WhatIf):
            raise TypeError(learned)
        for chosen, score in zip(asked, _scored(asked, name, rng), strict=True):
            said = learned.predict(chosen)
            if said.is_known:
                ends = (said.within_90, said.within_95)
                counts[study] += [1, *(low <= score <= high for low, high in ends)]
    return counts


def independent(hits: NDArray[np.intp], asked: NDArray[np.intp]) -> int:
    """Return how many independent settings those of some studies are worth.

    Settings of one study are foretold by the same trees, and miss together.

    Parameters
    ----------
    hits, asked : ndarray of shape (n_studies,)
    """
    share = hits.sum() / asked.sum()
    off = hits - share * asked
    variance = (off**2).sum() / asked.sum() ** 2
    by_one = share * (1 - share)
    n_asked = int(asked.sum())
    return min(n_asked, round(float(by_one / variance))) if variance > 0 else n_asked


def what_if_figures(effort: float) -> Iterator[Figure]:
    """Measure how often an untried setting scores within its intervals."""
    rng = np.random.default_rng(6)
    for name in SURFACES:
        for n_trials, full in ((30, 80), (100, 80), (300, 30)):
            n_studies = studies(full, effort)
            counts = held_by_what_if(name, n_trials, n_studies, rng)
            n_known = int(counts[:, 0].sum())
            near = percent(n_known / (n_studies * _ASKED), 0)
            for place, level in enumerate((0.90, 0.95), start=1):
                yield Figure(
                    f"what if: {name}, {n_trials} trials",
                    int(counts[:, place].sum()),
                    n_known,
                    at_least(level),
                    Bounds(2 * level - 1),
                    case=percent(level, 0),
                    how=f"{near} of what is asked is near enough" if place == 1 else "",
                    n_independent=independent(counts[:, place], counts[:, 0]),
                )
