"""A real app with a real worker on a data folder of its own, and how Chromium is started."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from storage.database import Database, open_database
from storage.processes import live

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 180
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Server:
    """A running app on a data folder of its own, with a database there or elsewhere."""

    home: Path
    port: int
    database_url: str = ""
    workers_kept: int = 1
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        """Address of the home page."""
        return f"http://127.0.0.1:{self.port}"

    @functools.cached_property
    def db(self) -> Database:
        """The database of the server, opened here."""
        return open_database(self.database_url or self._file_url)

    @property
    def _file_url(self) -> str:
        return f"sqlite:///{self.home / 'tuneboard.sqlite3'}"

    def start(self) -> None:
        """Start the app and wait until it answers."""
        arguments = ["-m", "streamlit", "run", "app.py", f"--server.port={self.port}"]
        settings = {
            "TUNEBOARD_HOME": str(self.home),
            "TUNEBOARD_WORKERS": str(self.workers_kept),
            "TUNEBOARD_DATABASE_URL": self.database_url or self._file_url,
        }
        with (self.home / "app.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
        wait_until(lambda: self.ready() is not None)

    def ready(self) -> dict[str, Any] | None:
        """Return what the readiness route says, None while nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/api/ready", timeout=2) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            return None

    def kill(self) -> None:
        """Kill the app, not its worker."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def workers(self) -> list[int]:
        """Return the process ids of the live workers."""
        return [row.pid for row in live(self.db, "worker", within_s=60)]

    def stop(self) -> None:
        """End the app and its workers."""
        pids = self.workers()
        self.kill()
        for pid in pids:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)
        self.db.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something outside the browser."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(home: Path, database_url: str = "", workers: int = 1) -> Iterator[Server]:
    """Run an app and its workers on a data folder."""
    server = Server(home, free_port(), database_url, workers)
    server.start()
    try:
        yield server
    finally:
        server.stop()
