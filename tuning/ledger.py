"""What is known of a study while it trains: epochs and results in, batches to write out.

The trainer calls it from one thread, the writer takes from another; a lock keeps both whole.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from storage.results import Batch, CurvePiece, FitRow, TrialRow
from tuning.analysis.estimate import Cost, Pace
from tuning.parameters import Value
from tuning.samplers import Board
from tuning.spec import StudySpec
from tuning.training.interface import FitResult, Readout, Training
from tuning.training.scores import curve_value


@dataclass
class _Open:
    """A trial that is being trained; its fits by repeat and fold."""

    row: TrialRow
    results: dict[tuple[int, int], FitResult] = field(default_factory=dict)
    running: set[tuple[int, int]] = field(default_factory=set)
    started: bool = False


@dataclass
class _Progress:
    """How far one training is, in epochs, and what it costs in all."""

    cost: Cost
    epochs: int = 0
    over: bool = False


class Ledger:
    """The reporter of a study's trainings.

    Parameters
    ----------
    finished : sequence of TrialRow
        Trials that an earlier worker has finished.
    board : Board or None
        Told of scores and, where there is a pruner, of epochs.
    """

    def __init__(
        self, spec: StudySpec, pace: Pace, finished: Sequence[TrialRow], board: Board | None
    ) -> None:
        self._spec, self._pace, self._board = spec, pace, board
        self._sign = 1 if spec.direction == "maximize" else -1
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._open: dict[int, _Open] = {}
        self._n_opened = 0
        self.finished: dict[int, TrialRow] = {row.number: row for row in finished}
        self._batch = Batch()
        self._curves: dict[tuple[int, int, int], tuple[int, list[NDArray[np.float32]]]] = {}
        self._progress: dict[tuple[int, int, int], _Progress] = {}
        self._started_at = time.perf_counter()
        self._longest = _longest_epochs(spec)

    # What the driver tells.

    def open_trial(self, number: int, settings: Mapping[str, Value], n_weights: int) -> None:
        """Enter a trial whose trainings come next."""
        row = TrialRow(number, "WAITING", dict(settings), n_weights=n_weights)
        with self._lock:
            self._open[number] = _Open(row)
            self._n_opened += 1

    def plan(self, costs: Mapping[tuple[int, int, int], Cost]) -> None:
        """Enter trainings to come, by first trial, repeat and fold, to say how long is left."""
        with self._lock:
            for key, cost in costs.items():
                self._progress[key] = _Progress(cost)

    def stop(self) -> None:
        """Make every training end after its epoch."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        """Whether somebody or something has asked for the end."""
        return self._stop.is_set()

    # What the trainer tells.

    def epoch(
        self, trainings: Sequence[Training], epoch: int, values: NDArray[np.float32]
    ) -> None:
        """Take the curve values of an epoch; see `Reporter`."""
        with self._lock:
            for training, own in zip(trainings, values, strict=True):
                self._progress[training.key].epochs = epoch + 1
                for readout in training.readouts:
                    if epoch < readout.n_epochs and readout.number in self._open:
                        self._keep_epoch(readout.number, training, epoch, own)

    def result(self, training: Training, readout: Readout, result: FitResult) -> None:
        """Take the result of a readout; see `Reporter`."""
        with self._lock:
            opened = self._open.get(readout.number)
            if opened is None:
                return
            score = result.metrics.get(self._spec.evaluation.score, math.nan)
            if not result.error and not math.isfinite(score):
                result = replace(result, error=_no_score(self._spec.evaluation.score))
            place = (training.repeat, training.fold)
            opened.results[place] = result
            opened.running.discard(place)
            self._batch.fits.append(_fit_row(readout.number, training, result, score))
            if result.error:
                self._finish(opened, "FAIL", result.error)
            elif len(opened.results) == self._spec.n_fits_per_trial:
                self._finish(opened, "COMPLETE")

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        """Tell which trainings should end; see `Reporter`."""
        with self._lock:
            return np.array([self._is_over(training) for training in trainings], bool)

    # What the writer takes.

    def take(self) -> Batch:
        """Return what happened since the last call."""
        with self._lock:
            for (number, repeat, fold), (first, values) in self._curves.items():
                piece = CurvePiece(number, repeat, fold, first, np.stack(values))
                self._batch.pieces.append(piece)
            self._curves.clear()
            batch, self._batch = self._batch, Batch()
            if batch:
                batch.study = self._summary()
            return batch

    def leader(self) -> TrialRow | None:
        """Return the finished trial with the best score; the lower number where two tie."""
        complete = [row for row in self.finished.values() if row.score is not None]
        return max(complete, key=lambda r: (self._sign * _score(r), -r.number), default=None)

    def close(self, message: str) -> None:
        """Mark what is still open as not finished, when the study is stopped."""
        with self._lock:
            for opened in self._open.values():
                if opened.started:
                    row = replace(opened.row, state="WAITING", message=message)
                    self._batch.trials.append(row)
                    self._let_go(opened, message)
            self._open.clear()

    def _is_over(self, training: Training) -> bool:
        over = self.stopped or not any(self._awaits(training, r) for r in training.readouts)
        if over:
            self._progress[training.key].over = True
        return over

    def _awaits(self, training: Training, readout: Readout) -> bool:
        opened = self._open.get(readout.number)
        return opened is not None and (training.repeat, training.fold) not in opened.results

    def _let_go(self, opened: _Open, message: str) -> None:
        """Mark fits that will not get a result."""
        for repeat, fold in sorted(opened.running):
            row = FitRow(opened.row.number, repeat, fold, "WAITING", message=message)
            self._batch.fits.append(row)
        opened.running.clear()

    def _keep_epoch(
        self, number: int, training: Training, epoch: int, values: NDArray[np.float32]
    ) -> None:
        opened = self._open[number]
        if not opened.started:
            opened.started = True
            self._batch.trials.append(replace(opened.row, state="RUNNING"))
        key = (number, training.repeat, training.fold)
        if epoch == 0:
            opened.running.add(key[1:])
            self._batch.fits.append(FitRow(*key, "RUNNING"))
        self._curves.setdefault(key, (epoch, []))[1].append(values)
        if self._board is not None and self._spec.pruner.kind != "none":
            self._prune(number, training, epoch, values)

    def _prune(
        self, number: int, training: Training, epoch: int, values: NDArray[np.float32]
    ) -> None:
        """Let the pruner compare this fold's epoch with that of the same fold of others."""
        order = training.repeat * self._spec.evaluation.n_folds + training.fold
        step = order * self._longest + epoch
        value = curve_value(self._spec.evaluation.score, values)
        assert self._board is not None  # noqa: S101 (the caller has looked)
        if np.isfinite(value) and self._board.report(number, step, value):
            message = f"Cut by the pruner in fold {training.fold} at epoch {epoch + 1}."
            self._batch.fits.append(
                FitRow(
                    number,
                    training.repeat,
                    training.fold,
                    "PRUNED",
                    n_epochs=epoch + 1,
                    message=message,
                )
            )
            opened = self._open[number]
            opened.running.discard((training.repeat, training.fold))
            self._finish(opened, "PRUNED", message)

    def _finish(self, opened: _Open, state: str, message: str = "") -> None:
        number, results = opened.row.number, list(opened.results.values())
        values = [r.metrics[self._spec.evaluation.score] for r in results if not r.error]
        complete = state == "COMPLETE"
        row = replace(
            opened.row,
            state=state,
            score=fmean(values) if complete else None,
            spread=stdev(values) if complete and len(values) > 1 else None,
            n_epochs=fmean(r.n_epochs for r in results) if results else None,
            duration_s=sum(r.duration_s for r in results),
            message=message,
            finished_at=time.time(),
        )
        self.finished[number] = row
        self._let_go(opened, "Its trial ended before it.")
        del self._open[number]
        self._batch.trials.append(row)
        if self._board is not None:
            self._board.finish(number, row.score, pruned=state == "PRUNED")

    def _summary(self) -> dict[str, object]:
        per_trial = self._spec.n_fits_per_trial
        done = len(self.finished) * per_trial
        done += sum(len(opened.results) for opened in self._open.values())
        best = self.leader()
        return {
            "n_trials_done": len(self.finished),
            "n_trials_failed": sum(row.state == "FAIL" for row in self.finished.values()),
            "n_fits_done": done,
            "seconds_left": self._seconds_left(),
            "best_number": None if best is None else best.number,
            "best_score": None if best is None else best.score,
            "best_spread": None if best is None else best.spread,
        }

    def _seconds_left(self) -> float | None:
        """Scale the predicted rest by how the prediction has held so far.

        Trials that a sampler has not chosen yet count as much as an average one.
        """
        done = rest = 0.0
        for progress in self._progress.values():
            seconds = self._pace.seconds(progress.cost)
            share = 1.0 if progress.over else progress.epochs / progress.cost.n_epochs
            done += seconds * share
            rest += seconds * (1 - share)
        if done <= 0:
            return None
        n_unchosen = max(0, self._spec.n_trials - len(self.finished) - len(self._open))
        rest += n_unchosen * (done + rest) / self._n_opened
        return rest / done * (time.perf_counter() - self._started_at)


def _score(row: TrialRow) -> float:
    return math.nan if row.score is None else row.score


def _no_score(score: str) -> str:
    return (
        f"The score {score} could not be computed: the fold's rows hold a single class. "
        + "Use fewer folds or another score."
    )


def _fit_row(number: int, training: Training, result: FitResult, score: float) -> FitRow:
    return FitRow(
        number=number,
        repeat=training.repeat,
        fold=training.fold,
        state="FAIL" if result.error else "COMPLETE",
        score=None if result.error else score,
        metrics=result.metrics,
        n_epochs=result.n_epochs,
        best_epoch=result.best_epoch,
        duration_s=result.duration_s,
        trainer=result.trainer,
        message=result.error,
    )


def _longest_epochs(spec: StudySpec) -> int:
    """Return the most epochs any trial can run."""
    setting = spec.space.get("epochs")
    values = getattr(setting, "values", None) or [getattr(setting, "high", 0)]
    fixed = spec.fixed.get("epochs", 0)
    return int(max([*values, fixed or 0]))
