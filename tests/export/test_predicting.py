"""The script beside a saved model: raw rows of a file in, what the model says of them out."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from tuning.datasets.catalogue import dataset_info
from tuning.datasets.info import Column, DatasetInfo
from tuning.datasets.preparation import Preparation, Preparer
from tuning.export.predicting import (
    PREDICT_SCRIPT,
    can_predict,
    columns_json,
    model_zip,
    row_facts,
)
from tuning.models.build import make_model, with_preparation
from tuning.parameters import defaults_of

TABLE = (
    Column("age", indicator=True, zeros_missing=True),
    Column("town", ("Aachen", "Köln"), others=True, indicator=True),
    Column("size", ("small", "large"), ordered=True),
    Column("rooms", ("1", "2", "10")),
    Column("sold: month", source="sold", date_part="month"),
    Column("sold: weekday", source="sold", date_part="weekday"),
)
RAW = """rooms,town,note,size,age,sold
1,Aachen,x,small,31,2024-02-29
2,Bonn,y,large,0,2024-12-31
10,,z,,,
,Köln,,large,7.5,2023-01-02
"""
# 29 February 2024 was a Thursday, New Year's Eve a Tuesday, 2 January 2023 a Monday.
ENCODED = [
    [31, 0, 0, 0, 2, 3],
    [np.nan, 2, 1, 1, 12, 1],
    [np.nan, np.nan, np.nan, 2, np.nan, np.nan],
    [7.5, 1, 1, np.nan, 1, 0],
]


def make_info(**changes: Any) -> DatasetInfo:
    inputs = tuple(name for column in TABLE for name in column.inputs)
    return replace(
        dataset_info("pima"),
        n_inputs=len(inputs),
        columns=inputs,
        table=TABLE,
        target="price",
        **changes,
    )


def encoding() -> Any:
    """Return what the script defines, run in this process."""
    names: dict[str, Any] = {"__name__": "predict", "__file__": "predict.py"}
    exec(compile(PREDICT_SCRIPT, "predict.py", "exec"), names)
    return names["encode"]


def columns_of(info: DatasetInfo) -> Any:
    return json.loads(json.dumps(row_facts(info, defaults_of("dense"))))["columns"]


def test_raw_rows_become_the_numbers_and_codes_of_the_dataset() -> None:
    encoded = encoding()(pd.read_csv(io.StringIO(RAW)), columns_of(make_info()))

    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded, np.array(ENCODED, np.float32))


def test_words_for_yes_and_no_are_1_and_0_in_a_column_of_numbers() -> None:
    columns = columns_of(make_info())[:1]
    rows = pd.DataFrame({"age": ["yes", "No", None, "TRUE", "5"]})

    encoded = encoding()(rows, [columns[0] | {"zeros_missing": False}])

    np.testing.assert_array_equal(encoded[:, 0], np.array([1, 0, np.nan, 1, 5], np.float32))


def test_facts_name_columns_levels_dates_and_preparation() -> None:
    facts = row_facts(make_info(log_target=True), {**defaults_of("dense"), "scaling": "robust"})

    assert facts["preparation"] == {
        "scaling": "robust",
        "imputation": "median",
        "class_weight": None,
    }
    assert [column["source"] for column in facts["columns"]] == [
        "age", "town", "size", "rooms", "sold", "sold",
    ]  # fmt: skip
    assert facts["columns"][1]["levels"] == ("Aachen", "Köln")
    assert facts["columns"][5]["date_part"] == "weekday"
    assert facts["inputs"][:2] == ("age", "age is missing")
    assert facts["log_target"]


def test_a_dataset_of_plain_numbers_is_described_by_its_inputs() -> None:
    info = dataset_info("pima")

    facts = row_facts(info, defaults_of("dense"))

    assert tuple(column["name"] for column in facts["columns"]) == info.columns
    assert not any(column["levels"] or column["date_part"] for column in facts["columns"])


@pytest.mark.slow
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_script_alone_predicts_what_the_model_says(task: Any, tmp_path: Path) -> None:
    names = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}[task]
    info = make_info(task=task, class_names=names, log_target=task == "regression")
    params = defaults_of("dense")
    rows = np.array(ENCODED, np.float32)
    preparer = Preparer.fit(rows, info, Preparation())
    network = make_model("dense", params, info, seed=3)
    with_preparation(network, preparer).save(tmp_path / "model.keras")
    (tmp_path / "columns.json").write_bytes(columns_json(row_facts(info, params)))
    (tmp_path / "predict.py").write_text(PREDICT_SCRIPT, encoding="utf-8")
    (tmp_path / "rows.csv").write_text(RAW, encoding="utf-8")

    told = subprocess.run(
        [sys.executable, "predict.py", "rows.csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    found = pd.read_csv(io.StringIO(told.stdout))
    outputs = network.predict(preparer.transform(rows), verbose=0)
    if task == "regression":
        expected = [math.exp(value) for value in outputs[:, 0]]
        assert found["price"].tolist() == pytest.approx(expected, rel=1e-5)
        return
    shares = outputs if task == "multiclass" else np.hstack([1 - outputs, outputs])
    assert found["price"].tolist() == [names[code] for code in shares.argmax(axis=1)]
    for code, name in enumerate(names):
        assert found[f"probability of {name}"].tolist() == pytest.approx(
            shares[:, code].tolist(), abs=1e-5
        )
    keras.backend.clear_session()


@pytest.mark.slow
def test_the_model_travels_with_its_script_which_names_a_column_that_is_missing(
    tmp_path: Path,
) -> None:
    info = make_info()
    preparer = Preparer.fit(np.array(ENCODED, np.float32), info, Preparation())
    network = make_model("dense", defaults_of("dense"), info, seed=3)
    with_preparation(network, preparer).save(tmp_path / "model.keras")
    facts = row_facts(info, defaults_of("dense"))
    (tmp_path / "model.json").write_text(json.dumps({"trial": 3} | facts), encoding="utf-8")
    taken = tmp_path / "taken"

    with zipfile.ZipFile(io.BytesIO(model_zip(tmp_path))) as archive:
        archive.extractall(taken)
    (taken / "rows.csv").write_text("age,town\n1,Aachen\n", encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "predict.py", "rows.csv"],
        cwd=taken,
        capture_output=True,
        text=True,
        check=False,
    )

    assert can_predict(facts)
    assert not can_predict(facts | {"columns": []})
    assert told.returncode == 1
    assert told.stderr.strip().splitlines()[-1] == (
        "The rows lack size, rooms, sold. Add these columns."
    )
