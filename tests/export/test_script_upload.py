"""Scripts read uploaded files of every kind as the datasets do: the same inputs and targets."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage.database import database
from tests.export.test_script import mixed_file, save_mixed, small_spec, write_trial
from tests.upload_files import receive
from tuning.datasets.catalogue import load_dataset
from tuning.datasets.preparation import Preparation, Preparer
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.guessing import guess_choices
from tuning.datasets.uploads.keeping import save_upload
from tuning.errors import ExportError
from tuning.export.script import training_script


@pytest.fixture(autouse=True)
def _own_home(home: Path) -> None:
    """Give each test a data folder and database of its own."""


def small_table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    table = pd.DataFrame(
        {
            "length": rng.normal(3, 1, 90),
            "count": rng.integers(0, 5, 90),
            "is_new": rng.random(90) < 0.4,
            "kind": rng.choice(["a", "b", "c"], 90),
            "day": pd.Timestamp("2024-01-30") + pd.to_timedelta(rng.integers(0, 90, 90), "D"),
        }
    )
    table.loc[:8, "length"] = np.nan
    table.loc[5:9, "kind"] = None
    table["price"] = 2.0 + table["count"] + rng.random(90)
    return table


def as_csv(table: pd.DataFrame) -> bytes:
    head = b"# made by hand\n"
    return head + table.to_csv(index=False, sep="\t", date_format="%m/%d/%Y").encode("utf-16")


def as_parquet(table: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    table.to_parquet(content)
    return content.getvalue()


def as_json_lines(table: pd.DataFrame) -> bytes:
    return table.to_json(orient="records", lines=True, date_format="iso").encode()


def as_workbook(table: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    table.to_excel(content, index=False)
    return content.getvalue()


def as_gzip(table: pd.DataFrame) -> bytes:
    import gzip

    text = table.to_csv(index=False, sep=";", decimal=",", date_format="%d.%m.%Y")
    return gzip.compress(text.encode("latin-1"), mtime=0)


def as_zip(table: pd.DataFrame) -> bytes:
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("prices.csv", table.to_csv(index=False))
    return content.getvalue()


FILES: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "prices.tsv": lambda table: as_csv(table)[len(b"# made by hand\n") :],
    "prices.parquet": as_parquet,
    "prices.jsonl": as_json_lines,
    "prices.xlsx": as_workbook,
    "prices.csv.gz": as_gzip,
    "prices.zip": as_zip,
}


def defined(dataset: str, **changes: Any) -> dict[str, Any]:
    """Return what the script of a study with this dataset defines."""
    spec = small_spec(dataset, **changes)
    text = training_script(database(), write_trial(database(), spec))
    names: dict[str, Any] = {"__name__": "again"}
    exec(compile(text, "again.py", "exec"), names)
    return names


def assert_same_rows(dataset: str, names: dict[str, Any], path: Path) -> None:
    """Check that a script has the inputs and targets of the dataset, prepared by all rows."""
    loaded = load_dataset(dataset)
    x, y = names["load_data"](str(path))
    preparer = Preparer.fit(loaded.features, loaded.info, Preparation())
    expected = preparer.transform(loaded.features)

    found = names["make_preparation"]().fit_transform(x)

    np.testing.assert_allclose(y, loaded.targets, rtol=1e-6)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("name", FILES)
def test_each_kind_of_file_gives_the_inputs_of_the_dataset(
    name: str, log_target: bool, tmp_path: Path
) -> None:
    data = FILES[name](small_table())
    file = receive(data, name)
    choices = guess_choices(file.table, "price", "regression")
    choices = Choices("price", "regression", choices.columns, log_target=log_target)
    if file.table.type_of("day") == "date":  # JSON has text for it
        choices = choices.with_column("day", role="in", treatment="date parts")
    dataset = save_upload(database(), file, choices).id
    (tmp_path / "file").write_bytes(data)

    names = defined(dataset, evaluation={"folds": 2, "score": "mae"})

    assert_same_rows(dataset, names, tmp_path / "file")


def test_choices_of_every_sort_give_the_inputs_of_the_dataset(tmp_path: Path) -> None:
    data = mixed_file()
    dataset = save_mixed(data)
    (tmp_path / "file").write_bytes(data)

    assert_same_rows(dataset, defined(dataset), tmp_path / "file")


@pytest.mark.parametrize(
    "images",
    [
        (np.arange(150 * 36) % 256).astype(np.uint8).reshape(150, 6, 6),
        np.linspace(0, 1, 150 * 108, dtype=np.float32).reshape(150, 6, 6, 3),
        np.linspace(0, 200, 150 * 36, dtype=np.float32).reshape(150, 6, 6),
    ],
)
def test_arrays_of_images_give_the_pixels_of_the_dataset(
    images: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    content = io.BytesIO()
    np.savez(content, x=images, y=np.arange(150) % 3)
    file = receive(content.getvalue(), "pictures.npz")
    dataset = save_upload(database(), file, guess_choices(file.table)).id
    (tmp_path / "file").write_bytes(content.getvalue())

    x, y = defined(dataset)["load_data"](str(tmp_path / "file"))

    loaded = load_dataset(dataset)
    np.testing.assert_allclose(x, loaded.features, rtol=1e-6)
    np.testing.assert_array_equal(y, loaded.targets)


def test_folders_of_images_have_no_script() -> None:
    import zipfile

    from PIL import Image

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(150):
            picture = io.BytesIO()
            Image.new("L", (4, 4), number).save(picture, "png")
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", picture.getvalue())
    file = receive(content.getvalue(), "pictures.zip")
    dataset = save_upload(database(), file, guess_choices(file.table)).id
    study_id = write_trial(database(), small_spec(dataset))

    with pytest.raises(ExportError) as error:
        training_script(database(), study_id)

    assert str(error.value) == (
        "pictures holds folders of images, which a script does not read as this study did. "
        + "Upload them as arrays x and y in an .npz file."
    )
