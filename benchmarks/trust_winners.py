"""One configuration that is better, and equals: what is found before and by confirming."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

import numpy as np

from benchmarks.trust_figures import Figure, at_least, at_most, found
from benchmarks.trust_studies import (
    Array,
    Generator,
    Population,
    StudyMaker,
    disjoint_pair,
    draw_choices,
    lucky,
    maker_of,
    paired_deviation,
    studies,
)
from tuning.analysis.race import LOOKS, enter_race, next_look
from tuning.analysis.ties import rank
from tuning.space import counted

BETTER = 0  # row of the configuration that is better
_N_FOLDS = 5
_FIELD = 98  # behind two equal leaders
_BEHIND = 4.0  # standard deviations of a paired difference
_QUIET = 0.1  # of the spread of others

# By trials and advantage in standard deviations: the winner found at 1 and at 3 repeats.
_POWER = {
    (10, 1): (0.01, 0.05),
    (10, 2): (0.38, 0.74),
    (10, 3): (0.90, 1.00),
    (100, 1): (0.00, 0.00),
    (100, 2): (0.09, 0.42),
    (100, 3): (0.74, 0.99),
}
# By learner and advantage: the winner after confirming, and the share of repeats that took.
_CONFIRMED = {
    "accuracy": {1: (0.02, 88), 2: (0.69, 39), 3: (1.00, 11)},
    "squared error": {1: (0.05, 86), 2: (0.65, 43), 3: (0.995, 12)},
}
_CONFIRMED_TRIALS = (100,)
_N_BEFORE = 200
_EXACT = "luck as large as the correction"
# Of 1, 3 and 10 repeats, and of the race without and with a look at the end of the search.
_PAIRS = {
    "accuracy": {1: 0.013, 3: 0.019, 10: 0.025},
    "squared error": {1: 0.015, 3: 0.022, 10: 0.033},
}
_RACES = {"accuracy": (0.039, 0.046), "squared error": (0.044, 0.050)}
_MAKERS = {
    "accuracy": maker_of(Population("share", 400)),
    "squared error": maker_of(Population("mean", 300)),
}


@dataclass(frozen=True)
class Race:
    """How a race ended.

    Attributes
    ----------
    winner : int or None
        Row of the study.
    entered : tuple of int
        Rows that took part.
    survivors : tuple of int
        Rows that were left at the end.
    n_repeats : int
        Repeats that were trained for it, of all that took part together.
    """

    winner: int | None
    entered: tuple[int, ...]
    survivors: tuple[int, ...]
    n_repeats: int


def confirm(scores: Array, n_searched: int = 1) -> Race:
    """Run a race whose repeats are all there, but are only counted as far as it looks.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        The first `n_searched` repeats are those of the search.
    """
    race = enter_race(scores[:, :n_searched])
    entered, spent, trained = race.survivors, 0, n_searched
    while race.kind == "go on":
        rows, wanted = list(race.survivors), race.repeats_wanted
        spent += len(rows) * (wanted - trained)
        trained = wanted
        race = next_look(scores[rows, :wanted], race)
    winner = race.survivors[0] if race.kind == "winner" else None
    return Race(winner, entered, race.survivors, spent)


@dataclass(frozen=True)
class Found:
    """What was found in one study that has a better configuration, or none."""

    winners: tuple[int | None, ...]
    is_kept: bool
    race: Race


def find(scores: Array, advantage: float, repeats: Sequence[int] = (1, 3)) -> Found:
    """Make the first configuration better, and look before and after confirming.

    Parameters
    ----------
    advantage : float
        In standard deviations, between folds, of the difference of two configurations.
    repeats : sequence of int
        After which to look for a winner without confirming.
    """
    better = scores.copy()
    better[BETTER] += advantage * paired_deviation(scores)
    rankings = [rank(better[:, :n_repeats]) for n_repeats in repeats]
    winners = tuple(ranking.leader if ranking.badge else None for ranking in rankings)
    return Found(winners, bool(rankings[0].tied[BETTER]), confirm(better))


def search(
    make: StudyMaker, n_trials: int, n_studies: int, rng: Generator, advantages: Sequence[float]
) -> list[list[Found]]:
    """Return what was found in each study, by advantage."""
    found_by: list[list[Found]] = [[] for _ in advantages]
    for _ in range(n_studies):
        choices = draw_choices(n_trials, 16, rng)
        scores = make(rng, LOOKS[-1], _N_FOLDS).scores(choices)
        for place, advantage in enumerate(advantages):
            found_by[place].append(find(scores, advantage))
    return found_by


def advantage_figures(effort: float) -> Iterator[Figure]:
    """Measure how often one better configuration is found, before and after confirming."""
    rng = np.random.default_rng(2)
    mistakes: list[Figure] = []
    for name, make in _MAKERS.items():
        for n_trials in (10, 100):
            n_studies = studies(500, effort)
            found_by = search(make, n_trials, n_studies, rng, (1.0, 2.0, 3.0))
            for advantage, all_found in zip((1, 2, 3), found_by, strict=True):
                yield from _advantage(name, n_trials, advantage, all_found)
            mistakes += _mistakes(name, n_trials, list(chain.from_iterable(found_by)))
    yield from mistakes


def _advantage(
    name: str, n_trials: int, advantage: int, all_found: Sequence[Found]
) -> Iterator[Figure]:
    what = f"{name}, {n_trials} trials, better by {advantage} sd"
    n, power = len(all_found), _POWER[n_trials, advantage]
    for place, n_repeats in enumerate((1, 3)):
        n_right = sum(one.winners[place] == BETTER for one in all_found)
        before = found(power[place], n=_N_BEFORE) if name == "accuracy" else None
        yield Figure(what, n_right, n, None, before, case=counted(n_repeats, "repeat"))
    races = [one.race for one in all_found]
    before, how = None, _effort_words(races)
    if n_trials in _CONFIRMED_TRIALS:
        confirmed, spent = _CONFIRMED[name][advantage]
        before, how = found(confirmed, n=_N_BEFORE), f"{how}; {spent} repeats before"
    n_right = sum(race.winner == BETTER for race in races)
    yield Figure(what, n_right, n, None, before, case="confirmed", how=how)


def _mistakes(name: str, n_trials: int, all_found: Sequence[Found]) -> Iterator[Figure]:
    cell, n = f"{name}, {n_trials} trials", len(all_found)
    named = [{*one.winners, one.race.winner} - {None, BETTER} for one in all_found]
    yield Figure(
        f"another one named, before confirming or after: {cell}",
        sum(map(bool, named)),
        n,
        at_most(0.05),
        found(0, n=_N_BEFORE),
    )
    n_kept = sum(one.is_kept for one in all_found)
    what = f"the better one is among the tied: {cell}"
    yield Figure(what, n_kept, n, at_least(0.95), found(0.979, 1.0, n=_N_BEFORE))


def _effort_words(races: Iterable[Race]) -> str:
    spent = [race.n_repeats for race in races]
    entered = [len(race.entered) for race in races]
    return (
        f"{fmean(entered):.1f} take part and take {fmean(spent):.0f} repeats, "
        + f"{fmean(spent) * _N_FOLDS:.0f} fits"
    )


def confirming_figures(effort: float) -> Iterator[Figure]:
    """Measure how often a race names one of equals, and what it spends."""
    rng = np.random.default_rng(3)
    for name, make in _MAKERS.items():
        n_pairs = studies(7500, effort)
        pairs = [make(rng, LOOKS[-1], _N_FOLDS).scores(disjoint_pair()) for _ in range(n_pairs)]
        yield from _pair_figures(name, pairs)
    n_exact = studies(4000, effort)
    pairs = [lucky(2, LOOKS[-1], rng) for _ in range(n_exact)]
    yield from _pair_figures(_EXACT, pairs)
    for name, make in _MAKERS.items():
        n_studies = studies(300, effort)
        [equals] = search(make, 100, n_studies, rng, (0.0,))
        races = [one.race for one in equals]
        yield Figure(
            f"100 equals, the race names one: {name}",
            sum(race.winner is not None for race in races),
            n_studies,
            at_most(0.05),
            found(0, n=_N_BEFORE),
            how=_effort_words(races),
        )
    yield from _leader_figures(effort, rng)


def _pair_figures(name: str, pairs: Sequence[Array]) -> Iterator[Figure]:
    what, n = f"two equals: {name}", len(pairs)
    for n_repeats in (1, 3, 10):
        before = found(_PAIRS[name][n_repeats], n=7500) if name in _PAIRS else None
        n_named = sum(rank(scores[:, :n_repeats]).badge for scores in pairs)
        case = counted(n_repeats, "repeat")
        yield Figure(what, n_named, n, at_most(0.05), before, case=case)
    races = [confirm(scores) for scores in pairs]
    is_named = [race.winner is not None for race in races]
    with_end = [
        named or rank(scores[:, :1]).badge
        for named, scores in zip(is_named, pairs, strict=True)
    ]
    looks = (("race", is_named), ("search or race", with_end))
    for place, (case, flags) in enumerate(looks):
        before = found(_RACES[name][place], n=7500) if name in _RACES else None
        how = _effort_words(races) if not place else ""
        yield Figure(what, sum(flags), n, at_most(0.05), before, case=case, how=how)


def _leader_figures(effort: float, rng: Generator) -> Iterator[Figure]:
    """Measure two equal leaders above a field that varies much less than they do."""
    n = studies(1500, effort)
    for name in (*_MAKERS, _EXACT):
        named = {1: 0, 3: 0}
        for _ in range(n):
            scores = leaders_above_a_quiet_field(_MAKERS.get(name), rng)
            for n_repeats in named:
                named[n_repeats] += rank(scores[:, :n_repeats]).badge
        before = found(0.0, 0.040, n=1000) if name in _MAKERS else None
        what = f"two equal leaders above a quiet field: {name}"
        for n_repeats, n_named in named.items():
            case = counted(n_repeats, "repeat")
            yield Figure(what, n_named, n, at_most(0.05), before, case=case)


def leaders_above_a_quiet_field(make: StudyMaker | None, rng: Generator) -> Array:
    """Score two equals, and others far behind that hardly differ; 3 repeats of 5 folds.

    Parameters
    ----------
    make : callable or None
        Draws data sets of a learner; None has luck as large as the correction allows for.
    """
    if make is None:
        leaders = lucky(2, 3, rng)
        field = _QUIET * lucky(_FIELD, 3, rng)
        deviation, middle = math.sqrt(2), 0.0
    else:
        study = make(rng, 3, _N_FOLDS)
        leaders = study.scores(disjoint_pair())
        others = study.scores(draw_choices(_FIELD, 16, rng))
        field = _QUIET * (others - others.mean(axis=0))
        deviation, middle = paired_deviation(others), leaders.mean()
    return np.concatenate([leaders, middle - _BEHIND * deviation + field])
