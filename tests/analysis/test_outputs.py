"""What outputs tell, by hand and beside scikit-learn; weights in a file laid out by hand."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    average_precision_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from tuning.analysis.network_weights import (
    SavedLayer,
    input_names,
    layer_table,
    most_read,
    read_layers,
    weight_table,
)
from tuning.analysis.outputs import (
    Curve,
    calibration_finding,
    calibration_table,
    class_shares,
    precision_recall,
    residual_finding,
    residual_table,
    roc,
    said_classes,
)
from tuning.errors import UnreadableModelError
from tuning.sealed_outputs import (
    MOST_IMAGES,
    MOST_ROWS,
    make_outputs,
    most_wrong,
    outputs_path,
    read_outputs,
    save_outputs,
)

TRUTH = np.array([False, False, True, False, True, True])
SHARES = np.array([0.1, 0.4, 0.45, 0.6, 0.7, 0.9])


def test_a_curve_by_hand_has_its_area_and_the_point_of_one_half() -> None:
    found = roc(TRUTH, SHARES)

    assert isinstance(found, Curve)
    # Of the nine pairs of a yes and a no, one is the wrong way round: 0.45 and 0.6.
    assert found.area == pytest.approx(8 / 9)
    assert list(found.at_half) == pytest.approx([1 / 3, 2 / 3])
    assert found.chance == 0.5


def test_precision_by_hand() -> None:
    found = precision_recall(TRUTH, SHARES)

    assert isinstance(found, Curve)
    assert list(found.at_half) == pytest.approx([2 / 3, 2 / 3])
    assert found.area == pytest.approx((1 + 1 + 3 / 4) / 3)  # the precision at each yes


def test_many_rows_have_the_areas_of_scikit_learn_and_a_thin_curve() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(size=5_000) < 0.3
    shares = np.clip(rng.normal(0.3 + 0.2 * truth, 0.2), 0, 1)

    of_roc, precise = roc(truth, shares), precision_recall(truth, shares)

    assert isinstance(of_roc, Curve)
    assert isinstance(precise, Curve)
    assert of_roc.area == pytest.approx(roc_auc_score(truth, shares))
    assert precise.area == pytest.approx(average_precision_score(truth, shares))
    said = shares >= 0.5
    known = [recall_score(truth, said), precision_score(truth, said)]
    assert list(precise.at_half) == pytest.approx(known)
    assert max(len(of_roc.table), len(precise.table)) <= 500
    assert of_roc.table.iloc[-1][["x", "y"]].tolist() == [1, 1]


def test_rows_of_one_class_have_no_curve() -> None:
    sentence = "The sealed rows hold one class, so that there is no curve."
    assert roc(np.ones(3, bool), np.ones(3)) == sentence
    assert precision_recall(np.zeros(3, bool), np.ones(3)) == sentence


def test_shares_of_a_class_from_one_unit_or_from_one_a_class() -> None:
    one = np.array([[0.2], [0.7]], np.float32)
    three = np.array([[0.2, 0.5, 0.3]], np.float32)
    assert class_shares(one, 1).tolist() == pytest.approx([0.2, 0.7])
    assert class_shares(one, 0).tolist() == pytest.approx([0.8, 0.3])
    assert class_shares(three, 2).tolist() == pytest.approx([0.3])
    assert said_classes("binary", one).tolist() == [0, 1]
    assert said_classes("multiclass", three).tolist() == [1]
    assert not len(said_classes("regression", one))


def test_calibration_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    shares = rng.uniform(size=997)
    truth = rng.uniform(size=997) < shares

    table = calibration_table(truth, shares)

    found, said = calibration_curve(truth, shares, n_bins=10, strategy="quantile")
    assert table["found"].tolist() == pytest.approx(found.tolist())
    assert table["said"].tolist() == pytest.approx(said.tolist())
    assert table["n_rows"].sum() == 997


def test_a_bin_has_the_interval_of_wilson_and_overconfidence_is_told() -> None:
    shares = np.full(100, 0.9)
    truth = np.arange(100) < 50

    table = calibration_table(truth, shares)

    # Wilson, 50 of 100: (0.5 + z²/200 ± z √(0.0025 + z²/40000)) / (1 + z²/100), z = 1.96
    assert table[["low", "high"]].iloc[0].tolist() == pytest.approx([0.4038, 0.5962], abs=1e-4)
    assert calibration_finding(table) == "1 bin of 1 off; 40.0% off on average"


def test_shares_that_hold_are_told_to() -> None:
    rng = np.random.default_rng(2)
    shares = rng.uniform(size=300)
    table = calibration_table(rng.uniform(size=300) < shares, shares)
    inside = (table["said"] >= table["low"]) & (table["said"] <= table["high"])
    said = calibration_finding(table)
    assert said.startswith("What it says is what happens") == bool(inside.all())


def test_residuals_are_actual_less_predicted_and_a_drift_is_told() -> None:
    targets = np.linspace(0, 10, 101, dtype=np.float32)
    shrunk = (5 + 0.5 * (targets - 5))[:, None].astype(np.float32)

    table = residual_table(targets, shrunk)

    assert table["residual"].iloc[0] == pytest.approx(-2.5)
    assert residual_finding(table) == (
        "Low values are predicted too high and high values are predicted too low"
    )
    alternating = targets[:, None] + np.where(np.arange(101) % 2, 1, -1)[:, None]
    even = residual_table(targets, alternating.astype(np.float32))
    assert residual_finding(even) == "Off by 1 on average, for low and high values alike"


# What is kept.


def test_the_worst_are_those_said_wrong_with_the_least_doubt() -> None:
    outputs = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.45, 0.55]], np.float32)
    targets = np.array([1, 0, 1, 0], np.float32)

    assert most_wrong(targets, outputs, 9).tolist() == [0, 1, 3]
    assert most_wrong(targets, outputs[:, 1:], 2).tolist() == [0, 1]


def test_outputs_come_back_as_they_were_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    features = rng.uniform(size=(50, 4, 4, 1)).astype(np.float32)
    outputs = np.tile(np.array([[0.9, 0.1]], np.float32), (50, 1))
    targets = (np.arange(50) % 2).astype(np.float32)
    model = tmp_path / "model.keras"

    save_outputs(model, make_outputs("multiclass", features, targets, outputs))
    found = read_outputs(outputs_path(model))

    assert found is not None
    assert found.outputs.tolist() == outputs.tolist()
    assert found.targets.tolist() == targets.tolist()
    assert found.images.shape == (MOST_IMAGES, 4, 4, 1)
    assert found.image_truths.tolist() == [1.0] * MOST_IMAGES
    assert np.abs(found.images[0] / 255 - features[1]).max() <= 0.5 / 255 + 1e-6


def test_of_a_large_test_some_rows_are_kept_and_a_broken_file_has_none(tmp_path: Path) -> None:
    n_rows = MOST_ROWS + 1_000
    rows = np.arange(n_rows, dtype=np.float32)

    kept = make_outputs("regression", rows[:, None], rows, rows[:, None])

    assert len(kept.targets) == MOST_ROWS
    assert kept.targets.tolist() == kept.outputs[:, 0].tolist()
    assert len(np.unique(kept.targets)) == MOST_ROWS
    assert not len(kept.images)
    assert read_outputs(tmp_path / "sealed.npz") is None
    (tmp_path / "sealed.npz").write_bytes(b"PK nothing")
    assert read_outputs(tmp_path / "sealed.npz") is None


# Weights.


def written(path: Path) -> Path:
    """Lay a file out as Keras does: two dense layers behind a preparation."""

    def dense(name: str, n_inputs: int, units: int, activation: str) -> dict[str, object]:
        config = {"name": name, "units": units, "activation": activation}
        built = {"input_shape": [None, n_inputs]}
        return {"class_name": "Dense", "config": config, "build_config": built}

    entry = {"class_name": "InputLayer", "config": {"name": "rows"}}
    inner = [entry, dense("dense_7", 2, 3, "relu"), dense("dense_8", 3, 1, "sigmoid")]
    network = {"class_name": "Sequential", "config": {"name": "sequential_4", "layers": inner}}
    scale = {"class_name": "GetItem", "config": {"name": "get_item"}}
    outer = {"class_name": "Functional", "config": {"layers": [entry, scale, network]}}
    weights = path.with_suffix(".h5")
    with h5py.File(weights, "w") as stored:
        place = "layers/sequential/layers"
        stored[f"{place}/dense/vars/0"] = np.array([[1, -2, 0], [3, 0, 0]], np.float32)
        stored[f"{place}/dense/vars/1"] = np.array([0.5, 0, -0.5], np.float32)
        stored[f"{place}/dense_1/vars/0"] = np.array([[1], [2], [2]], np.float32)
        stored[f"{place}/dense_1/vars/1"] = np.array([0.25], np.float32)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(outer))
        archive.write(weights, "model.weights.h5")
    return path


def test_layers_are_read_with_their_shapes_and_sizes(tmp_path: Path) -> None:
    layers = read_layers(written(tmp_path / "model.keras"))

    table = layer_table(layers)
    assert table["layer"].tolist() == ["dense_7", "dense_8"]
    assert table["output"].tolist() == ["3", "1"]
    assert table["n_weights"].tolist() == [9, 4]
    assert table["norm"].tolist() == pytest.approx([14**0.5, 3])
    assert table["largest"].tolist() == [3, 2]


def test_weights_stand_by_the_names_of_the_inputs_with_the_biases_below(tmp_path: Path) -> None:
    first, second = read_layers(written(tmp_path / "model.keras"))
    names = input_names(first, ["glucose", "age"])

    table = weight_table(first, names)

    assert table["input"].tolist() == ["glucose", "age", "bias"]
    assert table["unit 0"].tolist() == [1, 3, 0.5]
    assert most_read(first, names) == "age"  # 9 against 1 + 4
    assert input_names(second, ["glucose", "age"]) == ["unit 0", "unit 1", "unit 2"]


def test_a_convolution_has_a_row_for_each_place_of_its_kernel() -> None:
    kernel = np.arange(8, dtype=np.float32).reshape(2, 2, 1, 2)
    layer = SavedLayer("conv2d", "Conv2D", (3, 3, 2), "relu", kernel, None)

    table = weight_table(layer, [])

    assert table["input"].iloc[2] == "row, column, channel 1 0 0"
    assert table["unit 1"].tolist() == [1, 3, 5, 7]


def test_what_keras_did_not_write_is_said(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"weights")

    with pytest.raises(UnreadableModelError) as error:
        read_layers(path)

    assert str(error.value) == (
        "The saved model 'model.keras' is not a file that Keras has written."
    )
