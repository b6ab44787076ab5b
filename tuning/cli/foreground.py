"""A study run by the command itself, with a progress bar; Ctrl-C keeps what is finished."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database
from storage.errors import LostLeaseError
from storage.leases import renew
from storage.studies import Claim, get_study
from storage.wishes import ask_to_stop
from tuning.cli.output import complaints
from tuning.driver import run_study
from tuning.worker import load_engine, set_up_log

_LOOK_EVERY_S = 0.3
_RENEW_EVERY_S = 2.0


def run_here(db: Database, claim: Claim, *, quiet: bool) -> None:
    """Run a claimed study to its end in this process."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=ask_to_stop, args=(db, claim.study_id)).start()

    set_up_log(as_json=False, quiet=True)
    previous = signal.signal(signal.SIGINT, stop)
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(db, claim.study_id, over, quiet))
    watcher.start()
    try:
        with _held(db, claim):
            engine = load_engine()
        run_study(db, claim, engine)
    finally:
        over.set()
        watcher.join()
        signal.signal(signal.SIGINT, previous)


@contextlib.contextmanager
def _held(db: Database, claim: Claim) -> Iterator[None]:
    """Keep the lease meanwhile: a busy machine may load TensorFlow for longer than it lasts."""
    over = threading.Event()

    def keep() -> None:
        while not over.wait(_RENEW_EVERY_S):
            # Whatever is wrong, the driver will meet it too.
            with contextlib.suppress(SQLAlchemyError, LostLeaseError):
                renew(db, claim)

    thread = threading.Thread(target=keep, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(db: Database, study_id: str, over: threading.Event, quiet: bool) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=complaints, disable=quiet, transient=True) as progress:
        task = progress.add_task(
            "Loading TensorFlow", total=get_study(db, study_id).n_fits_planned
        )
        while not over.wait(_LOOK_EVERY_S):
            row = get_study(db, study_id)
            left = "" if row.seconds_left is None else f" · about {row.seconds_left:.0f} s left"
            words = f"{row.phase or 'Loading TensorFlow'}{left}"
            progress.update(task, completed=row.n_fits_done, description=words)
