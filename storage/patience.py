"""Waiting until the database is back: a call that failed because it was away is made again.

Only a whole call may be repeated that leaves the same when it is made twice: the answer to a
commit can be lost on its way back. Every other error goes through at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import TypeVar

import psycopg
from sqlalchemy import exc
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_delay,
    stop_never,
    wait_exponential,
)

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 5.0
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_AWAY = {
    "57P01",  # shut down by its administrator
    "57P02",  # another of its processes crashed
    "57P03",  # starting up, or shutting down
    "57P05",  # it closed a connection that was idle
    "53300",  # it has no connection left
}
_HELD_UP = {
    "55P03",  # waited too long for a lock
    "40P01",  # a deadlock
    "40001",  # another transaction came first
    "25P03",  # it closed a transaction that was idle
}
_DISK_FULL = "53100"

T = TypeVar("T")
OnWait = Callable[[float, BaseException], None]


def patient(
    call: Callable[[], T],
    *,
    give_up_after_s: float | None = None,
    on_wait: OnWait | None = None,
) -> T:
    """Make a database call again until the database is there to answer it.

    Waits 0.2 s, then twice as long each time, at most 5 s.

    Parameters
    ----------
    call : callable
        Leaves the same whether it is made once or twice.
    give_up_after_s : float or None
        Seconds after which the error of the last attempt is raised; None: never.
    on_wait : callable or None
        Told before each wait of the seconds since the first attempt and of the last error. May
        raise to end the waiting.

    Returns
    -------
    object
        What the call returns.
    """

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if on_wait is not None and error is not None:
            on_wait(state.seconds_since_start or 0.0, error)

    retrying = Retrying(
        retry=retry_if_exception(is_outage),
        wait=wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S),
        stop=stop_never if give_up_after_s is None else stop_after_delay(give_up_after_s),
        before_sleep=tell,
        reraise=True,
    )
    return retrying(call)


def is_outage(error: BaseException) -> bool:
    """Tell whether an error says that the database is away or held up for now.

    Once it was open, not being let in counts too: a restored server may lack its users for a
    while. So does a pool whose connections all wait for a server that does not answer.
    """
    return any(_says_away(one) for one in _with_causes(error))


def is_full(error: BaseException) -> bool:
    """Tell whether an error says that the database has no disk left: waiting does not help."""
    return any(
        _sqlite_code(one) == sqlite3.SQLITE_FULL or _state(one) == _DISK_FULL
        for one in _with_causes(error)
    )


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _says_away(error: BaseException) -> bool:
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return True  # the driver's own: no server answered, or the line to it broke
    state = _state(error)
    return (
        isinstance(error, exc.TimeoutError)
        or _sqlite_code(error) in _SQLITE_BUSY
        or state.startswith("08")  # trouble with the connection
        or state in _AWAY | _HELD_UP
    )


def _sqlite_code(error: BaseException) -> int | None:
    """Return SQLite's primary code; the upper bytes of the whole one say more."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _state(error: BaseException) -> str:
    return (error.sqlstate or "") if isinstance(error, psycopg.Error) else ""
