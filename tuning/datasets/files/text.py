"""CSV, TSV and their relatives: options guessed where none are given, then Arrow's reader."""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.csv

from tuning.datasets.files.columns import convert
from tuning.datasets.files.dialects import cut, guess_options, sample_lines
from tuning.datasets.files.encodings import guess_encoding, to_utf8
from tuning.datasets.files.errors import (
    DamagedFileError,
    EmptyFileError,
    FewRowsError,
    OpenQuoteError,
    RaggedRowError,
)
from tuning.datasets.files.found import Found, check_width
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import DECIMALS, ENCODINGS, THOUSANDS, Options

_BLOCK = 1 << 24
_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
_OPEN = "straddling object|got out of sync|quoted"
_RUN_OF_SPACES = re.compile(rb"""("(?:[^"]|"")*")|[ \t]+""")


def read_text(data: bytes, file_name: str, wanted: Options | None, limits: Limits) -> Found:
    """Read a text table.

    Raises
    ------
    RefusedFileError
        If it is none, or none that can be used.
    """
    encoding = wanted.encoding if wanted else guess_encoding(data)
    text = to_utf8(data, encoding, file_name)
    del data  # of a large file, what is read further is what is held
    if not text or text.isspace():
        raise EmptyFileError(file_name)
    options = wanted or replace(guess_options(text), encoding=encoding)
    text = _plain(text, options)
    if not text or text.isspace():
        raise EmptyFileError(file_name)
    names, n_cells = _names(text, options, file_name)
    check_width(len(names), file_name, limits)
    table = _parse(text, options, n_cells, file_name)
    del text
    table = table.slice(1) if options.header else table
    table, names, notes = _without_empty_end(table, names)
    found = convert(table.rename_columns(names), options, file_name, limits, is_text=True)
    return replace(found, notes=(*_notes(options, names), *notes, *found.notes))


def _plain(text: bytes, options: Options) -> bytes:
    """Leave out what Arrow's reader does not know: titles, comments, runs of spaces."""
    for _ in range(options.skipped):
        text = text.lstrip(b"\n").partition(b"\n")[2]
    if options.comment:
        mark = re.escape(options.comment.encode())
        text = re.sub(rb"(?m)^[ \t]*" + mark + rb"[^\n]*\n?", b"", text)
    if options.separator == " ":
        text = re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", text)
        text = _RUN_OF_SPACES.sub(lambda found: found[1] or b" ", text)
    elif options.skip_space:
        start = re.escape(options.separator + "\0").replace("\\\0", "").replace("\0", "")
        pattern = f"({start}) +(?={options.quote})".encode()
        text = re.sub(pattern, rb"\1", text)
    return text


def _names(text: bytes, options: Options, file_name: str) -> tuple[list[str], int]:
    """Return the names of the columns, and how many cells the first row has."""
    rows = cut(sample_lines(text), options)
    if not rows:
        raise EmptyFileError(file_name)
    if options.header:
        return [name.strip() for name in rows[0]], len(rows[0])
    return [f"column {i + 1}" for i in range(len(rows[0]))], len(rows[0])


def _parse(text: bytes, options: Options, width: int, file_name: str) -> pa.Table:
    """Cut text into cells, all of them strings."""
    columns = [str(i) for i in range(width)]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(text),
            pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=columns),
            pa.csv.ParseOptions(
                delimiter=options.separator, quote_char=options.quote, newlines_in_values=True
            ),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _refusal(str(error), options, file_name) from error
    _check_quotes(table, text, options, file_name)
    return table


def _refusal(message: str, options: Options, file_name: str) -> Exception:
    first = "header" if options.header else "first row"
    if ragged := _RAGGED.search(message):
        row, width, n_values = map(int, ragged.groups())
        return RaggedRowError(file_name, n_values, row, width, first)
    if re.search(_OPEN, message):
        return OpenQuoteError(file_name, options.quote)
    return DamagedFileError(file_name, "a text table")


def _check_quotes(table: pa.Table, text: bytes, options: Options, file_name: str) -> None:
    """Refuse a table whose last cell runs to the end because its quote is never closed."""
    if table.num_rows == 0:
        raise FewRowsError(file_name, 0, 1)
    last = table.column(table.num_columns - 1)[-1].as_py()
    if "\n" in last and not text.rstrip().endswith(options.quote.encode()):
        raise OpenQuoteError(file_name, options.quote)


def _without_empty_end(
    table: pa.Table, names: list[str]
) -> tuple[pa.Table, list[str], tuple[str, ...]]:
    """Leave out a last column without name and values: each line ends in a separator."""
    last = table.column(table.num_columns - 1)
    if names[-1] and not names[-1].startswith("column "):
        return table, names, ()
    if len(names) <= 2 or any(value.strip() for value in last.unique().to_pylist()):
        return table, names, ()
    note = "Each line ends in a separator; the empty last column was left out."
    return table.drop_columns([table.column_names[-1]]), names[:-1], (note,)


def _notes(options: Options, names: list[str]) -> list[str]:
    notes = []
    if not options.header:
        notes.append(f"No header: columns were named column 1 to column {len(names)}.")
    unnamed = [f"column {i + 1}" for i, name in enumerate(names) if not name]
    if unnamed:
        it = "it was" if len(unnamed) == 1 else "they were"
        notes.append(f"The header names no {', '.join(unnamed[:5])}; {it} called so.")
    if options.skipped:
        lines = "line was" if options.skipped == 1 else f"{options.skipped} lines were"
        notes.append(f"The first {lines} left out.")
    if options.comment:
        notes.append(f"Lines that start with {options.comment} were left out as comments.")
    if options.decimal != ".":
        notes.append(f"Numbers were read with a {DECIMALS[options.decimal]}.")
    if options.thousands:
        notes.append(
            f"Numbers were read with thousands marked: {THOUSANDS[options.thousands]}."
        )
    if not options.encoding.startswith("utf"):
        notes.append(f"Letters were read as {ENCODINGS[options.encoding]}; check the accents.")
    return notes
