"""``delete`` and ``backup``: what keeps a data folder in order."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from storage.backup import back_up, database_path
from storage.database import database
from storage.settings import settings
from tuning.cli.output import AsJson, console, print_json, sentences
from tuning.errors import ConfirmationError
from tuning.housekeeping import deletable, delete_studies

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def make_sure(question: str, *, yes: bool) -> None:
    """Ask before something cannot be undone; a no ends the command.

    Raises
    ------
    ConfirmationError
        If there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfirmationError(question)
    typer.confirm(question, abort=True, err=True)


def delete(
    study_ids: Annotated[list[str], typer.Argument(metavar="STUDY...", help="Their ids.")],
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete studies for good, with trials, curves and models. They must have ended."""
    with sentences(as_json=as_json):
        db = database()
        rows = deletable(db, study_ids)
        chosen = [row.id for row in rows]
        make_sure(_question(chosen, sum(row.n_trials_done for row in rows)), yes=yes)
        delete_studies(db, chosen, settings().home)
        if as_json:
            print_json({"deleted": chosen})
        else:
            for study_id in chosen:
                console.print(f"{study_id} is deleted.", markup=False)


def _question(study_ids: list[str], n_trials: int) -> str:
    what = study_ids[0] if len(study_ids) == 1 else f"{len(study_ids)} studies"
    trials = "1 trial" if n_trials == 1 else f"{n_trials:,} trials"
    return f"Delete {what} with {trials}? This cannot be undone."


def backup(
    file: Annotated[Path, typer.Argument(help="Where to write the copy.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the database into one file while everything goes on, and say how to go back."""
    with sentences(as_json=as_json):
        url, home = settings().url, settings().home
        size = back_up(url, file, force=force)
        if as_json:
            print_json({"file": str(file.absolute()), "bytes": size})
            return
        console.print(
            _way_back(file.absolute(), size, database_path(url, file).absolute(), home),
            markup=False,
            soft_wrap=True,
        )


def _way_back(file: Path, size: int, source: Path, home: Path) -> str:
    copy, place = shlex.quote(str(file)), shlex.quote(str(source))
    return "\n".join(
        (
            f"{file}: {size / 1e6:.1f} MB, checked.",
            "To go back to it, stop Tuneboard and its workers. Then either set "
            + f"TUNEBOARD_DATABASE_URL=sqlite:///{file}, or put it in place: "
            + f"rm -f {place}-wal {place}-shm && cp {copy} {place}",
            "It holds studies, results and curves, but no files: copy "
            + f"{home / 'datasets' / 'uploads'} and {home / 'models'} as well.",
        )
    )
