"""How long each plot of a search takes in Chromium: ``python -m benchmarks.plots``.

Studies are written straight into a database, so that nothing is trained. Counted is from
choosing a plot, on a page that is open, to the drawn figure, with what the server does in
between. The first plot of a page loads Plotly, too, and is not counted.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Page, sync_playwright

from pages.parts.study.analysis_views.plots import plots_of
from tests.browser.searched_study import search_spec, write_search
from tests.browser.server import CHROMIUM, FLAGS, Server, serving

_WARM = "History"
_PATIENCE_MS = 120_000
# The figure of a plot is there when its title is another one, and its last layer is drawn.
_DRAWN = """before => {
    const plots = document.querySelectorAll('.js-plotly-plot');
    const busy = document.querySelector('[data-testid=stSkeleton]');
    const app = document.querySelector('[data-testid=stApp]');
    const idle = app && app.dataset.testScriptState === 'notRunning';
    const alert = document.querySelector('[data-testid=stTabPanel] [data-testid=stAlert]');
    if (busy || !idle) return false;
    if (alert) return true;
    const plot = plots[0];
    return Boolean(plot && plot !== window.lastPlot && plot.querySelector('.gtitle'));
}"""
_REMEMBER = "() => { window.lastPlot = document.querySelector('.js-plotly-plot'); }"


def main(
    sizes: Annotated[str, typer.Option(help="Trials of the studies.")] = "3,300,10000",
) -> None:
    """Print seconds for each plot and each size of a study."""
    counts = [int(text) for text in sizes.split(",")]
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), workers=0) as server:
        ids = {count: write_search(server.db, count) for count in counts}
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            for count, study_id in ids.items():
                page = chromium.new_page(viewport={"width": 1440, "height": 1500})
                _measure(page, server, study_id, count)
                page.close()
            chromium.close()


def _measure(page: Page, server: Server, study_id: str, count: int) -> None:
    address = f"{server.url}/study?id={study_id}&tab=Analysis&chart=All+plots&an_plot={_WARM}"
    page.goto(address, timeout=_PATIENCE_MS)
    page.wait_for_function(_DRAWN, timeout=_PATIENCE_MS)
    for plot in plots_of(search_spec(count)):
        if plot == _WARM:
            continue
        first = _choose(page, plot)
        _choose(page, _WARM)
        again = _choose(page, plot)
        print(f"{count:>6,} trials, {plot:<28} first {first:5.2f} s, again {again:5.2f} s")


def _choose(page: Page, plot: str) -> float:
    """Choose a plot; return the seconds until it is drawn."""
    page.evaluate(_REMEMBER)
    box = page.locator(".st-key-an_plot input")
    box.click()
    option = page.get_by_role("option", name=plot, exact=True)
    option.wait_for()
    start = time.perf_counter()
    option.click()
    page.wait_for_timeout(50)  # the wish is on its way: the page is not idle any more
    page.wait_for_function(_DRAWN, timeout=_PATIENCE_MS)
    return time.perf_counter() - start


if __name__ == "__main__":
    typer.run(main)
