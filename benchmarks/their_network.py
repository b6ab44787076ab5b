"""What the peers share: rows as plain arrays and the recipes' networks in plain Keras.

Imports nothing of the project: a peer's process does only what its user's process would do.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

_OPTIMIZERS = {
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "adadelta": keras.optimizers.Adadelta,
    "adam": keras.optimizers.Adam,
    "adamax": keras.optimizers.Adamax,
    "nadam": keras.optimizers.Nadam,
}
_LOSSES = {
    "linear": "mean_squared_error",
    "sigmoid": "binary_crossentropy",
    "softmax": "sparse_categorical_crossentropy",
}
_FITTING = ("epochs", "batch_size")

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """What to search, on which rows.

    Attributes
    ----------
    facts : mapping
        The study in plain values; `benchmarks.job` writes them.
    features, targets : ndarray
        Rows to search with, scaled already where the recipe scales.
    watch : tuple of ndarray or None
        Inputs and targets that early stopping watches.
    folds : list of (train, score)
        Row indices of each fold.
    """

    facts: Mapping[str, Any]
    features: NDArray[np.float32]
    targets: NDArray[np.float32]
    watch: tuple[NDArray[np.float32], NDArray[np.float32]] | None
    folds: list[tuple[NDArray[np.intp], NDArray[np.intp]]]

    @property
    def fixed(self) -> Settings:
        """Settings that no trial changes."""
        fixed: Settings = self.facts["fixed"]
        return fixed

    @property
    def cells(self) -> Sequence[Settings]:
        """The searched settings of each trial, by number."""
        cells: Sequence[Settings] = self.facts["cells"]
        return cells

    @property
    def choices(self) -> Mapping[str, Sequence[Any]]:
        """The values of each searched parameter of a grid; empty for a random search."""
        choices: Mapping[str, Sequence[Any]] = self.facts["choices"]
        return choices

    @property
    def is_random(self) -> bool:
        """Whether the cells are draws instead of all of a grid."""
        return bool(self.facts["is_random"])

    @property
    def all_rows(self) -> NDArray[np.intp]:
        """Rows the best settings are trained on at the end."""
        return np.arange(self.facts["n_search_rows"])

    def number(self, settings: Settings) -> int:
        """Return the number of the trial that has these searched settings."""
        return self.cells.index({name: settings[name] for name in self.cells[0]})

    def network(self, settings: Settings) -> keras.Model:
        """Build the network of a trial; `settings` are the searched ones."""
        chosen = {**self.fixed, **settings}
        rest = {name: value for name, value in chosen.items() if name not in _FITTING}
        model: keras.Model = self.builder(**self.facts["ends"], **rest)
        return model

    @property
    def builder(self) -> Any:  # noqa: ANN401 (two functions with arguments of their own)
        """The function that makes this recipe's kind of network."""
        return convolutional_network if self.facts["convolutional"] else dense_network

    def fit(self, model: keras.Model, settings: Settings, rows: NDArray[np.intp]) -> None:
        """Train a network on some rows, with early stopping where the recipe has it."""
        chosen = {**self.fixed, **settings}
        stopping = self.facts["early_stopping"]
        model.fit(
            self.features[rows],
            self.targets[rows],
            epochs=chosen["epochs"],
            batch_size=chosen["batch_size"],
            validation_data=self.watch,
            callbacks=[keras.callbacks.EarlyStopping(**stopping)] if stopping else None,
            verbose=0,
        )

    def score(self, model: keras.Model, rows: NDArray[np.intp]) -> float:
        """Evaluate a network by the recipe's score."""
        told = model.evaluate(
            self.features[rows], self.targets[rows], verbose=0, return_dict=True
        )
        values = {
            "accuracy": told.get("accuracy"),
            "rmse": told["loss"] ** 0.5,
            "log_loss": told["loss"],
        }
        return float(values[self.facts["score"]])

    def cross_validate(self, settings: Settings) -> float:
        """Train and score one trial on every fold, and return the mean."""
        scores = []
        for train, score in self.folds:
            model = self.network(settings)
            self.fit(model, settings, train)
            scores.append(self.score(model, score))
        return float(np.mean(scores))

    def refit(self, settings: Settings) -> keras.Model:
        """Train the best settings on all rows of the search."""
        model = self.network(settings)
        self.fit(model, settings, self.all_rows)
        return model


