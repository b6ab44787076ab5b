"""Recipes on tables: the Pima Indians diabetes grids, and a random search on house prices.

The Pima recipes leave inputs unscaled and seal no rows, because their source does neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuning.parameters import Value
from tuning.recipe import (
    ACTIVATIONS,
    INITIALIZERS,
    NEURONS,
    OPTIMIZERS,
    Printed,
    Recipe,
    between,
    log_between,
    make_space,
    values,
)
from tuning.spec import StudySpec

_PIMA_NETWORK: Mapping[str, Value] = {
    "n_hidden": 1,
    "n_neurons": 12,
    "activation": "relu",
    "optimizer": "adam",
    "batch_size": 10,
    "epochs": 100,
    "scaling": None,
}
_PIMA_LINEAR: Mapping[str, Value] = {
    "activation": "linear",
    "kernel_initializer": "random_uniform",
}


def _pima(
    name: str,
    title: str,
    published: tuple[str, float],
    searched: Mapping[str, Any],
    fixed: Mapping[str, Value] | None = None,
) -> Recipe:
    spec = {
        "name": name,
        "recipe": name,
        "data": {"dataset": "pima", "test_fraction": 0.0},
        "space": make_space(searched, {**_PIMA_NETWORK, **(fixed or {})}),
        "evaluation": {"folds": 3, "shuffle": False, "score": "accuracy"},
        "seed": 7,
    }
    about = "Predict diabetes from eight measurements with one small hidden layer."
    sentence, best = published
    printed = Printed(best, "accuracy")
    parsed = StudySpec.parse(spec)
    return Recipe(name, title, "Pima diabetes", about, sentence, parsed, printed)


def _california() -> Recipe:
    searched = {
        "n_hidden": between(0, 3),
        "n_neurons": between(1, 99),
        "learning_rate": log_between(3e-4, 3e-2),
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
        "space": make_space(searched, fixed),
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
        Printed(0.568, "rmse"),
    )


RECIPES: Sequence[Recipe] = (
    _pima(
        "pima-batch-epochs",
        "Batch size and epochs",
        ("accuracy 0.686 with batch size 20 and 100 epochs", 0.686),
        {"batch_size": values(10, 20, 40, 60, 80, 100), "epochs": values(10, 50, 100)},
    ),
    _pima(
        "pima-optimizer",
        "Which optimizer",
        ("accuracy 0.704 with Adam", 0.704),
        {"optimizer": values(*OPTIMIZERS)},
    ),
    _pima(
        "pima-sgd",
        "Learning rate and momentum",
        ("accuracy 0.681 with learning rate 0.01 and momentum 0", 0.681),
        {
            "learning_rate": values(0.001, 0.01, 0.1, 0.2, 0.3),
            "momentum": values(0.0, 0.2, 0.4, 0.6, 0.8, 0.9),
        },
        {"optimizer": "sgd"},
    ),
    _pima(
        "pima-init",
        "Starting weights",
        ("accuracy 0.720 with uniform", 0.720),
        {"kernel_initializer": values(*INITIALIZERS)},
    ),
    _pima(
        "pima-activation",
        "Which activation",
        ("accuracy 0.723 with linear", 0.723),
        {"activation": values(*ACTIVATIONS)},
        {"kernel_initializer": "random_uniform"},
    ),
    _pima(
        "pima-dropout",
        "Dropout and weight limit",
        ("accuracy 0.724 with dropout 0.2 and weight limit 4", 0.724),
        {"dropout_rate": between(0.0, 0.9, 0.1), "max_norm": values(1.0, 2.0, 3.0, 4.0, 5.0)},
        _PIMA_LINEAR,
    ),
    _pima(
        "pima-neurons",
        "How many neurons",
        ("accuracy 0.715 with 5 neurons", 0.715),
        {"n_neurons": values(*NEURONS)},
        {**_PIMA_LINEAR, "max_norm": 4.0, "dropout_rate": 0.2},
    ),
    _california(),
)
