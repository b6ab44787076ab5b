"""What is known of a study while it trains: epochs and results in, batches to write out.

Trainers call it from their threads, the writer takes from another; a lock keeps them whole. It
is called every few milliseconds for hundreds of trainings, so an epoch costs a few operations
on arrays, and nothing here looks at every trial again.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from storage.results import Batch, CurvePiece, FitRow, TrialRow
from tuning.fits import fit_row, judged
from tuning.lead import LeadOf
from tuning.parameters import Value
from tuning.sampling.board import Board
from tuning.spec import StudySpec
from tuning.training.interface import FitResult, Readout, Training
from tuning.training.scores import curve_value

_GROUPS_KEPT = 64  # sets of trainings that are recognised when they report again
_ROUNDING = 1e-12  # scores that differ by less are equal, as they are for the verdict
_TRUSTED_S = 2.0  # a prediction in seconds counts as much as this long of measuring

Key = tuple[int, int, int]  # of a training: first trial, repeat, fold
_Place = tuple[int, int]  # of a fit in its trial: repeat, fold


@dataclass(eq=False)
class _Fit:
    """What one trial has of a training: its epochs up to `limit`."""

    number: int
    place: _Place
    row: int
    limit: int


@dataclass
class _Open:
    """A trial that is being trained.

    Attributes
    ----------
    fits : dict
        Those without a result whose training has been heard of, by repeat and fold.
    heard : dict
        What a pruner compares, by epoch, until all fits have told it.
    cut_after : list of int
        Epochs that fits ran which the pruner has cut.
    """

    trial: TrialRow
    fits: dict[_Place, _Fit] = field(default_factory=dict)
    results: dict[_Place, FitResult] = field(default_factory=dict)
    running: set[_Place] = field(default_factory=set)
    heard: dict[int, list[float]] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    started: bool = False


@dataclass(frozen=True, eq=False)
class _Group:
    """Trainings that report together, where they stand in `_Progress`, and whose fits they are.

    It holds the trainings, so that no other one can get the identity of one of them.
    """

    trainings: tuple[Training, ...]
    rows: NDArray[np.intp]
    fits: tuple[tuple[_Fit, ...], ...]


@dataclass(frozen=True)
class _Block:
    """One epoch of a group: values of shape (n_trainings, 5)."""

    group: _Group
    epoch: int
    values: NDArray[np.float32]


class _Progress:
    """How far every training is, as arrays, and the seconds that are worth, as running totals.

    Attributes
    ----------
    epochs : ndarray of shape (n_trainings,)
        Epochs reported.
    awaited : ndarray of shape (n_trainings,)
        Readouts that somebody still waits for.
    done_s, planned_s, starts_s : float
        Predicted seconds of what is done, of all trainings, and of these what passes before
        their first epochs.
    n_going : int
        Trainings that are not over.
    """

    def __init__(self) -> None:
        self._rows: dict[Key, int] = {}
        self._seconds = np.zeros(0)
        self._start_s = np.zeros(0)
        self._epoch_s = np.zeros(0)
        self._over = np.zeros(0, bool)
        self.epochs = np.zeros(0, np.intp)
        self.awaited = np.zeros(0, np.intp)
        self.done_s = self.planned_s = self.starts_s = 0.0
        self.n_going = 0

    def plan(self, seconds: Mapping[Key, float], starts: Mapping[Key, float]) -> None:
        """Enter trainings to come with the seconds each will probably take."""
        for key in seconds:
            self._rows[key] = len(self._rows)
        n_more = len(seconds)
        before = [starts.get(key, 0.0) for key in seconds]
        self.starts_s += sum(before)
        self._start_s = np.append(self._start_s, before)
        self._seconds = np.append(self._seconds, np.fromiter(seconds.values(), float, n_more))
        self._epoch_s = np.append(self._epoch_s, np.zeros(n_more))
        self._over = np.append(self._over, np.zeros(n_more, bool))
        self.epochs = np.append(self.epochs, np.zeros(n_more, np.intp))
        self.awaited = np.append(self.awaited, np.zeros(n_more, np.intp))
        self.planned_s += sum(seconds.values())
        self.n_going += n_more

    def epochs_of(self, training: Training) -> int:
        """Return the epochs a training has reported."""
        return int(self.epochs[self._rows[training.key]])

    def row(self, training: Training) -> int:
        """Return where a training stands in the arrays."""
        row = self._rows[training.key]
        if not self._over[row]:
            in_epochs = self._seconds[row] - self._start_s[row]
            self._epoch_s[row] = in_epochs / training.n_epochs
        return row

    def advance(self, rows: NDArray[np.intp], epoch: int) -> None:
        """Enter that an epoch (from 0) of some trainings is done."""
        before = self.epochs[rows]
        self.epochs[rows] = epoch + 1
        self.done_s += float(self._epoch_s[rows] @ (epoch + 1 - before))
        if epoch == 0:
            begun = rows[(before == 0) & ~self._over[rows]]
            self.done_s += float(self._start_s[begun].sum())

    def end(self, rows: Iterable[int]) -> None:
        """Count trainings as done, however far they are."""
        for row in rows:
            if not self._over[row]:
                self._over[row] = True
                begun = self._start_s[row] if self.epochs[row] else 0.0
                counted = begun + self._epoch_s[row] * self.epochs[row]
                self.done_s += self._seconds[row] - counted
                self._epoch_s[row] = 0.0  # epochs it still reports are counted already
                self.n_going -= 1

    @property
    def left_s(self) -> float:
        """Predicted seconds of what is not done."""
        return max(0.0, self.planned_s - self.done_s) if self.n_going else 0.0


class Ledger:
    """The reporter of a study's trainings.

    Parameters
    ----------
    finished : sequence of TrialRow
        Trials that an earlier worker has finished.
    board : Board or None
        Told of scores and, where there is a pruner, of epochs: of the mean over a trial's fits,
        once all of them have reported the epoch. Where folds are trained one after another,
        that is in the last one; a fit that stops early ends the comparison there.
    lead_of : callable
        Gives the columns of the study's row that name the leader, None while there is none.
    """

    def __init__(
        self,
        spec: StudySpec,
        finished: Sequence[TrialRow],
        board: Board | None,
        lead_of: LeadOf,
    ) -> None:
        self._spec = spec
        self._board = board
        self._pruner = board if spec.pruner.kind != "none" else None
        self._lead_of = lead_of
        self._n_fits = spec.n_fits_per_trial
        self._sign = 1 if spec.direction == "maximize" else -1
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._open: dict[int, _Open] = {}
        self._n_opened = self._n_failed = self._n_open_results = 0
        self._best: TrialRow | None = None
        self.finished: dict[int, TrialRow] = {}
        for row in finished:
            self._enter_finished(row)
        self._batch = Batch()
        self._blocks: list[_Block] = []
        self._groups: dict[tuple[int, ...], _Group] = {}
        self._fits: dict[int, tuple[_Fit, ...]] = {}
        self._progress = _Progress()
        self._trusted_s = 0.0
        self._has_news = False  # how long is left is known, though nothing has happened yet
        self._started_at = time.perf_counter()

    # What the driver tells.

    def open_trial(self, number: int, settings: Mapping[str, Value], n_weights: int) -> None:
        """Enter a trial whose trainings come next."""
        row = TrialRow(number, "WAITING", dict(settings), n_weights=n_weights)
        with self._lock:
            self._open[number] = _Open(row)
            self._n_opened += 1

    def plan(
        self, seconds: Mapping[Key, float], starts: Mapping[Key, float] | None = None
    ) -> None:
        """Enter trainings to come, to say how long is left.

        Parameters
        ----------
        seconds : mapping
            What each will probably take, by first trial, repeat and fold; divided by the cores
            where trainings run side by side. Without `starts` only how they compare counts.
        starts : mapping or None
            What of these seconds passes before its first epoch.
        """
        with self._lock:
            self._progress.plan(seconds, starts or {})
            if starts:
                self._trusted_s, self._has_news = _TRUSTED_S, True

    def epochs_done(self, trainings: Iterable[Training]) -> dict[Key, int]:
        """Return how many epochs each of these trainings has told of, by its key."""
        with self._lock:
            return {training.key: self._progress.epochs_of(training) for training in trainings}

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
        own = np.array(values, np.float32)  # a copy: the trainer may use its array again
        with self._lock:
            group = self._group(trainings)
            self._progress.advance(group.rows, epoch)
            self._blocks.append(_Block(group, epoch, own))
            if epoch == 0:
                self._start(group)
            if self._pruner is not None:
                self._compare(self._pruner, group, epoch, own)

    def result(self, training: Training, readout: Readout, result: FitResult) -> None:
        """Take the result of a readout; see `Reporter`."""
        result, score = judged(self._spec.evaluation.score, result)
        with self._lock:
            opened = self._open.get(readout.number)
            if opened is None:
                return
            self._see(training)
            self._enter_result(opened, training, result, score)

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        """Tell which trainings should end; see `Reporter`."""
        with self._lock:
            rows = self._group(trainings).rows
            over: NDArray[np.bool_] = (self._progress.awaited[rows] == 0) | self.stopped
            if over.any():
                self._progress.end(rows[over].tolist())
            return over

    # What the writer takes.

    def take(self) -> Batch:
        """Return what happened since the last call."""
        with self._lock:
            batch, self._batch = self._batch, Batch()
            blocks, self._blocks = self._blocks, []
            summary = self._summary()
            has_news, self._has_news = self._has_news, False
        batch.pieces = _pieces(blocks)
        if batch or has_news:
            batch.study = summary
        return batch

    def leader(self) -> TrialRow | None:
        """Return the finished trial with the best score; the lower number where two tie."""
        return self._best

    def close(self, message: str) -> None:
        """Mark what is still open as not finished, when the study is stopped."""
        with self._lock:
            for opened in list(self._open.values()):
                if opened.started:
                    row = replace(opened.trial, state="WAITING", message=message)
                    self._batch.trials.append(row)
                self._let_go(opened, message)

    # Which trainings there are.

    def _group(self, trainings: Sequence[Training]) -> _Group:
        """Recognise trainings that have reported together before."""
        identity = tuple(map(id, trainings))
        group = self._groups.get(identity)
        if group is None:
            if len(self._groups) >= _GROUPS_KEPT:
                self._groups.clear()
            rows = [self._see(training) for training in trainings]
            fits = tuple(self._fits.get(row, ()) for row in rows)
            group = _Group(tuple(trainings), np.array(rows, np.intp), fits)
            self._groups[identity] = group
        return group

    def _see(self, training: Training) -> int:
        """Enter, at the first word of a training, who waits for it; return its row."""
        row = self._progress.row(training)
        if row not in self._fits:
            place = (training.repeat, training.fold)
            fits = [_Fit(r.number, place, row, r.n_epochs) for r in training.readouts]
            awaited = tuple(fit for fit in fits if self._is_awaited(fit))
            for fit in awaited:
                self._open[fit.number].fits[place] = fit
            self._progress.awaited[row] = len(awaited)
            if awaited:
                self._fits[row] = awaited
        return row

    def _is_awaited(self, fit: _Fit) -> bool:
        opened = self._open.get(fit.number)
        return opened is not None and fit.place not in opened.results

    def _settle(self, fit: _Fit, *, cut: bool) -> None:
        """Wait no longer for a fit; `cut` drops what its training still tells."""
        if cut:
            fit.limit = min(fit.limit, int(self._progress.epochs[fit.row]))
        self._progress.awaited[fit.row] -= 1
        if not self._progress.awaited[fit.row]:
            del self._fits[fit.row]

    # What becomes of a trial.

    def _start(self, group: _Group) -> None:
        """Enter that the fits of a group, and maybe their trials, have begun."""
        for fit in (fit for fits in group.fits for fit in fits):
            opened = self._open.get(fit.number)
            if opened is None or fit.place not in opened.fits:
                continue
            if not opened.started:
                opened.started = True
                self._batch.trials.append(replace(opened.trial, state="RUNNING"))
            opened.running.add(fit.place)
            self._batch.fits.append(FitRow(fit.number, *fit.place, "RUNNING"))

    def _compare(
        self, pruner: Board, group: _Group, epoch: int, values: NDArray[np.float32]
    ) -> None:
        """Let the pruner compare every trial that an epoch is now known of in all its fits."""
        told = curve_value(self._spec.evaluation.score, values).tolist()
        for fits, value in zip(group.fits, told, strict=True):
            for fit in fits:
                opened = self._open.get(fit.number)
                if opened is None or epoch >= fit.limit:
                    continue
                heard = opened.heard.setdefault(epoch, [])
                heard.append(value)
                if len(heard) == self._n_fits:
                    mean = sum(opened.heard.pop(epoch)) / self._n_fits
                    if math.isfinite(mean) and pruner.report(fit.number, epoch, mean):
                        self._prune(opened, epoch)

    def _prune(self, opened: _Open, epoch: int) -> None:
        message = f"Cut by the pruner at epoch {epoch + 1}."
        for place in sorted(opened.running):
            fit = opened.fits[place]
            n_epochs = min(fit.limit, int(self._progress.epochs[fit.row]))
            opened.cut_after.append(n_epochs)
            row = FitRow(fit.number, *place, "PRUNED", n_epochs=n_epochs, message=message)
            self._batch.fits.append(row)
        opened.running.clear()
        self._finish(opened, "PRUNED", message)

    def _enter_result(
        self, opened: _Open, training: Training, result: FitResult, score: float
    ) -> None:
        place = (training.repeat, training.fold)
        fit = opened.fits.pop(place, None)
        if fit is None:  # it has a result already
            return
        self._settle(fit, cut=bool(result.error))
        opened.results[place] = result
        opened.running.discard(place)
        self._n_open_results += 1
        self._batch.fits.append(fit_row(fit.number, training, result, score))
        if result.error:
            self._finish(opened, "FAIL", result.error)
            return
        if not self._progress.awaited[fit.row]:
            self._progress.end([fit.row])
        if len(opened.results) == self._n_fits:
            self._finish(opened, "COMPLETE")

    def _finish(self, opened: _Open, state: str, message: str = "") -> None:
        results = list(opened.results.values())
        values = [r.metrics[self._spec.evaluation.score] for r in results if not r.error]
        epochs = [r.n_epochs for r in results] + opened.cut_after
        complete = state == "COMPLETE"
        row = replace(
            opened.trial,
            state=state,
            score=fmean(values) if complete else None,
            spread=stdev(values) if complete and len(values) > 1 else None,
            n_epochs=fmean(epochs) if epochs else None,
            duration_s=sum(r.duration_s for r in results),
            message=message,
            finished_at=time.time(),
        )
        self._let_go(opened, "Its trial ended before it.")
        self._enter_finished(row)
        self._batch.trials.append(row)
        if self._board is not None:
            self._board.finish(row.number, row.score, pruned=state == "PRUNED")

    def _let_go(self, opened: _Open, message: str) -> None:
        """Wait no longer for a trial; mark fits that will not get a result."""
        for place in sorted(opened.running):
            row = FitRow(opened.trial.number, *place, "WAITING", message=message)
            self._batch.fits.append(row)
        for fit in opened.fits.values():
            self._settle(fit, cut=True)
        self._n_open_results -= len(opened.results)
        del self._open[opened.trial.number]

    def _enter_finished(self, row: TrialRow) -> None:
        self.finished[row.number] = row
        self._n_failed += row.state == "FAIL"
        if row.score is not None and (self._best is None or self._beats(row, self._best)):
            self._best = row

    def _beats(self, row: TrialRow, other: TrialRow) -> bool:
        own, best = self._sign * _score(row), self._sign * _score(other)
        if math.isclose(own, best, rel_tol=_ROUNDING):
            return row.number < other.number
        return own > best

    def _summary(self) -> dict[str, object]:
        return {
            "n_trials_done": len(self.finished),
            "n_trials_failed": self._n_failed,
            "n_fits_done": len(self.finished) * self._n_fits + self._n_open_results,
            "seconds_left": self._seconds_left(),
            **self._lead_of(self._best),
        }

    def _seconds_left(self) -> float | None:
        """Scale the predicted rest by how the prediction has held so far.

        Trials that a sampler has not chosen yet count as much as an average one. Predicted
        seconds stand for themselves before the first epoch, and weigh less as time goes by.
        """
        done, rest = self._progress.done_s, self._progress.left_s
        known = done + self._trusted_s
        if known <= 0:
            return None
        elapsed = time.perf_counter() - self._started_at
        n_unchosen = max(0, self._spec.n_trials - len(self.finished) - len(self._open))
        rest += n_unchosen * (done + rest) / self._n_opened
        if not done:
            return rest - min(elapsed, self._progress.starts_s)
        return rest * (elapsed + self._trusted_s) / known


def _pieces(blocks: Iterable[_Block]) -> list[CurvePiece]:
    """Cut the epochs of groups into those of each fit, up to where they count."""
    runs: list[list[_Block]] = []
    latest: dict[int, list[_Block]] = {}
    for block in blocks:
        run = latest.get(id(block.group))
        if run is None or run[-1].epoch + 1 != block.epoch:
            run = latest[id(block.group)] = []
            runs.append(run)
        run.append(block)
    parts: dict[_Fit, tuple[int, list[NDArray[np.float32]]]] = {}
    for run in runs:
        first = run[0].epoch
        values = np.stack([block.values for block in run], axis=1)
        for fits, own in zip(run[0].group.fits, values, strict=True):
            for fit in fits:
                if fit.limit > first:
                    parts.setdefault(fit, (first, []))[1].append(own[: fit.limit - first])
    return [
        CurvePiece(fit.number, *fit.place, first, _joined(own))
        for fit, (first, own) in parts.items()
    ]


def _joined(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _score(row: TrialRow) -> float:
    return math.nan if row.score is None else row.score
