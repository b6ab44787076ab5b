"""How long a large file takes from the drop to its profile: ``python -m benchmarks.uploads``.

Two million rows, about 200 MB of CSV, are dropped on the page in Chromium while others follow a
study. Counted is from choosing the file to the profile on the screen, upload included. With
``--write`` the table goes into docs/benchmarks.md.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from playwright.sync_api import sync_playwright

from benchmarks.marked import replace
from benchmarks.memory import MemoryWatch, memory_kind
from benchmarks.pages import Figure, cheap_spec, table
from benchmarks.results import ResultsFileError, about_this_machine
from benchmarks.viewers import Audience
from storage.leases import update_claimed
from storage.studies import TRAINING, first_claim
from tests.browser.server import CHROMIUM, FLAGS, Server, serving
from tuning.launch import launch

MARK = "uploads"
_PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_OWNER = "benchmark"
_PATIENCE_MS = 600_000
_IN_A_BLOCK = 100_000
_PROFILE_S, _MEMORY_MB, _UPDATE_S = 20.0, 1500.0, 1.0


def write_file(path: Path, n_rows: int) -> float:
    """Write a table of numbers, choices, dates, gaps and a target; return its size in MB."""
    rng = np.random.default_rng(7)
    header = True
    for start in range(0, n_rows, _IN_A_BLOCK):
        n = min(_IN_A_BLOCK, n_rows - start)
        values = rng.normal(50, 12, (n, 12)).round(3)
        block = pd.DataFrame(values, columns=[f"sensor_{k}" for k in range(12)])
        block.loc[rng.random(n) < 0.02, "sensor_3"] = np.nan
        block["site"] = rng.choice(["north", "south", "east", "west"], n)
        days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, n), "D")
        block["day"] = days.strftime("%Y-%m-%d")
        block["failed"] = np.where(values[:, 0] + rng.normal(0, 8, n) > 62, "yes", "no")
        block.to_csv(path, mode="w" if header else "a", header=header, index=False)
        header = False
    return path.stat().st_size / 1e6


def measure(server: Server, file: Path, n_viewers: int) -> list[Figure]:
    """Drop the file while viewers follow a study; return what it took."""
    study_id = launch(server.db, cheap_spec(10), owner=_OWNER)
    update_claimed(server.db, first_claim(study_id, _OWNER), state=TRAINING)
    assert server.process is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{server.url}/datasets")
        drop = page.get_by_test_id("stFileUploaderDropzoneInput")
        drop.wait_for(state="attached", timeout=_PATIENCE_MS)
        with Audience(server.url, study_id, n_viewers) as audience:
            watch = MemoryWatch(server.process.pid)
            started = time.perf_counter()
            drop.set_input_files(file)
            page.get_by_role("button", name="Use this dataset").wait_for(timeout=_PATIENCE_MS)
            seconds = time.perf_counter() - started
            watch.end()
        browser.close()
    later = audience.updates.later
    size = f"{file.stat().st_size / 1e6:,.0f} MB"
    return [
        Figure("drop to profile", seconds, _PROFILE_S, "s", f"{size}, upload included"),
        Figure(
            "app, most memory", watch.peak_bytes / 1e6, _MEMORY_MB, "MB",
            "the app and all its children meanwhile",
        ),
        Figure(
            f"update, {n_viewers} viewers", float(np.percentile(later, 95)), _UPDATE_S, "s",
            f"meanwhile; p95 of {len(later)}",
        ),
    ]  # fmt: skip


def main(
    rows: Annotated[int, typer.Option(help="Rows of the file.")] = 2_000_000,
    viewers: Annotated[int, typer.Option(help="People who watch a study.")] = 5,
    write: Annotated[bool, typer.Option(help="Write the table into the page.")] = False,
    page: Annotated[Path, typer.Option(help="The page to write into.")] = _PAGE,
) -> None:
    """Measure, print the table, and write it where asked."""
    with tempfile.TemporaryDirectory(prefix="tuneboard-uploads-") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        os.environ["TUNEBOARD_HOME"] = str(home)
        os.environ["TUNEBOARD_UPLOAD_LIMIT_MB"] = "1024"
        file = Path(folder) / "sensors.csv"
        write_file(file, rows)
        with serving(home, workers=0) as server:
            figures = measure(server, file, viewers)
    text = table(figures, _about(rows))
    print(text)
    try:
        if write:
            replace(page, MARK, text)
    except ResultsFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _about(n_rows: int) -> str:
    date = dt.datetime.now(dt.UTC).date().isoformat()
    machine = about_this_machine(memory_kind(), date)["machine"]
    return (
        f"{n_rows:,} rows × 15 columns, measured on {date} on {machine['cores']} cores of "
        + f"{machine['cpu']}, {machine['memory_gb']} GB of memory, {machine['system']}."
    )


if __name__ == "__main__":
    typer.run(main)
