"""Each ready-made search is launched from its card and trains, in a real Chromium.

Those that take seconds are followed to their end; the others, minutes each, to their first
curves, and then they are stopped from their page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.studies import FINISHED, STOPPED, get_study
from tests.browser.server import PATIENCE_S, Server, serving, wait_until
from tuning.recipes import RECIPES
from tuning.spec import StudySpec

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.soak]

TAKE_SECONDS = ("pima-", "california-")
LONG_MS = PATIENCE_S * 1000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server with a worker that finds its compiled steps again."""
    home: Path = tmp_path_factory.mktemp("home")
    with serving(home) as running:
        yield running


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_starts_from_its_card_as_it_was_published_and_trains(
    server: Server, page: Page, name: str
) -> None:
    page.goto(server.url)
    card = page.locator(f".st-key-recipe_open_{name} button")
    searches = page.get_by_text("Ready-made searches", exact=True)
    expect(searches).to_be_visible()
    if page.locator("details:not([open])").filter(has=searches).count():
        searches.click()  # folded away where there are more than three studies
    card.press("Enter")  # it may still move while the cards unfold, and a click miss it
    page.get_by_role("button", name="Start study").click()
    page.wait_for_url(re.compile(r"/study\?id="))

    found = re.search(r"[?&]id=([^&]+)", page.url)
    assert found is not None
    study_id = found[1]
    spec = StudySpec.parse(get_study(server.db, study_id).spec)
    assert spec == RECIPES[name].spec
    expect(page.get_by_role("heading", name=spec.name).first).to_be_visible()
    expect(page.locator(".st-key-live_curves canvas").first).to_be_visible(timeout=LONG_MS)
    if name.startswith(TAKE_SECONDS):
        ended = page.get_by_text(re.compile(r"^Finished in "))
        expect(ended).to_be_visible(timeout=LONG_MS)
        row = get_study(server.db, study_id)
        assert (row.state, row.n_trials_done) == (FINISHED, spec.n_trials)
        assert row.best_score is not None
    else:
        stop_from_page(page)
        wait_until(lambda: get_study(server.db, study_id).state == STOPPED)


def stop_from_page(page: Page) -> None:
    """Press Stop, and confirm it."""
    page.get_by_role("button", name="Stop", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop", exact=True).click()
