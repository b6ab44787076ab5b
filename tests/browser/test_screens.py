"""Every page in light and dark, wide and on a phone: nothing broken, nothing scrolls sideways.

With TUNEBOARD_SCREENSHOTS naming a folder, the pictures of the documentation are taken anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from storage.studies import get_study
from storage.wishes import ask_to_stop
from tests.bounded import FULL
from tests.browser.server import PATIENCE_S, Server, serving, wait_until
from tuning.launch import launch
from tuning.recipes import recipe, with_sealed_test
from tuning.spec import StudySpec

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WIDE, PHONE = (1440, 900), (390, 844)
STUDY_TABS = ("Live", "Results", "Analysis", "Best model", "Log")


# All four where the pictures of the documentation are taken.
WINDOWS: list[tuple[Scheme, tuple[int, int]]] = (
    [(scheme, size) for scheme in SCHEMES for size in (WIDE, PHONE)]
    if FULL or "TUNEBOARD_SCREENSHOTS" in os.environ
    else [("light", WIDE), ("dark", PHONE)]
)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str, str]]:
    """Give a server with the example's study, and one that trains long enough to be seen."""
    short = recipe("pima-batch-epochs").spec
    spec = short.model_dump()
    spec["space"] |= {"epochs": {"kind": "list", "values": [10, 50, 5000]}}
    shown = with_sealed_test(short) if "TUNEBOARD_SCREENSHOTS" in os.environ else short
    with serving(tmp_path_factory.mktemp("home")) as server:
        finished = launch(server.db, shown)
        wait_until(lambda: get_study(server.db, finished).state == "finished")
        yield server, finished, launch(server.db, StudySpec.parse(spec))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server that nobody has used."""
    with serving(tmp_path_factory.mktemp("empty")) as server:
        yield server


def picture(page: Page, tmp_path: Path, name: str) -> None:
    """Check that a page is whole, and keep its picture."""
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_timeout(800)  # the entry animation of charts
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]  # type: ignore[index]
    folder = Path(os.environ.get("TUNEBOARD_SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"{name}.png")


def window(browser: Browser, scheme: Scheme, size: tuple[int, int]) -> Page:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
    )
    return context.new_page()


def settled(page: Page) -> None:
    """Wait until the page has drawn all it has to show now."""
    expect(page.get_by_test_id("stMainBlockContainer")).to_be_visible()
    page.wait_for_timeout(500)
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


def test_pages_that_nobody_has_used(empty: Server, browser: Browser, tmp_path: Path) -> None:
    for scheme, size in WINDOWS:
        suffix = "-phone" if size == PHONE else ""
        page = window(browser, scheme, size)
        for path, name in (
            ("/", "home-empty"),
            ("/new", "new-study-blank"),
            ("/datasets", "datasets"),
            ("/datasets?id=pima", "dataset"),
        ):
            page.goto(empty.url + path)
            settled(page)
            picture(page, tmp_path, f"{name}{suffix}-{scheme}")
        page.context.close()


def test_a_study_in_training(
    studies: tuple[Server, str, str], browser: Browser, tmp_path: Path
) -> None:
    server, _, study_id = studies
    wait_until(lambda: get_study(server.db, study_id).n_trials_done >= 4)
    for scheme, size in WINDOWS:
        suffix = "-phone" if size == PHONE else ""
        page = window(browser, scheme, size)
        page.goto(f"{server.url}/study?id={study_id}")
        expect(page.locator(".st-key-live_curves canvas").first).to_be_visible()
        expect(page.locator(".st-key-live_history canvas").first).to_be_visible()
        picture(page, tmp_path, f"study-live{suffix}-{scheme}")
        page.context.close()
    ask_to_stop(server.db, study_id)


def test_a_finished_study_and_its_list(
    studies: tuple[Server, str, str], browser: Browser, tmp_path: Path
) -> None:
    server, study_id, _ = studies
    for scheme, size in WINDOWS:
        suffix = "-phone" if size == PHONE else ""
        page = window(browser, scheme, size)
        page.goto(f"{server.url}/study?id={study_id}")
        finished = page.get_by_text(re.compile("^Finished in")).first
        expect(finished).to_be_visible(timeout=PATIENCE_S * 1000)
        for tab in STUDY_TABS:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(700)
            settled(page)
            picture(page, tmp_path, f"study-{tab.split()[0].lower()}-done{suffix}-{scheme}")
        for path, name in (("/", "home"), ("/new?recipe=pima-sgd", "new-study")):
            page.goto(server.url + path)
            settled(page)
            picture(page, tmp_path, f"{name}{suffix}-{scheme}")
        page.context.close()
