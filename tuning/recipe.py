"""What a recipe is: a published experiment as a study, and the figure its source printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuning.parameters import Value
from tuning.spec import ScoreName, StudySpec


@dataclass(frozen=True)
class Printed:
    """The best figure that a source printed, to stand beside ours.

    Attributes
    ----------
    value : float
        In the unit of the score, larger or smaller being better as the score says.
    score : str
        Name of the score, which may not be the one that ranks our trials.
    """

    value: float
    score: ScoreName


@dataclass(frozen=True)
class Recipe:
    """A study to look at, change and run.

    Attributes
    ----------
    published : str
        What the source printed; its networks and Keras were older, so it is context.
    printed : Printed or None
        Its best figure as a number; None where the source printed none.
    """

    name: str
    title: str
    group: str
    about: str
    published: str
    spec: StudySpec
    printed: Printed | None = None


OPTIMIZERS = ("sgd", "rmsprop", "adagrad", "adadelta", "adam", "adamax", "nadam")
INITIALIZERS = (
    "random_uniform",
    "lecun_uniform",
    "random_normal",
    "zeros",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
)
ACTIVATIONS = (
    "softmax",
    "softplus",
    "softsign",
    "relu",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "linear",
)
NEURONS = (1, 5, 10, 15, 20, 25, 30)
NO_FIGURES = "no figures in the source"


def values(*values: Value) -> dict[str, Any]:
    """Return a list of a search space."""
    return {"kind": "list", "values": list(values)}


def between(low: float, high: float, step: float | None = None) -> dict[str, Any]:
    """Return a range of a search space."""
    return {"kind": "range", "low": low, "high": high, "step": step}


def log_between(low: float, high: float) -> dict[str, Any]:
    """Return a log range of a search space."""
    return {"kind": "log_range", "low": low, "high": high}


def make_space(searched: Mapping[str, Any], fixed: Mapping[str, Value]) -> dict[str, Any]:
    """Return a search space; what is searched is not fixed."""
    rest = {name: {"kind": "fixed", "value": value} for name, value in fixed.items()}
    return dict(searched) | {name: s for name, s in rest.items() if name not in searched}
