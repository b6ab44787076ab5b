"""Whether what the app says of chance is so: ``python -m benchmarks.trust``.

Simulates and trains studies whose truth is known, counts how often each statement holds, and
prints it beside what was promised. With ``--write`` the tables go into docs/trust.md.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import (
    trust_curves,
    trust_nulls,
    trust_scores,
    trust_settings,
    trust_time,
    trust_winners,
)
from benchmarks.marked import replace
from benchmarks.results import ResultsFileError
from benchmarks.trust_figures import Figure, misses, tables

QUICK = 0.04  # of the studies of the full form
SUMMARY = "summary"
PARTS: Mapping[str, Callable[[float], Iterator[Figure]]] = {
    "equals": trust_nulls.figures,
    "better": trust_winners.advantage_figures,
    "confirming": trust_winners.confirming_figures,
    "intervals": trust_scores.figures,
    "importance": trust_settings.importance_figures,
    "what-if": trust_settings.what_if_figures,
    "seconds": trust_time.figures,
    "curves": trust_curves.figures,
}
_ROOT = Path(__file__).resolve().parent.parent
_PAGE = _ROOT / "docs" / "trust.md"
_FILE = _ROOT / "build" / "trust.json"


def mark(part: str) -> str:
    """Return the name of the marks around the tables of a part."""
    return f"trust, {part}"


@dataclass
class Measured:
    """What was measured, in a JSON file that grows by a part at a time.

    Attributes
    ----------
    form : {"full", "quick"}
        How many studies were simulated.
    date : str
        On which it was begun.
    """

    form: str
    date: str = field(default_factory=lambda: dt.datetime.now(dt.UTC).date().isoformat())
    parts: dict[str, list[Figure]] = field(default_factory=dict)

    @classmethod
    def resumed(cls, path: Path, form: str) -> Measured:
        """Return what a file holds; nothing yet if there is none.

        Raises
        ------
        ResultsFileError
            If it holds figures of the other form, or is none of ours.
        """
        if not path.exists():
            return cls(form)
        try:
            document = json.loads(path.read_text())
            parts = {
                part: [Figure.read(one) for one in figures]
                for part, figures in document["parts"].items()
            }
            found = cls(document["form"], document["date"], parts)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ResultsFileError(
                path, "cannot be read", "Name another with --out."
            ) from error
        if found.form != form:
            raise ResultsFileError(
                path, f"is of the {found.form} form", "Delete it, or use --out."
            )
        return found

    def text(self) -> str:
        """Return it as JSON."""
        parts = {name: [one.document() for one in own] for name, own in self.parts.items()}
        document = {"form": self.form, "date": self.date, "parts": parts}
        return json.dumps(document, indent=1, ensure_ascii=False)

    def tables(self) -> dict[str, str]:
        """Return the tables of each part, and the summary of all."""
        own = {part: tables(figures) for part, figures in self.parts.items()}
        return own | {SUMMARY: self.summary()}

    def summary(self) -> str:
        """Say which promises are kept and which are not."""
        how = (
            f"a quick form with {QUICK:.0%} of the studies" if self.form == "quick" else "full"
        )
        every = [figure for figures in self.parts.values() for figure in figures]
        verdicts = Counter(figure.kept for figure in every)
        lines = [
            f"Begun on {self.date}; form: {how}; parts: {', '.join(self.parts)}.",
            "",
            f"- {sum(verdicts.values()) - verdicts[None]} figures have a promise: "
            + f"{verdicts['yes']} keep it, {verdicts['within luck']} miss it by no more than "
            + f"luck, {verdicts['no']} do not keep it.",
            *(f"- {sentence}" for sentence in misses(every)),
        ]
        return "\n".join(lines)


def measure(measured: Measured, path: Path) -> None:
    """Measure the parts that are missing, and write the file after each."""
    effort = QUICK if measured.form == "quick" else 1.0
    path.parent.mkdir(parents=True, exist_ok=True)
    for part, figures in PARTS.items():
        if part in measured.parts:
            continue
        began = time.perf_counter()
        measured.parts[part] = list(figures(effort))
        path.write_text(measured.text())
        typer.echo(f"{part}: {time.perf_counter() - began:.0f} s", err=True)
    measured.parts = {part: measured.parts[part] for part in PARTS}


def main(
    quick: Annotated[bool, typer.Option(help="A few studies of each kind: a minute.")] = False,
    write: Annotated[bool, typer.Option(help="Write the tables into the page.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, no tables.")] = False,
    resume: Annotated[bool, typer.Option(help="Keep the parts the file has.")] = False,
    out: Annotated[Path, typer.Option(help="The file of figures.")] = _FILE,
    page: Annotated[Path, typer.Option(help="The page to write into.")] = _PAGE,
) -> None:
    """Measure, print the tables, and write them where asked."""
    form = "quick" if quick else "full"
    try:
        measured = Measured.resumed(out, form) if resume else Measured(form)
        measure(measured, out)
        if write:
            for part, own in measured.tables().items():
                replace(page, mark(part), own)
    except ResultsFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    if as_json:
        print(measured.text())
    else:
        print("\n\n".join(f"## {part}\n\n{own}" for part, own in measured.tables().items()))


if __name__ == "__main__":
    typer.run(main)
