"""The thread beside the training: keeps the lease, hears wishes, writes what is new."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType

from storage.database import Database
from storage.errors import LostLeaseError
from storage.results import FitRow, read_fits, write_batch
from storage.studies import Claim, renew
from tuning.ledger import Ledger
from tuning.optuna_copy import OptunaCopy

_EVERY_S = 0.2  # an epoch is on the screen within two seconds, polling and drawing included
_COPIED_AT_ONCE = 100  # trials into Optuna's tables between two looks at the wishes


class Keeper:
    """Runs from the claim of a study to its end, as a context.

    Parameters
    ----------
    leave : Event
        Set by whoever must end the process.

    Attributes
    ----------
    wish : str
        Why a person, or the time limit, wants the end: "stop", "time" or "".
    """

    def __init__(
        self,
        db: Database,
        claim: Claim,
        wish: str,
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
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self.wish = wish

    @property
    def stopped(self) -> bool:
        """Whether anything asks for the end."""
        return bool(self.wish) or self._leave.is_set() or self._error is not None

    def write_for(self, ledger: Ledger, copy: OptunaCopy) -> None:
        """Write what this ledger learns from now on."""
        self._copy = copy
        self._ledger = ledger

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

    def flush(self) -> None:
        """Write and copy all that is new, also what follows a gap in the numbers."""
        self._write()
        if self._ledger is not None and self._copy is not None:
            with self._writing:
                self._copy.copy_rest(self._ledger.finished, self._read_fits)

    def _run(self) -> None:
        try:
            while not self._over.wait(_EVERY_S):
                self._write()
                self.wish = renew(self._db, self._claim) or self.wish or self._time_is_up()
                if self._ledger is not None and self.stopped:
                    self._ledger.stop()
                self._copy_some()
        except BaseException as error:  # noqa: BLE001 (raised again by `check`)
            self._error = self._reason(error)
            if self._ledger is not None:
                self._ledger.stop()

    def _time_is_up(self) -> str:
        if self._limit_s is None or time.monotonic() - self._started < self._limit_s:
            return ""
        return "time"

    def _write(self) -> None:
        if self._ledger is None:
            return
        with self._writing:
            batch = self._ledger.take()
            if batch:
                write_batch(self._db, self._claim, batch)

    def _copy_some(self) -> None:
        if self._ledger is not None and self._copy is not None:
            with self._writing:
                self._copy.copy(self._ledger.finished, self._read_fits, _COPIED_AT_ONCE)

    def _read_fits(self, numbers: Sequence[int]) -> list[FitRow]:
        return read_fits(self._db, self._claim.study_id, numbers=numbers)

    def _reason(self, error: BaseException) -> BaseException:
        """Return what really happened: a study that was deleted fails in many ways."""
        try:
            renew(self._db, self._claim)
        except LostLeaseError as lost:
            return lost
        return error
