"""What runs inside a process of a Dask cluster: jobs, what they tell, and how they are stopped.

Nothing here opens the database. What trainings tell is sent several times a second by one
thread for the whole process; who asks for a job's end is told within an epoch.
"""

from __future__ import annotations

import functools
import os
import pickle
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from distributed import Worker, get_worker
from numpy.typing import NDArray

from storage.settings import settings
from tuning.execution.interface import BestModel, Leader
from tuning.execution.jobs import Job
from tuning.importing import quick_imports
from tuning.training.interface import FitResult, Network, Readout, Training
from tuning.training.rows import StudyRows

_SEND_EVERY_S = 0.1
_BEAT_EVERY_S = 1.0
_ABANDONED_S = 60.0  # silence of the driver after which nobody wants a job's results any more


@dataclass(frozen=True)
class Context:
    """What all jobs of a study share; it travels to each process once."""

    network: Network
    rows: StudyRows


@dataclass(frozen=True)
class EpochNews:
    """An epoch of some trainings of a job, by their places in it; values (n_trainings, 5)."""

    places: tuple[int, ...]
    epoch: int
    values: NDArray[np.float32]


@dataclass(frozen=True)
class ResultNews:
    """The result of one readout of one training of a job."""

    place: int
    readout: Readout
    result: FitResult


News = EpochNews | ResultNews


@dataclass(frozen=True)
class Message:
    """What a process tells: that it lives, and what is new in its jobs, by their ids.

    Attributes
    ----------
    worker : str
        Its address in the cluster.
    rss : int
        Memory it holds, in bytes.
    counts : dict
        How many pieces of news each job has told, these included.
    """

    worker: str
    rss: int
    news: dict[int, list[News]]
    counts: dict[int, int]


@dataclass(frozen=True)
class Word:
    """What a pool tells a process: which of its jobs it wants, and what of them it does not.

    Attributes
    ----------
    newest : int
        The last job that was begun anywhere when this was said. A word travels: jobs that
        began since are not meant by it.
    alive : set of int
        Wanted jobs of the process.
    unwanted : dict
        Places of unwanted trainings, by job.
    """

    pool: str
    newest: int
    alive: set[int]
    unwanted: dict[int, set[int]]


@dataclass(frozen=True)
class Ended:
    """How a job ended, and what its process holds since: bytes, and compiled computations.

    Attributes
    ----------
    was_stopped : bool
        Whether it ended early because nobody seemed to want it.
    """

    n_news: int
    rss: int
    n_compiled: int
    best: BestModel | None = None
    was_stopped: bool = False


@dataclass
class _Running:
    """A job in this process; the reporter of its trainings, from any thread.

    Attributes
    ----------
    unwanted : set of int
        Places of trainings that should end.
    """

    pool: str
    unwanted: set[int]
    stopped: bool = False
    places: dict[int, int] = field(default_factory=dict)  # by identity of a training
    news: list[News] = field(default_factory=list)
    n_news: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def know(self, trainings: Sequence[Training]) -> None:
        self.places = {id(training): place for place, training in enumerate(trainings)}

    def epoch(
        self, trainings: Sequence[Training], epoch: int, values: NDArray[np.float32]
    ) -> None:
        """Keep the curve values of an epoch until they are sent."""
        own = np.array(values, np.float32)
        places = tuple(self.places[id(training)] for training in trainings)
        self._add(EpochNews(places, epoch, own))

    def result(self, training: Training, readout: Readout, result: FitResult) -> None:
        """Keep a result until it is sent."""
        self._add(ResultNews(self.places[id(training)], readout, result))

    def stopping(self, trainings: Sequence[Training]) -> NDArray[np.bool_]:
        """Tell which trainings should end."""
        if self.stopped:
            return np.ones(len(trainings), bool)
        unwanted = self.unwanted
        return np.array([self.places[id(training)] in unwanted for training in trainings])

    def _add(self, news: News) -> None:
        with self.lock:
            self.news.append(news)
            self.n_news += 1

    def take(self) -> tuple[list[News], int]:
        with self.lock:
            news, self.news = self.news, []
            return news, self.n_news


