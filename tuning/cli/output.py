"""How commands speak: tables for people, JSON for scripts, one sentence for an error."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from storage.errors import StorageError
from tuning.errors import SpecError, TuningError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


def print_json(document: object) -> None:
    """Print a document as JSON; numbers that JSON has no word for become null."""
    typer.echo(json.dumps(_plain(document), indent=2))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; cells are text, never markup; what is too wide is folded."""
    columns = [Column(header, overflow="fold") for header in headers]
    columns[0].no_wrap = True
    table = Table(
        *columns,
        padding=(0, 1, 0, 0),
        header_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
    )
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console.print(table)


@contextlib.contextmanager
def sentences(*, as_json: bool) -> Iterator[None]:
    """Turn an error a person can put right into its sentence and exit status 1."""
    try:
        yield
    except (TuningError, StorageError) as error:
        problems = list(error.problems) if isinstance(error, SpecError) else [str(error)]
        if as_json:
            print_json({"errors": problems})
        for problem in problems:
            complaints.print(Text(problem, style="red"))
        raise typer.Exit(1) from error


def _plain(value: Any) -> Any:  # noqa: ANN401 (any JSON-ready value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
