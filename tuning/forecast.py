"""What the trainings of a study will probably take, and what its stacks took in the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

from storage.database import Database
from storage.results import StackTiming
from storage.timings import (
    PastEstimate,
    add_past_estimate,
    read_stack_timings,
    read_timings,
)
from tuning.analysis.estimate import (
    Estimate,
    at_once,
    estimate_alone,
    measured_pace,
    measured_stack_pace,
    planned_rows,
    training_cost,
)
from tuning.datasets.info import DatasetInfo
from tuning.ledger import Key, Ledger
from tuning.spec import StudySpec
from tuning.training.choice import STACKED, trainer_of
from tuning.training.interface import Network, Training
from tuning.training.plan import Plan, make_plan, plan_of, reached, shares


class Forecast:
    """What trainings of a study will probably take, and what its stacks took.

    Parameters
    ----------
    db : Database
        Holds what earlier studies took.
    n_cores : int
        Trainings, or stacks of them, that run side by side.

    Attributes
    ----------
    is_measured : bool
        Whether this machine has timed trainings of the kind; if not, predictions only compare.
    """

    def __init__(self, db: Database, spec: StudySpec, network: Network, n_cores: int) -> None:
        self._spec, self._network = spec, network
        self._trainer, self._n_cores = trainer_of(spec.model), n_cores
        self._rows = planned_rows(spec, network.info)
        stacks = read_stack_timings(db)
        self._stack_pace = measured_stack_pace(stacks)
        timings = read_timings(db, spec.model, self._trainer)
        self.is_measured = bool(stacks if self._trainer == STACKED else timings)
        self._pace = measured_pace(spec.model, self._trainer, timings)
        self._plan: Plan | None = None
        self._trainings: Sequence[Training] = ()
        self._trained: list[Plan] = []
        self._seconds = 0.0

    def __call__(
        self, trainings: Sequence[Training], wanted: Sequence[Training]
    ) -> tuple[dict[Key, float], dict[Key, float]]:
        """Predict the seconds of each training that is wanted, and those before it begins."""
        if self._trainer != STACKED:
            return self._each_alone(wanted)
        self._trainings = trainings
        self._plan = make_plan(self._network, trainings, self._rows, self._n_cores)
        plan = reached(self._plan, {training.key: training.n_epochs for training in wanted})
        pace, seconds, starts = self._stack_pace, {}, {}
        for key, share in shares(plan, self._n_cores).items():
            starts[key] = share.start_s * pace.compiling
            seconds[key] = starts[key] + share.epochs_s * pace.epochs
        return seconds, starts

    def _each_alone(
        self, wanted: Sequence[Training]
    ) -> tuple[dict[Key, float], dict[Key, float]]:
        n_at_once = at_once(self._trainer, self._n_cores, len(wanted))
        start_s = self._pace.figures[0] / n_at_once
        per_network: dict[int, float] = {}  # the folds of one network cost alike
        seconds = {}
        for training in wanted:
            first = training.readouts[0].number
            if first not in per_network:
                info, n_epochs = self._network.info, training.n_epochs
                cost = training_cost(self._spec, info, training.params, n_epochs)
                per_network[first] = self._pace.seconds(cost) / n_at_once
            seconds[training.key] = per_network[first]
        return seconds, dict.fromkeys(seconds, start_s)

    @contextlib.contextmanager
    def watching(self, ledger: Ledger) -> Iterator[None]:
        """Measure the training of what was predicted last, as far as it goes."""
        started = time.perf_counter()
        yield
        if self._plan is not None:
            self._seconds += time.perf_counter() - started
            self._trained.append(reached(self._plan, ledger.epochs_done(self._trainings)))

    def stack_timings(self) -> list[StackTiming]:
        """Return what all stacks took, beside what their plans foretold; none if none were."""
        stacks = [stack for plan in self._trained for stack in plan.stacks]
        if not stacks:
            return []
        epochs_s = sum(plan.epochs_s(self._n_cores) for plan in self._trained)
        return [StackTiming(epochs_s, plan_of(stacks).compile_s, self._seconds)]


class Foretold:
    """What a study was estimated to take, and the seconds that it takes.

    Parameters
    ----------
    is_new : bool
        Whether nothing of it is trained yet: only a study that is trained in one go tells how
        good its estimate was.
    """

    def __init__(
        self, db: Database, spec: StudySpec, info: DatasetInfo, *, is_new: bool
    ) -> None:
        self._db = db
        self._estimate: Estimate | None = estimate_alone(db, spec, info) if is_new else None
        self._seconds = 0.0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Measure a part of what was estimated: the search, or its best model."""
        started = time.perf_counter()
        yield
        self._seconds += time.perf_counter() - started

    def keep(self) -> None:
        """Keep how the estimate turned out, for the next one."""
        found = self._estimate
        if found is not None and not found.is_least:
            past = PastEstimate(found.low_s, found.likely_s, found.high_s, self._seconds)
            add_past_estimate(self._db, past)
