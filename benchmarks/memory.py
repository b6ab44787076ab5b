"""A process run to its end, with its seconds and the most memory it and its children took."""

from __future__ import annotations

import functools
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

_SAMPLE_EVERY_S = 0.15  # a shorter peak may be missed; sampling more often costs the measured
_COMPLAINT_LINES = 8

MemoryKind = Literal["PSS", "RSS"]


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes
    ----------
    seconds : float
        From just before its start to its end, interpreter and imports included.
    peak_mb : float
        Largest sum over the process and its children at one moment, in 10⁶ bytes.
    status : int
        Its exit status.
    complaint : str
        The last lines it wrote to standard error.
    """

    seconds: float
    peak_mb: float
    status: int
    complaint: str


@functools.cache
def memory_kind() -> MemoryKind:
    """Tell what is summed: proportional set size where the system says it, else resident.

    Resident size counts memory that processes share once for each of them.
    """
    try:
        return "PSS" if hasattr(psutil.Process().memory_full_info(), "pss") else "RSS"
    except psutil.Error:
        return "RSS"


def run_measured(command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Ended:
    """Run a command to its end in a folder; ends it and its children if interrupted."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        )
        watch = MemoryWatch(process.pid)
        try:
            status = process.wait()
            seconds = time.perf_counter() - started
        except BaseException:
            _end(process)
            raise
        finally:
            watch.end()
        complaints.seek(0)
        last = complaints.read().splitlines()[-_COMPLAINT_LINES:]
    return Ended(seconds, watch.peak_bytes / 1e6, status, "\n".join(last))


class MemoryWatch:
    """Samples the memory of a process and its children from a thread of its own.

    Attributes
    ----------
    peak_bytes : int
        The largest sum at one moment so far.
    """

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop sampling."""
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, family_bytes(self._pid))
            if self._over.wait(_SAMPLE_EVERY_S):
                return


def family_bytes(pid: int) -> int:
    """Return what a process and its children take now, in bytes; 0 if it is gone."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    kind = memory_kind()
    return sum(_bytes(process, kind) for process in family)


def _bytes(process: psutil.Process, kind: MemoryKind) -> int:
    try:
        if kind == "PSS":
            return int(process.memory_full_info().pss)
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0  # ended between listing and asking


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        family = []
    process.kill()
    for child in family:
        try:
            child.kill()
        except psutil.Error:
            continue
    process.wait()
