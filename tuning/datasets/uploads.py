"""A person's own table: described, kept by the hash of its content, turned into rows.

Everything learned here (columns, choices, classes) is written down once, at the upload, so a
dataset means the same in every study that uses it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.database import Database
from storage.datasets import (
    DatasetRow,
    NewDataset,
    add_dataset,
    delete_dataset,
    get_dataset,
    list_datasets,
    studies_by_dataset,
)
from storage.errors import DatasetInUseError
from storage.settings import settings
from tuning.datasets.info import Dataset, DatasetInfo, Task
from tuning.datasets.tables import (
    FEWEST_ROWS,
    MOST_COLUMNS,
    TableFormat,
    detect_format,
    read_table,
)
from tuning.disk import check_room
from tuning.errors import UploadError

MOST_CLASSES = 20
MOST_LEVELS = 50
_NEW_FIELDS = tuple(NewDataset.__dataclass_fields__)
_TARGET_NAMES = ("target", "label", "class", "outcome", "y")


@dataclass(frozen=True)
class ColumnProfile:
    """One input column of an upload.

    Attributes
    ----------
    kind : {"number", "choice"}
        What its values are.
    missing, distinct : int
        Empty cells, and different values in the others.
    levels : tuple of str
        The choices that become an input each; empty for numbers.
    used : bool
        Whether the column can help at all.
    """

    name: str
    kind: Literal["number", "choice"]
    missing: int
    distinct: int
    levels: tuple[str, ...] = ()
    used: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs it becomes."""
        if not self.used:
            return ()
        return tuple(f"{self.name}: {level}" for level in self.levels) or (self.name,)


@dataclass(frozen=True)
class UploadProfile:
    """What is known of an upload.

    Attributes
    ----------
    n_rows : int
        Rows whose target is known; the others are left out.
    class_names, class_counts : tuple
        In the order of the class codes; empty for regression.
    columns : tuple of ColumnProfile
        Every column but the target, in the order of the file.
    notes : tuple of str
        What a person should know of how the file was read.
    """

    n_rows: int
    target: str
    task: Task
    class_names: tuple[str, ...]
    class_counts: tuple[int, ...]
    columns: tuple[ColumnProfile, ...]
    notes: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of all inputs, in order."""
        return tuple(name for column in self.columns for name in column.inputs)

    def to_json(self) -> str:
        """Write the profile as JSON; `from_json` reads it back to an equal one."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> UploadProfile:
        """Read a profile that `to_json` wrote."""
        content = json.loads(text)
        columns = tuple(
            ColumnProfile(**column | {"levels": tuple(column["levels"])})
            for column in content.pop("columns")
        )
        names, counts, notes = (
            tuple(content.pop(name)) for name in ("class_names", "class_counts", "notes")
        )
        return cls(
            columns=columns, class_names=names, class_counts=counts, notes=notes, **content
        )


def guess_target(table: pd.DataFrame) -> str:
    """Return the column a person most likely wants to predict: one named so, or the last."""
    names = {str(name).lower(): str(name) for name in table.columns}
    found = next((names[word] for word in _TARGET_NAMES if word in names), None)
    return found or str(table.columns[-1])


def recognise_task(series: pd.Series[Any]) -> Task:
    """Tell what predicting a column means.

    Two values are binary; words, or at most 20 different whole numbers, are multiclass;
    anything else is regression.
    """
    values = series.dropna()
    n_distinct = int(values.nunique())
    if n_distinct == 2:
        return "binary"
    if not pd.api.types.is_numeric_dtype(values):
        return "multiclass"
    whole = bool((values % 1 == 0).all())
    return "multiclass" if whole and n_distinct <= MOST_CLASSES else "regression"


def profile_upload(
    data: bytes, file_name: str, target: str | None = None, task: Task | None = None
) -> UploadProfile:
    """Describe an uploaded file; nothing is stored.

    Parameters
    ----------
    data, file_name
        Content of the file and the name it came with.
    target, task : optional
        What to predict; guessed where left out.

    Raises
    ------
    UploadError
        If the file or the target cannot be used.
    """
    table = read_table(data, file_name)
    target = target or guess_target(table)
    if target not in table.columns:
        known = ", ".join(str(name) for name in table.columns[:10])
        raise UploadError(file_name, f"has no column {target!r}. Its columns are: {known}.")
    known_rows = table[table[target].notna()]
    task = task or recognise_task(known_rows[target])
    _check_target(known_rows[target], task, file_name)
    classes = _count_classes(known_rows[target]) if task != "regression" else {}
    columns = tuple(
        _profile_column(known_rows[name]) for name in table.columns if name != target
    )
    notes = _notes(detect_format(data, file_name), table, known_rows, columns)
    profile = UploadProfile(
        len(known_rows), target, task, tuple(classes), tuple(classes.values()), columns, notes
    )
    _check_inputs(profile, file_name)
    return profile


