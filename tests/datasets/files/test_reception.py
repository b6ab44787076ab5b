"""The reading process for real: what it hands over, and what it cannot take down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from tests.datasets.files.bad_others import edited
from tests.datasets.files.every_file import make_bad_files, make_good_files
from tests.datasets.files.make_files import npz, pixels, workbook
from tuning.datasets.files import reception
from tuning.datasets.files.errors import (
    ReaderMemoryError,
    ReaderStoppedError,
    ReaderTimeError,
    RefusedFileError,
)
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import Options
from tuning.datasets.files.reading import read
from tuning.datasets.files.reception import recognise

GOOD = {file.id: file for file in make_good_files()}
BAD = {file.id: file for file in make_bad_files()}
ENDLESS = "import sys, time\nwhile True: time.sleep(1)"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check that nothing is left behind: no file, no process."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = {child.pid for child in psutil.Process().children()}
    yield
    assert list(folder.iterdir()) == []
    assert {child.pid for child in psutil.Process().children()} <= before


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def put(content: bytes) -> Path:
        path = tmp_path / "content"
        path.write_bytes(content)
        return path

    return put


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put another program in the place of the reader, to see what is made of its end."""

    def child(program: str) -> None:
        folder = tmp_path / "programs"
        folder.mkdir()
        (folder / "other_reader.py").write_text(program)
        monkeypatch.setenv("PYTHONPATH", str(folder))
        monkeypatch.setattr(reception, "_MODULE", "other_reader")

    return child


@pytest.mark.parametrize("name", ["semicolon", "iso-time", "excel", "arrays-gray"])
def test_a_table_crosses_as_it_is(name: str, put: Callable[[bytes], Path]) -> None:
    content = put(GOOD[name].content)

    there = recognise(content, "team.csv")

    here = read(content, "team.csv", None, Limits()).recognised()
    assert there == here
    pd.testing.assert_frame_equal(there.table, here.table, check_exact=True)
    assert (there.images is None) == (here.images is None)
    if there.images is not None and here.images is not None:
        np.testing.assert_array_equal(there.images, here.images, strict=True)


def test_what_a_person_changes_is_obeyed(put: Callable[[bytes], Path]) -> None:
    content = put(GOOD["no-header-numbers"].content)
    first = recognise(content, "x.data")

    again = recognise(content, "x.data", first.options.with_type("column 3", "yes or no"))

    assert again.table["column 3"].tolist() == [i % 2 == 1 for i in range(60)]
    assert again.options.with_type("column 3", "number") == first.options


@pytest.mark.parametrize("name", ["few-rows", "zip-overlapping"])
def test_a_refusal_crosses_as_it_is(name: str, put: Callable[[bytes], Path]) -> None:
    file = BAD[name]

    with pytest.raises(RefusedFileError) as error:
        recognise(put(file.content), "bad.file", file.wanted, file.limits)

    assert str(error.value) == f"'bad.file' {file.reason}"


def test_a_file_that_takes_all_memory_is_refused(put: Callable[[bytes], Path]) -> None:
    content = put(npz(x=np.zeros((300, 1000, 100), np.uint8), y=np.arange(300)))
    limits = Limits(memory_bytes=20_000_000, ratio=10_000)
    before = psutil.Process().memory_info().rss

    with pytest.raises(ReaderMemoryError) as error:
        recognise(content, "large.npz", None, limits)

    assert str(error.value) == (
        "'large.npz' took more than 20 MB of memory to read and was given up. "
        + "Upload fewer rows."
    )
    assert psutil.Process().memory_info().rss - before < 50_000_000


