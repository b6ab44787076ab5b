"""The disk budget: nothing is begun that would leave less than `TUNEBOARD_MIN_FREE_MB` free."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from storage.database import Database
from storage.settings import settings
from tuning.errors import DiskSpaceError
from tuning.setting import Choices, LogRange, Range
from tuning.spec import StudySpec

# Measured in SQLite, indexes included. A piece of one epoch takes 137 bytes, 20 of them values,
# and 165 where many fits take turns; the longer pieces of quick trainings come to 30 to 80
# bytes an epoch.
_EPOCH_BYTES = 170
_FIT_BYTES = 600  # a fit's row, and its share of the trial's rows, Optuna's included: 480
_DOWNLOAD_BYTES = {"pima": 30_000, "california": 450_000, "mnist": 11_600_000}
_MB = 1e6


def room(home: Path, db: Database | None = None) -> str | None:
    """Tell why a study should pause before the disk is full; None while there is room.

    Asks the system for one or two numbers and reads no file, which takes some microseconds:
    cheap enough for every look at the wishes of a study.

    Parameters
    ----------
    home : Path
        The data folder.
    db : Database or None
        Its file, if it is one, may lie on another disk.

    Returns
    -------
    str or None
        The sentence for the person whose study pauses.
    """
    try:
        for folder in _folders(home, db):
            check_room(folder)
    except DiskSpaceError as error:
        return str(error)
    return None


def check_room(folder: Path, need_bytes: float = 0.0, purpose: str = "") -> None:
    """Refuse what would leave too little of a folder's disk free.

    Parameters
    ----------
    folder : Path
        Where it would be written; need not exist yet.
    need_bytes : float
        What it would take.
    purpose : str
        What it is, as in "24 MB for the curves of this study".

    Raises
    ------
    DiskSpaceError
        If less than the setting would be left.
    """
    free, spare_mb = _free_bytes(folder), settings().min_free_mb
    if free - need_bytes < spare_mb * _MB:
        need_mb = math.ceil(need_bytes / _MB)
        raise DiskSpaceError(
            str(folder), math.floor(free / _MB), spare_mb, need_mb, purpose if need_mb else ""
        )


def check_launch(db: Database, spec: StudySpec, home: Path) -> None:
    """Refuse a study whose curves would leave too little of the disk free.

    Raises
    ------
    DiskSpaceError
        If less than the setting would be left.
    """
    check_room(home)
    for folder in _database_folder(db):
        check_room(folder, curve_bytes(spec), "the curves of this study")


def check_download(home: Path, dataset_id: str) -> None:
    """Refuse a download of the catalogue that would leave too little of the disk free.

    Raises
    ------
    DiskSpaceError
        If less than the setting would be left.
    """
    check_room(home, _DOWNLOAD_BYTES.get(dataset_id, 0), "the download")


def curve_bytes(spec: StudySpec) -> int:
    """Return what the rows of a study take in the database at most, mainly its curves.

    Every fit counts with the most epochs a trial may have, each written alone, as it is where
    an epoch takes longer than the time between two writes.
    """
    n_fits = spec.n_trials * spec.n_fits_per_trial
    return n_fits * (_FIT_BYTES + _most_epochs(spec) * _EPOCH_BYTES)


def _most_epochs(spec: StudySpec) -> int:
    setting = spec.searched.get("epochs")
    if isinstance(setting, Choices):
        return max(int(value) for value in setting.values)
    if isinstance(setting, Range | LogRange):
        return int(setting.high)
    return cast(int, spec.fixed["epochs"])


def _folders(home: Path, db: Database | None) -> Iterator[Path]:
    yield home
    if db is not None:
        yield from _database_folder(db)


def _database_folder(db: Database) -> Iterator[Path]:
    """Yield the folder of a database that is a file; a server has a disk of its own."""
    if db.engine.dialect.name == "sqlite":
        yield Path(str(db.engine.url.database)).absolute().parent


def _free_bytes(folder: Path) -> int:
    there = next(path for path in (folder, *folder.absolute().parents) if path.is_dir())
    return shutil.disk_usage(there).free
