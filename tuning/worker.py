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

    Attributes
    ----------
    is_full : bool
        Whether it ended because it holds as much compiled code as it may.
    """

    def __init__(self, db: Database, *, linger: bool) -> None:
        self._db, self._linger = db, linger
        self._leave = threading.Event()
        self._state: ProcessState = "starting"
        self._study_id: str | None = None
        self._id = register(db, kind="worker", state="starting")
        self._last_work = time.monotonic()
        self._is_wanted = True
        self.is_full = False

    def run(self) -> None:
        """Take studies until told to leave, or full."""
        heart = threading.Thread(target=self._keep_beating, name="heart", daemon=True)
        heart.start()
        try:
            run_study = load_engine(settings().compiled_limit)
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
            if not self.is_full:  # who comes next is the same process, and never gone
                remove(self._db, self._id)
        log.info("worker ended", full=self.is_full)

    def leave(self, *_: object) -> None:
        """End after the current epoch; the study goes on with the next worker."""
        self._is_wanted = False
        self._leave.set()

    def _work(
        self, claim: Claim, run_study: Callable[[Database, Claim, threading.Event], bool]
    ) -> None:
        self._set("working", claim.study_id)
        try:
            self.is_full = run_study(self._db, claim, self._leave) and self._is_wanted
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
    """Be a worker until a signal, or until nobody needs one; see `Worker`.

    A full worker begins anew, as the same process with the same command: TensorFlow gives back
    no memory of what it has compiled.
    """
    worker = Worker(db, linger=linger)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _handler(worker))
    worker.run()
    if worker.is_full:
        db.close()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (our own command)


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


def load_engine(
    most_compiled: int | None = None,
) -> Callable[[Database, Claim, threading.Event], bool]:
    """Import TensorFlow and return what runs a claimed study.

    Parameters
    ----------
    most_compiled : int or None
        Computations after which the study is left for a new process, and what was returned
        tells so by True; None sets no bound.
    """
    prepare_tensorflow()
    from tuning.driver import run_study
    from tuning.training.engine import Engine
    from tuning.training.stacked.trainer import Room

    def run(db: Database, claim: Claim, leave: threading.Event) -> bool:
        is_full = threading.Event()

        def leave_full() -> None:
            is_full.set()
            leave.set()

        room = None if most_compiled is None else Room(most_compiled, leave_full)
        engine = Engine(keras_only=settings().trainer == "keras", room=room)
        run_study(db, claim, engine, leave)
        return is_full.is_set()

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
