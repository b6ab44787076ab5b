"""A data folder of its own for every test, and the folder with the published files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database, database
from storage.settings import settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TUNEBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TUNEBOARD_DATABASE_URL", raising=False)
    settings.cache_clear()
    database.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()
    database.cache_clear()


@pytest.fixture
def bare_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up a machine where nobody has put dataset files anywhere."""
    monkeypatch.delenv("TUNEBOARD_DATASETS", raising=False)
    settings.cache_clear()
    return home


@pytest.fixture
def own_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set up an empty folder of a person's own dataset files."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("TUNEBOARD_DATASETS", str(folder))
    settings.cache_clear()
    return folder


@pytest.fixture
def published(home: Path) -> Path:
    """Return the folder that holds the published files."""
    folder = settings().datasets
    if folder is None:
        pytest.skip("TUNEBOARD_DATASETS names no folder with the published files")
    return folder


@pytest.fixture
def db(home: Path) -> Iterator[Database]:
    opened = database()
    yield opened
    opened.close()
