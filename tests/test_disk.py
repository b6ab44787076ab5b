"""The disk budget: nothing begins that would leave too little free, and the estimate holds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import make_url

from storage.database import Database, database, open_database
from storage.datasets import list_datasets
from storage.leases import claim_study
from storage.results import Batch, CurvePiece, FitRow, TrialRow, write_batch
from storage.settings import settings
from storage.studies import NewStudy, count_studies, create_study
from tests.upload_files import save_upload
from tuning.disk import check_download, check_launch, check_room, curve_bytes, room
from tuning.errors import DiskSpaceError
from tuning.launch import launch
from tuning.recipes import recipe
from tuning.spec import StudySpec

TOO_MUCH_MB = 10**9  # a million gigabytes
TABLE = "a,b,kind\n" + "".join(f"{i},{i * i},{'yes' if i % 3 else 'no'}\n" for i in range(60))


@pytest.fixture
def ask_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Give what sets the space that must stay free, in MB."""

    def ask(megabytes: int) -> None:
        monkeypatch.setenv("TUNEBOARD_MIN_FREE_MB", str(megabytes))
        settings.cache_clear()

    return ask


def make_spec(epochs: dict[str, Any], **sampler: Any) -> StudySpec:
    return StudySpec.parse(
        {
            "name": "cancer",
            "data": {"dataset": "breast-cancer"},
            "space": {"epochs": epochs, "batch_size": {"kind": "list", "values": [10, 20]}},
            "sampler": sampler or {"kind": "grid"},
            "evaluation": {"folds": 3, "repeats": 2},
        }
    )


def test_there_is_room_on_a_disk_with_more_than_is_asked_for(
    ask_for: Callable[[int], None], home: Path, db: Database
) -> None:
    ask_for(0)

    assert room(home) is None
    assert room(home / "not" / "there" / "yet", db) is None


def test_a_study_pauses_with_what_is_free_what_is_asked_for_and_what_to_do(
    ask_for: Callable[[int], None], home: Path
) -> None:
    ask_for(TOO_MUCH_MB)

    sentence = room(home) or ""

    free = re.search(r" has ([\d,]+) MB free, ", sentence)
    assert free is not None
    free_mb = int(free[1].replace(",", ""))
    assert free_mb == pytest.approx(shutil.disk_usage(home).free / 1e6, rel=0.05)
    assert sentence == (
        f"The disk of {str(home)!r} has {free[1]} MB free, but 1,000,000,000 MB to spare are "
        + "needed. Delete studies or datasets, free space, or lower TUNEBOARD_MIN_FREE_MB."
    )


