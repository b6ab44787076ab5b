"""Pages over a study of many trials, and many people on them: ``python -m benchmarks.pages``.

A worker trains the studies as it trains every other; only those that fill the home page are
launched and ended at once. Seconds in the browser are of a real Chromium, from the wish to what
is on the screen. With ``--write`` the figures go into docs/benchmarks.md.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.marked import replace
from benchmarks.memory import memory_kind
from benchmarks.results import ResultsFileError, about_this_machine
from benchmarks.viewers import Audience
from storage.database import Database
from storage.leases import update_claimed
from storage.studies import (
    FINAL_STATES,
    FINISHED,
    StudyRow,
    count_studies,
    first_claim,
    get_study,
)
from tests.browser.server import CHROMIUM, FLAGS, Server, free_port, serving, wait_until
from tuning.launch import launch
from tuning.spec import StudySpec

MARK = "pages"
_PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_HEADERS = ("what", "measured", "bound", "kept", "how")
_HOME_STUDIES = 200
_PAINTS = 5  # of each page, each in a window that has loaded nothing yet
_CHANGES = 6  # of a grid, there and back
_TRAINING_S = 3600.0
_OWNER = "benchmarks.pages"
# The yardstick: what a browser and Streamlit take for a page that does nothing.
_BARE = """import pandas as pd
import streamlit as st

st.dataframe(pd.DataFrame({"number": range(100)}))
"""

# What the last grid has on the screen: a number made of the pixels below its header, '' while
# nothing is written there. Its table for screen readers says the same, but 200 ms later.
_GRID = """() => {
    const grid = [...document.querySelectorAll('[data-testid=stDataFrame]')].pop();
    const canvas = grid && grid.querySelector('canvas[data-testid=data-grid-canvas]');
    const header = 40 * window.devicePixelRatio;
    if (!canvas || canvas.width < 100 || canvas.height < 2 * header) return '';
    const part = [canvas.width >> 1, canvas.height - header];
    const pixels = new Uint32Array(
        canvas.getContext('2d').getImageData(0, header, ...part).data.buffer
    );
    const colors = new Set();
    let sum = 0;
    for (const pixel of pixels) {
        if (colors.size < 20) colors.add(pixel);
        sum = (Math.imul(sum, 31) + pixel) | 0;
    }
    return colors.size < 20 ? '' : String(sum);
}"""


class TrainingFailedError(RuntimeError):
    """The worker did not finish a study that was to be measured."""

    def __init__(self, row: StudyRow) -> None:
        reason = row.message or "no reason was given"
        super().__init__(f"Study {row.id!r} ended as {row.state!r}: {reason}.")


@dataclass(frozen=True)
class Figure:
    """One measured figure, and the bound it has to keep, None where it is a yardstick."""

    what: str
    value: float
    bound: float | None
    unit: str
    how: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the figure is below its bound, if it has one."""
        return self.bound is None or self.value < self.bound

    def cells(self) -> list[str]:
        """Return the cells of its row."""
        value = shown(self.value, self.unit)
        if self.bound is None:
            return [self.what, value, "–", "–", self.how]
        kept = "yes" if self.is_kept else "**no**"
        return [self.what, value, f"< {shown(self.bound, self.unit)}", kept, self.how]


def shown(value: float, unit: str) -> str:
    """Write a figure with its unit: whole from ten on, else with two digits."""
    return f"{value:,.0f} {unit}" if abs(value) >= 10 else f"{value:.2f} {unit}"


def cheap_spec(n_trials: int, n_epochs: int = 50) -> StudySpec:
    """Return a random search over small networks on Pima, 3 folds."""
    return StudySpec.parse(
        {
            "name": "many cheap trials",
            "data": {"dataset": "pima", "test_fraction": 0.0},
            "space": {
                "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
                "n_neurons": {"kind": "range", "low": 2, "high": 32},
                "epochs": {"kind": "fixed", "value": n_epochs},
                "batch_size": {"kind": "fixed", "value": 32},
            },
            "sampler": {"kind": "random", "n_trials": n_trials},
            "evaluation": {"folds": 3},
        }
    )


# Training, with and without people who watch.


def _trained(server: Server, n_trials: int, n_viewers: int) -> tuple[str, float, Audience]:
    """Train a study while people watch; return it, its seconds, and what they waited for."""
    study_id = launch(server.db, cheap_spec(n_trials))
    with Audience(server.url, study_id, n_viewers) as audience:
        row = _ended(server.db, study_id)
    if row.state != FINISHED or row.started_at is None or row.finished_at is None:
        raise TrainingFailedError(row)
    return study_id, row.finished_at - row.started_at, audience


