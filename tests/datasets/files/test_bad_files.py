"""Every bad or hostile file is refused with its own sentence, and cheaply."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from tests.datasets.files.bad_texts import BadFile
from tests.datasets.files.every_file import make_bad_files
from tuning.datasets.files.errors import RefusedFileError, error_from
from tuning.datasets.files.reading import read

BAD_FILES = make_bad_files()
MOST_SECONDS = 5.0
MOST_BYTES = 60_000_000


@pytest.mark.parametrize("file", BAD_FILES, ids=lambda file: file.id)
def test_a_bad_file_is_refused_in_a_sentence(file: BadFile, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(file.content)
    began = time.process_time()
    tracemalloc.start()

    with pytest.raises(RefusedFileError) as error:
        read(content, "bad.file", file.wanted, file.limits)

    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(error.value) == f"'bad.file' {file.reason}"
    assert time.process_time() - began < MOST_SECONDS
    assert most_bytes < MOST_BYTES
    assert [path.name for path in tmp_path.iterdir()] == ["content"]
    again = error_from(type(error.value).__name__, error.value.values)
    assert type(again) is type(error.value)
    assert str(again) == str(error.value)


def test_there_are_enough_bad_files_each_with_a_name_of_its_own() -> None:
    names = {file.id for file in BAD_FILES}

    assert len(names) == len(BAD_FILES) >= 60