def _check_target(series: pd.Series[Any], task: Task, file_name: str) -> None:
    if len(series) < FEWEST_ROWS:
        raise UploadError(
            file_name,
            f"has a target in {len(series)} rows; at least {FEWEST_ROWS} are needed for folds.",
        )
    n_distinct = int(series.nunique())
    if n_distinct == 1:
        value = _label(series.iloc[0])
        raise UploadError(
            file_name, f"has always {value!r} in {series.name!r}; there is nothing to learn."
        )
    if task == "regression":
        if not pd.api.types.is_numeric_dtype(series):
            raise UploadError(
                file_name,
                f"has words in {series.name!r}, so it is not a number. Choose classes.",
            )
    elif n_distinct > MOST_CLASSES:
        way_out = "'number', or another" if pd.api.types.is_numeric_dtype(series) else "another"
        raise UploadError(
            file_name,
            f"has {n_distinct:,} different values in {series.name!r}; classes are at most "
            + f"{MOST_CLASSES}. Choose {way_out} column.",
        )
    elif task == "binary" and n_distinct != 2:
        raise UploadError(
            file_name,
            f"has {n_distinct} different values in {series.name!r}, so it is not yes or no. "
            + "Choose 'one of several'.",
        )


def _check_inputs(profile: UploadProfile, file_name: str) -> None:
    n_inputs = len(profile.inputs)
    if n_inputs == 0:
        raise UploadError(
            file_name, f"has no column that could help to predict {profile.target!r}."
        )
    if n_inputs > MOST_COLUMNS:
        raise UploadError(
            file_name,
            f"becomes {n_inputs:,} inputs, one for each choice of a column. Use at most "
            + f"{MOST_COLUMNS:,}: leave out columns with many choices.",
        )


def _label(value: object) -> str:
    """Name a class as it stands in the file: 1, not 1.0, also where a gap made it a float."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _count_classes(series: pd.Series[Any]) -> dict[str, int]:
    counts = series.value_counts().sort_index()
    return {_label(value): int(count) for value, count in counts.items()}


def _profile_column(series: pd.Series[Any]) -> ColumnProfile:
    name, missing, distinct = str(series.name), int(series.isna().sum()), int(series.nunique())
    if pd.api.types.is_numeric_dtype(series):
        return ColumnProfile(name, "number", missing, distinct, used=distinct > 1)
    # A word that is different in nearly every row is a name, not a choice.
    is_choice = distinct > 1 and not (distinct > MOST_LEVELS and 2 * distinct > len(series))
    levels = series.astype("str").where(series.notna()).value_counts().index[:MOST_LEVELS]
    chosen = tuple(sorted(str(level) for level in levels)) if is_choice else ()
    return ColumnProfile(name, "choice", missing, distinct, chosen, used=is_choice)


def _notes(
    table_format: TableFormat,
    table: pd.DataFrame,
    known_rows: pd.DataFrame,
    columns: Sequence[ColumnProfile],
) -> tuple[str, ...]:
    notes = []
    if not table_format.has_header:
        notes.append(f"The file has no header row; columns were named c1 … c{table.shape[1]}.")
    n_unknown = len(table) - len(known_rows)
    if n_unknown:
        rows = "1 row has" if n_unknown == 1 else f"{n_unknown:,} rows have"
        notes.append(f"{rows} no target and will be left out.")
    notes += [note for column in columns if (note := _column_note(column, len(known_rows)))]
    return tuple(notes)


def _column_note(column: ColumnProfile, n_rows: int) -> str:
    if column.distinct <= 1:
        return f"{column.name} is the same in every row. It cannot help and is left out."
    if not column.used:
        return (
            f"{column.name} has {column.distinct:,} different values in {n_rows:,} rows. "
            + "It cannot help and is left out."
        )
    if column.distinct > len(column.levels) > 0:
        return (
            f"{column.name} has {column.distinct:,} choices; "
            + f"the {len(column.levels)} most frequent are told apart."
        )
    if column.kind == "number" and column.missing:
        return (
            f"{column.name}: {column.missing:,} missing, "
            + "filled with the middle value of the training rows."
        )
    return ""


def save_upload(
    db: Database,
    data: bytes,
    file_name: str,
    target: str,
    name: str | None = None,
    task: Task | None = None,
) -> DatasetInfo:
    """Keep an uploaded file and what it is for; the same again is the same dataset.

    Raises
    ------
    UploadError
        If the file or the target cannot be used.
    DiskSpaceError
        If it would leave too little of the disk free.
    """
    profile = profile_upload(data, file_name, target, task)
    sha256 = hashlib.sha256(data).hexdigest()
    key = hashlib.sha256(json.dumps([sha256, target, profile.task]).encode()).hexdigest()
    new = NewDataset(
        id=f"upload-{key[:12]}",
        name=name or Path(file_name).stem[:120] or "Upload",
        sha256=sha256,
        file_name=Path(file_name).name[:255],
        target=target,
        task=profile.task,
        profile=profile.to_json(),
    )
    path = _path(sha256)
    if not path.is_file():
        check_room(settings().home, len(data), "this table")
    _write(path, data)
    add_dataset(db, new)
    if not path.is_file():  # somebody deleted the last other upload of this file just now
        _write(path, data)
    return upload_info(get_dataset(db, new.id))


def _write(path: Path, data: bytes) -> None:
    """Put a file in place as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as partial:
        partial.write(data)
    Path(partial.name).replace(path)


