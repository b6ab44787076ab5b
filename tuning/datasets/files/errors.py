"""Why a dropped file is refused; each is one sentence for the person who dropped it.

::

    UploadError
    └── RefusedFileError
        ├── EmptyFileError          nothing is in it
        ├── UnsupportedKindError    its content is of a kind that holds no table for us
        ├── OtherKindError          its content is not what the options say
        ├── OptionError             an option has a value that cannot be used
        ├── DamagedFileError        its content breaks the rules of its own format
        ├── EncryptedFileError      a password protects it
        ├── MacroError              a workbook brings programs along
        ├── PickleError             an array holds Python objects
        ├── FileSizeError           it, or what it unpacks to, is too large
        ├── RatioError              it unpacks to too many times its size
        ├── NestedArchiveError      an archive holds an archive
        ├── MemberPathError         an archive holds a path that leads out of it
        ├── ArchiveContentError     an archive holds no table, or several
        ├── CountError              too many rows, columns, cells, files or pixels
        ├── FewRowsError            too few rows for folds
        ├── SingleColumnError       a table without inputs
        ├── LongValueError          one value or name is too long
        ├── RaggedRowError          a row has more or fewer values than the first
        ├── OpenQuoteError          a quote is opened and never closed
        ├── EncodingError           bytes that are no text in the encoding asked for
        ├── RepeatedColumnError     two columns have one name
        ├── ColumnKindError         a column holds lists, objects or bytes
        ├── EmptySheetError         a sheet has no cells
        ├── ArraysError             arrays that are not images and their classes
        ├── ImagesError             folders or images that make no set
        ├── ReaderTimeError         reading took too long
        ├── ReaderMemoryError       reading took too much memory
        └── ReaderStoppedError      the reading process ended without an answer
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from tuning.datasets.files.limits import MEGABYTE
from tuning.errors import UploadError

_SHOWN = 5
_LONGEST_SHOWN = 60


class RefusedFileError(UploadError):
    """A dropped file is refused.

    `values` are what the error was built with, so that the process that reads a file can hand
    it over and the one that asked can raise it again.
    """

    values: tuple[object, ...]

    def __new__(cls, *values: object) -> Self:
        """Remember the values."""
        error = super().__new__(cls, *values)
        error.values = values
        return error


class EmptyFileError(RefusedFileError):
    """Nothing is in it."""

    def __init__(self, file_name: str) -> None:
        super().__init__(file_name, "is empty. Choose a file with rows in it.")


class UnsupportedKindError(RefusedFileError):
    """Its content is of a kind that holds no table for us."""

    def __init__(self, file_name: str, found: str, advice: str) -> None:
        super().__init__(file_name, f"is {found}. {advice}")


class OtherKindError(RefusedFileError):
    """Its content is not what the options say."""

    def __init__(self, file_name: str, wanted: str, found: str) -> None:
        super().__init__(
            file_name, f"is not {wanted} but {found}. Let the kind be found from the content."
        )


class OptionError(RefusedFileError):
    """An option has a value that cannot be used."""

    def __init__(
        self, file_name: str, option: str, value: object, choices: Sequence[str]
    ) -> None:
        known = f"one of: {', '.join(choices[:30])}" if len(choices) > 1 else choices[0]
        super().__init__(
            file_name, f"cannot be read with {option} {shortened(value)}. Choose {known}."
        )


class DamagedFileError(RefusedFileError):
    """Its content breaks the rules of its own format."""

    def __init__(self, file_name: str, kind: str) -> None:
        super().__init__(file_name, f"is {kind} that is damaged. Save it again.")


class EncryptedFileError(RefusedFileError):
    """A password protects it."""

    def __init__(self, file_name: str) -> None:
        super().__init__(file_name, "is protected by a password. Save it without one.")


class MacroError(RefusedFileError):
    """A workbook brings programs along."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            file_name, "is a workbook with macros. Save it as .xlsx, which has none."
        )


class PickleError(RefusedFileError):
    """An array holds Python objects."""

    def __init__(self, file_name: str, array: str) -> None:
        super().__init__(
            file_name,
            f"holds Python objects in {array!r}, which could run a program when read. "
            + "Save it as an array of numbers or of text.",
        )


class FileSizeError(RefusedFileError):
    """It, or what it unpacks to, is too large."""

    def __init__(self, file_name: str, verb: str, n_bytes: int, most: int) -> None:
        limit = f"{most / MEGABYTE:,.4g}"
        size = f"{n_bytes / MEGABYTE:,.1f}" if n_bytes else f"more than {limit}"
        super().__init__(
            file_name,
            f"{verb} {size} MB; the most is {limit} MB. Upload fewer rows.",
        )


class RatioError(RefusedFileError):
    """It unpacks to too many times its size."""

    def __init__(self, file_name: str, most: int) -> None:
        super().__init__(
            file_name,
            f"unpacks to more than {most:,} times its size, as a trap would. "
            + "Unpack it yourself and upload what is inside.",
        )


class NestedArchiveError(RefusedFileError):
    """An archive holds an archive."""

    def __init__(self, file_name: str, member: str) -> None:
        super().__init__(
            file_name,
            f"holds another archive, {shortened(member)}. "
            + "Unpack it and upload what is inside.",
        )


