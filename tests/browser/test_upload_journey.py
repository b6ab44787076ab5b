"""A file with all that goes wrong in files, from the drop to the best model, in Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

from storage.datasets import list_datasets
from storage.results import read_fits
from storage.studies import get_study
from tests.browser.server import PATIENCE_S, Server, wait_until
from tests.export.test_script import run
from tuning.datasets.uploads.loading import upload_choices, upload_info

pytestmark = [pytest.mark.slow, pytest.mark.browser]

LONG_MS = PATIENCE_S * 1000
N = 400


def churn() -> pd.DataFrame:
    """Make customers: numbers, choices, dates, gaps, copies, an id and a code that leak."""
    rng = np.random.default_rng(11)
    tenure = rng.integers(0, 72, N)
    left = np.where(tenure + rng.normal(0, 8, N) < 30, "yes", "no")
    fee = rng.normal(50, 10, N).round(2)
    fee[rng.random(N) < 0.1] = np.nan
    days = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), "D")
    first = rng.permutation(N)
    leaking = np.where(left == "yes", 900_000, 100_000) + first  # numbered after they had left
    table = pd.DataFrame(
        {
            "customer_id": [f"C-{number:05d}" for number in first],
            "account": leaking % 1_000_000 // 10,
            "tenure": tenure,
            "plan": rng.choice(["basic", "plus", "=max"], N),
            "fee": fee,
            "joined": days.strftime("%d.%m.%Y"),
            "left": left,
        }
    )
    return pd.concat([table, table.iloc[:20]])


def test_a_dropped_file_goes_through_its_warnings_to_the_best_model(
    server: Server, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "churn.export"  # what a file is, its content says
    churn().to_csv(file, index=False, sep=";", decimal=",")
    page.goto(f"{server.url}/datasets")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)

    expect(page.get_by_role("button", name="Read as semicolon, decimal comma")).to_be_visible()
    expect(page.get_by_text("customer_id has 400 different values in 420 rows")).to_be_visible()
    leak = page.get_by_text("account predicts left almost perfectly")
    expect(leak).to_be_visible()
    page.locator(".st-key-ds_warn_leak_account button").click()
    expect(page.get_by_text("account: left out.")).to_be_visible()
    expect(leak).to_have_count(0)
    page.locator(".st-key-ds_warn_duplicates button").click()
    expect(
        page.get_by_text("20 rows that repeat an earlier row will be left out.")
    ).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Who leaves")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_text("400 rows · ")).to_be_visible()
    page.get_by_role("button", name="Use this dataset").click()

    page.wait_for_url(re.compile(r"/new\?"))
    [row] = list_datasets(server.db)
    assert row.name == "Who leaves"
    assert [column.name for column in upload_choices(row).of_role("out")] == [
        "customer_id",
        "account",
    ]
    assert upload_info(row).n_rows == N
    trials = page.get_by_label("Trials", exact=True)
    trials.fill("4")
    trials.press("Enter")
    expect(page.get_by_text("4 trials × 5 folds × 1 repeat = 20 fits")).to_be_visible()
    page.get_by_role("button", name="Start study").click()
    page.wait_for_url(re.compile(r"/study\?id="))
    found = re.search(r"[?&]id=([^&]+)", page.url)
    assert found is not None
    expect(page.locator(".st-key-live_curves canvas").first).to_be_visible(timeout=LONG_MS)
    wait_until(lambda: get_study(server.db, found[1]).state == "finished")
    expect(page.get_by_text(re.compile(r"^Finished in "))).to_be_visible(timeout=LONG_MS)
    best = get_study(server.db, found[1]).best_score
    assert best is not None
    assert 0.75 < best < 0.99  # tenure tells much of it, and nothing that leaks is left
    page.get_by_role("tab", name="Best model").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the model (.keras)").click()
    assert Path(download.value.path()).stat().st_size > 1000
    with page.expect_download() as script:
        page.get_by_role("button", name="Download the training script (.py)").click()
    assert_script_agrees(server, found[1], Path(script.value.path()).read_text("utf-8"), file)


def assert_script_agrees(server: Server, study_id: str, text: str, file: Path) -> None:
    """Run the script on the dropped file, without the project, and compare every fold."""
    told = run(text, file.parent, file.name)

    assert told.returncode == 0, told.stdout + told.stderr
    number = int(re.findall(r"Train trial (\d+)", text)[0])
    scores = re.findall(r"^repeat (\d+), fold (\d+): .*?(\S+)$", told.stdout, re.M)
    recorded = {
        (f.repeat, f.fold): f.score for f in read_fits(server.db, study_id, numbers=[number])
    }
    assert len(scores) >= 5
    for repeat, fold, score in scores:
        expected = recorded[int(repeat), int(fold)]
        assert float(score) == pytest.approx(expected, rel=0.02, abs=0.01)


def test_an_own_dataset_is_downloaded_opened_again_and_deleted(
    server: Server, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "again.csv"
    churn().iloc[:200].to_csv(file, index=False)
    page.goto(f"{server.url}/datasets")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(file)
    page.get_by_role("button", name="Use this dataset").click()
    page.wait_for_url(re.compile(r"/new\?"))
    row = next(row for row in list_datasets(server.db) if row.file_name == "again.csv")

    page.goto(f"{server.url}/datasets?id={row.id}")
    with page.expect_download() as original:
        page.get_by_role("button", name="Download the file").click()
    assert Path(original.value.path()).read_bytes() == file.read_bytes()
    with page.expect_download() as table:
        page.get_by_role("button", name="Download the table (CSV)").click()
    text = Path(table.value.path()).read_text("utf-8")
    assert text.count("\n") == 201
    assert ",'=max," in text  # what a spreadsheet would run is text
    assert ",=max," not in text

    page.get_by_role("button", name="Choose again").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("again")
    page.locator(".st-key-ds_warn_leak_account button").click()
    expect(page.get_by_text("account: left out.")).to_be_visible()
    page.get_by_role("button", name="Use this dataset").click()
    page.wait_for_url(re.compile(r"/new\?"))
    versions = [row for row in list_datasets(server.db) if row.file_name == "again.csv"]
    assert sorted(row.version for row in versions) == [1, 2]

    page.goto(f"{server.url}/datasets?id={row.id}")
    expect(page.get_by_role("button", name="Version 2")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="Datasets")).to_be_visible()
    wait_until(lambda: row.id not in {other.id for other in list_datasets(server.db)})
