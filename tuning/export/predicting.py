"""What a script needs to predict with a saved model: what its columns are, and the script.

`row_facts` stands beside the saved model; `PREDICT_SCRIPT` reads it and needs no code of ours.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tuning.datasets.info import Column, DatasetInfo
from tuning.export.files import model_facts
from tuning.parameters import PARAMETERS, PREPARATION, Value


def row_facts(info: DatasetInfo, params: Mapping[str, Value]) -> dict[str, Any]:
    """Return how rows are encoded for a model, and what its outputs mean, ready for JSON.

    Returns
    -------
    dict
        `columns` describes each column as the model takes it (`Column`, with the file's own
        name as `source`); `inputs` names what the model makes of them; `preparation` says how.
    """
    table = info.table or tuple(Column(name) for name in info.columns)
    return {
        "task": info.task,
        "target": info.target,
        "unit": info.unit,
        "log_target": info.log_target,
        "class_names": info.class_names,
        "columns": [
            asdict(column) | {"source": column.source or column.name} for column in table
        ],
        "inputs": info.columns,
        "preparation": {
            name: value
            for name, value in params.items()
            if PARAMETERS[name].group == PREPARATION
        },
    }


def columns_json(facts: Mapping[str, Any]) -> bytes:
    """Write ``columns.json`` for the script, from `row_facts` or all the facts of a model."""
    return json.dumps({name: facts[name] for name in _NEEDED}, indent=2).encode()


_NEEDED = (
    "task", "target", "unit", "log_target", "class_names", "columns", "inputs", "preparation",
)  # fmt: skip


def can_predict(facts: Mapping[str, Any]) -> bool:
    """Tell whether the script can encode rows for a model; not for images and old files."""
    return set(_NEEDED) <= facts.keys() and bool(facts["columns"])


def model_zip(folder: Path) -> bytes:
    """Return a saved model with the script that predicts with it and what the script reads.

    Parameters
    ----------
    folder : Path
        Where ``model.keras`` and ``model.json`` of a study stand.
    """
    model = folder / "model.keras"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(model, "model.keras")
        archive.writestr("columns.json", columns_json(model_facts(model)))
        archive.writestr("predict.py", PREDICT_SCRIPT)
    return packed.getvalue()


PREDICT_SCRIPT = '''\
"""Predict with a saved model: python predict.py rows.csv

Needs model.keras and columns.json beside it, and pandas, numpy and keras. The rows may have
any columns in any order; those that the model knows must be there. Missing values are filled
by the model itself.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd

HERE = Path(__file__).parent
DATE_PARTS = {"weekday": "day_of_week"}
TRUTHS = {**dict.fromkeys(["true", "yes", "y", "t"], 1.0),
          **dict.fromkeys(["false", "no", "n", "f"], 0.0)}


def encode(table, columns):
    """Turn columns of a file into the numbers and codes that the model takes."""
    missing = [c["source"] for c in columns if c["source"] not in table.columns]
    if missing:
        sys.exit(f"The rows lack {', '.join(dict.fromkeys(missing))}. Add these columns.")
    parts = [encode_column(table[c["source"]], c) for c in columns]
    return np.column_stack(parts).astype("float32")


def encode_column(series, column):
    if column["date_part"]:
        dates = pd.to_datetime(series, errors="coerce")
        part = column["date_part"]
        return getattr(dates.dt, DATE_PARTS.get(part, part)).to_numpy("float64")
    if column["levels"]:
        return encode_choices(series, column)
    words = series.astype("str").str.strip().str.lower().map(TRUTHS)
    numbers = pd.to_numeric(series, errors="coerce").astype("float64").fillna(words)
    numbers = numbers.to_numpy("float64", na_value=np.nan)
    return np.where(numbers == 0, np.nan, numbers) if column["zeros_missing"] else numbers


def encode_choices(series, column):
    """Give each choice its place; one that is not known is "other", or missing."""
    levels = column["levels"]
    words = series.astype("str").str.strip()
    codes = words.map({level: float(code) for code, level in enumerate(levels)})
    if codes.isna().any():  # 3 and 3.0 are one number, however a file writes them
        numbers = {}
        for code, level in enumerate(levels):
            try:
                numbers[float(level)] = float(code)
            except ValueError:
                continue
        codes = codes.fillna(pd.to_numeric(series, errors="coerce").map(numbers))
    if column["others"]:
        codes = codes.fillna(float(len(levels)))
    return codes.where(series.notna()).to_numpy("float64", na_value=np.nan)


def predict(table, facts, model):
    """Return a table of predictions, a row for each row."""
    outputs = model.predict(encode(table, facts["columns"]), verbose=0)
    target, names = facts["target"], facts["class_names"]
    if facts["task"] == "regression":
        values = outputs[:, 0].astype("float64")
        return pd.DataFrame({target: np.exp(values) if facts["log_target"] else values})
    if outputs.shape[1] == 1:
        outputs = np.hstack([1 - outputs, outputs])
    said = [names[code] for code in outputs.argmax(axis=1)]
    shares = {f"probability of {name}": outputs[:, i] for i, name in enumerate(names)}
    return pd.DataFrame({target: said, **shares})


def main():
    if len(sys.argv) != 2:
        sys.exit("Usage: python predict.py rows.csv")
    facts = json.loads((HERE / "columns.json").read_text(encoding="utf-8"))
    model = keras.models.load_model(HERE / "model.keras")
    rows = pd.read_csv(sys.argv[1])
    predict(rows, facts, model).to_csv(sys.stdout, index=False)


if __name__ == "__main__":
    main()
'''
