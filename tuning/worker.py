"""The background process: takes waiting studies one after another and trains them.

It belongs to nobody's browser and to no web server. With nothing to do and no app alive it ends
by itself; killed, it leaves its study to the next worker.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

import optuna
import structlog

from storage.database import Database
from storage.errors import LostLeaseError, StorageError
from storage.processes import ProcessState, beat, live, register, remove
from storage.settings import settings
from storage.studies import Claim, claim_next
from tuning.training.compiled import set_flags

_BEAT_EVERY_S = 2.0
_LOOK_EVERY_S = 0.3
_APP_SILENT_S = 60.0  # an idle worker stays this long after the last sign of an app

log = structlog.get_logger()


class Worker:
    """One worker process.

    Parameters
    ----------
    linger : bool
        Whether to stay for ever, as a service; otherwise it ends when idle and without an app.
    """

    def __init__(self, db: Database, *, linger: bool) -> None:
        self._db, self._linger = db, linger
        self._leave = threading.Event()
        self._state: ProcessState = "starting"
        self._study_id: str | None = None
        self._id = register(db, kind="worker", state="starting")
        self._last_work = time.monotonic()

    def run(self) -> None:
        """Take studies until told to leave."""
        heart = threading.Thread(target=self._keep_beating, name="heart", daemon=True)
        heart.start()
        try:
            run_study = load_engine()
            self._set("ready")
            while not self._leave.is_set():
                claim = claim_next(self._db, self._id)
                if claim is not None:
                    self._work(claim, run_study)
                elif self._may_end():
                    break
                else:
                    self._leave.wait(_LOOK_EVERY_S)
        finally:
            self._leave.set()
            heart.join()
            remove(self._db, self._id)
        log.info("worker ended")

    def leave(self, *_: object) -> None:
        """End after the current epoch; the study goes on with the next worker."""
        self._leave.set()

    def _work(
        self, claim: Claim, run_study: Callable[[Database, Claim, threading.Event], None]
    ) -> None:
        self._set("working", claim.study_id)
        try:
            run_study(self._db, claim, self._leave)
        except LostLeaseError as error:
            log.warning("study lost", study=claim.study_id, reason=str(error))
        self._last_work = time.monotonic()
        self._set("ready")

    def _set(self, state: ProcessState, study_id: str | None = None) -> None:
        self._state, self._study_id = state, study_id
        beat(self._db, self._id, state=state, study_id=study_id)

    def _keep_beating(self) -> None:
        while not self._leave.wait(_BEAT_EVERY_S):
            try:
                beat(self._db, self._id, state=self._state, study_id=self._study_id)
            except StorageError as error:
                log.warning("heartbeat failed", reason=str(error))

    def _may_end(self) -> bool:
        if self._linger or time.monotonic() - self._last_work < _APP_SILENT_S:
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
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with _muted():
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for GPUs now, while nobody hears it
    tf.get_logger().setLevel("ERROR")  # a new network for each fit means tracing anew, we know
    tf.config.experimental.enable_op_determinism()
    optuna.logging.set_verbosity(optuna.logging.WARNING)


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


def load_engine() -> Callable[[Database, Claim, threading.Event], None]:
    """Import TensorFlow and return what runs a claimed study."""
    prepare_tensorflow()
    from tuning.driver import run_study
    from tuning.training.engine import Engine

    engine = Engine(keras_only=settings().trainer == "keras")

    def run(db: Database, claim: Claim, leave: threading.Event) -> None:
        run_study(db, claim, engine, leave)

    return run


def set_up_log(*, as_json: bool, quiet: bool = False) -> None:
    """Write one line an event to standard error; `quiet` leaves out all but warnings."""
    words = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer() if as_json else words,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("warning" if quiet else "info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
