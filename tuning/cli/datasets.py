"""``datasets``: list them, look at one, add a file, delete an upload."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from storage.database import database
from storage.datasets import get_dataset, studies_by_dataset
from storage.errors import DatasetInUseError
from tuning.cli.housekeeping import Yes, make_sure
from tuning.cli.output import AsJson, console, print_json, print_table, sentences
from tuning.datasets.catalogue import catalogue, dataset_info, is_available
from tuning.datasets.uploads import delete_upload, save_upload, uploaded
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
    """Show what is known of one dataset."""
    with sentences(as_json=as_json):
        facts = asdict(dataset_info(dataset_id))
        if as_json:
            print_json(facts)
        else:
            print_table(
                ["Fact", "Value"], [(k, v) for k, v in facts.items() if v not in ("", ())]
            )


@app.command()
def add(
    file: Path,
    target: Annotated[str, typer.Option(help="The column to predict.")],
    *,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a CSV file as a dataset."""
    with sentences(as_json=as_json):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise UploadError(file.name, f"cannot be read: {error.strerror}.") from error
        info = save_upload(database(), content, file.name, target, name=name)
        if as_json:
            print_json(asdict(info))
        else:
            console.print(
                f"{info.id}: {info.n_rows:,} rows, predicts {info.target}.", markup=False
            )


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
