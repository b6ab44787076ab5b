"""Trains stacks of dense networks, one on each core, and tells of every fit epoch by epoch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from tuning.cores import n_usable_cores
from tuning.models.build import make_model
from tuning.training.interface import (
    FoldData,
    FoldSource,
    Network,
    Part,
    Reporter,
    Training,
)
from tuning.training.plan import Stack, make_plan, repacked, row_counts
from tuning.training.progress import Progress, curve_values
from tuning.training.stacked.program import Epoch, PartRows, program_for
from tuning.training.stacked.slots import (
    Orders,
    make_fits,
    make_layout,
    make_rows,
    make_state,
    parts_of,
    taken,
    weights_of,
)


class StackedTrainer:
    """Trains dense networks, as many at once as is worth it.

    Parameters
    ----------
    n_cores : int or None
        Stacks trained side by side; None takes the cores this process may use.
    """

    name = "stacked"

    def __init__(self, n_cores: int | None = None) -> None:
        self._n_cores = n_cores or n_usable_cores()

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Run the trainings in stacks; see `Trainer.train`.

        A stack in which at least one training is wanted is trained whole, so that a search
        that was interrupted goes on with the numbers of one that was not.
        """
        if not trainings:
            return
        rows = row_counts(network, trainings, folds)
        plan = make_plan(network, trainings, rows, self._n_cores)
        parts, broken = _Parts(folds), threading.Event()

        def run(stack: Stack) -> None:
            if broken.is_set():
                return
            try:
                _train_stack(network, stack, parts, reporter, broken.is_set)
            except BaseException:
                broken.set()
                raise

        with ThreadPoolExecutor(self._n_cores, thread_name_prefix="stack") as pool:
            _finish([pool.submit(run, stack) for stack in plan.stacks])

    def train_stack(
        self, network: Network, stack: Stack, folds: FoldSource, reporter: Reporter
    ) -> None:
        """Run one stack on this thread."""
        _train_stack(network, stack, _Parts(folds), reporter, lambda: False)

    def fit(
        self, network: Network, training: Training, data: FoldData, reporter: Reporter
    ) -> keras.Model:
        """Run one training and return its model, as early stopping leaves it."""

        def folds(*_part: object) -> FoldData:
            return data

        counts = row_counts(network, [training], folds)
        stack = make_plan(network, [training], counts, 1).stacks[0]
        run = _Run(network, stack, _Parts(folds), reporter)
        run.to_end(lambda: False)
        model = make_model(network.model, training.params, network.info, training.seed)
        # A file of a compiled model needs the arrays of its optimizer, even if they are new.
        model.optimizer.build(model.trainable_variables)
        model.set_weights(weights_of(run.left_with, 0, training, network.info.n_inputs))
        return model


def _train_stack(
    network: Network,
    stack: Stack,
    parts: _Parts,
    reporter: Reporter,
    broken: Callable[[], bool],
) -> None:
    if not reporter.stopping(stack.trainings).all():
        _Run(network, stack, parts, reporter).to_end(broken)


def _finish(futures: Sequence[Future[None]]) -> None:
    """Wait for all, and raise what the first that failed has raised."""
    wait(futures, return_when=FIRST_EXCEPTION)
    for future in futures:
        future.result()


class _Parts:
    """The rows of the parts that stacks need; those of the last stack are kept."""

    def __init__(self, folds: FoldSource) -> None:
        self._folds = folds
        self._lock = threading.Lock()
        self._data: dict[Part, FoldData] = {}
        self._rows: PartRows = ()  # type: ignore[assignment]

    def __call__(self, keys: list[Part]) -> tuple[dict[Part, FoldData], PartRows]:
        with self._lock:
            if keys != list(self._data):
                self._data = {key: self._folds(*key) for key in keys}
                self._rows = make_rows(list(self._data.values()))
            return self._data, self._rows