def test_memory_is_watched_from_outside_as_well(
    put: Callable[[bytes], Path],
    child: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child("taken = bytearray(b'x') * 150_000_000\n" + ENDLESS)
    monkeypatch.setattr(reception, "_START_BYTES", 50_000_000)

    with pytest.raises(ReaderMemoryError):
        recognise(put(b"a,b\n"), "a.csv", None, Limits(memory_bytes=50_000_000))


def test_a_file_that_takes_too_long_is_refused(put: Callable[[bytes], Path]) -> None:
    row = b"<row><c><v>1</v></c><c><v>2</v></c></row>"
    book = workbook({"A": [["a", "b"]]})
    sheet = "xl/worksheets/sheet1.xml"
    long = edited(book, sheet, b"</sheetData>", row * 400_000 + b"</sheetData>")
    content = put(long)
    began = time.monotonic()

    with pytest.raises(ReaderTimeError) as error:
        recognise(content, "slow.xlsx", None, Limits(seconds=1, ratio=10_000))

    assert str(error.value) == (
        "'slow.xlsx' took more than 1 s to read and was given up. Upload fewer rows."
    )
    assert time.monotonic() - began < 60


def test_a_reader_that_only_waits_is_ended(
    put: Callable[[bytes], Path],
    child: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    child(ENDLESS)
    monkeypatch.setattr(reception, "_START_S", 0.2)
    began = time.monotonic()

    with pytest.raises(ReaderTimeError):
        recognise(put(b"a,b\n"), "a.csv", None, Limits(seconds=0.3))

    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "program",
    [
        "raise RuntimeError('unforeseen')",
        f"import os\nos.kill(os.getpid(), {int(signal.SIGSEGV)})",
        "import pathlib, sys\n(pathlib.Path(sys.argv[1]) / 'answer.json').write_text('{')",
        "import pathlib, sys\n(pathlib.Path(sys.argv[1]) / 'answer.json').write_text("
        + '\'{"refused": "SystemExit", "values": []}\')',
    ],
    ids=["raises", "crashes", "half-an-answer", "answer-of-its-own"],
)
def test_a_reader_that_breaks_is_a_sentence(
    program: str, put: Callable[[bytes], Path], child: Callable[[str], None]
) -> None:
    child(program)

    with pytest.raises(ReaderStoppedError) as error:
        recognise(put(b"a,b\n"), "a.csv")

    assert str(error.value) == (
        "'a.csv' made its reader stop; it is probably damaged. Save it again as CSV."
    )


def test_the_reader_knows_none_of_our_passwords(
    put: Callable[[bytes], Path],
    child: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUNEBOARD_DATABASE_URL", "postgresql://me:secret@here/db")
    child(f"import os\nopen({str(tmp_path / 'seen')!r}, 'w').write(repr(dict(os.environ)))")

    with pytest.raises(ReaderStoppedError):
        recognise(put(b"a,b\n"), "a.csv")

    assert "secret" in os.environ["TUNEBOARD_DATABASE_URL"]
    assert "secret" not in (tmp_path / "seen").read_text()


def test_files_are_read_two_at_a_time_while_others_wait(put: Callable[[bytes], Path]) -> None:
    content = put(npz(x=pixels(60, 4, 4), y=np.arange(60)))
    threads = [threading.Thread(target=recognise, args=(content, f"{i}.npz")) for i in range(4)]
    seen = [0]

    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        seen.append(len(psutil.Process().children()))
        time.sleep(0.01)

    assert max(seen) == 2


def test_options_that_are_no_options_are_refused(put: Callable[[bytes], Path]) -> None:
    with pytest.raises(RefusedFileError) as error:
        recognise(put(b"a,b\n1,2\n"), "a.csv", Options(separator="x"))

    assert str(error.value) == (
        "'a.csv' cannot be read with separator 'x'. Choose one of: ',', ';', '\\t', '|', ' '."
    )


def test_whoever_asks_imports_none_of_the_libraries_that_read() -> None:
    program = (
        "import sys, tuning.datasets.files.reception\n"
        + "print(*sorted({'pandas', 'pyarrow', 'openpyxl', 'PIL'} & set(sys.modules)))"
    )

    asked = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert asked.stdout == "\n"
