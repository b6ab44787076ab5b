"""The hyperparameters a study can fix or search: names, bounds, defaults and words.

One table for every place that needs them: the spec checks values with it, the search-space
editor draws its rows from it, the models read their settings by its names.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tuning.errors import ParameterError

Layers = tuple[int, ...]
Value = int | float | str | Layers | None

OPTIMIZERS = ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam")
ACTIVATIONS = (
    "relu", "tanh", "sigmoid", "hard_sigmoid", "softmax", "softplus", "softsign", "linear",
    "elu", "selu", "gelu", "silu",
)  # fmt: skip
INITIALIZERS = (
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform",
    "lecun_normal", "random_uniform", "random_normal", "zeros",
)  # fmt: skip

SCALINGS = ("standard", "robust", "minmax")
IMPUTATIONS = ("median", "mean", "most_frequent")
PREPARATION = "Preparation"  # the group of what is done to rows, and not to the network

OFF = "off"  # how a value that is none is typed and shown

# Names from older Keras, from rivals and from the published experiments.
OLD_CHOICES = {
    "uniform": "random_uniform",
    "normal": "random_normal",
    "zero": "zeros",
    "swish": "silu",
}
OLD_NAMES = {
    "learn_rate": "learning_rate",
    "lr": "learning_rate",
    "init_mode": "kernel_initializer",
    "init": "kernel_initializer",
    "initializer": "kernel_initializer",
    "nb_epoch": "epochs",
    "n_epochs": "epochs",
    "dropout": "dropout_rate",
    "weight_constraint": "max_norm",
    "hidden_layer_sizes": "dense_layer_sizes",
    "neurons": "n_neurons",
    "units": "n_neurons",
    "num_dense_nodes": "n_neurons",
    "num_dense_layers": "n_hidden",
    "imputer__strategy": "imputation",
    "class_weights": "class_weight",
}


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    Attributes
    ----------
    low, high : float or None
        Smallest and largest value; None where there is no bound.
    high_open : bool
        Whether `high` itself is already too large.
    low_open : bool
        Whether `low` itself is already too small.
    none_means : str or None
        What leaving the value out does, in words; None where a value is needed.
    example : str
        A list as a person would type it.
    """

    name: str
    label: str
    group: str
    kind: Literal["int", "float", "choice", "layers"]
    default: Value
    help: str
    example: str
    models: tuple[str, ...] = ("dense", "convolutional")
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    choices: tuple[str, ...] = ()
    none_means: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The choices, and "off" where there may be none."""
        return self.choices if self.none_means is None else (*self.choices, OFF)

    def parse(self, value: object) -> Value:
        """Turn `value` into the one spelling that specs hold.

        Raises
        ------
        ParameterError
            If it is of the wrong kind or out of bounds.
        """
        if value is None or (isinstance(value, str) and value.strip().lower() in {"none", OFF}):
            self._check_none()
            return None
        if self.kind == "choice":
            return self._parse_choice(value)
        if self.kind == "layers":
            return self._parse_layers(value)
        return self._parse_number(value)

    def _check_none(self) -> None:
        if self.none_means is None:
            raise ParameterError(
                self.label, f"a value is needed. Write for example {self.example}."
            )

    def _parse_choice(self, value: object) -> str:
        word = str(value).strip().strip("'\"").lower()
        word = OLD_CHOICES.get(word, word)
        if word not in self.choices:
            known = ", ".join(self.choices)
            raise ParameterError(self.label, f"{value!r} is not known. Choose one of: {known}.")
        return word

    def _parse_number(self, value: object) -> int | float:
        number = self._as_float(value)
        if self.kind == "int" and not number.is_integer():
            raise ParameterError(
                self.label, f"{value} is not a whole number. Write for example {self.example}."
            )
        self._check_bounds(number)
        return int(number) if self.kind == "int" else number

    def _as_float(self, value: object) -> float:
        hint = f"Write for example {self.example}."
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ParameterError(self.label, f"{value!r} is not a number. {hint}")
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise ParameterError(self.label, f"{value!r} is not a number. {hint}") from None
        if not math.isfinite(number):
            raise ParameterError(self.label, f"{value!r} is not a finite number. {hint}")
        return number

    def _check_bounds(self, number: float) -> None:
        if self.low is not None and (
            number < self.low or (self.low_open and number == self.low)
        ):
            raise ParameterError(
                self.label, f"{show_value(number)} is too small. Use {self.bounds()}."
            )
        if self.high is not None and (
            number > self.high or (self.high_open and number == self.high)
        ):
            raise ParameterError(
                self.label, f"{show_value(number)} is too large. Use {self.bounds()}."
            )

    def _parse_layers(self, value: object) -> Layers:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            value = [value]
        if not isinstance(value, (list, tuple)):
            raise ParameterError(self.label, f"{value!r} is not a list. Write {self.example}.")
        sizes = tuple(self._as_float(size) for size in value)
        shown = "[" + ", ".join(f"{size:g}" for size in sizes) + "]"
        if not sizes or len(sizes) > MOST_LAYERS:
            raise ParameterError(
                self.label, f"{len(sizes)} layers in {shown}. Use 1 to {MOST_LAYERS}."
            )
        for size in sizes:
            if not size.is_integer() or size < 1:
                raise ParameterError(
                    self.label, f"{size:g} units in {shown}. Each layer needs at least 1."
                )
            self._check_bounds(size)
        return tuple(int(size) for size in sizes)

    def bounds(self) -> str:
        """Return the allowed values in words, as they follow 'Use'."""
        low = None if self.low is None else f"{self.low:g}"
        high = None if self.high is None else f"{self.high:g}"
        if low is not None and high is not None and self.high_open and not self.low_open:
            return f"{low} up to, but not including, {high}"
        if low is not None and high is not None:
            return f"{low} to {high}"
        if low is not None:
            return f"more than {low}" if self.low_open else f"{low} or more"
        return f"{high} or less"


MOST_LAYERS = 20  # deeper networks need normalisation layers, which are not offered

_ALL = (
    Parameter(
        "batch_size", "Batch size", "Training", "int", 32,
        "Rows per step. Small: noisy and slow; large: smooth and quick.",
        "10, 20, 40", low=1, high=65_536,
    ),
    Parameter(
        "epochs", "Epochs", "Training", "int", 50,
        "One epoch is one pass over all training rows.",
        "10, 50, 100", low=1, high=10_000,
    ),
    Parameter(
        "optimizer", "Optimizer", "Training", "choice", "adam",
        "The rule that turns gradients into steps.",
        "sgd, adam", choices=OPTIMIZERS,
    ),
    Parameter(
        "learning_rate", "Learning rate", "Training", "float", None,
        "Size of a step, usually searched on a log range. Off: the optimizer's own default.",
        "0.001, 0.01, 0.1", low=0, low_open=True, none_means="the optimizer's own",
    ),
    Parameter(
        "momentum", "Momentum", "Training", "float", 0.0,
        "Keeps going in the last direction. Only SGD and RMSprop use it.",
        "0.0, 0.5, 0.9", low=0, high=1, high_open=True,
    ),
    Parameter(
        "n_hidden", "Hidden layers", "Layers", "int", 1,
        "How many hidden dense layers, each of the same size.",
        "0, 1, 2, 3", low=0, high=MOST_LAYERS,
    ),
    Parameter(
        "n_neurons", "Neurons", "Layers", "int", 12,
        "Units in each hidden layer.",
        "5, 10, 20", low=1, high=4096,
    ),
    Parameter(
        "dense_layer_sizes", "Layers", "Layers", "layers", None,
        "Units of each hidden layer, one number a layer. Replaces hidden layers and neurons.",
        "[32], [64], [32, 32]", low=1, high=4096, none_means="hidden layers × neurons",
    ),
    Parameter(
        "activation", "Activation", "Layers", "choice", "relu",
        "What the units of the hidden layers do with their sum.",
        "relu, tanh", choices=ACTIVATIONS,
    ),
    Parameter(
        "kernel_initializer", "Starting weights", "Starting weights", "choice",
        "glorot_uniform",
        "How the weights of all layers are drawn before training.",
        "random_uniform, he_normal", choices=INITIALIZERS,
    ),
    Parameter(
        "dropout_rate", "Dropout rate", "Regularisation", "float", 0.0,
        "Switches off part of the units at random while training; works against overfitting.",
        "0.0, 0.2, 0.5", low=0, high=1, high_open=True,
    ),
    Parameter(
        "max_norm", "Weight limit (max-norm)", "Regularisation", "float", None,
        "Keeps the weights of each hidden unit below a length.",
        "1, 2, 3", low=0, low_open=True, none_means="no limit",
    ),
    Parameter(
        "scaling", "Scaling", PREPARATION, "choice", "standard",
        "Standard: mean 0, spread 1; robust: by median and quartiles; minmax: 0 to 1.",
        "standard, robust, minmax, off", models=("dense",), choices=SCALINGS,
        none_means="as they are",
    ),
    Parameter(
        "imputation", "Missing values", PREPARATION, "choice", "median",
        "What stands in for a missing number, by the training rows of each fold.",
        "median, mean, most_frequent", models=("dense",), choices=IMPUTATIONS,
    ),
    Parameter(
        "class_weight", "Class weights", PREPARATION, "choice", None,
        "Balanced: the rows of a rare class count more. Numbers have no classes.",
        "off, balanced", choices=("balanced",), none_means="all rows count the same",
    ),
    Parameter(
        "filters", "Filters", "Convolution", "layers", (8, 8),
        "Filters of each convolution, one number a layer.",
        "[4, 8], [8, 8]", models=("convolutional",), low=1, high=512,
    ),
    Parameter(
        "kernel_size", "Kernel size", "Convolution", "int", 3,
        "Edge of the square each filter looks at, in pixels.",
        "3, 5", models=("convolutional",), low=1, high=15,
    ),
    Parameter(
        "pool_size", "Pool size", "Convolution", "int", 2,
        "Edge of the square that max pooling reduces to one pixel.",
        "1, 2", models=("convolutional",), low=1, high=8,
    ),
    Parameter(
        "conv_dropout_rate", "Dropout after pooling", "Convolution", "float", 0.0,
        "Switches off part of the pooled pixels at random while training.",
        "0.0, 0.25", models=("convolutional",), low=0, high=1, high_open=True,
    ),
)  # fmt: skip

PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _ALL}


def parameters_of(model: str) -> list[Parameter]:
    """Return the parameters a kind of model has, in the order they are shown."""
    return [parameter for parameter in _ALL if model in parameter.models]


def defaults_of(model: str) -> dict[str, Value]:
    """Return the value each parameter of a kind of model has when nobody sets it."""
    return {parameter.name: parameter.default for parameter in parameters_of(model)}


def show_value(value: Value) -> str:
    """Write a value as a person would: 0.0001, 32-32, relu, off."""
    if value is None:
        return OFF
    if isinstance(value, tuple):
        return "-".join(str(size) for size in value)
    if isinstance(value, float):
        return f"{value:.10g}" if 1e-5 <= abs(value) < 1e7 or value == 0 else f"{value:g}"
    return str(value)


def show_values(values: Iterable[Value]) -> str:
    """Write several values with commas between them."""
    return ", ".join(show_value(value) for value in values)
