"""Commands for what people write to studies and trials: note, tag, star."""

from __future__ import annotations

from typing import Annotated

import typer

from storage.database import database
from storage.notes import change_tags, read_note, set_star, write_note
from storage.studies import get_study
from tuning.cli.output import AsJson, console, print_json, sentences
from tuning.export.files import note_document

app = typer.Typer()

Trial = Annotated[
    int | None, typer.Option("--trial", min=0, help="A trial's number; else the study itself.")
]


@app.command()
def note(
    study_id: str,
    text: Annotated[
        str | None, typer.Argument(help="Markdown; empty takes the note away, none shows it.")
    ] = None,
    *,
    trial: Trial = None,
    as_json: AsJson = False,
) -> None:
    """Write a note to a study or a trial, in place of the one it has; or show what it has."""
    with sentences(as_json=as_json):
        if text is not None:
            write_note(database(), study_id, trial, text)
        _tell(study_id, trial, as_json=as_json)


@app.command()
def tag(
    study_id: str,
    tags: Annotated[list[str], typer.Argument(help="One or more tags.")],
    *,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take them away instead of adding them.")
    ] = False,
    trial: Trial = None,
    as_json: AsJson = False,
) -> None:
    """Add tags to a study or a trial, or take them away."""
    with sentences(as_json=as_json):
        added, removed = ([], tags) if remove else (tags, [])
        change_tags(database(), study_id, trial, add=added, remove=removed)
        _tell(study_id, trial, as_json=as_json)


@app.command()
def star(
    study_id: str,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take the star away.")] = False,
    trial: Trial = None,
    as_json: AsJson = False,
) -> None:
    """Give a study or a trial a star, or take it away."""
    with sentences(as_json=as_json):
        set_star(database(), study_id, trial, is_starred=not remove)
        _tell(study_id, trial, as_json=as_json)


def _tell(study_id: str, trial: int | None, *, as_json: bool) -> None:
    """Print what is written to a study or a trial now."""
    get_study(database(), study_id)
    written = read_note(database(), study_id, trial)
    if as_json:
        print_json({"study": study_id, "trial": trial, **note_document(written)})
        return
    name = study_id if trial is None else f"Trial {trial} of {study_id}"
    star_word = "★" if written.is_starred else ""
    line = " ".join([f"{name}:", *filter(None, [star_word, *written.tags])])
    said = line if written else f"{name}: nothing is written."
    for part in filter(None, (said, written.text)):
        console.print(part, markup=False, soft_wrap=True)
