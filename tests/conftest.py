"""A data folder of their own for all tests, set before anything reads the settings."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database, database, open_database
from storage.settings import settings
from tests.bounded import FULL
from tests.postgres import Server, find_programs
from tuning.training.compiled import set_flags

# Of the files with slow tests the longest come first, so that none of them is left at the end.
# Fast ones come before: what TensorFlow leaves in memory makes pages slower.
_LONGEST = (
    "training/stacked/test_keras_equality",
    "faults/test_kills",
    "browser/test_journeys",
    "execution/test_pool",
    "test_driver",
    "training/stacked/test_trainer",
    "faults",
    "browser",
    "benchmarks",
)
_HOME = tempfile.TemporaryDirectory(prefix="tuneboard-tests-")
_DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"

os.environ["TUNEBOARD_HOME"] = _HOME.name
os.environ["COLUMNS"] = "120"  # tables of commands wrap the same way in every terminal
os.environ.pop("TUNEBOARD_DATABASE_URL", None)  # never the database of a person
if _DATASETS.is_dir():
    os.environ.setdefault("TUNEBOARD_DATASETS", str(_DATASETS))
settings.cache_clear()
set_flags(Path(_HOME.name))  # compile as a worker does: in half the time


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put files of fast tests first, then the longest; leave out what only `make soak` runs."""
    slow = {item.path for item in items if _is_slow(item)}
    items.sort(key=lambda item: (item.path in slow, _place(item)))  # within a file it stays
    if FULL:
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of every later garbage collection: it is not small."""
    gc.collect()
    gc.freeze()


def _is_slow(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("slow", "browser"))


def _place(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent).as_posix()
    places = [place for place, start in enumerate(_LONGEST) if path.startswith(start)]
    return places[0] if places else len(_LONGEST)


def pytest_unconfigure() -> None:
    """Remove the data folder of the tests."""
    _forget()
    _HOME.cleanup()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a migrated SQLite file to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "tuneboard.sqlite3"
    open_database(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def db(tmp_path: Path, migrated: Path) -> Iterator[Database]:
    """Give a migrated database of its own to one test."""
    path = tmp_path / "tuneboard.sqlite3"
    shutil.copyfile(migrated, path)
    opened = open_database(f"sqlite:///{path}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """Give a PostgreSQL server of the tests' own."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is neither in PATH nor in /usr/lib/postgresql")
    server = Server(programs)
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Name the kind of database, one after the other."""
    return str(request.param)


@pytest.fixture
def empty_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a database without tables, of each kind."""
    if dialect == "sqlite":
        yield f"sqlite:///{tmp_path / 'tuneboard.sqlite3'}"
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as name:
        yield server.url(name)


@pytest.fixture
def each_db(empty_url: str, tmp_path: Path, migrated: Path) -> Iterator[Database]:
    """Give a migrated database of its own to one test, of each kind."""
    if empty_url.startswith("sqlite"):
        shutil.copyfile(migrated, tmp_path / "tuneboard.sqlite3")
    opened = open_database(empty_url)
    yield opened
    opened.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a data folder of its own to one test, with `settings` and `database` read anew."""
    monkeypatch.setenv("TUNEBOARD_HOME", str(tmp_path))
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    """Make `settings` and `database` read the environment again."""
    if database.cache_info().currsize:
        database().close()
    database.cache_clear()
    settings.cache_clear()