class _Run:
    """One stack on its way from the first epoch to the last.

    Attributes
    ----------
    left_with : State
        The weights that the only training of a stack is left with: those of its last epoch, or
        of its best one where early stopping restores that.
    """

    def __init__(
        self, network: Network, stack: Stack, parts: _Parts, reporter: Reporter
    ) -> None:
        self._network, self._reporter = network, reporter
        self._data_of, self._rows = parts(parts_of(stack))
        self._fits = [
            _Fit(Progress(network, t, self._data_of[t.part], StackedTrainer.name))
            for t in stack.trainings
        ]
        for fit, unwanted in zip(self._fits, reporter.stopping(stack.trainings), strict=True):
            fit.is_silent = bool(unwanted)
        self._n_going = len(self._fits)
        self._set_up(stack)
        self._state = make_state(self._program.layout, stack)
        self.left_with = self._state

    def _set_up(self, stack: Stack) -> None:
        """Take the program and the unchanging numbers of a stack."""
        self._stack = stack
        self._program = program_for(make_layout(self._network, stack, self._data_of))
        self._numbers = make_fits(self._network, stack, self._data_of)
        self._orders = Orders(stack, self._numbers, self._program.layout)
        self._listen()

    def _listen(self) -> None:
        """Note which slots hold a training that goes on and is listened to."""
        self._heard = [s for s, fit in enumerate(self._fits) if fit.is_heard]
        self._trainings = [self._fits[slot].progress.training for slot in self._heard]

    def to_end(self, broken: Callable[[], bool]) -> None:
        """Train until nobody listens to any training of the stack."""
        epoch = 0
        while self._heard and not broken():
            started = time.perf_counter()
            self._state, told = self._program.epoch(
                self._rows, self._numbers, self._state, self._orders(epoch)
            )
            values = self._values(told)
            self._charge(time.perf_counter() - started)
            self._tell(epoch, values, told)
            epoch += 1
            self._let_go(epoch)

    def _values(self, told: Epoch) -> NDArray[np.float32]:
        """Return the curve values of every slot; shape (n_slots, 5)."""
        watched = None
        if self._rows[2] is not None:
            watched = told.watch_loss.numpy(), told.watch_metric.numpy()
        fit = told.loss.numpy(), told.metric.numpy()
        val = told.val_loss.numpy(), told.val_metric.numpy()
        return curve_values(self._network, fit, val, watched)

    def _charge(self, seconds: float) -> None:
        """Share the seconds of an epoch among the fits that needed it."""
        going = [fit for fit in self._fits if not fit.progress.ended]
        for fit in going:
            fit.seconds += seconds / len(going)

    def _tell(self, epoch: int, values: NDArray[np.float32], told: Epoch) -> None:
        self._reporter.epoch(self._trainings, epoch, values[self._heard])
        largest, outputs = told.largest_weight.numpy(), told.outputs.numpy()
        restores = False
        for slot, fit in enumerate(self._fits):
            progress = fit.progress
            if progress.ended:
                continue
            progress.advance(values[slot], outputs[slot])
            restores = progress.restores and not progress.improved
            if progress.due:
                self._read(fit, float(largest[slot]))
        if not restores:
            self.left_with = self._state

    def _read(self, fit: _Fit, largest_weight: float) -> None:
        for readout, result in fit.progress.read(largest_weight, fit.seconds):
            if not fit.is_silent:
                self._reporter.result(fit.progress.training, readout, result)

    def _let_go(self, epoch: int) -> None:
        """Drop what has ended or is not wanted any more; make the stack smaller if it pays.

        Silent trainings count as others do, so that a search that goes on after an interruption
        makes its stacks smaller where one that was not interrupted does.
        """
        for slot, unwanted in zip(
            self._heard, self._reporter.stopping(self._trainings), strict=True
        ):
            if unwanted:
                self._fits[slot].progress.interrupt()
        self._listen()
        going = [s for s, fit in enumerate(self._fits) if not fit.progress.ended]
        if not self._heard or len(going) == self._n_going:
            return
        self._n_going = len(going)
        trainings = [self._fits[slot].progress.training for slot in going]
        smaller = repacked(self._stack, trainings, epoch)
        if smaller is not None:
            self._fits = [self._fits[slot] for slot in going]
            places = np.minimum(np.arange(smaller.n_slots), len(going) - 1)
            self._state = taken(self._state, np.array(going)[places])
            self._set_up(smaller)


@dataclass
class _Fit:
    """A training in its slot.

    Attributes
    ----------
    is_silent : bool
        Whether it was not wanted from the start, and is only there to keep its neighbours'
        computation what it was.
    """

    progress: Progress
    is_silent: bool = False
    seconds: float = 0.0

    @property
    def is_heard(self) -> bool:
        return not self.is_silent and not self.progress.ended