def _ended(db: Database, study_id: str) -> StudyRow:
    deadline = time.monotonic() + _TRAINING_S
    while (row := get_study(db, study_id)).state not in FINAL_STATES:
        if time.monotonic() > deadline:
            raise TrainingFailedError(row)
        time.sleep(0.2)
    return row


def database_mb(db: Database) -> float:
    """Return the size of a SQLite database, in 10⁶ bytes, once its log is written into it."""
    path = str(db.engine.url.database)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(path).stat().st_size / 1e6


def _training_figures(
    server: Server, n_trials: int, n_viewers: int, *, compare: bool
) -> tuple[str, list[Figure]]:
    study_id, _, one = _trained(server, n_trials, 1)
    size = database_mb(server.db)
    alone_s = _trained(server, n_trials, 0)[1] if compare else None
    _, watched_s, many = _trained(server, n_trials, n_viewers)
    figures = [
        Figure("database", size, 250, "MB", f"{n_trials:,} trials, Optuna's copy included"),
        _update("update, server time", one, 0.3, "1 viewer"),
        _update(f"update, {n_viewers} viewers", many, 1.0, "while it trains"),
    ]
    if alone_s is not None:
        how = f"{watched_s:.1f} s against {alone_s:.1f} s with none, one run each"
        slower = 100 * (watched_s / alone_s - 1)
        figures.append(Figure(f"training, {n_viewers} viewers", slower, 15, "% slower", how))
    return study_id, figures


def _update(what: str, audience: Audience, bound: float, how: str) -> Figure:
    seconds = audience.updates.later
    middle = shown(median(seconds), "s")
    words = f"{how}; p95 of {len(seconds):,}, median {middle}; {_problems(audience)}"
    return Figure(what, float(np.percentile(seconds, 95)), bound, "s", words)


def _problems(audience: Audience) -> str:
    updates = audience.updates
    for error in sorted(set(updates.errors)):
        typer.echo(f"A page showed: {error}", err=True)
    return f"{len(updates.errors)} errors, {updates.n_unanswered} unanswered"


# In the browser.


