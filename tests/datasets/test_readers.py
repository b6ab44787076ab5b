"""Published file formats, and what is said of files that are not what they seem."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tuning.datasets.readers import read_california, read_idx, read_pima
from tuning.errors import DatasetFileError

TWO_IMAGES = bytes((0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 11, 12, 20, 21, 255))


def pima_rows(n_positive: int = 268, cell: str = "1") -> list[str]:
    return [f"{cell},1,1,1,1,1,1,1,{int(i < n_positive)}" for i in range(768)]


def test_idx_images_are_read_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(TWO_IMAGES))

    images = read_idx(path)

    assert images.tolist() == [[[10, 11, 12]], [[20, 21, 255]]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"plain", "cannot be unpacked"),
        (gzip.compress(TWO_IMAGES)[:-12], "cannot be unpacked"),
        (gzip.compress(b"no"), "is not an IDX file of bytes"),
        (gzip.compress(b"\x00\x00\x0d\x01\x00\x00\x00\x00"), "is not an IDX file of bytes"),
        (gzip.compress(TWO_IMAGES[:-1]), "holds 5 bytes, but its header says 6"),
    ],
    ids=["plain", "cut", "short", "floats", "a byte missing"],
)
def test_a_damaged_idx_file_is_named(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)

    with pytest.raises(DatasetFileError) as error:
        read_idx(path)

    assert str(error.value).startswith(f"{path} {reason}")


@pytest.mark.parametrize(
    "prefix", ["", "# source\n", "Pregnancies,B,C,D,E,F,G,H,I\n", "\ufeff"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_pima_copies_may_differ_in_anything_but_numbers(
    prefix: str, line_end: str, tmp_path: Path
) -> None:
    path = tmp_path / "pima.csv"
    path.write_bytes((prefix + line_end.join(pima_rows())).encode())

    table = read_pima(path)

    assert table.shape == (768, 9)
    assert table[:, -1].sum() == 268


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (pima_rows(n_positive=300), "has 300 positive rows, but the published one has 268."),
        (pima_rows()[:10], "has 10 rows, but the published one has 768."),
        (pima_rows(cell="1,1"), "has 10 columns, but the published one has 9."),
        ([*pima_rows()[:767], "1,1,x,1,1,1,1,1,0"], "is not a table of numbers"),
        ([], "has 0 rows, but the published one has 768."),
    ],
)
def test_another_table_than_pima_is_named(rows: list[str], reason: str, tmp_path: Path) -> None:
    path = tmp_path / "pima.csv"
    path.write_text("\n".join(rows))

    with pytest.raises(DatasetFileError) as error:
        read_pima(path)

    assert str(error.value).startswith(f"{path} {reason}")


def test_california_is_the_same_bare_and_inside_its_archive(
    published: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "cal_housing.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(published / "cal_housing.data", "CaliforniaHousing/cal_housing.data")

    inside = read_california(archive)

    np.testing.assert_array_equal(inside, read_california(published / "cal_housing.data"))


@pytest.mark.parametrize(
    "content",
    [b"no archive", gzip.compress(b"no tar" * 200), b""],
    ids=["text", "no tar", "empty"],
)
def test_a_damaged_california_archive_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cal_housing.tgz"
    path.write_bytes(content)

    with pytest.raises(DatasetFileError) as error:
        read_california(path)

    assert str(error.value).startswith(f"{path} is not the archive of the housing table (")
