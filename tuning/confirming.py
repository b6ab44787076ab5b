"""After a search the leaders race on fresh repeats, until they separate or never will.

Everything follows from the fits that are stored, so that a race that was broken off goes on
where it was, with the same decisions.
"""

from __future__ import annotations

import itertools
import json
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.results import FitRow, TrialRow
from tuning.analysis.race import LOOKS, Decision, enter_race, next_look
from tuning.analysis.standings import Confirmed
from tuning.analysis.study_scores import FitLine, ScoreBook, StudyScores, rope_of
from tuning.analysis.ties import gap_to, rank
from tuning.fits import fit_row, judged, make_trainings
from tuning.samplers import all_params
from tuning.spec import StudySpec
from tuning.training.interface import FitResult, Readout, Training

Place = tuple[int, int, int]  # trial, repeat, fold
DEFAULT = 0  # the trial with the default settings, in studies that include them


@dataclass(frozen=True)
class Asked:
    """What people asked for, beside what the spec says.

    Attributes
    ----------
    numbers : tuple of int
        Trials to be given as many repeats as a race has at most.
    race : bool
        Whether the leaders are to race.
    skip : bool
        Whether to end without more repeats of any kind.
    no_race : bool
        Whether only the race stays skipped, because trials were chosen after that.
    models : tuple of int
        Trials whose models are to be kept, beside that of the leader.
    """

    numbers: tuple[int, ...] = ()
    race: bool = False
    skip: bool = False
    no_race: bool = False
    models: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Asked:
        """Read it from the study's row."""
        stored: Mapping[str, Any] = json.loads(text)
        return cls(
            tuple(stored.get("numbers", ())),
            bool(stored.get("race", False)),
            bool(stored.get("skip", False)),
            bool(stored.get("no_race", False)),
            tuple(stored.get("models", ())),
        )


class Confirming:
    """Knows which fits are wanted next, and what they mean.

    Parameters
    ----------
    trials : mapping
        The finished trials of the study by number.
    fits : iterable of FitRow
        All of them.
    n_rows : int
        Rows that are split into folds.
    train : callable
        Runs trainings and tells a reporter of them; returns early where something asks for it.
    """

    def __init__(
        self,
        spec: StudySpec,
        trials: Mapping[int, TrialRow],
        fits: Iterable[FitRow],
        n_rows: int,
        train: Callable[[Sequence[Training], FitCollector, str], None],
    ) -> None:
        self._spec, self._n_rows, self._train = spec, n_rows, train
        self._trials = {n: row for n, row in trials.items() if row.state == "COMPLETE"}
        self._book = ScoreBook(spec)
        self._done: set[Place] = set()
        self._enter(fits)

    def _enter(self, fits: Iterable[FitRow]) -> None:
        lines = list(score_lines(fits))
        self._book.take(lines)
        self._done |= {line[:3] for line in lines}

    @property
    def scores(self) -> StudyScores:
        """The scores as they are known now."""
        return self._book.scores(self._trials)

    def repeat(self, numbers: Sequence[int]) -> bool:
        """Give trials as many repeats as a race has; tell whether it came to its end."""
        known = [number for number in numbers if number in self._trials]
        noun = "trial" if len(known) == 1 else "trials"
        phase = f"Repeating {noun} {', '.join(map(str, known))}"
        return self._bring_up_to(known, range(self._spec.evaluation.repeats, LOOKS[-1]), phase)

    def race(self) -> Confirmed | None:
        """Let the leaders race; None where it was broken off."""
        scores = self.scores
        rope = rope_of(self._spec, scores)
        decision = enter_race(scores.searched(), self._n_rows, rope=rope)
        entered = tuple(int(scores.numbers[row]) for row in decision.survivors)
        beside = self._beside(entered)
        gaps: dict[int, tuple[float, float, float, int]] = {}
        n_repeats = scores.n_searched
        while decision.kind == "go on":
            racing = [int(scores.numbers[row]) for row in decision.survivors]
            further = range(n_repeats, decision.repeats_wanted)
            n_repeats = decision.repeats_wanted
            phase = f"Confirming the best {len(racing)} with {n_repeats} repeats"
            if not self._bring_up_to([*beside, *racing], further, phase):
                return None
            now = self.scores
            block = now.repeated(now.rows_of(racing), n_repeats)
            gaps |= _gaps(racing, block, self._n_rows, rope)
            decision = next_look(block, decision, self._n_rows, rope=rope)
        if gaps:
            leader = int(scores.numbers[decision.survivors[0]])
            gaps |= self._gaps_beside(leader, beside, n_repeats)
        return self._found(scores, decision, (entered, beside), n_repeats, gaps)

    def _beside(self, entered: Sequence[int]) -> tuple[int, ...]:
        """Return the default settings where they do not race: tuning is measured by them."""
        is_known = self._spec.include_default and DEFAULT in self._trials
        return () if DEFAULT in entered or not is_known else (DEFAULT,)

    def _gaps_beside(
        self, leader: int, beside: Iterable[int], n_repeats: int
    ) -> dict[int, tuple[float, float, float, int]]:
        """Return how far the leader is ahead of those that did not race, by all repeats."""
        scores = self.scores
        n_trials = int(np.isfinite(scores.searched()).all(axis=(1, 2)).sum())
        gaps = {}
        for number in beside:
            first, other = scores.repeated(scores.rows_of([leader, number]), n_repeats)
            if np.isfinite(other).all():
                gaps[number] = (*gap_to(first, other, n_trials), n_repeats)
        return gaps

    def _found(
        self,
        scores: StudyScores,
        decision: Decision,
        trained: tuple[tuple[int, ...], tuple[int, ...]],
        n_repeats: int,
        gaps: Mapping[int, tuple[float, float, float, int]],
    ) -> Confirmed:
        entered, beside = trained
        survivors = tuple(int(scores.numbers[row]) for row in decision.survivors)
        return Confirmed(
            kind=decision.kind,
            survivors=survivors if gaps else (),
            entered=entered,
            n_repeats=n_repeats,
            first=entered[0] if entered else -1,
            sentence=decision.sentence,
            n_fits=sum(self._is_extra(place, entered + beside) for place in self._done),
            need_rows=_if_finite(decision.need_rows),
            gaps=gaps,
        )

    def _is_extra(self, place: Place, numbers: Sequence[int]) -> bool:
        return place[0] in numbers and place[1] >= self._spec.evaluation.repeats

    def _bring_up_to(self, numbers: Sequence[int], repeats: range, phase: str) -> bool:
        """Train what is missing of some repeats; tell whether nothing is missing any more.

        Fits that are done come along, and nobody waits for them: so a race that was broken off
        is cut into the same stacks again, and its scores are the same.
        """
        folds = range(self._spec.evaluation.n_folds)
        missing = set(itertools.product(numbers, repeats, folds)) - self._done
        if not missing:
            return True
        params = {n: all_params(self._spec, self._trials[n].params) for n in sorted(numbers)}
        trainings = list(make_trainings(self._spec, params, repeats))
        collector = FitCollector(self._spec, missing, trainings)
        self._train(trainings, collector, phase)
        self._enter(collector.fits)
        return missing <= self._done


