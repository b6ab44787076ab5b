"""Confirm the best few trials with fresh repeats: who enters, and what each look decides.

A race looks at its survivors a fixed number of times, at fixed totals of repeats, each time at
all repeats so far. More looks, or looks whenever one likes, would make winners of equals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tuning.analysis.intervals import Array, correction
from tuning.analysis.pairs import compare
from tuning.analysis.ties import Ranking, rank

LOOKS = (2, 4, 7, 10)  # repeats of a survivor in all, those of the search among them
MOST_ENTRANTS, _FEWEST_ENTRANTS = 10, 2
_FEWEST_FOLDS = 3  # with 2, the error cannot fall below the spread between folds itself

Outcome = Literal["winner", "equal", "cannot tell", "go on"]


@dataclass(frozen=True)
class Decision:
    """What a look has decided, and what the next one needs.

    Attributes
    ----------
    kind : {"winner", "equal", "cannot tell", "go on"}
        The race is over unless it is to go on.
    survivors : tuple of int
        Rows of the study that may still be the best, best mean first; one with a winner.
    repeats_wanted : int
        Repeats each survivor has at the next look, those so far included; 0 after the last.
    sentence : str
        The decision in words.
    n_entered : int
        Trials the race started with.
    need_rows : float or None
        Rows that could separate the best two where repeats cannot.
    """

    kind: Outcome
    survivors: tuple[int, ...]
    repeats_wanted: int
    sentence: str
    n_entered: int
    need_rows: float | None = None


def enter_race(scores: Array, n_rows: int | None = None, *, rope: float = 0.0) -> Decision:
    """Choose who enters: the best of those tied with the leader, from 2 to 10 trials.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Of all trials of the study, larger is better; NaN where a fit is missing.
    n_rows, rope
        As for `next_look`.

    Returns
    -------
    Decision
        "go on" with the repeats the first look needs, or "cannot tell" where no race helps:
        too few folds or trials, or as many repeats already as the last look has.
    """
    _, n_repeats, n_folds = scores.shape
    ranking = rank(scores, n_rows, rope=rope)
    compared = np.flatnonzero(ranking.is_compared)
    best_first = compared[np.argsort(ranking.gap[compared], kind="stable")]
    tied_first = sorted(best_first.tolist(), key=lambda row: not ranking.tied[row])
    n_entered = min(max(int(ranking.tied.sum()), _FEWEST_ENTRANTS), MOST_ENTRANTS)
    entered = tuple(tied_first[:n_entered])
    reason = _why_no_race(len(entered), n_folds)
    if reason:
        return Decision("cannot tell", entered, 0, reason, len(entered))
    if n_repeats >= LOOKS[-1]:
        return _out_of_repeats(ranking, entered, len(entered), n_repeats, n_folds)
    return _go_on(entered, len(entered), n_repeats)


def next_look(
    scores: Array, race: Decision, n_rows: int | None = None, *, rope: float = 0.0
) -> Decision:
    """Decide, from all repeats so far of the survivors, whether and with whom to go on.

    A winner must pass the test of a clear winner against every other survivor; those that
    cannot be the best leave; the rest goes on unless all are practically equal to the leader.

    Parameters
    ----------
    scores : ndarray of shape (n_survivors, n_repeats, n_folds)
        Rows in the order of `race.survivors`, all on the same folds; NaN where a fit is
        missing, and its trial leaves the race.
    race : Decision
        The last one, which said to go on.
    n_rows : int, optional
        Rows that are split, to say how many could separate what repeats cannot.
    rope : float
        The smallest difference worth having, in units of the score.

    Raises
    ------
    ValueError
        If there are fewer repeats than the last decision asked for.

    Notes
    -----
    Successive elimination with corrected t tests; their level, 4% a look, is that of a clear
    winner. Measured by the tests: of two equal learners on real rows, the four looks together
    name a winner in about 5 of 100 races. Were the luck of a data set as large as the
    correction allows for, it would be 8. A race does not make the winner's score honest.
    """
    _, n_repeats, n_folds = scores.shape
    if n_repeats < race.repeats_wanted:
        message = f"{n_repeats} repeats; this look needs {race.repeats_wanted}."
        raise ValueError(message)
    ranking = rank(scores, n_rows, rope=rope)
    if ranking.is_compared.sum() < _FEWEST_ENTRANTS:
        left = _rows(race, np.flatnonzero(ranking.is_compared))
        sentence = "Cannot tell: fewer than two of those left have all their scores."
        return Decision("cannot tell", left, 0, sentence, race.n_entered)
    places = np.flatnonzero(ranking.tied)
    places = places[np.argsort(ranking.gap[places], kind="stable")]
    survivors = _rows(race, places)
    if ranking.badge:
        others = race.n_entered - 1
        rest = f"all {others} others" if others > 1 else "the other one"
        sentence = f"Clear winner: better than {rest} in the race."
        return Decision("winner", survivors, 0, sentence, race.n_entered)
    if _are_equal(scores[places], rope):
        sentence = f"Practically equal: take the cheapest of these {len(survivors)}."
        return Decision("equal", survivors, 0, sentence, race.n_entered)
    if n_repeats >= LOOKS[-1]:
        return _out_of_repeats(ranking, survivors, race.n_entered, n_repeats, n_folds)
    return _go_on(survivors, race.n_entered, n_repeats)


def extra_fits(n_trials: int, n_repeats: int, n_folds: int, up_to: int = LOOKS[-1]) -> int:
    """Count the fits that bring trials from some repeats up to others; at most, up to all."""
    return n_trials * max(up_to - n_repeats, 0) * n_folds


def error_over_floor(n_folds: int, n_repeats: int) -> float:
    """Return the error of a mean over what endless repeats would leave of it."""
    return math.sqrt(correction(n_folds, n_repeats) * (n_folds - 1))


def _rows(race: Decision, places: Iterable[int]) -> tuple[int, ...]:
    return tuple(race.survivors[place] for place in places)


def _why_no_race(n_entered: int, n_folds: int) -> str:
    if n_entered < _FEWEST_ENTRANTS:
        return "Cannot tell: a race takes two trials that have all their scores."
    if n_folds < _FEWEST_FOLDS:
        return "Cannot tell: with fewer than 3 folds repeats hardly help. Use 5 folds."
    return ""


def _are_equal(scores: Array, rope: float) -> bool:
    """Tell whether each of these is surely no worse than the first by more than matters."""
    leader, *others = scores
    return all(
        compare(leader, other, rope=rope).verdict == "practically equal" for other in others
    )


def _go_on(survivors: tuple[int, ...], n_entered: int, n_repeats: int) -> Decision:
    wanted = next(look for look in LOOKS if look > n_repeats)
    sentence = f"{len(survivors)} of {n_entered} left; the next look is at {wanted} repeats."
    return Decision("go on", survivors, wanted, sentence, n_entered)


def _out_of_repeats(
    ranking: Ranking, survivors: tuple[int, ...], n_entered: int, n_repeats: int, n_folds: int
) -> Decision:
    excess = f"{error_over_floor(n_folds, n_repeats) - 1:.0%}"
    sentence = (
        f"Cannot tell: more repeats cannot separate these {len(survivors)} "
        + f"(the error is within {excess} of its floor)"
    )
    rows = ranking.need_rows
    if rows is not None and math.isfinite(rows):
        sentence += f"; about {float(f'{rows:.2g}'):,.0f} rows could"
    return Decision("cannot tell", survivors, 0, f"{sentence}.", n_entered, rows)
