"""Where libraries are called on content that anybody may have made: their errors end here."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from tuning.datasets.files.errors import DamagedFileError, RefusedFileError

BROKEN: tuple[type[Exception], ...] = (
    *(ValueError, TypeError, LookupError, ArithmeticError, AttributeError, SyntaxError),
    *(OSError, EOFError, RuntimeError, AssertionError),
    *(zlib.error, struct.error),
)


@contextmanager
def damaged_where_broken(file_name: str, kind: str, *broken: type[Exception]) -> Iterator[None]:
    """Say that a file is damaged where a library gives up on it.

    Parameters
    ----------
    broken : type
        Errors of the library itself, on top of those of Python.

    Raises
    ------
    DamagedFileError
        If a library raises; our own sentences and a lack of memory pass through.
    """
    try:
        yield
    except (RefusedFileError, MemoryError):
        raise
    except BROKEN + broken as error:
        raise DamagedFileError(file_name, kind) from error
