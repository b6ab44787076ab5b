"""The thread beside the training: keeps the lease, hears wishes, writes what is new.

Training goes on while the database is away; what it tells waits here. When the disk is full,
training ends, and what it told waits until there is room for it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database
from storage.errors import LostLeaseError
from storage.leases import Wanted, renew
from storage.patience import is_full, patient
from storage.results import ENDED_STATES, Batch, FitRow, TrialRow, read_fits, write_batch
from storage.settings import settings
from storage.studies import Claim, get_study
from tuning.confirming import Asked, FitCollector
from tuning.disk import room
from tuning.ledger import Ledger
from tuning.optuna_copy import OptunaCopy

_EVERY_S = 0.2  # an epoch is on the screen within two seconds, polling and drawing included
_COPIED_AT_ONCE = 100  # trials into Optuna's tables between two looks at the wishes
_LOOK_AT_DISK_S = 5.0
_SAY_EVERY_S = 1.0  # how long further repeats take, where no fit has ended meanwhile
_PATIENCE_S = 20.0  # with a database that is away, once the process has been told to end
_DISK_FULL = "The disk was full. Free some space, then let the study go on."

T = TypeVar("T")
Told = Callable[[Sequence[FitRow]], Mapping[str, object]]
log = structlog.get_logger()


def _tell_nothing(_fits: Sequence[FitRow]) -> Mapping[str, object]:
    return {}


class Keeper:
    """Runs from the claim of a study to its end, as a context.

    Parameters
    ----------
    leave : Event
        Set by whoever must end the process.

    Attributes
    ----------
    wish : str
        Why a person, the time limit or a full disk wants the end: "stop", "pause", "time",
        "disk" or "".
    reason : str
        A sentence where the wish does not say enough.
    priority : int
        How urgently people want it now.
    """

    def __init__(
        self,
        db: Database,
        claim: Claim,
        wanted: Wanted,
        limit_s: float | None,
        leave: threading.Event,
    ) -> None:
        self._db, self._claim, self._leave = db, claim, leave
        self._limit_s = limit_s
        self._started = time.monotonic()
        self._over = threading.Event()
        self._writing = threading.Lock()  # `flush` comes from the thread of the training
        self._error: BaseException | None = None
        self._ledger: Ledger | None = None
        self._copy: OptunaCopy | None = None
        self._unwritten = Batch()
        self._written: dict[int, TrialRow] = {}  # finished trials that are in our tables
        self._collector: FitCollector | None = None
        self._phase = ""
        self._told: Told = _tell_nothing
        self._looked_at_disk = self._said_at = 0.0
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self.wish, self.priority = wanted
        self.reason = ""

    @property
    def stopped(self) -> bool:
        """Whether anything asks for the end."""
        return bool(self.wish) or self._leave.is_set() or self._error is not None

    def write_for(self, ledger: Ledger, copy: OptunaCopy) -> None:
        """Write what this ledger learns from now on."""
        self._written = dict(ledger.finished)
        self._copy = copy
        self._ledger = ledger

    @contextmanager
    def collecting(self, collector: FitCollector, phase: str, told: Told) -> Iterator[None]:
        """Write the fits that come in, and say under this phase how many there are.

        Parameters
        ----------
        told : callable
            Gives what else of the study's row these fits change; written together with them.
        """
        self._phase, self._told, self._collector = phase, told, collector
        try:
            yield
            self._write()
        finally:
            self._collector = None

    def __enter__(self) -> Keeper:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise here what went wrong in the thread."""
        if self._error is not None:
            raise self._error

    def last(self, call: Callable[[], T]) -> T:
        """Make a database call that may be repeated, and see it through.

        Waits while the database is away or the disk is full; the latter also asks for the end
        of the training. Once the process has been told to end, it waits no longer than that.
        """
        while True:
            try:
                return patient(call, on_wait=self._while_away)
            except SQLAlchemyError as error:
                if not is_full(error):
                    raise
                self.pause_for_disk()
                self._hold()
                if self._leave.wait(_LOOK_AT_DISK_S):
                    raise

    def _hold(self) -> None:
        """Keep the lease, which may take no room, while there is none for the rest."""
        with contextlib.suppress(SQLAlchemyError):
            renew(self._db, self._claim)

    def _while_away(self, seconds: float, error: BaseException) -> None:
        log.warning("database away", seconds=round(seconds), reason=str(error))
        if self._leave.is_set() and seconds > _PATIENCE_S:
            raise error

    def pause_for_disk(self, reason: str = _DISK_FULL) -> None:
        """Ask for the end: there is no room for what is trained."""
        if self.wish != "disk":
            log.warning("disk full", reason=reason)
        self.wish, self.reason = "disk", reason
        self._stop_all()

    def flush(self) -> None:
        """Write and copy all that is new, also what follows a gap in the numbers."""
        self._write()
        copy = self._copy
        if copy is not None:
            with self._writing:
                self.last(lambda: copy.copy_rest(self._written, self._read_fits))

    def _run(self) -> None:
        try:
            while not self._over.wait(_EVERY_S):
                self._write()
                wish, self.priority = self.last(lambda: renew(self._db, self._claim))
                self.wish = wish or self.wish or self._time_is_up()
                self._look_at_disk()
                collector = self._collector  # the other thread ends its part at any moment
                if self.stopped:
                    self._stop_all()
                elif collector is not None and self._is_skipped():
                    collector.stop()
                self._copy_some()
        except BaseException as error:  # noqa: BLE001 (raised again by `check`)
            self._error = self._reason(error)
            self._stop_all()

    def _stop_all(self) -> None:
        for reporter in (self._ledger, self._collector):
            if reporter is not None:
                reporter.stop()

    def _is_skipped(self) -> bool:
        study_id = self._claim.study_id
        return Asked.parse(self.last(lambda: get_study(self._db, study_id)).asked).skip

    def _time_is_up(self) -> str:
        if self._limit_s is None or time.monotonic() - self._started < self._limit_s:
            return ""
        return "time"

    def _write(self) -> None:
        if self._ledger is None:
            return
        with self._writing:
            if not self._unwritten:
                self._unwritten = self._ledger.take()
                self._add_collected(self._unwritten)
            if self._unwritten:
                batch = self._unwritten
                self.last(lambda: write_batch(self._db, self._claim, batch))
                ended = (row for row in batch.trials if row.state in ENDED_STATES)
                self._written |= {row.number: row for row in ended}
            self._unwritten = Batch()

    def _add_collected(self, batch: Batch) -> None:
        collector = self._collector
        if collector is not None:
            fits, n_done = collector.take()
            batch.fits += fits
            if fits or time.monotonic() - self._said_at >= _SAY_EVERY_S:
                self._said_at = time.monotonic()
                phase = f"{self._phase}: {n_done} of {collector.n_wanted} fits"
                batch.study |= {"phase": phase, "seconds_left": collector.seconds_left()}
            if fits:
                batch.study |= self._told(fits)

    def _copy_some(self) -> None:
        copy = self._copy
        if copy is not None:
            with self._writing:
                self.last(lambda: copy.copy(self._written, self._read_fits, _COPIED_AT_ONCE))

    def _look_at_disk(self) -> None:
        now = time.monotonic()
        if now - self._looked_at_disk >= _LOOK_AT_DISK_S:
            self._looked_at_disk = now
            reason = room(settings().home, self._db)
            if reason is not None:
                self.pause_for_disk(reason)

    def _read_fits(self, numbers: Sequence[int]) -> list[FitRow]:
        return read_fits(self._db, self._claim.study_id, numbers=numbers)

    def _reason(self, error: BaseException) -> BaseException:
        """Return what really happened: a study that was deleted fails in many ways."""
        try:
            renew(self._db, self._claim)
        except LostLeaseError as lost:
            return lost
        except SQLAlchemyError:
            pass
        return error
