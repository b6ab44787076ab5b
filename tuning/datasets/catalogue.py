"""The six datasets everybody has, and the one way to load these and uploads.

Three are fetched from where they were published; each has a cousin that scikit-learn carries,
so that a first study needs no network. Facts here are constants: nothing is read to show them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from storage.database import database
from storage.datasets import DatasetRow, get_dataset, list_datasets
from storage.errors import UnknownDatasetRowError
from storage.settings import settings
from tuning.datasets.download import (
    CALIFORNIA_FILE,
    MNIST_FILES,
    PIMA_FILE,
    Progress,
    SourceFile,
    are_here,
    fetch_files,
)
from tuning.datasets.info import Dataset, DatasetInfo
from tuning.datasets.readers import read_california, read_idx, read_pima
from tuning.datasets.uploads.loading import load_upload, upload_info
from tuning.datasets.uploads.places import upload_path
from tuning.disk import check_download
from tuning.errors import UnknownDatasetError

DEFAULT_DIGITS = (2, 7)
MNIST_TRAIN_COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
MNIST_TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
DIGITS_COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
_MNIST_LARGEST_PIXEL = 255
_DIGITS_LARGEST_PIXEL = 16
_ALL_DIGITS = tuple(range(10))
_DOLLARS_PER_UNIT = 100_000

_PIMA = DatasetInfo(
    id="pima",
    title="Pima diabetes",
    task="binary",
    source="download",
    n_rows=768,
    n_inputs=8,
    target="diabetes",
    about="Does a patient get diabetes within five years? Eight measurements of 768 women.",
    class_names=("no", "yes"),
    class_counts=(500, 268),
    columns=(
        "pregnancies", "glucose", "blood pressure", "skin thickness", "insulin", "BMI",
        "pedigree", "age",
    ),
    cousin="breast-cancer",
)  # fmt: skip

_MNIST = DatasetInfo(
    id="mnist",
    title="MNIST",
    task="binary",
    source="download",
    n_rows=12_223,
    n_test_rows=2_060,
    n_inputs=28 * 28,
    target="digit",
    about="Handwritten digits, 28 × 28 pixels; which ones to tell apart can be chosen.",
    image_shape=(28, 28, 1),
    class_names=("2", "7"),
    class_counts=(5_958, 6_265),
    digits=_ALL_DIGITS,
    cousin="digits",
)

_CALIFORNIA = DatasetInfo(
    id="california",
    title="California housing",
    task="regression",
    source="download",
    n_rows=20_640,
    n_inputs=8,
    target="house value",
    about="Median house value of 20,640 districts of California in 1990.",
    unit="$100,000",
    columns=(
        "MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude",
        "Longitude",
    ),
    cousin="diabetes",
)  # fmt: skip

_MEASURES = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity",
    "concave points", "symmetry", "fractal dimension",
)  # fmt: skip

_BREAST_CANCER = DatasetInfo(
    id="breast-cancer",
    title="Breast cancer",
    task="binary",
    source="bundled",
    n_rows=569,
    n_inputs=30,
    target="tumor",
    about="Is a tumor malignant or benign? Thirty measurements of cell nuclei of 569 women.",
    class_names=("malignant", "benign"),
    class_counts=(212, 357),
    columns=(
        *(f"mean {measure}" for measure in _MEASURES),
        *(f"{measure} error" for measure in _MEASURES),
        *(f"worst {measure}" for measure in _MEASURES),
    ),
)

_DIGITS = DatasetInfo(
    id="digits",
    title="Digits 8 × 8",
    task="binary",
    source="bundled",
    n_rows=356,
    n_inputs=8 * 8,
    target="digit",
    about="Handwritten digits, 8 × 8 pixels; which ones to tell apart can be chosen.",
    image_shape=(8, 8, 1),
    class_names=("2", "7"),
    class_counts=(177, 179),
    digits=_ALL_DIGITS,
)

_DIABETES = DatasetInfo(
    id="diabetes",
    title="Diabetes progression",
    task="regression",
    source="bundled",
    n_rows=442,
    n_inputs=10,
    target="progression",
    about="How far diabetes has come after one year, from ten measurements of 442 patients.",
    unit="points",
    columns=("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
)


@dataclass(frozen=True)
class _Entry:
    """A catalogue dataset: its facts, its files, and the function that reads it."""

    info: DatasetInfo
    read: Callable[[DatasetInfo, Progress | None], Dataset]
    files: tuple[SourceFile, ...] = ()


def catalogue() -> dict[str, DatasetInfo]:
    """Return the facts of the catalogue datasets by id; nothing is read."""
    return {dataset_id: entry.info for dataset_id, entry in _ENTRIES.items()}


def dataset_info(dataset_id: str, digits: tuple[int, ...] = ()) -> DatasetInfo:
    """Return what is known of a catalogue dataset or an upload, without reading its rows.

    Parameters
    ----------
    dataset_id : str
        Id in the catalogue, or of an upload.
    digits : tuple of int
        For the two datasets of handwritten digits, which to tell apart; empty: 2 and 7.

    Raises
    ------
    UnknownDatasetError
        If there is no such dataset.
    """
    entry = _ENTRIES.get(dataset_id)
    if entry is None:
        return upload_info(_upload_row(dataset_id))
    return _with_digits(entry.info, digits) if entry.info.digits else entry.info


def load_dataset(
    dataset_id: str, digits: tuple[int, ...] = (), progress: Progress | None = None
) -> Dataset:
    """Read the rows of a dataset, after fetching its files where they are missing.

    Raises
    ------
    UnknownDatasetError
        If there is no such dataset.
    DatasetFileError
        If a file in the person's own folder is not the published one.
    DatasetUnavailableError
        If a file is missing and cannot be fetched.
    """
    entry = _ENTRIES.get(dataset_id)
    if entry is None:
        return load_upload(_upload_row(dataset_id))
    return entry.read(dataset_info(dataset_id, digits), progress)


def is_available(dataset_id: str) -> bool:
    """Tell whether a dataset can be loaded without a download; reads no rows.

    Raises
    ------
    UnknownDatasetError
        If there is no such dataset.
    """
    entry = _ENTRIES.get(dataset_id)
    return are_here(entry.files) if entry else upload_path(_upload_row(dataset_id)).is_file()


def fetch(dataset_id: str, progress: Progress | None = None) -> None:
    """Make the files of a dataset available, downloading those that are missing.

    Raises
    ------
    UnknownDatasetError, DatasetFileError, DatasetUnavailableError
        As `load_dataset`.
    """
    entry = _ENTRIES.get(dataset_id)
    if entry is None:
        _upload_row(dataset_id)
        return
    _fetch(entry.info, entry.files, progress)


def _upload_row(dataset_id: str) -> DatasetRow:
    try:
        return get_dataset(database(), dataset_id)
    except UnknownDatasetRowError as error:
        known = [*_ENTRIES, *(row.id for row in list_datasets(database()))]
        raise UnknownDatasetError(dataset_id, known) from error


def _with_digits(info: DatasetInfo, digits: tuple[int, ...]) -> DatasetInfo:
    chosen = sorted(set(digits or DEFAULT_DIGITS))
    train_counts, test_counts = _DIGIT_COUNTS[info.id]
    counts = tuple(train_counts[digit] for digit in chosen)
    return replace(
        info,
        task="binary" if len(chosen) == 2 else "multiclass",
        n_rows=sum(counts),
        n_test_rows=sum(test_counts[digit] for digit in chosen),
        class_names=tuple(str(digit) for digit in chosen),
        class_counts=counts,
    )


def _fetch(
    info: DatasetInfo, files: tuple[SourceFile, ...], progress: Progress | None
) -> Mapping[str, Path]:
    if not are_here(files):
        check_download(settings().home, info.id)
    return fetch_files(files, title=info.title, cousin=info.cousin, progress=progress)


def _read_pima(info: DatasetInfo, progress: Progress | None) -> Dataset:
    paths = _fetch(info, (PIMA_FILE,), progress)
    table = read_pima(paths[PIMA_FILE.name])
    return _without_test_rows(info, table[:, :-1], table[:, -1])


def _read_california(info: DatasetInfo, progress: Progress | None) -> Dataset:
    paths = _fetch(info, (CALIFORNIA_FILE,), progress)
    longitude, latitude, age, rooms, bedrooms, people, households, income, value = (
        read_california(paths[CALIFORNIA_FILE.name]).T
    )
    inputs = (
        income, age, rooms / households, bedrooms / households, people, people / households,
        latitude, longitude,
    )  # fmt: skip
    return _without_test_rows(info, np.column_stack(inputs), value / _DOLLARS_PER_UNIT)


def _read_mnist(info: DatasetInfo, progress: Progress | None) -> Dataset:
    paths = _fetch(info, MNIST_FILES, progress)
    images, labels, test_images, test_labels = (
        read_idx(paths[file.name]) for file in MNIST_FILES
    )
    features, targets = _chosen_digits(info, images, labels, _MNIST_LARGEST_PIXEL)
    test_features, test_targets = _chosen_digits(
        info, test_images, test_labels, _MNIST_LARGEST_PIXEL
    )
    return Dataset(info, features, targets, test_features, test_targets)


def _read_breast_cancer(info: DatasetInfo, _progress: Progress | None) -> Dataset:
    bunch = load_breast_cancer()
    return _without_test_rows(info, bunch.data, bunch.target)


def _read_digits(info: DatasetInfo, _progress: Progress | None) -> Dataset:
    bunch = load_digits()
    features, targets = _chosen_digits(info, bunch.images, bunch.target, _DIGITS_LARGEST_PIXEL)
    return _without_test_rows(info, features, targets)


def _read_diabetes(info: DatasetInfo, _progress: Progress | None) -> Dataset:
    bunch = load_diabetes(scaled=False)
    return _without_test_rows(info, bunch.data, bunch.target)


def _chosen_digits(
    info: DatasetInfo, images: NDArray[Any], labels: NDArray[Any], largest_pixel: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    digits = np.array([int(name) for name in info.class_names])
    rows = np.flatnonzero(np.isin(labels, digits))
    pixels = images[rows, :, :, np.newaxis].astype(np.float32) / np.float32(largest_pixel)
    return pixels, np.searchsorted(digits, labels[rows]).astype(np.float32)


def _without_test_rows(
    info: DatasetInfo, features: NDArray[Any], targets: NDArray[Any]
) -> Dataset:
    numbers = np.ascontiguousarray(features, dtype=np.float32)
    codes = np.asarray(targets, dtype=np.float32)
    return Dataset(info, numbers, codes, numbers[:0], codes[:0])


_ENTRIES: Mapping[str, _Entry] = {
    entry.info.id: entry
    for entry in (
        _Entry(_PIMA, _read_pima, (PIMA_FILE,)),
        _Entry(_MNIST, _read_mnist, MNIST_FILES),
        _Entry(_CALIFORNIA, _read_california, (CALIFORNIA_FILE,)),
        _Entry(_BREAST_CANCER, _read_breast_cancer),
        _Entry(_DIGITS, _read_digits),
        _Entry(_DIABETES, _read_diabetes),
    )
}

_DIGIT_COUNTS: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "mnist": (MNIST_TRAIN_COUNTS, MNIST_TEST_COUNTS),
    "digits": (DIGITS_COUNTS, (0,) * len(DIGITS_COUNTS)),
}
