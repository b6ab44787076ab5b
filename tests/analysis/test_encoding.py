"""Settings as points: ends at 0 and 1, scales as searched, words a distance of 1 apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tuning.analysis.encoding import Settings, inside, make_axes, places_of, unit_columns
from tuning.spec import StudySpec


def spec(**space: Any) -> StudySpec:
    document = {"name": "x", "data": {"dataset": "digits"}, "space": space}
    return StudySpec.parse(document | {"sampler": {"kind": "random", "n_trials": 50}})


def places(study: StudySpec, *settings: Settings) -> list[list[float]]:
    found: list[list[float]] = places_of(make_axes(study, settings), settings).tolist()
    return found


def test_numbers_go_from_0_to_1_on_their_own_scale() -> None:
    study = spec(
        learning_rate={"kind": "log_range", "low": 1e-4, "high": 1.0},
        dropout_rate={"kind": "range", "low": 0.0, "high": 0.8},
        n_neurons={"kind": "list", "values": [64, 4, 16]},
    )

    found = places(
        study,
        {"learning_rate": 1e-4, "dropout_rate": 0.8, "n_neurons": 4},
        {"learning_rate": 1e-2, "dropout_rate": 0.2, "n_neurons": 16},
    )

    assert found[0] == pytest.approx([0, 1, 0])
    assert found[1] == pytest.approx([0.5, 0.25, 0.5])


def test_words_and_networks_and_lists_with_off_are_categories() -> None:
    study = spec(
        activation={"kind": "list", "values": ["relu", "tanh"]},
        dense_layer_sizes={"kind": "list", "values": [[8], [8, 8]]},
        max_norm={"kind": "list", "values": [None, 1.0, 2.0]},
    )
    settings = {"activation": "tanh", "dense_layer_sizes": (8,), "max_norm": None}

    axes = make_axes(study, [settings])

    assert [axis.is_category for axis in axes] == [True, True, True]
    assert places(study, settings) == [[1, 0, 0]]


def test_settings_that_differ_in_one_category_are_1_apart() -> None:
    study = spec(activation={"kind": "list", "values": ["relu", "tanh", "elu"]})
    axes = make_axes(study, [])

    columns, owners = unit_columns(axes, np.array([[0.0], [1.0], [2.0]]))

    assert owners.tolist() == [0, 0, 0]
    assert np.linalg.norm(columns[0] - columns[1]) == pytest.approx(1)
    assert np.linalg.norm(columns[0] - columns[2]) == pytest.approx(1)


def test_what_was_tried_outside_the_space_widens_its_axis() -> None:
    study = spec(dropout_rate={"kind": "range", "low": 0.2, "high": 0.4})

    assert places(study, {"dropout_rate": 0.0}, {"dropout_rate": 0.4}) == [[0.0], [1.0]]


def test_a_word_that_was_never_searched_has_no_place() -> None:
    study = spec(activation={"kind": "list", "values": ["relu", "tanh"]})

    assert make_axes(study, [])[0].places(["elu", "relu"]).tolist() == [-1.0, 0.0]


def test_inside_means_every_searched_value_is_one_of_the_space() -> None:
    study = spec(
        learning_rate={"kind": "log_range", "low": 1e-4, "high": 0.1},
        batch_size={"kind": "list", "values": [4, 16]},
        dense_layer_sizes={"kind": "list", "values": [[8], [8, 8]]},
        max_norm={"kind": "list", "values": [None, 1.0]},
    )
    first: Settings = {
        "learning_rate": 1e-4,
        "batch_size": 4,
        "dense_layer_sizes": (8, 8),
        "max_norm": None,
    }
    outside: list[Settings] = [
        {**first, "learning_rate": None},
        {**first, "learning_rate": 0.2},
        {**first, "batch_size": 12},
        {**first, "dense_layer_sizes": (8, 4)},
        {**first, "dense_layer_sizes": None},
        {**first, "max_norm": 2.0},
    ]

    assert inside(study, [first, {**first, "learning_rate": 0.1}]).tolist() == [True, True]
    assert inside(study, outside).tolist() == [False] * 6
    assert inside(study, []).tolist() == []


def test_added_up_steps_do_not_leave_a_range() -> None:
    study = spec(dropout_rate={"kind": "range", "low": 0.0, "high": 0.3, "step": 0.1})

    assert inside(study, [{"dropout_rate": 0.1 + 0.2}]).tolist() == [True]
