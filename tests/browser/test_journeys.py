"""What a person does, from the empty home page to the answer, in a real Chromium."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from storage.results import read_trials
from storage.studies import get_study, list_studies
from storage.wishes import ask_to_confirm
from tests.browser.server import PATIENCE_S, Server, serving, wait_until
from tuning.launch import launch
from tuning.recipes import recipe
from tuning.spec import StudySpec

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LONG_MS = PATIENCE_S * 1000


def open_home(page: Page, server: Server) -> None:
    page.goto(server.url)
    expect(page.get_by_role("heading").first).to_be_visible()


def fill(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")


def start(page: Page) -> str:
    """Press Start on the New study page, and return the new study's id."""
    button = page.get_by_role("button", name="Start study")
    expect(button).to_be_enabled()
    button.click()
    page.wait_for_url(re.compile(r"/study\?id="))
    return study_id(page)


def study_id(page: Page) -> str:
    found = re.search(r"[?&]id=([^&]+)", page.url)
    assert found is not None
    return found[1]


def expect_moving_curves(page: Page) -> None:
    """See a curve chart and, some time later, more epochs in it; the canvas stays the same."""
    canvas = page.locator(".st-key-live_curves canvas").first
    expect(canvas).to_be_visible(timeout=LONG_MS)
    canvas.evaluate("element => { element.dataset.seen = 'first' }")
    progress = page.get_by_role("progressbar").first
    before = progress.get_attribute("aria-valuenow")
    expect(progress).not_to_have_attribute("aria-valuenow", before or "", timeout=LONG_MS)
    expect(canvas).to_have_attribute("data-seen", "first")


def expect_finished(page: Page) -> None:
    expect(page.get_by_text(re.compile(r"^Finished in "))).to_be_visible(timeout=LONG_MS)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def column(page: Page, name: str) -> list[str]:
    """Return the cells of a column of the results grid, from its table for screen readers."""
    grid = page.get_by_test_id("stDataFrame").last
    headers = grid.locator("th[role=columnheader]")
    expect(headers.first).to_be_attached()
    names = headers.all_text_contents()
    index = names.index(name) + 1
    cells: Locator = grid.locator(f"td[aria-colindex='{index}']")
    return [text.strip() for text in cells.all_text_contents()]


def test_the_example_goes_from_an_empty_home_to_the_answer(server: Server, page: Page) -> None:
    open_home(page, server)
    expect(
        page.get_by_role("heading", name="Find settings that are really better")
    ).to_be_visible()

    page.get_by_role("button", name="Run the example").click()

    page.wait_for_url(re.compile(r"/study\?id=pima-batch-epochs"))
    expect_finished(page)  # within seconds: too soon to see its curves move
    open_tab(page, "Results")
    trials = column(page, "Trial")
    assert len(trials) >= 10  # the grid draws the rows in view
    verdict = json.loads(get_study(server.db, study_id(page)).verdict)
    assert int(trials[0]) == verdict["leader"]
    assert verdict["confirmed"] is not None
    open_tab(page, "Analysis")
    # The default settings are no cell of the grid, and tell nothing of its parameters.
    expect(page.get_by_text("Needs 20 trials in the space; 18 have finished.")).to_be_visible()
    expect(page.get_by_text("Based on 19 of 19 trials")).to_be_visible()
    page.get_by_test_id("stMain").get_by_text("Two parameters", exact=True).click()
    expect(page.get_by_test_id("stPlotlyChart")).to_be_visible()
    open_tab(page, "Best model")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the model (.keras)").click()
    assert Path(download.value.path()).stat().st_size > 1000
    told = page.get_by_text(re.compile(r"^Finished in ")).inner_text()
    ask_to_confirm(server.db, study_id(page), [1])  # by somebody else
    expect(page.get_by_text(told, exact=True)).to_have_count(0)


@pytest.mark.soak  # pages, driver and pool are each tried with it
def test_a_study_is_paused_goes_on_and_takes_more_trials(server: Server, page: Page) -> None:
    space = {
        "batch_size": {"kind": "list", "values": [10, 20]},
        "epochs": {"kind": "fixed", "value": 2000},
    }
    whole = recipe("pima-batch-epochs").spec.model_dump() | {"name": "rested", "space": space}
    rested = launch(server.db, StudySpec.parse(whole))
    page.goto(f"{server.url}/study?id={rested}")
    expect(page.locator(".st-key-live_curves canvas").first).to_be_visible(timeout=LONG_MS)

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(re.compile(r"^Paused by a person\. \d+ of 6 fits"))).to_be_visible()
    assert get_study(server.db, rested).state == "paused"
    page.get_by_role("button", name="Resume").click()
    expect_finished(page)

    page.get_by_role("button", name="Next step").click()
    page.get_by_role("button", name="Add trials…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Add and go on")).to_be_disabled()
    fill(page, "Batch size", "10, 20, 40")
    expect(dialog.get_by_text("1 more trial, 3 fits.")).to_be_visible()
    dialog.get_by_role("button", name="Add and go on").click()

    wait_until(lambda: get_study(server.db, rested).n_trials_done == 3)
    expect_finished(page)
    assert [trial.state for trial in read_trials(server.db, rested)] == ["COMPLETE"] * 3