@contextmanager
def _window(browser: Browser) -> Iterator[Page]:
    """Open a window that has nothing of the app yet."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def _paint(page: Page, address: str, ready: Callable[[Page], None]) -> float:
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    ready(page)
    return time.perf_counter() - started


def _new_paint(browser: Browser, address: str, ready: Callable[[Page], None]) -> float:
    with _window(browser) as page:
        return _paint(page, address, ready)


def _grid_is_there(page: Page) -> None:
    page.wait_for_function(f"({_GRID})() !== ''", timeout=60_000)


def _curves_are_there(page: Page) -> None:
    for key in ("live_curves", "live_loss", "live_history"):
        page.locator(f".st-key-{key} canvas").first.wait_for(timeout=60_000)


def _paint_figures(
    browser: Browser,
    what: str,
    address: str,
    ready: Callable[[Page], None],
    bound: float | None,
    settled: Callable[[], bool] = lambda: True,
) -> list[Figure]:
    """Measure a page for the first person after the app has started, and for the next ones.

    The first one is there while the worker still loads TensorFlow, the others once all have
    settled.
    """
    first = _new_paint(browser, address, ready)
    wait_until(settled)
    new = [_new_paint(browser, address, ready) for _ in range(_PAINTS)]
    with _window(browser) as page:
        again = [_paint(page, address, ready) for _ in range(_PAINTS + 1)][1:]
    return [
        Figure(f"{what}, first visitor", first, bound, "s", "the app has just started"),
        Figure(f"{what}, new browser", median(new), bound, "s", _spread(new)),
        Figure(what, median(again), bound, "s", f"{_spread(again)}; scripts in its cache"),
    ]


def _is_settled(server: Server) -> Callable[[], bool]:
    return lambda: (server.ready() or {}).get("worker") == "ready"


def _spread(seconds: Sequence[float]) -> str:
    return f"median of {len(seconds)}, longest {shown(max(seconds), 's')}"


def _change(page: Page, act: Callable[[], None]) -> float:
    """Measure from an act to a grid with other rows."""
    before = page.evaluate(_GRID)
    started = time.perf_counter()
    act()
    page.wait_for_function(
        f"before => {{ const now = ({_GRID})(); return now !== '' && now !== before; }}",
        arg=before,
        timeout=60_000,
    )
    return time.perf_counter() - started


def _grid_figures(browser: Browser, address: str) -> Iterator[Figure]:
    with _window(browser) as page:
        page.goto(address)
        _grid_is_there(page)
        reverse = page.locator(".st-key-results_reverse label").first
        search = page.locator(".st-key-results_search input")
        sorts = [_change(page, reverse.click) for _ in range(_CHANGES)]
        filters = []
        for text in ["0.77", "0.76", ""] * (_CHANGES // 3):
            search.fill(text)
            filters.append(_change(page, lambda: search.press("Enter")))
    for what, seconds in (("sort", sorts), ("filter", filters)):
        yield Figure(f"{what} all trials", median(seconds), 0.5, "s", _spread(seconds))


def _browser_figures(home: Path, study_id: str) -> list[Figure]:
    figures = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for tab, ready in (("Results", _grid_is_there), ("Live", _curves_are_there)):
            with serving(home) as server:
                address = f"{server.url}/study?id={study_id}&tab={tab}"
                what = f"study page, {tab}"
                figures += _paint_figures(
                    browser, what, address, ready, 2.0, _is_settled(server)
                )
        with serving(home) as server:
            address = f"{server.url}/study?id={study_id}&tab=Results"
            figures += _grid_figures(browser, address)
            _fill_home(server.db)
            what = f"home page, {count_studies(server.db)} studies"
            figures += _paint_figures(
                browser, what, server.url, _grid_is_there, 1.0, _is_settled(server)
            )
        with _bare_page(home) as address:
            what = "a page of Streamlit's own"
            figures += _paint_figures(browser, what, address, _grid_is_there, None)
        browser.close()
    return figures


@contextmanager
def _bare_page(folder: Path) -> Iterator[str]:
    """Serve a page with a grid of a hundred numbers and nothing else; yield its address."""
    script = folder / "bare.py"
    script.write_text(_BARE, encoding="utf-8")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    options = [
        f"--server.port={port}",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), *options],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            wait_until(lambda: _answers(f"{address}/_stcore/health"))
            yield address
        finally:
            process.kill()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _fill_home(db: Database) -> None:
    """Launch studies and end them at once, until the home page has enough."""
    for _ in range(count_studies(db), _HOME_STUDIES):
        study_id = launch(db, cheap_spec(10), owner=_OWNER)
        update_claimed(db, first_claim(study_id, _OWNER), state=FINISHED)


# The table.


def table(figures: Sequence[Figure], about: str) -> str:
    """Return the figures as Markdown, and in words which of them miss their bound."""
    missed = [figure.what for figure in figures if not figure.is_kept]
    rows = [_HEADERS, ["---", "--:", "--:", "---", "---"], *(f.cells() for f in figures)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    verdict = f"Bounds missed: {', '.join(missed) or 'none'}."
    return "\n".join([about, "", *lines, "", verdict])


def _about(n_trials: int) -> str:
    date = dt.datetime.now(dt.UTC).date().isoformat()
    machine = about_this_machine(memory_kind(), date)["machine"]
    return (
        f"{n_trials:,} trials × 3 folds × 50 epochs, measured on {date} on {machine['cores']} "
        + f"cores of {machine['cpu']}, {machine['memory_gb']} GB of memory, "
        + f"{machine['system']}."
    )


def main(
    trials: Annotated[int, typer.Option(help="Trials of the study.")] = 10_000,
    viewers: Annotated[int, typer.Option(help="People who watch it train.")] = 20,
    compare: Annotated[bool, typer.Option(help="Train without viewers, too.")] = True,
    note: Annotated[str, typer.Option(help="What else to say above the table.")] = "",
    write: Annotated[bool, typer.Option(help="Write the table into the page.")] = False,
    page: Annotated[Path, typer.Option(help="The page to write into.")] = _PAGE,
) -> None:
    """Measure, print the table, and write it where asked."""
    with tempfile.TemporaryDirectory(prefix="tuneboard-pages-") as folder:
        os.environ["TUNEBOARD_HOME"] = folder
        with serving(Path(folder)) as server:
            study_id, figures = _training_figures(server, trials, viewers, compare=compare)
        figures = [*_browser_figures(Path(folder), study_id), *figures]
    text = table(figures, f"{_about(trials)} {note}".strip())
    print(text)
    if not write:
        return
    try:
        replace(page, MARK, text)
    except ResultsFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
