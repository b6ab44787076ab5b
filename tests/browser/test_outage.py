"""The database goes away while somebody looks at a page, and comes back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pages.parts.problems import AWAY
from tests.browser.server import serving
from tests.postgres import Server as Postgres
from tuning.launch import launch
from tuning.recipes import recipe

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_pages_say_that_the_database_is_away_and_come_back_by_themselves(
    postgres: Postgres, page: Page, tmp_path: Path
) -> None:
    with (
        postgres.database() as name,
        serving(tmp_path, postgres.url(name), workers=0) as server,
    ):
        study_id = launch(server.db, recipe("pima-init").spec)
        address = f"{server.url}/study?id={study_id}"
        page.goto(address)
        waiting = page.get_by_text(re.compile("^Waiting for the worker"))
        expect(waiting.first).to_be_visible()

        postgres.crash()
        try:
            expect(page.get_by_text(AWAY).first).to_be_visible()  # in the parts that poll
            page.reload()
            expect(page.get_by_text(AWAY).first).to_be_visible()
            expect(page.get_by_text("Database offline")).to_be_visible()
            expect(page.get_by_text("Traceback")).to_have_count(0)
        finally:
            postgres.start()

        expect(waiting.first).to_be_visible()
        expect(page.get_by_text(AWAY)).to_have_count(0)
        expect(page.get_by_text("Database offline")).to_have_count(0)
