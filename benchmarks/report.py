"""The tables of docs/benchmarks.md: ``python -m benchmarks.report FILE`` writes them.

Only the text between the two marks of the page is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.marked import replace
from benchmarks.results import (
    PEERS,
    Comparison,
    Results,
    ResultsFileError,
    comparisons,
    is_measured,
)
from benchmarks.words import figures, losses, noise_words, notes, score_words

MARK = "benchmarks"
_PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_HEADERS = (
    "recipe", "fits",
    "ours cold, s", "ours first, s", "ours again, s",
    "theirs process, s", "theirs search, s",
    "ratio cold", "ratio first", "ratio again",
    "ours MB", "theirs MB",
)  # fmt: skip


def report(results: Results) -> str:
    """Return the measured part of the page as Markdown."""
    return "\n".join(_lines(results))


def _lines(results: Results) -> Iterator[str]:
    machine = results.about["machine"]
    yield (
        f"Begun on {results.about['date']} on {machine['cores']} cores of {machine['cpu']}, "
        + f"{machine['memory_gb']} GB of memory, {machine['system']}. "
        + f"{_versions(results.about['versions'])}."
    )
    if results.variant == "quick":
        yield "\n**These are the cut recipes of a quick run, not the recipes themselves.**"
    yield ""
    for sentence in notes(results):
        yield f"- {sentence}"
    for group, names in results.groups().items():
        yield f"\n### {group}"
        for peer, words in PEERS.items():
            rows = comparisons(results, group, peer)
            if is_measured(results, group, peer):
                yield f"\n#### Ours and {words}\n"
                yield from _table(rows)
                yield ""
                yield from (f"- {sentence}" for sentence in losses(rows))
                yield from (f"- {score_words(row)}" for row in rows if row.scores is not None)
        noise = list(noise_words(results, names))
        if noise:
            yield "\n#### The peers among themselves\n"
            yield from (f"- {sentence}" for sentence in noise)


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _table(rows: Sequence[Comparison]) -> Iterator[str]:
    yield _line(_HEADERS)
    yield _line(["---", *["--:"] * (len(_HEADERS) - 1)])
    for row in rows:
        cells = [cell for part in figures(row) for cell in part]
        yield _line([row.name, f"{row.n_fits:,}", *cells])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(
    file: Annotated[Path, typer.Argument(help="Results of benchmarks.peers.")],
    page: Annotated[Path, typer.Option(help="The page to write into.")] = _PAGE,
) -> None:
    """Write the tables of a file of results into the page."""
    try:
        replace(page, MARK, report(Results.read(file)))
    except ResultsFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
