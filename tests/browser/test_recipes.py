"""Each ready-made search is launched from its card, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.studies import get_study
from tests.browser.server import Server, serving
from tuning.recipes import RECIPES
from tuning.spec import StudySpec

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.soak]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server that trains nothing: only what is launched is looked at."""
    home: Path = tmp_path_factory.mktemp("home")
    with serving(home, workers=0) as running:
        yield running


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_starts_from_its_card_as_it_was_published(
    server: Server, page: Page, name: str
) -> None:
    page.goto(server.url)
    card = page.locator(f".st-key-recipe_open_{name} button")
    searches = page.get_by_text("Ready-made searches", exact=True)
    expect(searches).to_be_visible()
    if page.locator("details:not([open])").filter(has=searches).count():
        searches.click()  # folded away where there are more than three studies
    card.click()
    page.get_by_role("button", name="Start study").click()
    page.wait_for_url(re.compile(r"/study\?id="))

    found = re.search(r"[?&]id=([^&]+)", page.url)
    assert found is not None
    spec = StudySpec.parse(get_study(server.db, found[1]).spec)
    assert spec == RECIPES[name].spec
    expect(page.get_by_role("heading", name=spec.name).first).to_be_visible()
