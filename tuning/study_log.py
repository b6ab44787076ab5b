"""What a worker logged of one study: ``logs/studies/<id>.jsonl`` in the data folder.

One JSON object a line, in two files of at most 1 MB: the current one, and the one before it.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_LARGEST_BYTES = 1_000_000
_TAIL_BYTES = 256_000  # of each file, for what is shown: 500 lines are mostly a fifth of it
_OWN_KEYS = {"timestamp", "level", "event", "study"}


class StudyLog:
    """A structlog processor: lines that name their `study` also go into that study's file.

    Belongs after `merge_contextvars`, `add_log_level` and `TimeStamper`, in front of the
    renderer. It hands each line on as it came.

    Parameters
    ----------
    home : Path
        The data folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()  # two threads must not put the same file aside

    def __call__(self, logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        """Write the line where it belongs, and hand it on."""
        study_id = line.get("study")
        if isinstance(study_id, str) and study_id:
            whole = structlog.processors.format_exc_info(logger, method, dict(line))
            text = json.dumps(whole, default=str, ensure_ascii=False)
            with self._lock:
                _append(log_path(self._home, study_id), text)
        return line


class _Handler(RotatingFileHandler):
    """Opens its file for one line, so a study that is deleted leaves nothing open."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Do without this file: the line is still told to the worker's own log."""


def _append(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # as `_Handler`: logging must not stop a study
    handler = _Handler(
        path, maxBytes=_LARGEST_BYTES, backupCount=1, encoding="utf-8", delay=True
    )
    try:
        handler.emit(logging.makeLogRecord({"msg": text}))
    finally:
        handler.close()


@dataclass(frozen=True)
class LogLine:
    """One thing a worker logged of a study.

    Attributes
    ----------
    at : float
        Seconds since 1970 (UTC).
    level : str
        "info", "warning" or "error".
    """

    at: float
    level: str
    event: str
    fields: Mapping[str, Any]


def read_log(home: Path, study_id: str, limit: int = 500) -> list[LogLine]:
    """Read the newest lines of a study's log, newest last; empty where there is none.

    However long the log, at most the last 256 kB of each of its files are read.
    """
    path = log_path(home, study_id)
    texts = [text for file in (_older(path), path) for text in _tail(file)]
    return [line for text in texts[-limit:] if (line := _line(text)) is not None]


def whole_log(home: Path, study_id: str) -> bytes:
    """Return all that is kept of a study's log, as JSON lines."""
    path = log_path(home, study_id)
    return b"".join(_content(file, 2 * _LARGEST_BYTES) for file in (_older(path), path))


def delete_log(home: Path, study_id: str) -> None:
    """Delete a study's log."""
    path = log_path(home, study_id)
    for file in (path, _older(path)):
        file.unlink(missing_ok=True)


def log_path(home: Path, study_id: str) -> Path:
    """Return where a study's log is written."""
    return home / "logs" / "studies" / f"{study_id}.jsonl"


def _older(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")  # what RotatingFileHandler calls it


def _tail(path: Path) -> Iterator[str]:
    """Yield the last whole lines of a file."""
    content = _content(path, _TAIL_BYTES)
    if len(content) == _TAIL_BYTES:
        content = content.partition(b"\n")[2]  # the first line is probably cut
    yield from content.decode("utf-8", errors="replace").splitlines()


def _content(path: Path, most_bytes: int) -> bytes:
    """Read the end of a file; nothing where it is not there, or was just put aside."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - most_bytes))
            return file.read(most_bytes)
    except FileNotFoundError:
        return b""


def _line(text: str) -> LogLine | None:
    """Read one line; None for half of one, which a crash can leave behind."""
    try:
        content = json.loads(text)
        at = dt.datetime.fromisoformat(content["timestamp"]).timestamp()
    except (ValueError, KeyError, TypeError):
        return None
    fields = {name: value for name, value in content.items() if name not in _OWN_KEYS}
    return LogLine(at, str(content.get("level", "info")), str(content.get("event", "")), fields)