def test_california_is_changed_before_launch_and_sorted_by_error(
    server: Server, page: Page
) -> None:
    page.goto(f"{server.url}/new?recipe=california-random")
    fill(page, "Trials", "2")
    expect(page.get_by_text("2 trials × 3 folds × 1 repeat = 6 fits")).to_be_visible()

    found = start(page)

    expect_finished(page)
    open_tab(page, "Results")
    errors = [float(score) for score in column(page, "Score (RMSE)")]
    assert len(errors) == 2
    assert errors == sorted(errors)
    assert get_study(server.db, found).n_fits_done == 6
    open_tab(page, "Analysis")
    expect(
        page.get_by_text(re.compile("Needs 20 trials in the space; 2 have finished"))
    ).to_be_visible()


@pytest.mark.soak  # minutes on two cores
def test_the_network_of_the_digits_is_trained_as_published(server: Server, page: Page) -> None:
    open_home(page, server)
    page.locator(".st-key-recipe_open_mnist27-baseline").get_by_role("link").or_(
        page.locator(".st-key-recipe_open_mnist27-baseline").get_by_role("button")
    ).first.click()

    found = start(page)

    canvas = page.locator(".st-key-live_curves canvas").first
    expect(canvas).to_be_visible(timeout=LONG_MS)
    expect_finished(page)
    trials = read_trials(server.db, found)
    assert len(trials) == 1
    assert trials[0].score is not None
    assert trials[0].score >= 0.975


def test_a_study_is_stopped_from_its_page_and_keeps_what_is_done(
    server: Server, page: Page
) -> None:
    spec = recipe("pima-sgd").spec
    # Some trials end at once, others one after another for a long time.
    epochs = {"kind": "list", "values": [1, 100, 300, 600, 1000, 1500, 2000, 10_000]}
    space = spec.model_dump()["space"] | {"epochs": epochs}
    found = launch(server.db, StudySpec.parse(spec.model_dump() | {"space": space}))
    page.goto(f"{server.url}/study?id={found}")
    wait_until(lambda: get_study(server.db, found).n_trials_done >= 1)
    expect_moving_curves(page)
    open_tab(page, "Results")
    show = page.get_by_role("button", name="Show them")
    expect(show).to_be_visible(timeout=LONG_MS)  # rows do not move until somebody wants them to
    cells = page.get_by_test_id("stDataFrame").last.locator("td")
    expect(cells.first).to_be_attached()
    before = cells.all_text_contents()
    show.click()
    wait_until(lambda: cells.all_text_contents() not in ([], before))

    page.get_by_role("button", name="Stop").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()

    expect(page.get_by_text("Stopped", exact=False).first).to_be_visible()
    wait_until(lambda: get_study(server.db, found).state == "stopped")
    row = get_study(server.db, found)
    states = [trial.state for trial in read_trials(server.db, found)]
    assert 1 <= row.n_trials_done < 240
    # Learning rates this high let some trials run away: they are done, and failed.
    assert row.n_trials_done == states.count("COMPLETE") + states.count("FAIL")


def test_bad_text_is_told_at_its_row_and_blocks_the_start(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/new?recipe=pima-batch-epochs")
    expect(page.get_by_role("button", name="Start study")).to_be_enabled()

    fill(page, "Batch size, values", "10, ten")

    sentence = "Batch size: 'ten' is not a number. Write for example 10, 20, 40."
    expect(page.get_by_text(sentence).first).to_be_visible()
    expect(page.get_by_role("button", name="Start study")).to_be_disabled()
    page.reload()
    expect(page.get_by_label("Batch size, values", exact=True)).to_have_value("10, ten")


def test_a_double_click_starts_one_study(server: Server, page: Page) -> None:
    before = len(list_studies(server.db, limit=100))
    page.goto(f"{server.url}/new?recipe=pima-neurons")
    button = page.get_by_role("button", name="Start study")
    expect(button).to_be_enabled()

    button.dblclick()

    page.wait_for_url(re.compile(r"/study\?id="))
    page.wait_for_timeout(1000)
    assert len(list_studies(server.db, limit=100)) == before + 1
    page.get_by_role("button", name="Stop").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    wait_until(lambda: get_study(server.db, study_id(page)).state == "stopped")


@pytest.mark.soak  # and often in tests/faults/test_kills.py
def test_a_search_outlives_its_page_and_the_app(tmp_path: Path, page: Page) -> None:
    with serving(tmp_path) as server:
        page.goto(f"{server.url}/new?recipe=pima-optimizer")
        found = start(page)
        wait_until(lambda: get_study(server.db, found).n_trials_done >= 1)
        pids = server.workers()

        page.goto("about:blank")
        server.kill()
        done = get_study(server.db, found).n_fits_done
        wait_until(lambda: get_study(server.db, found).n_fits_done > done)
        server.start()
        page.goto(f"{server.url}/study?id={found}")

        expect_finished(page)
        assert server.workers() == pids
        assert get_study(server.db, found).n_trials_done == 7


def test_a_deep_link_is_the_first_request_and_unknown_ids_get_a_sentence(
    tmp_path: Path, page: Page
) -> None:
    with serving(tmp_path) as server:
        page.goto(f"{server.url}/study?id=pima-9x2k")

        sentence = "There is no study 'pima-9x2k'. It may have been deleted."
        expect(page.get_by_text(sentence)).to_be_visible()
        expect(page.get_by_role("link", name="New study")).to_be_visible()
        page.goto(f"{server.url}/study")
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.get_by_role("link", name="Datasets")).to_be_visible()
