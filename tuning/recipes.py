"""Ready-made studies: published experiments, with the grids, folds and networks of their texts.

The Pima recipes leave inputs unscaled and seal no rows, because their source does neither;
`with_sealed_test` makes of any of them a study whose winner can be judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuning.datasets.catalogue import dataset_info
from tuning.errors import UnknownRecipeError
from tuning.parameters import Value
from tuning.spec import StudySpec

EXAMPLE = "pima-batch-epochs"
_SEALED_SHARE = 0.2


@dataclass(frozen=True)
class Recipe:
    """A study to look at, change and run.

    Attributes
    ----------
    published : str
        What the source printed; its networks and Keras were older, so it is context.
    """

    name: str
    title: str
    group: str
    about: str
    published: str
    spec: StudySpec


def recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    UnknownRecipeError
        If there is none.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownRecipeError(name, RECIPES) from None


def with_sealed_test(spec: StudySpec) -> StudySpec:
    """Return a recipe's study with sealed rows, the default settings, and confirmed leaders.

    The search space, the network and the way trials are judged stay those of the source. A
    fifth of the rows is sealed, unless the study or the dataset has test rows already.

    Raises
    ------
    UnknownDatasetError
        If there is no such dataset.
    """
    info = dataset_info(spec.data.dataset, spec.data.digits)
    has_test_rows = info.n_test_rows > 0 or spec.data.test_fraction > 0
    sealed = {} if has_test_rows else {"test_fraction": _SEALED_SHARE}
    data = spec.data.model_copy(update=sealed)
    changes = {"data": data, "include_default": True, "confirm": True}
    return spec.model_copy(update=changes)


def _values(*values: Value) -> dict[str, Any]:
    return {"kind": "list", "values": list(values)}


def _between(low: float, high: float, step: float | None = None) -> dict[str, Any]:
    return {"kind": "range", "low": low, "high": high, "step": step}


def _space(searched: Mapping[str, Any], fixed: Mapping[str, Value]) -> dict[str, Any]:
    rest = {name: {"kind": "fixed", "value": value} for name, value in fixed.items()}
    return dict(searched) | {name: s for name, s in rest.items() if name not in searched}


_PIMA_NETWORK: Mapping[str, Value] = {
    "n_hidden": 1,
    "n_neurons": 12,
    "activation": "relu",
    "optimizer": "adam",
    "batch_size": 10,
    "epochs": 100,
}
_PIMA_LINEAR: Mapping[str, Value] = {
    "activation": "linear",
    "kernel_initializer": "random_uniform",
}


def _pima(
    name: str,
    title: str,
    published: str,
    searched: Mapping[str, Any],
    fixed: Mapping[str, Value] | None = None,
) -> Recipe:
    spec = {
        "name": name,
        "recipe": name,
        "data": {"dataset": "pima", "test_fraction": 0.0, "scale": False},
        "space": _space(searched, {**_PIMA_NETWORK, **(fixed or {})}),
        "evaluation": {"folds": 3, "shuffle": False, "score": "accuracy"},
        "seed": 7,
    }
    about = "Predict diabetes from eight measurements with one small hidden layer."
    return Recipe(name, title, "Pima diabetes", about, published, StudySpec.parse(spec))


_MNIST_NETWORK: Mapping[str, Value] = {
    "filters": (4, 8),
    "kernel_size": 3,
    "pool_size": 2,
    "conv_dropout_rate": 0.25,
    "dense_layer_sizes": (16,),
    "dropout_rate": 0.5,
    "activation": "relu",
}


def _mnist(
    name: str,
    title: str,
    published: str,
    searched: Mapping[str, Any],
    fixed: Mapping[str, Value],
    evaluation: Mapping[str, Any] | None = None,
) -> Recipe:
    spec = {
        "name": name,
        "recipe": name,
        "data": {"dataset": "mnist", "digits": [2, 7], "scale": False},
        "model": "convolutional",
        "space": _space(searched, {**_MNIST_NETWORK, **fixed}),
        "evaluation": {
            "folds": 2,
            "shuffle": False,
            "score": "accuracy",
            **(evaluation or {}),
        },
        "seed": 7,
    }
    about = "Tell handwritten 2s from 7s with two small convolutions."
    return Recipe(name, title, "MNIST 2 or 7", about, published, StudySpec.parse(spec))


def _california() -> Recipe:
    searched = {
        "n_hidden": _between(0, 3),
        "n_neurons": _between(1, 99),
        "learning_rate": {"kind": "log_range", "low": 3e-4, "high": 3e-2},
    }
    fixed: Mapping[str, Value] = {
        "activation": "relu",
        "optimizer": "sgd",
        "batch_size": 32,
        "epochs": 100,
    }
    spec = {
        "name": "california-random",
        "recipe": "california-random",
        "data": {"dataset": "california", "test_fraction": 0.25, "split_seed": 42},
        "space": _space(searched, fixed),
        "sampler": {"kind": "random", "n_trials": 10},
        "evaluation": {
            "folds": 3,
            "shuffle": False,
            "score": "rmse",
            "early_stopping": {
                "patience": 10,
                "restore_best_weights": False,
                "rows": "separate",
                "fraction": 0.25,
            },
        },
        "seed": 42,
    }
    return Recipe(
        "california-random",
        "Random search on house prices",
        "California housing",
        "Predict median house values from eight facts about a district.",
        "RMSE 0.568 with 3 hidden layers of 43 and learning rate 0.0079",
        StudySpec.parse(spec),
    )


_OPTIMIZERS = ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam")
_INITIALIZERS = (
    "random_uniform",
    "lecun_uniform",
    "random_normal",
    "zeros",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
)
_ACTIVATIONS = (
    "softmax",
    "softplus",
    "softsign",
    "relu",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "linear",
)

_ALL: Sequence[Recipe] = (
    _pima(
        EXAMPLE,
        "Batch size and epochs",
        "accuracy 0.686 with batch size 20 and 100 epochs",
        {"batch_size": _values(10, 20, 40, 60, 80, 100), "epochs": _values(10, 50, 100)},
    ),
    _pima(
        "pima-optimizer",
        "Which optimizer",
        "accuracy 0.704 with Adam",
        {"optimizer": _values(*_OPTIMIZERS)},
    ),
    _pima(
        "pima-sgd",
        "Learning rate and momentum",
        "accuracy 0.681 with learning rate 0.01 and momentum 0",
        {
            "learning_rate": _values(0.001, 0.01, 0.1, 0.2, 0.3),
            "momentum": _values(0.0, 0.2, 0.4, 0.6, 0.8, 0.9),
        },
        {"optimizer": "sgd"},
    ),
    _pima(
        "pima-init",
        "Starting weights",
        "accuracy 0.720 with uniform",
        {"kernel_initializer": _values(*_INITIALIZERS)},
    ),
    _pima(
        "pima-activation",
        "Which activation",
        "accuracy 0.723 with linear",
        {"activation": _values(*_ACTIVATIONS)},
        {"kernel_initializer": "random_uniform"},
    ),
    _pima(
        "pima-dropout",
        "Dropout and weight limit",
        "accuracy 0.724 with dropout 0.2 and weight limit 4",
        {"dropout_rate": _between(0.0, 0.9, 0.1), "max_norm": _values(1.0, 2.0, 3.0, 4.0, 5.0)},
        _PIMA_LINEAR,
    ),
    _pima(
        "pima-neurons",
        "How many neurons",
        "accuracy 0.715 with 5 neurons",
        {"n_neurons": _values(1, 5, 10, 15, 20, 25, 30)},
        {**_PIMA_LINEAR, "max_norm": 4.0, "dropout_rate": 0.2},
    ),
    _california(),
    _mnist(
        "mnist27-baseline",
        "One network, before any tuning",
        "accuracy 0.9834 and loss 0.0489 on the test images",
        {},
        {"optimizer": "adadelta", "learning_rate": 1.0, "batch_size": 128, "epochs": 12},
        {"method": "test"},
    ),
    _mnist(
        "mnist27-epochs",
        "How many epochs",
        "accuracy 0.9937 with 40 epochs",
        {"epochs": _values(10, 20, 30, 40)},
        {"optimizer": "rmsprop", "batch_size": 32},
    ),
    _mnist(
        "mnist27-batch",
        "Batch size",
        "accuracy 0.9948 with batch size 128",
        {"batch_size": _values(32, 64, 128, 192, 256)},
        {"optimizer": "rmsprop", "epochs": 40},
    ),
    _mnist(
        "mnist27-batch-epochs",
        "Batch size and epochs",
        "accuracy 0.9953 with batch size 64 and 40 epochs",
        {
            "epochs": _values(10, 20, 30, 40),
            "batch_size": _values(32, 64, 128, 192, 256),
        },
        {"optimizer": "rmsprop"},
    ),
)

RECIPES: Mapping[str, Recipe] = {entry.name: entry for entry in _ALL}
