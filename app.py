"""The server: ``streamlit run app.py`` opens the database, serves the pages and keeps workers.

Training happens in the workers, processes of their own that outlive this one.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
import pkgutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config

import pages.parts
from pages.parts.problems import draw_away
from pages.parts.reruns import leave_out_late_reruns
from storage import processes
from storage.database import Database, database
from storage.errors import StorageError
from storage.settings import settings
from storage.studies import ACTIVE_STATES, StudyFilter, count_studies
from tuning.importing import quick_imports

_ROOT = Path(__file__).resolve().parent
_WORKER_COMMAND = (sys.executable, "-m", "tuning", "worker", "--no-linger")
_BEAT_S = 2.0
_FIRST_VISIT_S = 1.9  # a browser opens with the app; workers, who take a core, come later
_LIVE_S = 10.0  # five missed heartbeats: TensorFlow holds a worker's threads up for seconds
_QUICK_DEATH_S = 30.0  # a worker that ends sooner than this is broken, not idle
_LONGEST_PAUSE_S = 60.0
_LARGEST_LOG = 5_000_000  # bytes; then the log is put aside and begun anew
_HEAVY_IMPORTS = (
    "numpy",
    "pandas",
    "pyarrow",
    "plotly.graph_objects",
    "optuna",
    "sklearn",
    "tuning.datasets.catalogue",
)
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    # Streamlit styles inline and Vega compiles its expressions; all else comes from here, so
    # that text somebody typed can neither load a picture from outside nor send anything there.
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
        )
    ),
}

_log = logging.getLogger("tuneboard")


@dataclass
class WorkerKeeper:
    """Keeps as many workers running as wanted, adopting those that an earlier app started.

    Attributes
    ----------
    wanted : int
        Workers to keep; 0 where somebody else starts them.
    command : sequence of str
        What starts one; it must register itself in the database and beat there.
    """

    db: Database
    wanted: int
    log_path: Path
    command: Sequence[str] = _WORKER_COMMAND
    _children: dict[subprocess.Popen[bytes], float] = field(default_factory=dict)
    _quick_deaths: int = 0
    _pause_until: float = 0.0

    def tend(self) -> None:
        """Start the workers that are missing, later and later if they keep dying young."""
        self._reap()
        if time.monotonic() < self._pause_until:
            return
        for _ in range(self.wanted - self._n_running()):
            self._start()

    def state(self) -> str:
        """Return what the workers do: working, ready, starting or offline."""
        states = {row.state for row in self._live()}
        for state in ("working", "ready"):
            if state in states:
                return state
        return "starting" if states or self._children else "offline"

    def _live(self) -> list[processes.ProcessRow]:
        return processes.live(self.db, "worker", _LIVE_S)

    def _n_running(self) -> int:
        children = {child.pid for child in self._children}
        adopted = [row for row in self._live() if not row.is_here or row.pid not in children]
        return len(children) + len(adopted)

    def _reap(self) -> None:
        now = time.monotonic()
        for child, started_at in list(self._children.items()):
            if child.poll() is None:
                continue
            del self._children[child]
            quick = now - started_at < _QUICK_DEATH_S
            self._quick_deaths = self._quick_deaths + 1 if quick else 0
            if quick:
                pause_s = min(_BEAT_S * 2**self._quick_deaths, _LONGEST_PAUSE_S)
                self._pause_until = now + pause_s
                _log.warning("A worker ended early; %s says why.", self.log_path)

    def _start(self) -> None:
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        if self.log_path.exists() and self.log_path.stat().st_size > _LARGEST_LOG:
            self.log_path.replace(self.log_path.with_suffix(".old.log"))
        with self.log_path.open("ab") as log:
            child = subprocess.Popen(
                self.command,
                env=_worker_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # neither Ctrl-C nor the end of the app reaches it
            )
        self._children[child] = time.monotonic()


def _worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Let the worker import this project from any folder.

    It stays in the app's folder, so that relative paths in the settings mean the same to both.
    """
    paths = [str(_ROOT), *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


class SecurityHeaders:
    """Adds the headers that keep a browser from guessing types, framing us or telling on us."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the headers of its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


@contextlib.asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Open the database, then keep our heartbeat and the workers going."""
    db = _open_database()
    config.set_option("server.maxUploadSize", settings().upload_limit_mb)
    _import_what_pages_need()
    keeper = WorkerKeeper(db, settings().workers, settings().home / "logs" / "worker.log")
    process_id = processes.register(db, kind="app", state="ready")
    pulse = asyncio.create_task(_keep_beating(db, process_id, keeper))
    sys.stdout.write(f"Tuneboard is at {_address()}\n")
    sys.stdout.flush()
    try:
        yield {"keeper": keeper}
    finally:
        pulse.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pulse
        with contextlib.suppress(SQLAlchemyError, StorageError, OSError):
            processes.remove(db, process_id)
            sys.stdout.write(_farewell(db))
            sys.stdout.flush()


def _farewell(db: Database) -> str:
    """Say what is trained without the app, and how to end it; nothing where nothing is."""
    n_studies = count_studies(db, StudyFilter(states=ACTIVE_STATES))
    if n_studies == 0 or not processes.live(db, "worker", _LIVE_S):
        return ""
    goes_on = "1 study goes" if n_studies == 1 else f"{n_studies} studies go"
    return (
        f"{goes_on} on without the app. See: python -m tuning studies. "
        + "End: python -m tuning stop STUDY, or pause.\n"
    )


def _open_database() -> Database:
    try:
        return database()
    except (StorageError, ValidationError, OSError) as error:
        logging.getLogger(
            "uvicorn.error"
        ).disabled = True  # its traceback would bury the reason
        sys.stderr.write(f"Tuneboard cannot start: {error}\n")
        raise SystemExit(1) from error


def _import_what_pages_need() -> None:
    """Import it before the first visitor comes, and leave it out of every garbage collection.

    Streamlit collects garbage after each run of a page; over a heap of this size that takes
    a hundred milliseconds, ten times the page itself.
    """
    parts = pkgutil.walk_packages(pages.parts.__path__, f"{pages.parts.__name__}.")
    with quick_imports():
        for name in (*_HEAVY_IMPORTS, *(part.name for part in parts)):
            importlib.import_module(name)


async def _keep_beating(db: Database, process_id: str, keeper: WorkerKeeper) -> None:
    first_visit_over = time.monotonic() + _FIRST_VISIT_S
    while True:
        try:
            await asyncio.to_thread(processes.beat, db, process_id, state="ready")
            if time.monotonic() >= first_visit_over:
                await asyncio.to_thread(keeper.tend)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("The heartbeat of the app was missed: %s", error)
        await asyncio.sleep(_BEAT_S)


def _address() -> str:
    host = config.get_option("server.address")
    if host in {None, "", "0.0.0.0", "::", "127.0.0.1", "::1"}:  # noqa: S104 (compared, not bound)
        host = "localhost"
    return settings().public_url or f"http://{host}:{config.get_option('server.port')}"


async def ready(_request: Request) -> JSONResponse:
    """Answer whether the app can serve: 200 while the database answers, otherwise 503."""
    try:
        return JSONResponse(await asyncio.to_thread(_readiness, app.state["keeper"]))
    except (SQLAlchemyError, OSError):
        return JSONResponse({"database": "offline", "worker": "unknown"}, status_code=503)


def _readiness(keeper: WorkerKeeper) -> dict[str, str]:
    with keeper.db.read() as connection:
        connection.execute(text("SELECT 1"))
    return {"database": "ok", "worker": keeper.state()}


leave_out_late_reruns()
app = st.App(
    _ROOT / "pages" / "frame.py",
    lifespan=lifespan,
    routes=[Route("/api/ready", ready)],
    middleware=[Middleware(SecurityHeaders)],
    on_script_error=draw_away,
)