def delete_upload(db: Database, dataset_id: str) -> None:
    """Delete an upload that no study uses, and its file unless another upload shares it.

    Raises
    ------
    DatasetInUseError
        If a study uses it.
    UnknownDatasetRowError
        If there is none with this id.
    """
    row = delete_dataset(db, dataset_id)
    n_studies = studies_by_dataset(db).get(dataset_id, 0)
    if n_studies:  # launched while it was deleted; `launch` looks for the dataset once more
        add_dataset(db, NewDataset(**{name: getattr(row, name) for name in _NEW_FIELDS}))
        raise DatasetInUseError(row.name, n_studies)
    _delete_file(db, row)


def _delete_file(db: Database, row: DatasetRow) -> None:
    """Delete the file of a deleted upload, unless another upload has the same content.

    It is put aside first: somebody may be keeping the same file again at this moment, and
    either finds it gone after adding its row, or its row is found here.
    """
    if _is_shared(db, row.sha256):
        return
    path = upload_path(row)
    aside = path.with_suffix(f".{secrets.token_hex(4)}.deleted")
    try:
        path.replace(aside)
    except FileNotFoundError:
        return
    if _is_shared(db, row.sha256):
        aside.replace(path)
    else:
        aside.unlink()


def _is_shared(db: Database, sha256: str) -> bool:
    return any(row.sha256 == sha256 for row in list_datasets(db))


def uploaded(db: Database) -> list[DatasetInfo]:
    """Return what is known of every upload, newest first."""
    return [upload_info(row) for row in list_datasets(db)]


def upload_path(row: DatasetRow) -> Path:
    """Return where the file of an upload is kept."""
    return _path(row.sha256)


def _path(sha256: str) -> Path:
    return settings().home / "datasets" / "uploads" / f"{sha256}.csv"


def upload_info(row: DatasetRow) -> DatasetInfo:
    """Return what is known of an upload, without reading its file."""
    profile = UploadProfile.from_json(row.profile)
    return DatasetInfo(
        id=row.id,
        title=row.name,
        task=profile.task,
        source="upload",
        n_rows=profile.n_rows,
        n_inputs=len(profile.inputs),
        target=profile.target,
        about=f"Uploaded as {row.file_name}.",
        class_names=profile.class_names,
        class_counts=profile.class_counts,
        columns=profile.inputs,
    )


def load_upload(row: DatasetRow) -> Dataset:
    """Read the rows of an upload.

    Missing numbers stay NaN: `tuning.datasets.scaling.Scaler` fills them with the middle value
    of the training rows alone, so that no fold learns from the rows it is judged on.

    Raises
    ------
    UploadError
        If the file is no longer in the data folder.
    """
    path = upload_path(row)
    if not path.is_file():
        raise UploadError(
            row.file_name, f"is no longer at {path}. Delete it and upload it again."
        )
    profile = UploadProfile.from_json(row.profile)
    table = read_table(path.read_bytes(), row.file_name)
    table = table[table[profile.target].notna()]
    parts = [_encode(table[column.name], column) for column in profile.columns if column.used]
    features = np.concatenate(parts, axis=1)
    targets = _encode_target(table[profile.target], profile)
    return Dataset(upload_info(row), features, targets, features[:0], targets[:0])


def _encode(series: pd.Series[Any], column: ColumnProfile) -> NDArray[np.float32]:
    """Turn a column into inputs: numbers as they are, one 0-or-1 input for each choice."""
    if column.kind == "number":
        return series.to_numpy(dtype=np.float32)[:, np.newaxis]
    words = series.astype("str").where(series.notna())
    chosen = [(words == level).to_numpy(dtype=np.float32) for level in column.levels]
    return np.column_stack(chosen)


def _encode_target(series: pd.Series[Any], profile: UploadProfile) -> NDArray[np.float32]:
    if profile.task == "regression":
        return series.to_numpy(dtype=np.float32)
    codes = {name: code for code, name in enumerate(profile.class_names)}
    return np.array([codes[_label(value)] for value in series], dtype=np.float32)