class MemberPathError(RefusedFileError):
    """An archive holds a path that leads out of it."""

    def __init__(self, file_name: str, member: str) -> None:
        super().__init__(
            file_name,
            f"holds {shortened(member)}, which leads out of the archive. "
            + "Pack the files again.",
        )


class ArchiveContentError(RefusedFileError):
    """An archive holds no table, or several."""

    def __init__(self, file_name: str, members: Sequence[str]) -> None:
        names = ", ".join(shortened(member) for member in members[:_SHOWN])
        found = f"{len(members):,} files ({names})" if members else "no file"
        super().__init__(
            file_name, f"holds {found}. Pack one table, or one folder of images a class."
        )


class CountError(RefusedFileError):
    """Too many rows, columns, cells, files or pixels."""

    def __init__(self, file_name: str, count: int, most: int, things: str) -> None:
        super().__init__(file_name, f"has {count:,} {things}. Use at most {most:,}.")


class FewRowsError(RefusedFileError):
    """Too few rows for folds."""

    def __init__(self, file_name: str, n_rows: int, fewest: int) -> None:
        rows = "1 row" if n_rows == 1 else f"{n_rows} rows"
        super().__init__(file_name, f"has {rows}; at least {fewest} are needed for folds.")


class SingleColumnError(RefusedFileError):
    """A table without inputs."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            file_name, "has a single column. Upload a table with inputs and a target."
        )


class LongValueError(RefusedFileError):
    """One value or name is too long."""

    def __init__(self, file_name: str, what: str, length: int, most: int) -> None:
        super().__init__(
            file_name,
            f"has {what} of {length:,} characters. Use at most {most:,}, or check the quotes.",
        )


class RaggedRowError(RefusedFileError):
    """A row has more or fewer values than the first."""

    def __init__(self, file_name: str, n_values: int, row: int, width: int, first: str) -> None:
        values = "1 value" if n_values == 1 else f"{n_values} values"
        super().__init__(
            file_name,
            f"has {values} in row {row:,}, but its {first} has {width}. Check the separator.",
        )


class OpenQuoteError(RefusedFileError):
    """A quote is opened and never closed."""

    def __init__(self, file_name: str, quote: str) -> None:
        super().__init__(
            file_name, f"opens a quote ({quote}) that is never closed. Close it or remove it."
        )


class EncodingError(RefusedFileError):
    """Bytes that are no text in the encoding asked for."""

    def __init__(self, file_name: str, encoding: str, position: int) -> None:
        super().__init__(
            file_name, f"is not {encoding} text at byte {position:,}. Choose another encoding."
        )


class RepeatedColumnError(RefusedFileError):
    """Two columns have one name."""

    def __init__(self, file_name: str, column: str) -> None:
        super().__init__(
            file_name, f"has two columns named {shortened(column)}. Rename one of them."
        )


class ColumnKindError(RefusedFileError):
    """A column holds lists, objects or bytes."""

    def __init__(self, file_name: str, column: str, found: str) -> None:
        super().__init__(
            file_name,
            f"holds {found} in the column {shortened(column)}. "
            + "Use numbers, text, true or false, or dates.",
        )


class EmptySheetError(RefusedFileError):
    """A sheet has no cells."""

    def __init__(self, file_name: str, sheet: str) -> None:
        super().__init__(
            file_name, f"has no values in the sheet {shortened(sheet)}. Choose another sheet."
        )


class ArraysError(RefusedFileError):
    """Arrays that are not images and their classes."""

    def __init__(self, file_name: str, problem: str) -> None:
        super().__init__(
            file_name, f"{problem}. Save x, a row or an image each, and y, one value each."
        )


class ImagesError(RefusedFileError):
    """Folders or images that make no set."""

    def __init__(self, file_name: str, problem: str, advice: str) -> None:
        super().__init__(file_name, f"{problem}. {advice}")


class ReaderTimeError(RefusedFileError):
    """Reading took too long."""

    def __init__(self, file_name: str, seconds: float) -> None:
        super().__init__(
            file_name,
            f"took more than {seconds:g} s to read and was given up. Upload fewer rows.",
        )


class ReaderMemoryError(RefusedFileError):
    """Reading took too much memory."""

    def __init__(self, file_name: str, n_bytes: int) -> None:
        super().__init__(
            file_name,
            f"took more than {n_bytes / MEGABYTE:,.0f} MB of memory to read and was given up. "
            + "Upload fewer rows.",
        )


class ReaderStoppedError(RefusedFileError):
    """The reading process ended without an answer."""

    def __init__(self, file_name: str) -> None:
        super().__init__(
            file_name, "made its reader stop; it is probably damaged. Save it again as CSV."
        )


def shortened(value: object) -> str:
    """Quote a value from a file in one line, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def error_from(name: str, values: Sequence[object]) -> RefusedFileError:
    """Build an error again from the name of its class and its values."""
    known = {error.__name__: error for error in RefusedFileError.__subclasses__()}
    return known[name](*values)
