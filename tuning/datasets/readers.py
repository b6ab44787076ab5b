"""Published dataset files to arrays. A file with anything else in it is refused by name."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuning.errors import DatasetFileError

PIMA_SHAPE = (768, 9)
PIMA_POSITIVE = 268
CALIFORNIA_SHAPE = (20_640, 9)
_CALIFORNIA_MEMBER = "CaliforniaHousing/cal_housing.data"
_IDX_UNSIGNED_BYTES = 8  # third byte of an IDX file: the type of its numbers


def read_pima(path: Path) -> NDArray[np.float64]:
    """Read the Pima table: eight inputs, then 1 for diabetes or 0.

    Copies in circulation differ in comments, line ends and a header, never in the numbers.

    Returns
    -------
    ndarray of shape (768, 9)

    Raises
    ------
    DatasetFileError
        If the numbers are not those of the published table.
    """
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    table = _parse_numbers(path, text.splitlines(), PIMA_SHAPE)
    n_positive = int(np.count_nonzero(table[:, -1] == 1))
    if n_positive != PIMA_POSITIVE:
        raise DatasetFileError(
            str(path),
            f"has {n_positive} positive rows, but the published one has {PIMA_POSITIVE}",
        )
    return table


def read_california(path: Path) -> NDArray[np.float64]:
    """Read the California table, bare or inside its archive, in the order of the file.

    Returns
    -------
    ndarray of shape (20640, 9)
        Longitude, latitude, age of the houses (years), rooms, bedrooms, people, households,
        income ($10,000), house value ($).

    Raises
    ------
    DatasetFileError
        If the file cannot be read or has another shape.
    """
    try:
        content = _california_bytes(path)
    except (tarfile.TarError, KeyError, EOFError, zlib.error) as error:
        raise DatasetFileError(
            str(path), f"is not the archive of the housing table ({error})"
        ) from error
    return _parse_numbers(path, content.decode("latin-1").splitlines(), CALIFORNIA_SHAPE)


def _california_bytes(path: Path) -> bytes:
    if path.suffix != ".tgz":
        return path.read_bytes()
    with tarfile.open(path, "r:gz") as archive:
        member = archive.extractfile(_CALIFORNIA_MEMBER)
        return b"" if member is None else member.read()


def _parse_numbers(
    path: Path, lines: Sequence[str], shape: tuple[int, int]
) -> NDArray[np.float64]:
    rows = [line for line in lines if line.strip() and not line.startswith("#")]
    if rows and rows[0].lstrip('"')[0].isalpha():
        rows = rows[1:]
    if len(rows) != shape[0]:
        raise DatasetFileError(
            str(path), f"has {len(rows):,} rows, but the published one has {shape[0]:,}"
        )
    try:
        table = np.loadtxt(rows, delimiter=",", ndmin=2)
    except ValueError as error:
        raise DatasetFileError(str(path), f"is not a table of numbers ({error})") from error
    if table.shape != shape:
        raise DatasetFileError(
            str(path), f"has {table.shape[1]} columns, but the published one has {shape[1]}"
        )
    return table


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read a compressed IDX file, the format MNIST is published in [1]_.

    Returns
    -------
    ndarray of uint8
        Images of shape (n, 28, 28), or labels of shape (n,).

    Raises
    ------
    DatasetFileError
        If the file is damaged or of another format.

    References
    ----------
    .. [1] LeCun, Cortes and Burges, *The MNIST database of handwritten digits*, "File
       formats".
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetFileError(str(path), f"cannot be unpacked ({error})") from error
    if len(content) < 4 or content[:3] != bytes((0, 0, _IDX_UNSIGNED_BYTES)):
        raise DatasetFileError(str(path), "is not an IDX file of bytes")
    n_axes = content[3]
    shape = np.frombuffer(content, ">u4", count=n_axes, offset=4).astype(int)
    pixels = np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes)
    if pixels.size != shape.prod():
        raise DatasetFileError(
            str(path), f"holds {pixels.size:,} bytes, but its header says {shape.prod():,}"
        )
    return pixels.reshape(shape)