def test_what_is_to_be_written_counts_too(ask_for: Callable[[int], None], home: Path) -> None:
    free_mb = int(shutil.disk_usage(home).free / 1e6)
    ask_for(free_mb // 2)

    check_room(home, 1e6, "a small thing")
    with pytest.raises(DiskSpaceError) as error:
        check_room(home, free_mb * 0.9e6, "a large thing")

    need = f"{-(-free_mb * 9 // 10):,} MB for a large thing and {free_mb // 2:,} MB to spare"
    assert f" free, but {need} are needed." in str(error.value)


def test_a_database_file_elsewhere_is_looked_at_as_well(
    ask_for: Callable[[int], None], home: Path
) -> None:
    if not Path("/dev/shm").is_dir() or Path("/dev/shm").stat().st_dev == home.stat().st_dev:
        pytest.skip("needs a second file system")
    here, there = shutil.disk_usage(home).free, shutil.disk_usage("/dev/shm").free
    path = Path("/dev/shm") / f"tuneboard-{home.name}-{id(home)}.sqlite3"
    small, large = (path, home / "x.sqlite3") if there < here else (home / "x.sqlite3", path)
    try:
        db = open_database(f"sqlite:///{small}")
        ask_for(int((here + there) / 2e6))
        sentence = room(large.parent, db)
        db.close()
    finally:
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()

    assert room(large.parent) is None
    assert sentence is not None
    assert f"The disk of {str(small.parent)!r} has " in sentence


def test_a_study_without_room_is_not_launched(ask_for: Callable[[int], None]) -> None:
    spec = make_spec({"kind": "list", "values": [2, 4]})
    ask_for(TOO_MUCH_MB)

    with pytest.raises(DiskSpaceError, match="1,000,000,000 MB to spare are needed"):
        launch(database(), spec)

    assert count_studies(database()) == 0


def test_the_curves_of_a_study_count_when_it_is_launched(
    ask_for: Callable[[int], None], home: Path
) -> None:
    small = make_spec({"kind": "fixed", "value": 10_000}, kind="tpe", n_trials=1)
    large = make_spec({"kind": "fixed", "value": 10_000}, kind="tpe", n_trials=100)
    free_mb = int(shutil.disk_usage(home).free / 1e6)
    ask_for(free_mb - 500)  # 10 MB for the small one, 1,020 MB for the large one

    check_launch(database(), small, home)
    with pytest.raises(DiskSpaceError, match=r"but 1,021 MB for the curves of this study and "):
        check_launch(database(), large, home)


def test_the_download_a_study_would_begin_with_counts(
    ask_for: Callable[[int], None], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEBOARD_DATASETS", str(home / "nothing"))
    free_mb = int(shutil.disk_usage(home).free / 1e6)
    ask_for(free_mb - 6)  # room for a study of 1 MB, not for MNIST's 12 MB

    check_download(home, "pima")
    with pytest.raises(DiskSpaceError, match="but 12 MB for the download and "):
        check_download(home, "mnist")
    with pytest.raises(DiskSpaceError, match="but 12 MB for the download and "):
        launch(database(), recipe("mnist27-baseline").spec)


def test_an_upload_without_room_is_not_kept(ask_for: Callable[[int], None], home: Path) -> None:
    ask_for(TOO_MUCH_MB)

    with pytest.raises(DiskSpaceError, match="but 1 MB for this table and 1,000,000,000 MB"):
        save_upload(database(), TABLE.encode(), "own.csv", "kind")

    assert list_datasets(database()) == []
    files = [path for path in home.rglob("*") if path.is_file()]
    assert all(path.read_bytes() != TABLE.encode() for path in files)


@pytest.mark.parametrize(
    ("epochs", "sampler", "n_trials", "most"),
    [
        ({"kind": "list", "values": [5, 100, 20]}, {}, 6, 100),
        ({"kind": "fixed", "value": 30}, {}, 2, 30),
        ({"kind": "range", "low": 5, "high": 50}, {"kind": "random", "n_trials": 8}, 8, 50),
        ({"kind": "log_range", "low": 5, "high": 60}, {"kind": "tpe", "n_trials": 9}, 9, 60),
    ],
)
def test_every_fit_counts_with_the_most_epochs(
    epochs: dict[str, Any], sampler: dict[str, Any], n_trials: int, most: int
) -> None:
    n_fits = n_trials * 3 * 2

    assert curve_bytes(make_spec(epochs, **sampler)) == n_fits * (600 + 170 * most)


@pytest.mark.parametrize("n_together", [1, 5, 25])
def test_the_estimate_bounds_what_the_database_grows_by(n_together: int, db: Database) -> None:
    spec = make_spec({"kind": "fixed", "value": 50})
    n_trials, n_folds, n_epochs = 200, 6, 50
    study_id = create_study(
        db, NewStudy("a longer name of a study", "{}", "pima", "grid", "auc", "maximize", 1, 1)
    )
    claim = claim_study(db, "worker", study_id)
    assert claim is not None
    before = size(db)
    values = np.random.default_rng(0).random((n_together, 5)).astype(np.float32)
    settings = {"batch_size": 10, "epochs": 50, "learning_rate": 0.001}
    trial = TrialRow(0, "COMPLETE", settings, 0.71234, 0.012345, 50, 1.23456, 121, "", 1.7e9)
    metrics = {"accuracy": 0.7123456789, "auc": 0.8123456789, "log_loss": 0.5123456789}
    fit = FitRow(0, 0, 0, "COMPLETE", 0.7123456789, metrics, 50, None, 1.23456, "stacked")
    for start in range(0, n_epochs, n_together):
        pieces = [
            CurvePiece(number, 0, fold, start, values)
            for number in range(n_trials)
            for fold in range(n_folds)
        ]
        write_batch(db, claim, Batch(pieces=pieces))
    trials = [replace(trial, number=number) for number in range(n_trials)]
    fits = [replace(fit, number=n, fold=f) for n in range(n_trials) for f in range(n_folds)]
    write_batch(db, claim, Batch(trials=trials, fits=fits))

    grown = size(db) - before

    per_fit = curve_bytes(spec) / (spec.n_trials * spec.n_fits_per_trial)
    assert 0.1 < grown / (n_trials * n_folds * per_fit) <= 1


def size(db: Database) -> int:
    """Return the size of a database once its log is written back."""
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(str(make_url(db.url).database)).stat().st_size
