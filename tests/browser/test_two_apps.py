"""Two apps on one PostgreSQL server: both show the same studies, and either can stop one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from storage.studies import STOPPED, TRAINING, get_study
from tests.browser.server import serving, wait_until
from tests.faults.checks import make_spec, times_taken
from tests.postgres import Server as Postgres
from tuning.launch import launch

pytestmark = [pytest.mark.slow, pytest.mark.browser]

_LONG = make_spec("random", n_epochs=10_000)


def test_what_one_app_shows_the_other_shows_and_stops(
    postgres: Postgres, page: Page, tmp_path: Path
) -> None:
    homes = [tmp_path / name for name in ("one", "two")]
    for home in homes:
        home.mkdir()
    with (
        postgres.database() as name,
        serving(homes[0], postgres.url(name)) as first,
        serving(homes[1], postgres.url(name), workers=0) as second,
    ):
        study_id = launch(first.db, _LONG)
        wait_until(lambda: get_study(first.db, study_id).state == TRAINING)
        for server in (first, second):
            page.goto(server.url)
            expect(page.get_by_text(_LONG.name).first).to_be_visible()

        page.goto(f"{second.url}/study?id={study_id}")
        page.get_by_role("button", name="Stop").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Stop").click()
        wait_until(lambda: get_study(second.db, study_id).is_final)
        page.goto(f"{first.url}/study?id={study_id}")

        expect(page.get_by_text("Stopped").first).to_be_visible()
        assert get_study(first.db, study_id).state == STOPPED
        assert times_taken(first.db, study_id) == 1
