"""Every plot of a search drawn in Chromium, for few and many trials, in light and dark.

With TUNEBOARD_SCREENSHOTS naming a folder, the pictures are kept there. How long plots take is
measured by ``python -m benchmarks.plots``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from pages.parts.study.analysis_views.plots import plots_of
from tests.bounded import pairs
from tests.browser.searched_study import search_spec, write_search
from tests.browser.server import Server, serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PLOTS = tuple(plots_of(search_spec(3)))
NEED_MORE = {"Partial dependence", "Partial dependence of two", "Importance by three methods"}
SIZES = (3, 300, 10_000)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


@pytest.fixture(scope="module")
def searched(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, dict[int, str]]]:
    """Give a server with a search of each size."""
    with serving(tmp_path_factory.mktemp("home"), workers=0) as server:
        yield server, {size: write_search(server.db, size) for size in SIZES}


def window(browser: Browser, scheme: Scheme) -> Page:
    size = {"width": 1440, "height": 1500}
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    return context.new_page()


def address(server: Server, study_id: str, plot: str) -> str:
    return (
        f"{server.url}/study?id={study_id}&tab=Analysis&chart=All+plots&an_plot={quote(plot)}"
    )


@pytest.mark.parametrize(("size", "scheme"), pairs(SIZES, SCHEMES, share=6))
def test_each_plot_appears(
    searched: tuple[Server, dict[int, str]],
    browser: Browser,
    tmp_path: Path,
    size: int,
    scheme: Scheme,
) -> None:
    server, ids = searched
    page = window(browser, scheme)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for plot in PLOTS:
        page.goto(address(server, ids[size], plot))
        shown = page.locator(".js-plotly-plot")
        if size == 3 and plot in NEED_MORE:
            expect(page.get_by_test_id("stAlert").filter(has_text="Needs ")).to_be_visible()
            expect(shown).to_have_count(0)
        else:
            expect(shown).to_have_count(1)
            expect(shown.locator(".gtitle")).not_to_be_empty()
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        picture(page, tmp_path, f"plot-{plot.replace(' ', '-').lower()}-{size}-{scheme}")
    page.context.close()
    assert errors == []


def picture(page: Page, tmp_path: Path, name: str) -> None:
    """Check that nothing scrolls sideways, and keep the picture."""
    page.wait_for_timeout(400)  # what Plotly draws after its title
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 1440
    folder = Path(os.environ.get("TUNEBOARD_SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"{name}.png")
