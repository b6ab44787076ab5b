"""Recipes on handwritten digits: 2s from 7s, a convolutional grid, Bayesian optimisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tuning.parameters import Value
from tuning.recipe import (
    ACTIVATIONS,
    INITIALIZERS,
    NEURONS,
    NO_FIGURES,
    OPTIMIZERS,
    Printed,
    Recipe,
    between,
    log_between,
    make_space,
    values,
)
from tuning.spec import StudySpec

_ALL_DIGITS = list(range(10))

_MNIST_NETWORK: Mapping[str, Value] = {
    "filters": (4, 8),
    "kernel_size": 3,
    "pool_size": 2,
    "conv_dropout_rate": 0.25,
    "dense_layer_sizes": (16,),
    "dropout_rate": 0.5,
    "activation": "relu",
}
_FROM_RANDOM_SEARCH: Mapping[str, Value] = {"batch_size": 128, "epochs": 20}
_EPOCHS = values(10, 20, 30, 40)
_BATCH_SIZES = values(32, 64, 128, 192, 256)


def _mnist(
    name: str,
    title: str,
    published: tuple[str, float | None],
    searched: Mapping[str, Any],
    fixed: Mapping[str, Value],
    changes: Mapping[str, Any] | None = None,
) -> Recipe:
    spec = {
        "name": name,
        "recipe": name,
        "data": {"dataset": "mnist", "digits": [2, 7]},
        "model": "convolutional",
        "space": make_space(searched, {**_MNIST_NETWORK, **fixed}),
        "evaluation": {"folds": 2, "shuffle": False, "score": "accuracy"},
        "seed": 7,
    }
    about = "Tell handwritten 2s from 7s with two small convolutions."
    sentence, best = published
    printed = None if best is None else Printed(best, "accuracy")
    parsed = StudySpec.parse({**spec, **(changes or {})})
    return Recipe(name, title, "MNIST 2 or 7", about, sentence, parsed, printed)


def _convolutional(name: str, title: str, about: str, sampler: Mapping[str, Any]) -> Recipe:
    """Make the grid of the deep-learning notes, or random draws from its cells."""
    searched = {
        "dense_layer_sizes": values((32,), (64,), (32, 32), (64, 64)),
        "epochs": values(3, 6),
    }
    fixed: Mapping[str, Value] = {
        "filters": (8, 8),
        "kernel_size": 3,
        "pool_size": 2,
        "conv_dropout_rate": 0.25,
        "dropout_rate": 0.5,
        "activation": "relu",
        "optimizer": "adadelta",
        "learning_rate": 1.0,
        "batch_size": 32,
    }
    spec = {
        "name": name,
        "recipe": name,
        "data": {"dataset": "mnist", "digits": _ALL_DIGITS},
        "model": "convolutional",
        "space": make_space(searched, fixed),
        "sampler": sampler,
        # The source leaves cv to GridSearchCV: 3 folds in its day, not shuffled.
        "evaluation": {"folds": 3, "shuffle": False, "score": "log_loss"},
        "seed": 7,
    }
    parsed = StudySpec.parse(spec)
    return Recipe(name, title, "MNIST, all digits", about, NO_FIGURES, parsed)


def _bayesian(name: str, title: str, sampler: str, surrogate: str) -> Recipe:
    """Make the search of the Bayesian tutorial.

    Its network's convolutions are not in the text, so the network is dense. It judges by 5,000
    of the 60,000 images, and starts from a default point, which is trial 0 here.
    """
    searched = {
        "learning_rate": log_between(1e-6, 1e-2),
        "n_hidden": between(1, 5),
        "n_neurons": between(5, 512),
        "activation": values("relu", "sigmoid"),
    }
    fixed: Mapping[str, Value] = {
        "optimizer": "adam",
        "batch_size": 128,
        "epochs": 3,
        "scaling": None,
    }
    spec = {
        "name": name,
        "recipe": name,
        "data": {"dataset": "mnist", "digits": _ALL_DIGITS},
        "space": make_space(searched, fixed),
        "sampler": {"kind": sampler, "n_trials": 40, "n_startup_trials": 10},
        "evaluation": {
            "method": "holdout",
            "holdout_fraction": 0.08333333,
            "score": "accuracy",
        },
        "include_default": True,
        "seed": 7,
    }
    about = f"Read handwritten digits; {surrogate} proposes what to try next."
    parsed = StudySpec.parse(spec)
    return Recipe(name, title, "MNIST, all digits", about, NO_FIGURES, parsed)


RECIPES: Sequence[Recipe] = (
    _mnist(
        "mnist27-baseline",
        "One network, before any tuning",
        ("accuracy 0.9834 and loss 0.0489 on the test images", 0.9834),
        {},
        {"optimizer": "adadelta", "learning_rate": 1.0, "batch_size": 128, "epochs": 12},
        {"evaluation": {"method": "test", "folds": 2, "shuffle": False, "score": "accuracy"}},
    ),
    _mnist(
        "mnist27-epochs",
        "How many epochs",
        ("accuracy 0.9937 with 40 epochs", 0.9937),
        {"epochs": _EPOCHS},
        {"optimizer": "rmsprop", "batch_size": 32},
    ),
    _mnist(
        "mnist27-batch",
        "Batch size",
        ("accuracy 0.9948 with batch size 128", 0.9948),
        {"batch_size": _BATCH_SIZES},
        {"optimizer": "rmsprop", "epochs": 40},
    ),
    _mnist(
        "mnist27-batch-epochs",
        "Batch size and epochs",
        ("accuracy 0.9953 with batch size 64 and 40 epochs", 0.9953),
        {"epochs": _EPOCHS, "batch_size": _BATCH_SIZES},
        {"optimizer": "rmsprop"},
    ),
    _mnist(
        "mnist27-batch-epochs-random",
        "Batch size and epochs, half of them at random",
        ("accuracy 0.9936 with batch size 128 and 20 epochs, far cheaper", 0.9936),
        {"epochs": _EPOCHS, "batch_size": _BATCH_SIZES},
        {"optimizer": "rmsprop"},
        {"sampler": {"kind": "random", "n_trials": 10}},
    ),
    _mnist(
        "mnist27-optimizer",
        "Which optimizer",
        ("accuracy 0.9936 with Nadam", 0.9936),
        {"optimizer": values(*OPTIMIZERS)},
        _FROM_RANDOM_SEARCH,
    ),
    _mnist(
        "mnist27-init",
        "Starting weights",
        ("accuracy 0.9949 with zero", 0.9949),
        {"kernel_initializer": values(*INITIALIZERS)},
        {**_FROM_RANDOM_SEARCH, "optimizer": "nadam"},
    ),
    _mnist(
        "mnist27-activation",
        "Which activation",
        (NO_FIGURES, None),
        {"activation": values(*ACTIVATIONS)},
        {**_FROM_RANDOM_SEARCH, "optimizer": "nadam"},
    ),
    _mnist(
        "mnist27-dropout",
        "Dropout and weight limit",
        (NO_FIGURES, None),
        {"dropout_rate": between(0.0, 0.9, 0.1), "max_norm": values(1.0, 2.0, 3.0, 4.0, 5.0)},
        {**_FROM_RANDOM_SEARCH, "optimizer": "nadam"},
    ),
    _mnist(
        "mnist27-neurons",
        "How many neurons",
        (NO_FIGURES, None),
        {"n_neurons": values(*NEURONS)},
        {
            **_FROM_RANDOM_SEARCH,
            "optimizer": "nadam",
            "dense_layer_sizes": None,
            "n_hidden": 1,
        },
    ),
    _convolutional(
        "cnn-grid",
        "Dense layers and epochs",
        "Read handwritten digits with two convolutions, judged by log loss.",
        {"kind": "grid"},
    ),
    _convolutional(
        "cnn-random",
        "Dense layers and epochs at random",
        "The source asks for 20 draws; the grid has 8 cells, so 8 trials run, each once.",
        {"kind": "random", "n_trials": 20},
    ),
    _bayesian("bayes-dense", "Gaussian process", "gp", "a Gaussian process"),
    _bayesian("bayes-forest", "Random forest", "forest", "a random forest"),
)
