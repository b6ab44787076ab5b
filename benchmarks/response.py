"""How soon a person sees what happens: ``python -m benchmarks.response``.

Starts the app with a worker, opens a study in Chromium and measures, in seconds: from an epoch
in the database to the page that shows it, and from the click on Stop to the end of the search.
"""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from storage.results import read_pieces
from storage.studies import get_study
from tests.browser.server import CHROMIUM, FLAGS, Server, serving, wait_until
from tuning.launch import launch
from tuning.recipes import recipe

_SAMPLES = 40


def _newest(server: Server, study_id: str, after_id: int) -> tuple[tuple[int, int, int], int]:
    """Return trial, fold and epoch (from 1) of what was written last."""
    pieces, last = read_pieces(server.db, study_id, after_id=after_id)
    while not pieces:
        time.sleep(0.01)
        pieces, last = read_pieces(server.db, study_id, after_id=after_id)
    piece = pieces[-1]
    return (piece.number, piece.fold, piece.first_epoch + len(piece.values)), last


def _shown(page: Page) -> tuple[int, int, int]:
    """Return trial, fold and epoch that the page says is in training.

    Between two fits it says so: then every epoch of the last one is behind it.
    """
    if page.get_by_text("The next fit is being prepared.").count():
        return (10**9, 0, 0)
    found = [
        re.search(r"Trial (\d+) .*[Ff]old (\d+) .*epoch ([\d,]+) of", text)
        for text in page.get_by_test_id("stProgress").all_text_contents()
    ]
    seen = [(int(m[1]), int(m[2]), int(m[3].replace(",", ""))) for m in found if m is not None]
    return max(seen, default=(-1, -1, -1))


def delays_to_the_page(server: Server, page: Page, study_id: str) -> list[float]:
    """Measure from an epoch in the database to the page, again and again."""
    delays: list[float] = []
    last = 0
    while len(delays) < _SAMPLES:
        written, last = _newest(server, study_id, last)
        started = time.perf_counter()
        while _shown(page) < written and time.perf_counter() - started < 10:
            page.wait_for_timeout(20)
        delays.append(time.perf_counter() - started)
    return delays


def seconds_to_stop(server: Server, page: Page, study_id: str) -> tuple[float, float]:
    """Measure from the click to the end in the database, and to the word on the page."""
    page.get_by_role("button", name="Stop").first.click()
    confirm = page.get_by_role("dialog").get_by_role("button", name="Stop")
    confirm.wait_for()
    started = time.perf_counter()
    confirm.click()
    wait_until(lambda: get_study(server.db, study_id).state == "stopped")
    ended = time.perf_counter() - started
    page.get_by_text("Stopped by a person").first.wait_for()
    return ended, time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    spec = recipe("pima-sgd").spec
    longer = spec.space | {"epochs": spec.space["epochs"].model_copy(update={"value": 1000})}
    with (
        tempfile.TemporaryDirectory() as home,
        serving(Path(home)) as server,
        sync_playwright() as playwright,
    ):
        study_id = launch(server.db, spec.model_copy(update={"space": longer}))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page()
        page.goto(f"{server.url}/study?id={study_id}")
        page.locator(".st-key-live_curves canvas").first.wait_for(timeout=120_000)
        delays = sorted(delays_to_the_page(server, page, study_id))
        print(f"epoch to page: median {median(delays):.2f} s, longest {delays[-1]:.2f} s")
        ended, told = seconds_to_stop(server, page, study_id)
        print(f"stop: ended after {ended:.2f} s, on the page after {told:.2f} s")
        browser.close()


if __name__ == "__main__":
    main()
