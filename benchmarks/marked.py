"""Tables of figures in pages that are written by hand: they stand between marks with a name."""

from __future__ import annotations

from pathlib import Path

from benchmarks.results import ResultsFileError


def marks(name: str) -> tuple[str, str]:
    """Return what stands before and after the text of a name."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def replaced(page: Path, name: str, text: str) -> str:
    """Return a page with new text between the marks of a name.

    Raises
    ------
    ResultsFileError
        If the marks are missing.
    """
    begin, end = marks(name)
    before, has_begin, rest = page.read_text("utf-8").partition(begin)
    _, has_end, after = rest.partition(end)
    if not (has_begin and has_end):
        raise ResultsFileError(page, f"has no marks of {name!r}", f"Add {begin} and {end}.")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def replace(page: Path, name: str, text: str) -> None:
    """Write new text between the marks of a name; see `replaced`."""
    page.write_text(replaced(page, name, text), "utf-8")
