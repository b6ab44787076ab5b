"""Studies in which all configurations are equally good: what is claimed all the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.trust_figures import Bounds, Figure, at_most, found
from benchmarks.trust_studies import (
    Array,
    Generator,
    Population,
    StudyMaker,
    draw_choices,
    maker_of,
    pima_coins,
    studies,
)
from tuning.analysis.gain import Gain, gain_over_default
from tuning.analysis.search_curve import MoreTrials, more_trials
from tuning.analysis.ties import rank
from tuning.space import counted

REPEATS = (1, 5)
FOLDS = (5, 3)
_SIZES = ((10, 600), (100, 300), (1000, 200))  # trials, and studies of so many
_FIRST_LOOK, _MOST_TRIALS = 10, 60  # of a search that is looked at after every trial

# Of 1,500, 800 and 300 studies of least squares with 5 folds; by trials.
_BEFORE = {10: found(0, n=1500), 100: found(0, n=800), 1000: found(0, n=300)}
_GAIN_BEFORE = {1: found(0, 0.020, n=250), 5: found(0, 0.027, n=150)}
_MORE_BEFORE = {1: found(0.06, 0.10, n=250), 5: found(0.01, 0.03, n=250)}


def makers() -> dict[str, tuple[StudyMaker, int]]:
    """Return what draws studies of equals, and how many columns each has, by name."""
    return {
        "accuracy": (maker_of(Population("share", 400)), 16),
        "squared error": (maker_of(Population("mean", 300)), 16),
        "random labels on Pima": (pima_coins(), 44),
    }


def claims(scores: Array) -> list[str]:
    """Return what is claimed of a finished study; its first row is the default."""
    gain, more = gain_over_default(scores), more_trials(scores, 0.0)
    made = {
        "winner": rank(scores, is_running=False).badge,
        "gain": isinstance(gain, Gain) and gain.beats_default,
        "more": isinstance(more, MoreTrials) and more.answer == "yes",
    }
    return [claim for claim, is_made in made.items() if is_made]


def count_claims(
    maker: tuple[StudyMaker, int], n_trials: int, n_folds: int, n_studies: int, rng: Generator
) -> Counter[tuple[int, str]]:
    """Count, by repeats and claim, the studies of equals that claim something."""
    make, n_columns = maker
    counts: Counter[tuple[int, str]] = Counter()
    for _ in range(n_studies):
        choices = draw_choices(n_trials, n_columns, rng)
        scores = make(rng, max(REPEATS), n_folds).scores(choices)
        for n_repeats in REPEATS:
            counts.update((n_repeats, claim) for claim in claims(scores[:, :n_repeats]))
    return counts


def winners_while_running(maker: tuple[StudyMaker, int], n_studies: int, rng: Generator) -> int:
    """Count searches that declare a winner at any of the looks after each trial."""
    make, n_columns = maker
    n_winners = 0
    for _ in range(n_studies):
        scores = make(rng, 1, 5).scores(draw_choices(_MOST_TRIALS, n_columns, rng))
        looks = range(_FIRST_LOOK, _MOST_TRIALS + 1)
        n_winners += any(rank(scores[:n], is_running=True).badge for n in looks)
    return n_winners


def figures(effort: float) -> Iterator[Figure]:
    """Measure all of it; an effort of 1 is the full form."""
    rng = np.random.default_rng(1)
    later: list[Figure] = []
    for name, maker in makers().items():
        for n_trials, full in _SIZES:
            n_studies = studies(full, effort)
            for n_folds in FOLDS:
                counts = count_claims(maker, n_trials, n_folds, n_studies, rng)
                cell = (name, n_trials, n_folds, n_studies)
                yield from _winners(cell, counts)
                if (n_trials, n_folds) == (100, 5):
                    later += _others(cell, counts)
    n_searches = studies(400, effort)
    yield Figure(
        "winner while the search runs",
        winners_while_running(makers()["accuracy"], n_searches, rng),
        n_searches,
        at_most(0.05),
        found(0, n=400),
        how="accuracy, 5 folds × 1, looked at after each of trials 10 to 60",
    )
    yield from later


def _winners(
    cell: tuple[str, int, int, int], counts: Counter[tuple[int, str]]
) -> Iterator[Figure]:
    name, n_trials, n_folds, n_studies = cell
    for n_repeats in REPEATS:
        is_known = name != "random labels on Pima" and n_folds == 5
        yield Figure(
            f"winner: {name}, {counted(n_trials, 'trial')}",
            counts[n_repeats, "winner"],
            n_studies,
            at_most(0.05),
            _BEFORE[n_trials] if is_known else None,
            case=f"{n_folds} folds × {n_repeats}",
        )


def _others(
    cell: tuple[str, int, int, int], counts: Counter[tuple[int, str]]
) -> Sequence[Figure]:
    name, n_trials, n_folds, n_studies = cell
    words: tuple[tuple[str, str, float, dict[int, Bounds]], ...] = (
        ("gain", "tuning beats the default", 0.05, _GAIN_BEFORE),
        ("more", "more trials would help", 0.10, _MORE_BEFORE),
    )
    return [
        Figure(
            f"{sentence}: {name}, {counted(n_trials, 'trial')}",
            counts[n_repeats, claim],
            n_studies,
            at_most(most),
            before[n_repeats],
            case=f"{n_folds} folds × {n_repeats}",
        )
        for claim, sentence, most, before in words
        for n_repeats in REPEATS
    ]
