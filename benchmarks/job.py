"""What both sides are asked to do: a recipe as a spec for ours, as plain files for a peer.

A peer's rows are cut and prepared here, before its clock starts; ours reads its own on the
clock. Rows are prepared once for a peer, by all rows of the search, as the published texts do;
ours prepares them by the training rows of each fold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.catalogue import load_dataset
from tuning.datasets.info import Dataset, DatasetInfo
from tuning.datasets.preparation import Preparer, preparation_of
from tuning.datasets.splits import Split, make_split
from tuning.models.size import n_outputs
from tuning.parameters import PARAMETERS, PREPARATION, Value
from tuning.samplers import planned_settings
from tuning.setting import Choices, Fixed, LogRange, Range, grid_values
from tuning.spec import StudySpec

QUICK_VALUES = 2  # of each searched parameter, or draws of a random search
QUICK_EPOCHS = 10  # a quick run has one epoch where the recipe has this many
_SCORES = ("accuracy", "rmse", "log_loss")


class UnsupportedRecipeError(ValueError):
    """A recipe has a part that the peers' scripts do not have."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what} is not compared. Choose another recipe.")


def shortened(spec: StudySpec) -> StudySpec:
    """Cut a recipe to its first cells and a tenth of its epochs, for both sides alike."""
    space = {name: setting.model_dump() for name, setting in spec.space.items()}
    if spec.sampler.kind == "grid":
        for name, setting in spec.searched.items():
            values = (grid_values(name, setting) or ())[:QUICK_VALUES]
            space[name] = {"kind": "list", "values": values}
    epochs = space.get("epochs")
    if epochs is not None:
        space["epochs"] = _fewer_epochs(epochs)
    sampler = spec.sampler.model_dump()
    if sampler["n_trials"] is not None:
        sampler["n_trials"] = QUICK_VALUES
    return StudySpec.parse(spec.model_dump() | {"space": space, "sampler": sampler})


def _fewer_epochs(setting: Mapping[str, Any]) -> dict[str, Any]:
    if setting["kind"] == "fixed":
        return {**setting, "value": max(1, setting["value"] // QUICK_EPOCHS)}
    values = [max(1, value // QUICK_EPOCHS) for value in setting.get("values", ())]
    return {"kind": "list", "values": values}


def write_job(spec: StudySpec, folder: Path) -> None:
    """Write a recipe's settings and rows for a peer.

    Raises
    ------
    UnsupportedRecipeError
        If the peers' scripts lack something the recipe asks for.
    """
    check(spec)
    dataset = load_dataset(spec.data.dataset, spec.data.digits)
    split = make_split(dataset, spec)
    folder.mkdir(parents=True, exist_ok=True)
    facts = job_facts(spec, dataset.info) | {"n_search_rows": len(split.search_rows)}
    (folder / "job.json").write_text(json.dumps(facts))
    np.savez(folder / "rows.npz", allow_pickle=False, **_rows(spec, dataset, split))


def check(spec: StudySpec) -> None:
    """Raise UnsupportedRecipeError if the peers' scripts cannot run a recipe."""
    stopping = spec.evaluation.early_stopping
    if planned_settings(spec) is None:
        raise UnsupportedRecipeError(spec.name, f"a search by {spec.sampler.kind}")
    if stopping is not None and stopping.rows != "separate":
        raise UnsupportedRecipeError(spec.name, "early stopping on rows of each fold")
    searched = [PARAMETERS[name].group for name in spec.searched]
    if PREPARATION in searched or spec.fixed.get("class_weight") is not None:
        raise UnsupportedRecipeError(spec.name, "a search among preparations or class weights")
    if spec.pruner.kind != "none":
        raise UnsupportedRecipeError(spec.name, f"pruning by {spec.pruner.kind}")
    if spec.evaluation.repeats > 1:
        raise UnsupportedRecipeError(spec.name, "cross-validation more than once")
    if spec.evaluation.score not in _SCORES:
        raise UnsupportedRecipeError(spec.name, f"scoring by {spec.evaluation.score}")


def job_facts(spec: StudySpec, info: DatasetInfo) -> dict[str, Any]:
    """Return a study as plain values."""
    is_random = spec.sampler.kind == "random"
    lists = {} if is_random else {n: grid_values(n, s) or () for n, s in spec.searched.items()}
    return {
        "convolutional": spec.model == "convolutional",
        "ends": _ends(spec, info),
        "fixed": {
            name: value
            for name, value in spec.fixed.items()
            if PARAMETERS[name].group != PREPARATION  # the rows have been through it
        },
        "cells": planned_settings(spec),
        "choices": lists,
        "ranges": {n: _range(n, s) for n, s in spec.searched.items()} if is_random else {},
        "is_random": is_random,
        "n_folds": spec.evaluation.n_folds,
        "score": spec.evaluation.score,
        "direction": spec.direction,
        "early_stopping": _early_stopping(spec),
    }


def _ends(spec: StudySpec, info: DatasetInfo) -> dict[str, Any]:
    units = n_outputs(spec.model, info)
    output = "linear" if info.task == "regression" else "softmax"
    if info.task != "regression" and units == 1:
        output = "sigmoid"
    shape = info.image_shape or (info.n_inputs,)
    return {"shape": shape, "n_outputs": units, "output": output}


def _range(name: str, setting: Fixed | Choices | Range | LogRange) -> dict[str, Any]:
    if isinstance(setting, (Range, LogRange)):
        return {
            "low": setting.low,
            "high": setting.high,
            "log": isinstance(setting, LogRange),
            "whole": PARAMETERS[name].kind == "int",
        }
    values: Sequence[Value] = grid_values(name, setting) or ()
    return {"values": values}


def _early_stopping(spec: StudySpec) -> dict[str, Any] | None:
    asked = spec.evaluation.early_stopping
    if asked is None:
        return None
    return {
        "monitor": "val_loss" if asked.monitor == "loss" else "val_accuracy",
        "patience": asked.patience,
        "min_delta": asked.min_delta,
        "restore_best_weights": asked.restore_best_weights,
    }


def _rows(spec: StudySpec, dataset: Dataset, split: Split) -> dict[str, NDArray[Any]]:
    """Return the rows of the search, then published test rows where those score."""
    features, targets = dataset.features[split.search_rows], dataset.targets[split.search_rows]
    place = np.zeros(len(dataset.targets), np.intp)
    place[split.search_rows] = np.arange(len(split.search_rows))
    rows: dict[str, NDArray[Any]] = {}
    for fold in split.folds:
        rows[f"train_{fold.fold}"] = place[fold.train_rows]
        if spec.evaluation.method == "test":
            scored, truth = fold.score_part(dataset)
            rows[f"score_{fold.fold}"] = len(features) + np.arange(len(scored))
            features = np.concatenate([features, scored])
            targets = np.concatenate([targets, truth])
        else:
            rows[f"score_{fold.fold}"] = place[fold.score_rows]
    preparation = preparation_of(spec.fixed)
    preparer = Preparer.fit(dataset.features[split.search_rows], dataset.info, preparation)
    watch = split.watch_rows
    return rows | {
        "features": preparer.transform(features),
        "targets": targets,
        "watch_features": preparer.transform(dataset.features[watch]),
        "watch_targets": dataset.targets[watch],
    }
