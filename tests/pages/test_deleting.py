"""Deleting through the pages: refused in the layer below too, where the page is behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from storage.database import database
from storage.datasets import list_datasets
from storage.settings import settings
from storage.studies import count_studies
from storage.wishes import ask_to_stop, resume
from tests.upload_files import save_upload
from tuning.launch import launch
from tuning.recipes import recipe

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"
TABLE = "a,b,kind\n" + "".join(f"{i},{i * i},{'yes' if i % 3 else 'no'}\n" for i in range(60))
pytestmark = pytest.mark.usefixtures("home")


def open_page(name: str, item_id: str) -> AppTest:
    page = AppTest.from_file(str(FRAME), default_timeout=30)
    page.switch_page(str(FRAME.with_name(name)))
    page.query_params["id"] = item_id
    page.run()
    assert not page.exception
    return page


def errors(page: AppTest) -> list[str]:
    assert not page.exception
    return [str(error.value).replace("\\", "") for error in page.error]


def start(dataset_id: str = "breast-cancer") -> str:
    spec = recipe("pima-sgd").spec
    data = spec.data.model_copy(update={"dataset": dataset_id})
    return launch(database(), spec.model_copy(update={"data": data}))


def test_a_study_that_somebody_let_go_on_meanwhile_is_not_deleted() -> None:
    study_id = start()
    ask_to_stop(database(), study_id)
    page = open_page("study.py", study_id)
    page.button(key="study_delete").click().run()
    resume(database(), study_id)

    page.button(key="delete_confirm").click().run()

    assert errors(page) == [
        f"Study '{study_id}' is not finished (waiting), so it stays. "
        + "Stop it first, then delete it."
    ]
    assert count_studies(database()) == 1


def test_an_upload_that_a_study_uses_since_is_not_deleted() -> None:
    info = save_upload(database(), TABLE.encode(), "own.csv", "kind")
    page = open_page("datasets.py", info.id)
    page.button(key="ds_delete").click().run()
    start(info.id)

    page.button(key="ds_delete_confirm").click().run()

    assert errors(page) == [
        "Dataset 'own' is used by 1 study, so it stays. Delete those first."
    ]
    assert [row.id for row in list_datasets(database())] == [info.id]


def test_a_download_without_room_is_not_begun(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEBOARD_DATASETS", str(home / "nothing"))
    monkeypatch.setenv("TUNEBOARD_MIN_FREE_MB", str(10**9))
    settings.cache_clear()
    page = open_page("datasets.py", "mnist")

    page.button(key="ds_fetch").click().run()

    [error] = errors(page)
    assert "but 12 MB for the download and 1,000,000,000 MB to spare are needed." in error
    assert not (home / "datasets").exists()
