"""``datasets``: list them, look at one, add a file, download or delete an upload."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from storage.database import database
from storage.datasets import DatasetRow, get_dataset, studies_by_dataset
from storage.errors import DatasetInUseError
from tuning.cli.housekeeping import Yes, make_sure
from tuning.cli.output import (
    AsJson,
    complaints,
    console,
    print_json,
    print_table,
    sentences,
)
from tuning.cli.upload_words import document, print_profile, reading_changes
from tuning.datasets.catalogue import catalogue, dataset_info, is_available
from tuning.datasets.uploads.choices import Choices, choices_document
from tuning.datasets.uploads.guessing import guess_choices, guess_target
from tuning.datasets.uploads.keeping import delete_upload, save_upload, uploaded
from tuning.datasets.uploads.loading import (
    existing_path,
    load_table,
    upload_choices,
    write_upload,
)
from tuning.datasets.uploads.profile import TableProfile, profile_table
from tuning.datasets.uploads.receiving import Changes, Received, dropped_file, read_changed
from tuning.datasets.uploads.warning_rules import TableWarning, find_warnings
from tuning.errors import UploadError

app = typer.Typer(help="The data to train on.", invoke_without_command=True)

_TASKS = {"binary": "two classes", "multiclass": "classes", "regression": "a number"}


@app.callback()
def _default(context: typer.Context, *, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is None:
        list_all(as_json=as_json)


@app.command("list")
def list_all(*, as_json: AsJson = False) -> None:
    """List the catalogue and the uploads."""
    with sentences(as_json=as_json):
        used = studies_by_dataset(database())
        infos = [*catalogue().values(), *uploaded(database())]
        if as_json:
            print_json([asdict(info) | {"n_studies": used.get(info.id, 0)} for info in infos])
            return
        print_table(
            ["Dataset", "Title", "Rows", "Inputs", "Predict", "Task", "Here", "Studies"],
            [
                (
                    info.id,
                    info.title,
                    f"{info.n_rows:,}",
                    info.n_inputs,
                    info.target,
                    _TASKS[info.task],
                    "yes" if is_available(info.id) else "on first use",
                    used.get(info.id, 0),
                )
                for info in infos
            ],
        )


@app.command()
def show(dataset_id: str, *, as_json: AsJson = False) -> None:
    """Show what is known of one dataset; of an upload its columns and warnings too."""
    with sentences(as_json=as_json):
        facts = asdict(dataset_info(dataset_id))
        looked = _look(dataset_id) if facts["source"] == "upload" else None
        if as_json:
            print_json(facts | (document(*looked) if looked else {}))
            return
        print_table(["Fact", "Value"], [(k, v) for k, v in facts.items() if v not in ("", ())])
        if looked:
            print_profile(*looked)


def _look(dataset_id: str) -> tuple[TableProfile, tuple[TableWarning, ...]]:
    row = get_dataset(database(), dataset_id)
    table, choices = load_table(row), upload_choices(row)
    profile = profile_table(table, choices)
    return profile, find_warnings(table, profile, choices)


@app.command()
def add(  # noqa: PLR0913 (each is an option of the command)
    file: Path,
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    *,
    task: Annotated[
        str | None, typer.Option(help="binary, multiclass or regression; found out if unset.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    choices: Annotated[
        Path | None, typer.Option(help="JSON file of what becomes of target and columns.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="How to read it, as in separator=semicolon.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a file as a dataset: a table or images, of any kind that can be read."""
    with sentences(as_json=as_json):
        received = _receive(file, reading_changes(option or [], file.name))
        said = {"target": target, "task": task}
        wanted = {key: value for key, value in said.items() if value is not None}
        chosen = _choose(received, wanted, choices)
        info = save_upload(database(), received, chosen, name)
        profile = profile_table(received.table, chosen)
        warned = [each.sentence for each in find_warnings(received.table, profile, chosen)]
        if as_json:
            told = {"choices": asdict(chosen), "notes": received.notes, "warnings": warned}
            print_json(asdict(info) | told | {"read_as": received.options.words})
            return
        read_as = f"Read as {received.options.words}."
        for sentence in (read_as, *received.notes, *warned):
            complaints.print(sentence, markup=False)
        console.print(f"{info.id}: {info.n_rows:,} rows, predicts {info.target}.", markup=False)


def _receive(file: Path, changes: Changes) -> Received:
    try:
        with file.open("rb") as source, dropped_file(source, file.name) as stored:
            return read_changed(stored, changes)
    except OSError as error:
        raise UploadError(file.name, f"cannot be read: {error.strerror}.") from error


def _choose(received: Received, wanted: dict[str, str], file: Path | None) -> Choices:
    """Return what a person said on the command line and in a file, over a guess."""
    text = "{}" if file is None else _text_of(file)
    named = "choices" if file is None else file.name
    written = choices_document(text, named) | wanted
    target = str(written.get("target", guess_target(received.table)))
    return guess_choices(received.table, target).changed_by(json.dumps(written), named)


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UploadError(file.name, f"cannot be read: {reason}.") from error


@app.command()
def download(
    dataset_id: str,
    to: Annotated[Path | None, typer.Option(help="Where; its own name if unset.")] = None,
    *,
    table: Annotated[bool, typer.Option("--table", help="As CSV, formulas harmless.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write an upload to a file: the original as it came, or its table as CSV."""
    with sentences(as_json=as_json):
        row = get_dataset(database(), dataset_id)
        target = to or Path(f"{Path(row.file_name).stem}.csv" if table else row.file_name)
        if target.exists() and not force:
            raise UploadError(
                target.name, "is there already. Choose another name, or use --force."
            )
        try:
            _write(row, target, table=table)
        except OSError as error:
            raise UploadError(target.name, f"cannot be written: {error.strerror}.") from error
        if as_json:
            print_json({"file": str(target), "bytes": target.stat().st_size})
        else:
            console.print(f"{target}: {target.stat().st_size:,} bytes.", markup=False)


def _write(row: DatasetRow, target: Path, *, table: bool) -> None:
    if not table:
        shutil.copyfile(existing_path(row), target)
        return
    with target.open("w", encoding="utf-8", newline="") as file:
        write_upload(row, file)


@app.command()
def delete(dataset_id: str, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Delete an upload that no study uses, for good."""
    with sentences(as_json=as_json):
        row = get_dataset(database(), dataset_id)
        if row.n_studies:
            raise DatasetInUseError(row.name, row.n_studies)
        make_sure(f"Delete {dataset_id} ({row.name})? This cannot be undone.", yes=yes)
        delete_upload(database(), dataset_id)
        if as_json:
            print_json({"deleted": dataset_id})
        else:
            console.print(f"{dataset_id} is deleted.", markup=False)
