"""Uploads of before any kind of file was read, turned into those of today where they come in.

Their `profile` held everything; each choice was an input, and only the 50 most frequent choices
had one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from storage.datasets import DatasetRow
from tuning.datasets.files.columns import type_of
from tuning.datasets.files.found import Found
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import ColumnType
from tuning.datasets.files.reception import find
from tuning.datasets.info import Column
from tuning.datasets.uploads.choices import Choices, ColumnChoice
from tuning.datasets.uploads.learning import Learned
from tuning.errors import UploadError

_MOST_LEVELS = 50
_TRUTHS = ("False", "True")


def is_old(row: DatasetRow) -> bool:
    """Tell whether a row was written before choices were kept."""
    return not row.choices


def old_choices(row: DatasetRow) -> Choices:
    """Return the choices that an old row stands for."""
    profile = json.loads(row.profile)
    columns = tuple(
        ColumnChoice(
            column["name"],
            role="in" if column["used"] else "out",
            treatment=column["kind"],
            most_choices=_MOST_LEVELS,
        )
        for column in profile["columns"]
    )
    return Choices(profile["target"], profile["task"], columns)


def old_learned(row: DatasetRow) -> Learned:
    """Return what was learned of the table of an old row."""
    profile = json.loads(row.profile)
    inputs = tuple(
        Column(column["name"], tuple(column["levels"]))
        for column in profile["columns"]
        if column["used"]
    )
    names, counts = tuple(profile["class_names"]), tuple(profile["class_counts"])
    return Learned(profile["n_rows"], 0, 0, names, counts, inputs)


def read_old(row: DatasetRow, path: Path, limits: Limits) -> pa.Table:
    """Read the file of an old row, in the types its profile was made of.

    Raises
    ------
    RefusedFileError
        If it can no longer be read.
    UploadError
        If its columns are no longer those of the profile.
    """
    profile = json.loads(row.profile)
    found = _find(row, path, limits, profile)
    names_today = _names_today(found)
    types = dict(found.options.types)
    types |= dict(_types(profile, types, names_today))
    wanted = found.options.changed(types=tuple(types.items()))
    if wanted != found.options:
        found = find(path, row.file_name, wanted, limits)
    before = {today: old for old, today in names_today.items()}
    table = found.table.rename_columns([before.get(n, n) for n in found.table.column_names])
    return _in_old_words(table.select(_names(profile)), profile)


def _find(row: DatasetRow, path: Path, limits: Limits, profile: dict[str, Any]) -> Found:
    """Read a file so that its columns are those of the profile."""
    found = find(path, row.file_name, None, limits)
    missing = _missing(found, profile)
    if missing:  # whether the first row is a header may have been guessed otherwise
        turned = found.options.changed(header=not found.options.header)
        found = find(path, row.file_name, turned, limits)
    if _missing(found, profile):
        raise UploadError(
            row.file_name,
            f"is read in another way today and has no column {missing[0]!r}. Upload it again.",
        )
    return found


def _names(profile: dict[str, Any]) -> list[str]:
    """Return the old names of all columns, the target first."""
    return [profile["target"], *(column["name"] for column in profile["columns"])]


def _missing(found: Found, profile: dict[str, Any]) -> list[str]:
    """Return the old names that no column has."""
    known = {*_names_today(found), *found.table.column_names}
    return [name for name in _names(profile) if name not in known]


def _names_today(found: Found) -> dict[str, str]:
    """Return what columns of a file without a header are called today, by their old names."""
    if found.options.header:
        return {}
    return {f"c{place + 1}": name for place, name in enumerate(found.table.column_names)}


def _types(
    profile: dict[str, Any], today: Mapping[str, ColumnType], names: Mapping[str, str]
) -> Iterator[tuple[str, ColumnType]]:
    """Yield the type of each column that would be read otherwise today."""
    classes = profile["class_names"]
    are_words = not all(_is_number(name) or name in _TRUTHS for name in classes)
    kinds = {column["name"]: column["kind"] for column in profile["columns"]}
    kinds[profile["target"]] = "choice" if are_words else "number"
    for old_name, kind in kinds.items():
        name = names.get(old_name, old_name)
        if kind == "choice":
            yield name, "text"
        elif today.get(name) not in ("number", "yes or no"):  # true and false were 1 and 0
            yield name, "number"


def _in_old_words(table: pa.Table, profile: dict[str, Any]) -> pa.Table:
    """Name true and false as they were named, so that classes keep their names."""
    target = table.column(0)
    if type_of(target) != "yes or no" or tuple(profile["class_names"]) != _TRUTHS:
        return table
    words = pc.if_else(target, _TRUTHS[1], _TRUTHS[0])
    return table.set_column(0, profile["target"], words)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
