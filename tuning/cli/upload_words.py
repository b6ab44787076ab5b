"""What the commands say of an upload, and how a person says how to read one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from tuning.cli.output import console, print_table
from tuning.datasets.files.options import SEPARATORS, Options
from tuning.datasets.uploads.profile import ColumnProfile, TableProfile
from tuning.datasets.uploads.receiving import Changes
from tuning.datasets.uploads.warning_rules import TableWarning
from tuning.errors import UploadError

_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
_TYPE = "type "
_SHOWN = 3
_NAMES = tuple(field.name for field in fields(Options) if field.name != "types")


def reading_changes(said: Iterable[str], file_name: str) -> Changes:
    """Understand ``separator=semicolon``, ``header=no`` and ``type plan=text``.

    Raises
    ------
    UploadError
        If one is no such option, or not of the form name=value.
    """
    changes: dict[str, object] = {}
    types: list[tuple[str, str]] = []
    for text in said:
        name, sign, value = text.partition("=")
        if text.startswith(_TYPE) and sign:
            column, _, kind = text.removeprefix(_TYPE).rpartition("=")
            types.append((column, kind))
        elif sign and name in _NAMES:
            changes[name] = _value(name, value, file_name)
        else:
            known = ", ".join((*_NAMES, "type COLUMN"))
            raise UploadError(
                file_name,
                f"cannot be read with {text!r}. Write name=value, the name one of: {known}.",
            )
    return Changes(tuple(changes.items()), tuple(types))


def _value(name: str, value: str, file_name: str) -> object:
    default = getattr(Options(), name)
    if isinstance(default, bool):
        if value.lower() not in _TRUTHS:
            raise UploadError(
                file_name, f"cannot be read with {name} {value!r}. Say yes or no."
            )
        return _TRUTHS[value.lower()]
    if isinstance(default, int):
        if not value.isdecimal():
            raise UploadError(file_name, f"cannot be read with {name} {value!r}. Say how many.")
        return int(value)
    if isinstance(default, tuple):
        return tuple(value.split(","))
    names = {word: sign for sign, word in SEPARATORS.items()} if name == "separator" else {}
    return names.get(value, value)


def document(profile: TableProfile, warnings: Sequence[TableWarning]) -> dict[str, Any]:
    """Return what is known of an upload and what to be warned of, ready for JSON."""
    return {
        "profile": profile.document(),
        "warnings": [asdict(warning) for warning in warnings],
    }


def print_profile(profile: TableProfile, warnings: Sequence[TableWarning]) -> None:
    """Print a line for each column, and what to be warned of."""
    headers = ["Column", "Type", "Missing", "Distinct", "Values", profile.relation_name]
    print_table(headers, [_cells(column) for column in profile.columns])
    for sentence in (profile.note, *(warning.sentence for warning in warnings)):
        if sentence:
            console.print(sentence, markup=False)


def _cells(column: ColumnProfile) -> tuple[object, ...]:
    summary, relation = column.summary, column.relation
    return (
        summary.name,
        summary.type,
        f"{summary.missing:,}",
        f"{summary.distinct:,}",
        _values(column),
        None if relation is None else f"{relation:.2f}",
    )


def _values(column: ColumnProfile) -> str:
    summary, spread = column.summary, column.summary.spread
    if summary.type == "date" and spread:
        return " … ".join(
            str(np.datetime64(int(days), "D")) for days in (spread.minimum, spread.maximum)
        )
    if spread:
        return f"{spread.minimum:.4g} … {spread.maximum:.4g}"
    return ", ".join(summary.words[:_SHOWN])