def read_job(folder: Path) -> Job:
    """Read what `benchmarks.job` has written for a peer."""
    facts = json.loads((folder / "job.json").read_text())
    with np.load(folder / "rows.npz") as rows:
        watch = (rows["watch_features"], rows["watch_targets"])
        folds = [(rows[f"train_{i}"], rows[f"score_{i}"]) for i in range(facts["n_folds"])]
        return Job(
            facts,
            rows["features"],
            rows["targets"],
            watch if len(watch[0]) else None,
            folds,
        )


def write_result(folder: Path, search_s: float, scores: Mapping[int, float | None]) -> None:
    """Leave the seconds of the search and each trial's score for the runner."""
    told = {
        str(number): score if score is not None and math.isfinite(score) else None
        for number, score in sorted(scores.items())
    }
    result = {"seconds": [search_s], "scores": told}
    (folder / "result.json").write_text(json.dumps(result))


def dense_network(  # noqa: PLR0913 (a setting an argument, as SciKeras passes them)
    shape: Sequence[int],
    n_outputs: int,
    output: str,
    *,
    n_hidden: int,
    n_neurons: int,
    dense_layer_sizes: Sequence[int] | None,
    activation: str,
    kernel_initializer: str,
    dropout_rate: float,
    max_norm: float | None,
    optimizer: str,
    learning_rate: float | None,
    momentum: float,
) -> keras.Model:
    """Build the network of the tables."""
    sizes = dense_layer_sizes or [n_neurons] * n_hidden
    model = keras.Sequential([keras.Input(tuple(shape))])
    for layer in _hidden(sizes, activation, kernel_initializer, dropout_rate, max_norm):
        model.add(layer)
    model.add(
        keras.layers.Dense(n_outputs, activation=output, kernel_initializer=kernel_initializer)
    )
    return _compiled(model, output, optimizer, learning_rate, momentum)


def convolutional_network(  # noqa: PLR0913 (a setting an argument, as SciKeras passes them)
    shape: Sequence[int],
    n_outputs: int,
    output: str,
    *,
    filters: Sequence[int],
    kernel_size: int,
    pool_size: int,
    conv_dropout_rate: float,
    n_hidden: int,
    n_neurons: int,
    dense_layer_sizes: Sequence[int] | None,
    activation: str,
    kernel_initializer: str,
    dropout_rate: float,
    max_norm: float | None,
    optimizer: str,
    learning_rate: float | None,
    momentum: float,
) -> keras.Model:
    """Build the network of the images."""
    sizes = dense_layer_sizes or [n_neurons] * n_hidden
    model = keras.Sequential([keras.Input(tuple(shape))])
    for count in filters:
        model.add(
            keras.layers.Conv2D(
                count,
                kernel_size,
                activation=activation,
                kernel_initializer=kernel_initializer,
            )
        )
    model.add(keras.layers.MaxPooling2D(pool_size))
    if conv_dropout_rate:
        model.add(keras.layers.Dropout(conv_dropout_rate))
    model.add(keras.layers.Flatten())
    for layer in _hidden(sizes, activation, kernel_initializer, dropout_rate, max_norm):
        model.add(layer)
    model.add(
        keras.layers.Dense(n_outputs, activation=output, kernel_initializer=kernel_initializer)
    )
    return _compiled(model, output, optimizer, learning_rate, momentum)


def _hidden(
    sizes: Sequence[int],
    activation: str,
    kernel_initializer: str,
    dropout_rate: float,
    max_norm: float | None,
) -> Iterator[keras.layers.Layer]:
    for units in sizes:
        yield keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=kernel_initializer,
            kernel_constraint=keras.constraints.MaxNorm(max_norm) if max_norm else None,
        )
        if dropout_rate:
            yield keras.layers.Dropout(dropout_rate)


def _compiled(
    model: keras.Model,
    output: str,
    optimizer: str,
    learning_rate: float | None,
    momentum: float,
) -> keras.Model:
    settings = {} if learning_rate is None else {"learning_rate": learning_rate}
    if momentum:
        settings["momentum"] = momentum
    metrics = [] if output == "linear" else ["accuracy"]
    model.compile(
        optimizer=_OPTIMIZERS[optimizer](**settings), loss=_LOSSES[output], metrics=metrics
    )
    return model


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds until now."""
        return time.perf_counter() - self._started
