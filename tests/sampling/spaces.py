"""Specs and search spaces for the tests of samplers."""

from __future__ import annotations

from typing import Any

from tuning.spec import StudySpec

MIXED: dict[str, Any] = {
    "learning_rate": {"kind": "log_range", "low": 1e-5, "high": 1e-1},
    "momentum": {"kind": "range", "low": 0.0, "high": 0.9},
    "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.6, "step": 0.1},
    "n_neurons": {"kind": "log_range", "low": 4, "high": 64},
    "n_hidden": {"kind": "range", "low": 1, "high": 4},
    "batch_size": {"kind": "range", "low": 8, "high": 64, "step": 8},
    "dense_layer_sizes": {"kind": "fixed", "value": None},
    "activation": {"kind": "list", "values": ["relu", "tanh", "elu"]},
    "max_norm": {"kind": "list", "values": [None, 1.0, 3.0]},
}
LAYERS: dict[str, Any] = {
    "dense_layer_sizes": {"kind": "list", "values": [[8], [16, 16], None]},
    "momentum": {"kind": "range", "low": 0.0, "high": 0.9},
}
NUMBERS: dict[str, Any] = {
    "learning_rate": {"kind": "log_range", "low": 1e-5, "high": 1e-1},
    "momentum": {"kind": "range", "low": 0.0, "high": 0.9},
    "n_neurons": {"kind": "range", "low": 4, "high": 64},
}


def make_spec(kind: str, space: dict[str, Any], n_trials: int, **changes: Any) -> StudySpec:
    """Make the spec of a search; `changes` may hold `n_startup_trials`."""
    sampler = {"kind": kind, "n_trials": n_trials}
    if "n_startup_trials" in changes:
        sampler["n_startup_trials"] = changes.pop("n_startup_trials")
    document = {"name": "s", "data": {"dataset": "pima"}, "space": space, "sampler": sampler}
    return StudySpec.parse(document | changes)