class _Process:
    """All jobs of this process, and the thread that sends what they tell."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, _Running] = {}
        self._heard_at: dict[str, float] = {}
        self._sender: threading.Thread | None = None
        self._sending = threading.Lock()

    def begin(self, worker: Worker, job_id: int, job: _Running) -> None:
        with self._lock:
            self._running[job_id] = job
            self._heard_at[job.pool] = time.monotonic()
            if self._sender is None:
                self._sender = threading.Thread(
                    target=self._keep_sending, args=(worker,), name="sender", daemon=True
                )
                self._sender.start()

    def end(self, worker: Worker, job_id: int) -> int:
        """Send what a job has not told yet, forget it, and return how much it told."""
        self._send(worker)
        with self._lock:
            return self._running.pop(job_id).n_news

    def hear(self, word: Word) -> None:
        """Take the word of a pool."""
        with self._lock:
            self._heard_at[word.pool] = time.monotonic()
            for job_id, job in self._running.items():
                if job.pool == word.pool:
                    job.unwanted = job.unwanted | word.unwanted.get(job_id, set())
                    job.stopped |= job_id <= word.newest and job_id not in word.alive

    def _keep_sending(self, worker: Worker) -> None:
        beat_at = 0.0
        while True:
            time.sleep(_SEND_EVERY_S)
            now = time.monotonic()
            with self._lock:
                for job in self._running.values():
                    job.stopped |= now - self._heard_at[job.pool] > _ABANDONED_S
            self._send(worker, beat=now >= beat_at)
            if now >= beat_at:
                beat_at = now + _BEAT_EVERY_S

    def _send(self, worker: Worker, *, beat: bool = False) -> None:
        with self._sending:  # so that the pieces of a job leave in their order
            with self._lock:
                running = dict(self._running)
            by_pool: dict[str, tuple[dict[int, list[News]], dict[int, int]]] = {}
            for job_id, job in running.items():
                news, count = job.take()
                if news or beat:
                    told, counts = by_pool.setdefault(job.pool, ({}, {}))
                    told[job_id], counts[job_id] = news, count
            for pool, (told, counts) in by_pool.items():
                message = Message(worker.address, _rss(), told, counts)
                worker.log_event(topic(pool), pickle.dumps(message))


_PROCESS = _Process()
_IMPORTING = threading.Lock()


def topic(pool: str) -> str:
    """Return the name under which messages to a pool travel."""
    return f"tuneboard-{pool}"


def load_context(packed: bytes) -> Context:
    """Unpack what the jobs of a study share."""
    context: Context = pickle.loads(packed)  # noqa: S301 (of our own driver; Dask unpickles as well)
    return context


def run_job(pool: str, job_id: int, job: Job, unwanted: set[int], context: Context) -> Ended:
    """Train a job to its end.

    Parameters
    ----------
    unwanted : set of int
        Places of trainings that are only there to keep the computation what it was.
    """
    engine, worker = _engine(), get_worker()
    running = _Running(pool, unwanted)
    running.know(job.trainings)
    _PROCESS.begin(worker, job_id, running)
    try:
        engine.run(context.network, job, context.rows, running)
    finally:
        n_news = _PROCESS.end(worker, job_id)
    return Ended(n_news, _rss(), _n_compiled(), was_stopped=running.stopped)


def run_refit(pool: str, job_id: int, leader: Leader, context: Context) -> Ended:
    """Train a study's best model."""
    engine, worker = _engine(), get_worker()
    from tuning.training.refit import train_best_model

    running = _Running(pool, set())
    _PROCESS.begin(worker, job_id, running)
    try:
        best = train_best_model(leader, context.network, context.rows, engine, running)
    finally:
        _PROCESS.end(worker, job_id)
    return Ended(0, _rss(), _n_compiled(), best, was_stopped=running.stopped)


def predict(content: bytes, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a saved model says of raw rows; shape (n_rows, n_outputs)."""
    _engine()
    from tuning.training.refit import model_outputs

    return model_outputs(content, features)


def hear(word: Word) -> None:
    """Take the word of a pool, sent to this process."""
    _PROCESS.hear(word)


def _engine() -> Any:  # noqa: ANN401 (importing its type would import TensorFlow)
    with _IMPORTING:
        return _make_engine()


@functools.lru_cache(maxsize=1)
def _make_engine() -> Any:  # noqa: ANN401
    from tuning.worker import prepare_tensorflow

    prepare_tensorflow()
    with quick_imports():
        from tuning.training.engine import Engine

    return Engine(keras_only=settings().trainer == "keras")


def warm() -> None:
    """Import TensorFlow before the first job comes."""
    _engine()


def _n_compiled() -> int:
    from tuning.training.stacked.program import n_compiled

    return n_compiled()


def _rss() -> int:
    return int(psutil.Process(os.getpid()).memory_info().rss)