class FitCollector:
    """A reporter that keeps the results of the fits it waits for, until they are taken.

    Parameters
    ----------
    wanted : iterable of (trial, repeat, fold)
        The fits that are waited for.
    trainings : iterable of Training
        What is trained; some of it may be done already, and nobody waits for it.
    """

    def __init__(
        self, spec: StudySpec, wanted: Iterable[Place], trainings: Iterable[Training]
    ) -> None:
        self._score = spec.evaluation.score
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._wanted = set(wanted)
        self._untaken: list[FitRow] = []
        self._n_epochs_wanted = sum(
            training.n_epochs for training in trainings if self._is_wanted(training)
        )
        self._n_epochs = 0
        self._first: tuple[float, float] | None = None
        self.n_wanted = len(self._wanted)
        self.fits: list[FitRow] = []

    def stop(self) -> None:
        """Make every training end after its epoch."""
        self._stop.set()

    def take(self) -> tuple[list[FitRow], int]:
        """Return the fits that came in since the last call, and how many there are in all."""
        with self._lock:
            untaken, self._untaken = self._untaken, []
            return untaken, len(self.fits)

    def epoch(
        self,
        trainings: Sequence[Training],
        epoch: int,  # noqa: ARG002 (as a reporter is told)
        values: NDArray[np.float32],  # noqa: ARG002 (as above)
    ) -> None:
        """Count epochs, and let curves go: nothing is drawn of these fits."""
        with self._lock:
            self._n_epochs += sum(map(self._is_wanted, trainings))
            self._see()

    def result(self, training: Training, readout: Readout, result: FitResult) -> None:
        """Take the result of a readout; see `Reporter`."""
        result, score = judged(self._score, result)
        row = fit_row(readout.number, training, result, score)
        with self._lock:
            place = _place(training, readout)
            if place in self._wanted:
                self._wanted.discard(place)
                self._untaken.append(row)
                self.fits.append(row)
                self._see()

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        """Tell which trainings should end; see `Reporter`."""
        if self._stop.is_set():
            return np.ones(len(trainings), bool)
        with self._lock:
            return np.array([not self._is_wanted(training) for training in trainings], bool)

    def seconds_left(self) -> float | None:
        """Return how long the rest takes at the pace so far; None before there is a pace.

        It is measured from the first epoch on: what passes before it comes once. Fits that
        end early count as done when they end: until then it is an upper bound.
        """
        with self._lock:
            done, first = self._done(), self._first
        if first is None or done <= first[1]:
            return None
        return (time.perf_counter() - first[0]) * (1 - done) / (done - first[1])

    def _done(self) -> float:
        """Return the share of all that is done, by epochs or by fits, whichever is more."""
        by_epochs = self._n_epochs / max(self._n_epochs_wanted, 1)
        return min(max(by_epochs, len(self.fits) / max(self.n_wanted, 1)), 1.0)

    def _see(self) -> None:
        if self._first is None:
            self._first = time.perf_counter(), self._done()

    def _is_wanted(self, training: Training) -> bool:
        return any(_place(training, readout) in self._wanted for readout in training.readouts)


def score_lines(fits: Iterable[FitRow]) -> Iterator[FitLine]:
    """Give trial, repeat, fold and score of the fits that have ended."""
    for fit in fits:
        if fit.state in {"COMPLETE", "FAIL"}:
            yield fit.number, fit.repeat, fit.fold, fit.score


def _if_finite(rows: float | None) -> float | None:
    return rows if rows is not None and math.isfinite(rows) else None


def _place(training: Training, readout: Readout) -> Place:
    return readout.number, training.repeat, training.fold


def _gaps(
    numbers: Sequence[int], block: NDArray[np.float64], n_rows: int, rope: float
) -> dict[int, tuple[float, float, float, int]]:
    """Return how far the first is ahead of each, by all repeats so far."""
    ranking = rank(block, n_rows, rope=rope)
    return {
        number: (
            float(ranking.gap[row]),
            float(ranking.gap_low[row]),
            float(ranking.gap_high[row]),
            block.shape[1],
        )
        for row, number in enumerate(numbers)
        if ranking.is_compared[row]
    }
