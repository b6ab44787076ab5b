"""Guesses at how a text table is written: separator, quote, comment, header, marks in numbers.

Each choice is tried on the first lines with Python's own csv module, and the one that leaves
the most regular table of clean values is taken: the idea of CleverCSV [1]_.

References
----------
.. [1] van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type
   patterns", Data Mining and Knowledge Discovery 33 (2019).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tuning.datasets.files.numbers import is_number, number_pattern
from tuning.datasets.files.options import COMMENTS, MISSING, QUOTES, SEPARATORS, Options

_LOOKED_AT = 1 << 16
_MOST_LINES = 300
_MOST_TITLES = 20
_MISSING = frozenset(MISSING)
_CLEAN = re.compile(r"""[^,;\t|"']([^,;\t|"]*[^,;\t|"'])?""")
_ANY_NUMBER = re.compile(r"[+-]?[\d.,' \u00a0\u202f’]*\d[\d.,]*([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?Z?")
_CONVENTIONS = (
    *((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", " ")),
    *((".", "'"), (",", "\u00a0"), (",", "\u202f"), (".", "’"), (",", "'")),
    *((".", "\u00a0"), (".", "\u202f"), (",", "’")),
)


def guess_options(text: bytes) -> Options:
    """Return how a text table seems to be written.

    Parameters
    ----------
    text : bytes
        UTF-8, without a byte order mark, lines ending in a line feed.
    """
    lines = sample_lines(text)
    options = Options()
    stated = re.match(r"sep=(.)$", lines[0].strip("\r\n")) if lines else None
    if stated and stated[1] in SEPARATORS:
        lines = lines[1:]
        options = replace(options, separator=stated[1], skipped=1)
    plain, comment = _without_comments(lines)
    options = _with_dialect(options, plain, is_stated=bool(stated))
    if comment and _is_part_of_table(lines, comment, options):
        comment, plain = "", lines
    options = replace(options, comment=comment)
    n_titles = _count_titles(plain, options) if not stated and not comment else 0
    options = replace(options, skipped=options.skipped + n_titles)
    rows = cut(plain[n_titles:], options)
    options = replace(options, header=has_header(rows))
    decimal, thousands = _guess_convention(rows[options.header :], options.separator)
    return replace(options, decimal=decimal, thousands=thousands)


def sample_lines(text: bytes) -> list[str]:
    """Return the first lines of a text, without one that may be cut."""
    head = text[:_LOOKED_AT].decode("utf-8", errors="ignore")
    lines = [f"{line}\n" for line in head.split("\n") if line.strip()]
    if len(text) > _LOOKED_AT and len(lines) > 1:
        lines = lines[:-1]
    return lines[:_MOST_LINES]


def _without_comments(lines: Sequence[str]) -> tuple[list[str], str]:
    for comment in filter(None, COMMENTS):
        others = [line for line in lines if not line.lstrip().startswith(comment)]
        if len(lines) > len(others) > 1:
            return others, comment
    return list(lines), ""


def _is_part_of_table(lines: Sequence[str], comment: str, options: Options) -> bool:
    """Tell whether lines that look like comments are a header or rows after all."""
    marked = [line for line in lines if line.lstrip().startswith(comment)]
    width = _common_width(cut(lines, options))
    is_first = len(marked) == 1 and lines[0] == marked[0]
    in_all = len(marked) > len(lines) // 2
    return (is_first or in_all) and all(len(row) == width for row in cut(marked, options))


def _with_dialect(options: Options, lines: Sequence[str], *, is_stated: bool) -> Options:
    separators = [options.separator] if is_stated else SEPARATORS
    candidates = [
        replace(options, separator=separator, quote=quote, skip_space=skip_space)
        for separator in separators
        for quote in QUOTES
        for skip_space in (False, True)
        if not skip_space or any(f"{separator} {quote}" in line for line in lines)
    ]
    return max(candidates, key=lambda candidate: _regularity(cut(lines, candidate)))


def _regularity(rows: Sequence[Sequence[str]]) -> float:
    """Return how far rows are a table: the share of usual rows, times that of clean cells."""
    width = _common_width(rows)
    if width < 2:
        return 0.0
    usual = [row for row in rows if len(row) == width]
    n_clean = sum(is_clean(cell.strip()) for row in usual for cell in row)
    return len(usual) / len(rows) * n_clean / (len(usual) * width)


def is_clean(cell: str) -> bool:
    """Tell whether a cell holds one value: a number, a date, a word, or nothing."""
    return (
        bool(_CLEAN.fullmatch(cell))
        or cell in _MISSING
        or bool(_ANY_NUMBER.fullmatch(cell))
        or bool(_DATE.fullmatch(cell))
    )


def _common_width(rows: Sequence[Sequence[str]]) -> int:
    return Counter(map(len, rows)).most_common(1)[0][0] if rows else 0


def cut(lines: Iterable[str], options: Options) -> list[list[str]]:
    """Cut lines into cells; what even csv cannot cut counts as one cell."""
    with_spaces = options.separator == " "
    reader = csv.reader(
        (line.strip(" ") if with_spaces else line for line in lines),
        delimiter=options.separator,
        quotechar=options.quote,
        skipinitialspace=with_spaces or options.skip_space,
    )
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in reader if row)
    except csv.Error:
        rows.append([""])
    return rows


def _count_titles(lines: Sequence[str], options: Options) -> int:
    """Count lines above the table whose first cell at most holds something, such as a title."""
    rows = cut(lines, options)
    width = _common_width(rows)
    is_title = [not any(map(str.strip, row[1:])) for row in rows]
    n_titles = next((i for i, title in enumerate(is_title[:_MOST_TITLES]) if not title), 0)
    is_table = width > 1 and all(len(row) == width for row in rows[n_titles:])
    return n_titles if is_table else 0


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row names the columns.

    It does if some column has a word on top and only numbers below, or if its cells are all
    words and all different.
    """
    if not rows:
        return True
    first, *others = rows
    for top, *below in zip(first, *others, strict=False):
        values = [cell for cell in below if cell.strip() not in _MISSING]
        is_word = top.strip() not in _MISSING and not _looks_like_value(top)
        if is_word and values and all(map(_looks_like_value, values)):
            return True
    words = [cell.strip() for cell in first if cell.strip()]
    return not any(map(_looks_like_value, words)) and len(set(words)) == len(words) > 0


def _looks_like_value(cell: str) -> bool:
    cell = cell.strip()
    return bool(_ANY_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell))


def _guess_convention(rows: Sequence[Sequence[str]], separator: str) -> tuple[str, str]:
    """Return the decimal sign and the thousands mark that make most columns numbers."""
    columns = [
        [cell.strip() for cell in column if cell.strip() not in _MISSING]
        for column in zip(*rows, strict=False)
    ]
    columns = [column for column in columns if column and all(map(_looks_like_value, column))]
    scores = {
        marks: sum(is_number(column, *marks) for column in columns) for marks in _CONVENTIONS
    }
    best = [marks for marks, score in scores.items() if score == max(scores.values())]
    if separator != ";" and _only_groups(columns):
        best = [marks for marks in best if marks[1] == ","] or best
    return best[0]


def _only_groups(columns: Sequence[Sequence[str]]) -> bool:
    """Tell whether each comma stands before three digits, as a thousands mark does."""
    pattern = re.compile(number_pattern(".", ","))
    marked = [cell for column in columns for cell in column if "," in cell]
    return bool(marked) and all(map(pattern.fullmatch, marked))
