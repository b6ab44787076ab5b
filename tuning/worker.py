"""The background process: takes studies that wait, and drives each to its end.

It belongs to nobody's browser and to no web server, and has no TensorFlow: training happens in
processes of a cluster, which it starts itself unless it is told of one. With nothing to do and
no app alive it ends by itself; killed, it leaves its studies to the next worker.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import optuna
import structlog
from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database
from storage.errors import LostLeaseError, StorageError
from storage.leases import LeaseWatch
from storage.patience import is_full, patient
from storage.processes import ProcessState, beat, live, register, remove
from storage.settings import settings
from storage.studies import Claim, opened_unscored
from tuning.driver import run_study
from tuning.execution.interface import Executor
from tuning.importing import quick_imports
from tuning.sealed_scoring import score_opened
from tuning.study_log import StudyLog
from tuning.training.compiled import set_flags

_BEAT_EVERY_S = 2.0
_LOOK_EVERY_S = 0.3
_MOST_STUDIES = 4  # driven at once; the others wait
_NEXT_STUDY_S = 1.0  # after taking one, so that an idle worker elsewhere comes first
_SCORE_EVERY_S = 0.5
_SCORE_AGAIN_S = 30.0  # after it went wrong
_DISK_FULL_S = 5.0  # between two attempts to write
_APP_SILENT_S = 60.0  # an idle worker stays this long after the last sign of an app

log = structlog.get_logger()


class Worker:
    """One worker process: it drives studies, a thread each, and trains in others.

    Parameters
    ----------
    linger : bool
        Whether to stay for ever, as a service; otherwise it ends when idle and without an app.
    """

    def __init__(self, db: Database, *, linger: bool) -> None:
        self._db, self._linger = db, linger
        self._leave = threading.Event()
        self._state: ProcessState = "starting"
        self._drivers: dict[str, threading.Thread] = {}
        self._id = register(db, kind="worker", state="starting")
        self._watch = LeaseWatch(db)
        self._last_work = self._took_at = time.monotonic()
        self._scorer: threading.Thread | None = None
        self._scored_at = 0.0

    def run(self) -> None:
        """Take studies until told to leave."""
        heart = threading.Thread(target=self._keep_beating, name="heart", daemon=True)
        heart.start()
        pool = None
        try:
            with quick_imports():
                from tuning.execution.pool import Pool  # Dask: nobody else here needs it

            pool = Pool(settings())
            self._set("ready")
            while not self._leave.is_set() and not self._may_end():
                if not self._take_patiently(pool):
                    self._leave.wait(_LOOK_EVERY_S)
        finally:
            self._leave.set()
            for driver in list(self._drivers.values()):
                driver.join()
            if pool is not None:
                pool.close()
            heart.join()
            with contextlib.suppress(SQLAlchemyError):  # a row without a heartbeat says enough
                remove(self._db, self._id)
        log.info("worker ended")

    def leave(self, *_: object) -> None:
        """End after the current epoch; the studies go on with the next worker."""
        self._leave.set()

    def _take_patiently(self, pool: Executor) -> bool:
        """See `_take`; waits while the database is away, or the disk is full."""
        try:
            return patient(functools.partial(self._take, pool), on_wait=self._while_away)
        except SQLAlchemyError as error:
            if not is_full(error):
                raise
            log.warning("disk full", reason=str(error))
            self._leave.wait(_DISK_FULL_S)
            return False

    def _while_away(self, seconds: float, error: BaseException) -> None:
        log.warning("database away", seconds=round(seconds), reason=str(error))
        if self._leave.is_set():
            raise error

    def _take(self, pool: Executor) -> bool:
        """Begin to drive one more study, if there is one and room for it."""
        self._drivers = {id_: t for id_, t in self._drivers.items() if t.is_alive()}
        self._score_tests(pool)
        busy_s = time.monotonic() - self._took_at if self._drivers else math.inf
        is_full = len(self._drivers) >= _MOST_STUDIES or busy_s < _NEXT_STUDY_S
        claim = self._watch.take(self._id, self._drivers, is_full=is_full)
        if claim is not None:
            driver = threading.Thread(target=self._drive, args=(claim, pool))
            self._drivers[claim.study_id] = driver
            self._took_at = time.monotonic()
            driver.start()
        self._set("working" if self._drivers else "ready")
        return claim is not None

    def _score_tests(self, pool: Executor) -> None:
        """Score the tests that people have opened, beside the studies."""
        now = time.monotonic()
        is_busy = self._scorer is not None and self._scorer.is_alive()
        if is_busy or now - self._scored_at < _SCORE_EVERY_S:
            return
        self._scored_at = now
        if opened_unscored(self._db):
            self._scorer = threading.Thread(target=self._score, args=(pool,), daemon=True)
            self._scorer.start()

    def _score(self, pool: Executor) -> None:
        try:
            for study_id in score_opened(self._db, pool):
                log.info("sealed test scored", study=study_id)
        except Exception:
            log.exception("sealed test not scored")
            self._scored_at = time.monotonic() + _SCORE_AGAIN_S

    def _drive(self, claim: Claim, pool: Executor) -> None:
        structlog.contextvars.bind_contextvars(study=claim.study_id)
        try:
            run_study(self._db, claim, pool, self._leave)
        except LostLeaseError as error:
            log.warning("study lost", reason=str(error))
        except Exception:
            log.exception("study broke off")
        self._last_work = time.monotonic()

    def _set(self, state: ProcessState) -> None:
        if state != self._state:
            self._state = state
            beat(self._db, self._id, state=state, study_id=self._study_id())

    def _study_id(self) -> str | None:
        return next(iter(self._drivers), None)

    def _keep_beating(self) -> None:
        while not self._leave.wait(_BEAT_EVERY_S):
            try:
                beat(self._db, self._id, state=self._state, study_id=self._study_id())
            except (StorageError, SQLAlchemyError) as error:
                log.warning("heartbeat failed", reason=str(error))

    def _may_end(self) -> bool:
        if self._linger or self._drivers:
            return False
        if time.monotonic() - self._last_work < _APP_SILENT_S:
            return False
        return not live(self._db, "app", _APP_SILENT_S)


def run_worker(db: Database, *, linger: bool) -> None:
    """Be a worker until a signal, or until nobody needs one; see `Worker`."""
    worker = Worker(db, linger=linger)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _handler(worker))
    worker.run()


def _handler(worker: Worker) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        worker.leave()

    return handle


def prepare_tensorflow() -> None:
    """Import TensorFlow quietly, on the CPU's terms, with the same results each time."""
    set_flags(settings().home)
    if settings().trainer == "auto":
        # Trainings run side by side, one on each core: threads inside each only get in the way.
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with _muted():
        with quick_imports():
            import tensorflow as tf

        tf.config.list_physical_devices()  # looks for GPUs now, while nobody hears it
    tf.get_logger().setLevel("ERROR")  # a new network for each fit means tracing anew, we know
    tf.config.experimental.enable_op_determinism()


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    """Send standard error nowhere while TensorFlow's C++ greets there."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def load_engine() -> Executor:
    """Import TensorFlow and return what trains in this very process."""
    prepare_tensorflow()
    with quick_imports():
        from tuning.execution.here import Here
        from tuning.training.engine import Engine

    return Here(Engine(keras_only=settings().trainer == "keras"))


def set_up_log(*, as_json: bool, quiet: bool = False) -> None:
    """Write one line an event to standard error; `quiet` leaves out all but warnings."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    words = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            StudyLog(settings().home),
            structlog.processors.JSONRenderer() if as_json else words,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("warning" if quiet else "info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
