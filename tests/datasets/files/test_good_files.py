"""Every good file becomes exactly the table it was made from, with the notes expected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.datasets.files.every_file import make_good_files
from tests.datasets.files.make_files import GoodFile
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options
from tuning.datasets.files.reading import read

GOOD_FILES = make_good_files()


def column(values: list[object]) -> pd.Series:
    present = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in present) and present:
        return pd.Series(values, dtype=object)
    if all(isinstance(value, bool) for value in present):
        return pd.Series(values, dtype="bool" if len(present) == len(values) else "boolean")
    if all(isinstance(value, int | float) for value in present):
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="datetime64[us]")


@pytest.mark.parametrize("file", GOOD_FILES, ids=lambda file: file.id)
def test_a_good_file_becomes_the_table_it_was_made_from(file: GoodFile, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(file.content)

    found = read(content, file.name, None, Limits()).recognised()

    expected = pd.DataFrame({name: column(values) for name, values in file.table.items()})
    pd.testing.assert_frame_equal(found.table, expected, check_exact=True)
    assert found.notes == file.notes
    assert {name: getattr(found.options, name) for name in file.options} == file.options
    assert [name for name, _ in found.options.types] == list(file.table)
    if file.images is None:
        assert found.images is None
    else:
        np.testing.assert_array_equal(found.images, file.images, strict=True)


@pytest.mark.parametrize("file", GOOD_FILES, ids=lambda file: file.id)
def test_the_options_found_read_the_same_table_again(file: GoodFile, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(file.content)
    first = read(content, file.name, None, Limits()).recognised()

    again = read(
        content, file.name, Options.from_json(first.options.to_json()), Limits()
    ).recognised()

    assert again.options == first.options
    pd.testing.assert_frame_equal(again.table, first.table, check_exact=True)


def test_there_are_enough_good_files_each_with_a_name_of_its_own() -> None:
    names = {file.id for file in GOOD_FILES}

    assert len(names) == len(GOOD_FILES) >= 60
