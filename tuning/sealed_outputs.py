"""What a model said of the sealed rows, kept beside it when a person has opened the test.

A worker writes it, so that pages can draw it without TensorFlow. Before a test is opened there
is no such file.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.info import Task

MOST_ROWS = 5_000  # kept of a larger test, drawn evenly at random
MOST_IMAGES = 24
_FILE = "sealed.npz"
_FIELDS = ("outputs", "targets", "images", "image_truths", "image_outputs")


@dataclass(frozen=True)
class SealedOutputs:
    """Outputs and targets of sealed rows, and the images the model was most wrong about.

    Attributes
    ----------
    outputs : ndarray of shape (n_rows, n_outputs)
    targets : ndarray of shape (n_rows,)
    images : ndarray of shape (n_images, height, width, channels)
        Bytes, the worst first; none for a table.
    image_truths : ndarray of shape (n_images,)
    image_outputs : ndarray of shape (n_images, n_outputs)
    """

    outputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    images: NDArray[np.uint8]
    image_truths: NDArray[np.float32]
    image_outputs: NDArray[np.float32]


def make_outputs(
    task: Task,
    features: NDArray[np.float32],
    targets: NDArray[np.float32],
    outputs: NDArray[np.float32],
) -> SealedOutputs:
    """Choose what is kept of the sealed rows.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_columns) or (n_rows, height, width, channels)
        Pixels of images from 0 to 1.
    """
    n_rows = len(targets)
    kept = np.arange(n_rows)
    if n_rows > MOST_ROWS:
        kept = np.sort(np.random.default_rng(0).choice(n_rows, MOST_ROWS, replace=False))
    worst = np.empty(0, np.intp)
    images = np.empty((0, 1, 1, 1), np.uint8)
    if features.ndim == 4 and task != "regression":
        worst = most_wrong(targets, outputs, MOST_IMAGES)
        images = np.round(255 * np.clip(features[worst], 0, 1)).astype(np.uint8)
    return SealedOutputs(outputs[kept], targets[kept], images, targets[worst], outputs[worst])


def most_wrong(
    targets: NDArray[np.float32], outputs: NDArray[np.float32], most: int
) -> NDArray[np.intp]:
    """Return the rows said wrong whose true class was given the smallest share, first."""
    shares = np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs
    codes = targets.astype(np.intp)
    of_truth = shares[np.arange(len(codes)), codes]
    is_wrong = shares.argmax(axis=1) != codes
    order = np.argsort(of_truth, kind="stable")
    found: NDArray[np.intp] = order[is_wrong[order]][:most]
    return found


def save_outputs(model_path: Path, kept: SealedOutputs) -> None:
    """Keep outputs beside a saved model."""
    part = model_path.with_name(f"{_FILE}.part")
    with part.open("wb") as file:
        np.savez_compressed(file, **{name: getattr(kept, name) for name in _FIELDS})
    part.replace(outputs_path(model_path))


def read_outputs(path: Path) -> SealedOutputs | None:
    """Read kept outputs; None where there are none, as for tests opened long ago."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return SealedOutputs(*(stored[name] for name in _FIELDS))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def outputs_path(model_path: Path) -> Path:
    """Return where outputs are kept, whether they are or not."""
    return model_path.with_name(_FILE)
