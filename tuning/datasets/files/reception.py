"""Where a dropped file is read: in a process of its own, with a limit of time and of memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tuning.datasets.files.errors import (
    ReaderMemoryError,
    ReaderStoppedError,
    ReaderTimeError,
    error_from,
)
from tuning.datasets.files.found import Found
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options, Recognised

_ROOT = Path(__file__).resolve().parents[3]
_MODULE = "tuning.datasets.files.child"
REQUEST, ANSWER, TABLE, IMAGES = "request.json", "answer.json", "table.arrow", "images.npy"
_MOST_AT_ONCE = 2
_LOOK_EVERY_S = 0.02
_START_S = 10.0
_PATIENCE = 5  # a busy machine may take so many times longer than the work itself
_START_BYTES = 300_000_000
# The reader gets nothing else of our environment: no addresses, no passwords.
_PASSED_ON = (
    *("PATH", "PYTHONPATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV"),
    *("TMPDIR", "TEMP", "TMP", "SYSTEMROOT"),
)
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    # Fixed: glibc raises it once a large block is freed, and then gives less back.
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_places = threading.BoundedSemaphore(_MOST_AT_ONCE)


def recognise(
    content: Path, name: str, wanted: Options | None = None, limits: Limits | None = None
) -> Recognised:
    """Read a dropped file as `find` does, and return its table as pandas has it."""
    return find(content, name, wanted, limits).recognised()


def find(
    content: Path, name: str, wanted: Options | None = None, limits: Limits | None = None
) -> Found:
    """Read a dropped file in a process of its own.

    At most two files are read at once; more wait for their turn. Nothing is left of the
    reading, however it ends; the file itself stays where it is.

    Parameters
    ----------
    content : Path
        The file, wherever it is kept.
    name : str
        What the person calls it; only ever shown.
    wanted : Options, optional
        How to read it; found out if left out.
    limits : Limits, optional
        What it may cost.

    Raises
    ------
    RefusedFileError
        If it holds no table that can be used, in one sentence that says why.
    """
    limits = limits or Limits()
    request = {
        "content": str(content.resolve()),
        "name": name,
        "wanted": wanted.to_json() if wanted else None,
        "limits": asdict(limits),
    }
    with _places, tempfile.TemporaryDirectory(prefix="tuneboard-reader-") as made:
        folder = Path(made)
        (folder / REQUEST).write_text(json.dumps(request), "utf-8")
        _run(folder, name, limits)
        return _answer(folder, name)


def _run(folder: Path, name: str, limits: Limits) -> None:
    environment = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
    with subprocess.Popen(
        [sys.executable, "-m", _MODULE, str(folder)],
        cwd=_ROOT,
        env=environment | _ONE_THREAD,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as reader:
        try:
            _watch(reader, name, limits)
        finally:
            reader.kill()


def _watch(reader: subprocess.Popen[bytes], name: str, limits: Limits) -> None:
    """Wait for the reader; the caller ends it when this raises."""
    process = psutil.Process(reader.pid)
    until = time.monotonic() + _START_S + _PATIENCE * limits.seconds
    while True:
        try:
            reader.wait(_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            pass
        else:
            break
        if time.monotonic() > until:
            raise ReaderTimeError(name, limits.seconds)
        if _memory(process) > _START_BYTES + limits.memory_bytes:
            raise ReaderMemoryError(name, limits.memory_bytes)
    if reader.returncode == -getattr(signal, "SIGXCPU", 0):
        raise ReaderTimeError(name, limits.seconds)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


def _answer(folder: Path, name: str) -> Found:
    """Read what the reader has written, trusting none of it."""
    try:
        answer = json.loads((folder / ANSWER).read_text("utf-8"))
        if "refused" in answer:
            error = error_from(answer["refused"], answer["values"])
        else:
            return _found(folder, answer)
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as broken:
        raise ReaderStoppedError(name) from broken
    raise error


def _found(folder: Path, answer: dict[str, Any]) -> Found:
    import pyarrow as pa
    import pyarrow.ipc

    with pa.OSFile(str(folder / TABLE)) as source:
        table = pa.ipc.open_file(source).read_all()
    table.validate(full=True)
    images = np.load(folder / IMAGES, allow_pickle=False) if answer["has_images"] else None
    return Found(
        table,
        Options.from_json(answer["options"]),
        tuple(answer["notes"]),
        tuple(answer["sheets"]),
        images,
    )
