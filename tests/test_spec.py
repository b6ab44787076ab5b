"""What a study is: read, checked, counted and written."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tuning.errors import ParameterError, SpecError
from tuning.parameters import PARAMETERS
from tuning.setting import (
    Choices,
    Fixed,
    LogRange,
    Range,
    Setting,
    canonical,
    grid_values,
    n_values,
    setting_problems,
)
from tuning.spec import SCORE_DIRECTIONS, StudySpec

MINIMAL: dict[str, Any] = {"name": "test", "data": {"dataset": "pima"}}


def make_spec(**changes: object) -> StudySpec:
    return StudySpec.parse(MINIMAL | changes)


def problems_of(source: object) -> tuple[str, ...]:
    with pytest.raises(SpecError) as error:
        StudySpec.parse(source)
    return error.value.problems


def some_specs() -> list[dict[str, Any]]:
    """Return specs with every kind of setting, sampler and evaluation in many combinations."""
    spaces: list[dict[str, Any]] = [
        {"batch_size": {"kind": "list", "values": [10, 20]}},
        {"epochs": {"kind": "range", "low": 1, "high": 9},
         "learning_rate": {"kind": "fixed", "value": None}},
        {"learning_rate": {"kind": "log_range", "low": 1e-4, "high": 0.1, "points": 4}},
        {"dropout_rate": {"kind": "range", "low": 0, "high": 0.9, "step": 0.1},
         "max_norm": {"kind": "list", "values": [None, 1, 2.5]}},
        {"dense_layer_sizes": {"kind": "list", "values": [[32], [64, 64], None]},
         "activation": {"kind": "list", "values": ["relu", "TANH"]}},
    ]  # fmt: skip
    samplers: list[dict[str, Any]] = [
        {"kind": "grid"},
        {"kind": "random", "n_trials": 10},
        {"kind": "tpe", "n_trials": 30, "n_startup_trials": 5},
        {"kind": "gp", "n_trials": 40},
        {"kind": "qmc", "n_trials": 64},
    ]
    evaluations: list[dict[str, Any]] = [
        {},
        {"folds": 3, "repeats": 2, "score": "roc_auc"},
        {"method": "holdout", "score": "rmse", "direction": "minimize"},
        {"method": "test", "early_stopping": {"patience": 3, "rows": "separate"}},
    ]
    models = ("dense", "convolutional")
    return [
        MINIMAL | {"space": s, "sampler": p, "evaluation": e, "model": m, "max_minutes": 1.5}
        for s, p, e, m in itertools.product(spaces, samplers, evaluations, models)
    ]


@pytest.mark.parametrize("raw", some_specs())
def test_a_spec_written_as_json_reads_back_equal(raw: dict[str, Any]) -> None:
    spec = StudySpec.parse(raw)
    assert StudySpec.parse(spec.to_json()) == spec
    assert StudySpec.parse(json.loads(spec.to_json(indent=2))) == spec


def test_values_get_one_spelling() -> None:
    spec = make_spec(
        space={
            "learning_rate": {"kind": "list", "values": [1, "0.5", 0.5]},
            "kernel_initializer": {"kind": "fixed", "value": "uniform"},
            "dense_layer_sizes": {"kind": "list", "values": [32, [64, 64]]},
        }
    )
    assert spec.space == {
        "learning_rate": Choices(values=(1.0, 0.5)),
        "kernel_initializer": Fixed(value="random_uniform"),
        "dense_layer_sizes": Choices(values=((32,), (64, 64))),
    }


def test_five_mistakes_give_five_sentences() -> None:
    source = {
        "name": "",
        "data": {"dataset": "pima", "test_fraction": 0.9},
        "space": {
            "dropout_rate": {"kind": "list", "values": [0.1, 1.2]},
            "learning_rat": {"kind": "fixed", "value": 0.1},
        },
        "evaluation": {"folds": "three"},
    }
    assert problems_of(source) == (
        "name is ''. Use at least 1 character.",
        "data › test_fraction is 0.9. Use 0.5 or less.",
        "Dropout rate: 1.2 is too large. Use 0 up to, but not including, 1.",
        "Search space: 'learning_rat' is not a parameter of a dense network. "
        + "Did you mean 'learning_rate'?",
        "evaluation › folds is 'three'. Use a whole number.",
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "name is ''. Use at least 1 character."),
        ({"name": "  "}, "Name: it is empty. Write a few letters."),
        ({"name": "x" * 90}, f"name is '{'x' * 58}…. Use at most 80 characters."),
        ({"name": 5}, "name is 5. Use text in quotes."),
        ({"format": 2}, "format is 2. Use 1."),
        ({"model": "forest"}, "model is 'forest'. Use 'dense' or 'convolutional'."),
        ({"seed": -1}, "seed is -1. Use 0 or more."),
        ({"seed": 2**32}, "seed is 4294967296. Use 4,294,967,295 or less."),
        ({"seed": 1.5}, "seed is 1.5. Use a whole number."),
        ({"seed": None}, "seed is None. Use a whole number."),
        ({"seed": "9" * 5000}, f"seed is '{'9' * 58}…. Use a smaller whole number."),
        ({"max_minutes": 0}, "max_minutes is 0. Use more than 0."),
        ({"max_minutes": "soon"}, "max_minutes is 'soon'. Use a number."),
        ({"max_minutes": []}, "max_minutes is []. Use a number."),
        ({"max_minutes": float("nan")}, "max_minutes is nan. Use a finite number."),
        ({"data": {}}, "data › dataset is missing. Add it to the spec."),
        ({"data": 5}, "data is 5. Use an object in braces."),
        ({"evaluation": {"shuffle": "maybe"}},
         "evaluation › shuffle is 'maybe'. Use true or false."),
        ({"evaluation": {"shuffle": []}}, "evaluation › shuffle is []. Use true or false."),
        ({"data": {"dataset": "mnist", "digits": 7}},
         "data › digits is 7. Use a list in square brackets."),
        ({"data": {"dataset": "mnist", "digits": [7, "x"]}},
         "data › digits › 1 is 'x'. Use a whole number."),
        ({"data": {"dataset": "mnist", "digits": [7]}},
         "Digits: 7. Choose at least two digits from 0 to 9."),
        ({"space": [1]}, "space is [1]. Use an object in braces."),
        ({"space": 5}, "space is 5. Use an object in braces."),
        ({"sampler": {"kind": "magic"}},
         "sampler › kind is 'magic'. "
         + "Use 'grid', 'random', 'tpe', 'gp', 'forest', 'qmc' or 'cmaes'."),
        ({"sampler": {"kind": "tpe"}},
         "Sampler: tpe needs a number of trials. Set for example n_trials 40."),
        ({"sampler": {"kind": "gp"}},
         "Sampler: gp needs a number of trials. Set for example n_trials 40."),
        ({"sampler": {"kind": "cmaes", "n_trials": 50},
          "space": {"momentum": {"kind": "list", "values": [0.1, 0.5]}}},
         "Momentum: CMA-ES searches ranges of numbers only, no lists. "
         + "Give it a range, fix it, or use TPE."),
        ({"by_hand": [{"number": 0, "settings": {"n_layers": 2}}]},
         "By hand: 'n_layers' is not a parameter. Check its spelling."),
        ({"by_hand": [{"number": 8, "settings": {"n_neurons": 0}}]},
         "Neurons: 0 is too small. Use 1 to 4096."),
        ({"sampler": {"kind": "random", "n_trials": 10_001}},
         "sampler › n_trials is 10001. Use 10,000 or less."),
        ({"samplr": {}}, "samplr is not a field of a spec. Remove it, or check its spelling."),
        ({"evaluation": {"repeats": 2, "shuffle": False}},
         "Repeats: 2 repeats without shuffling have the same folds. "
         + "Switch shuffling on, or use 1 repeat."),
        ({"evaluation": {"early_stopping": {"min_delta": float("inf")}}},
         "evaluation › early_stopping › min_delta is inf. Use a finite number."),
    ],
)  # fmt: skip
def test_a_mistake_names_the_field_the_value_and_the_way_out(
    changes: dict[str, Any], sentence: str
) -> None:
    assert problems_of(MINIMAL | changes) == (sentence,)


@pytest.mark.parametrize(
    ("name", "setting", "sentence"),
    [
        ("batch_size", {"kind": "list", "values": []},
         "Batch size: values is []. Use at least 1 value."),
        ("batch_size", {"kind": "list", "values": "10"},
         "Batch size: values is '10'. Use a list in square brackets."),
        ("batch_size", {"kind": "list"}, "Batch size: values is missing. Add it to the spec."),
        ("batch_size", {"kind": "several"},
         "Batch size: kind 'several' is not known. Use one of: fixed, list, range, log_range."),
        ("batch_size", {"kind": []},
         "Batch size: kind [] is not known. Use one of: fixed, list, range, log_range."),
        ("batch_size", [10, 20],
         "Batch size: [10, 20] is not a setting. "
         + 'Write for example {"kind": "fixed", "value": 32}.'),
        ("batch_size", {"kind": "range", "low": "a", "high": 2},
         "Batch size: low is 'a'. Use a number."),
        ("batch_size", {"kind": "range", "low": 1, "high": 2, "points": 1},
         "Batch size: points is 1. Use 2 or more."),
        ("batch_size", {"kind": "range", "low": 1, "high": 9, "step": 0.5},
         "Batch size: a step of 0.5 is not a whole number. Use 1 or more."),
        ("batch_size", {"kind": "range", "low": 1, "high": 9, "step": 10},
         "Batch size: a step of 10 goes past To (9). Use a smaller one."),
        ("dropout_rate", {"kind": "range", "low": 0, "high": 0.5, "step": 0},
         "Dropout rate: step is 0. Use more than 0."),
        ("learning_rate", {"kind": "log_range", "low": 0, "high": 0.1},
         "Learning rate: a log range cannot start at 0. Use for example 0.0001."),
        ("learning_rate", {"kind": "range", "low": 0.1, "high": 0.001},
         "Learning rate: From (0.1) must be below To (0.001)."),
        ("optimizer", {"kind": "range", "low": 0, "high": 1},
         "Optimizer: it has no order, so no range. Write a list."),
        ("filters", {"kind": "fixed", "value": [8]},
         "Search space: 'filters' is not a parameter of a dense network. Choose one of: "
         + "batch_size, epochs, optimizer, learning_rate, momentum, n_hidden, n_neurons, "
         + "dense_layer_sizes, activation, kernel_initializer, dropout_rate, max_norm, "
         + "scaling, imputation, class_weight."),
    ],
)  # fmt: skip
def test_a_setting_that_is_not_allowed_says_why(
    name: str, setting: object, sentence: str
) -> None:
    assert problems_of(MINIMAL | {"space": {name: setting}}) == (sentence,)
    assert setting_problems(name, setting, "dense") == [sentence]


def test_a_good_setting_has_no_problems() -> None:
    assert setting_problems("epochs", {"kind": "fixed", "value": 5}, "dense") == []


def test_of_an_unknown_model_only_the_model_is_told() -> None:
    space = {"batch_size": {"kind": "fixed", "value": 5}, "x": 3}
    assert problems_of(MINIMAL | {"model": "forest", "space": space}) == (
        "model is 'forest'. Use 'dense' or 'convolutional'.",
    )


@pytest.mark.parametrize("source", [[1], 5, None])
def test_a_spec_is_an_object(source: object) -> None:
    assert problems_of(source) == (f"The spec is {source!r}. Use an object in braces.",)


def test_text_that_is_not_json_is_told() -> None:
    assert problems_of("{") == (
        "The spec is not JSON: Expecting property name enclosed in double quotes: "
        + "line 1 column 2 (char 1). Check it in an editor.",
    )


def test_a_search_needs_something_to_search() -> None:
    sampler = {"kind": "random", "n_trials": 5}
    assert problems_of(MINIMAL | {"sampler": sampler}) == (
        "Nothing is searched. Search at least one parameter, or use 1 trial with repeats.",
    )


def test_a_grid_of_fixed_values_is_one_trial() -> None:
    assert make_spec().n_trials == 1
    assert list(make_spec().grid()) == [{}]


def test_a_grid_needs_points() -> None:
    space = {"learning_rate": {"kind": "log_range", "low": 1e-4, "high": 0.1}}
    assert problems_of(MINIMAL | {"space": space}) == (
        "Learning rate: a grid needs a number of points between 0.0001 and 0.1. "
        + "Set points to 5, for example.",
    )


def test_layers_replace_their_number_and_size() -> None:
    space = {
        "dense_layer_sizes": {"kind": "list", "values": [[32], [64]]},
        "n_hidden": {"kind": "list", "values": [1, 2]},
    }
    assert problems_of(MINIMAL | {"space": space}) == (
        "Hidden layers: it is replaced by the list of layers. "
        + "Search either layers, or hidden layers and neurons.",
    )


def test_a_grid_may_have_ten_thousand_trials_and_no_more() -> None:
    epochs = {"kind": "range", "low": 1, "high": 10_000}
    evaluation = {"method": "holdout"}
    spec = make_spec(space={"epochs": epochs}, evaluation=evaluation)
    assert spec.n_trials == 10_000
    space = {
        "epochs": epochs | {"high": 6000},
        "n_neurons": {"kind": "list", "values": [*range(1, 9)]},
    }
    assert problems_of(MINIMAL | {"space": space}) == (
        "48,000 trials. The limit is 10,000: shorten a list or use Random.",
    )


def test_a_study_may_have_two_hundred_thousand_fits_and_no_more() -> None:
    space = {"n_neurons": {"kind": "range", "low": 1, "high": 2000}}
    assert (
        make_spec(space=space, evaluation={"folds": 20, "repeats": 5}).n_fits_per_trial == 100
    )
    assert problems_of(
        MINIMAL | {"space": space, "evaluation": {"folds": 20, "repeats": 6}}
    ) == ("240,000 fits. The limit is 200,000: use fewer trials, folds or repeats.",)


@pytest.mark.parametrize("step", [None, 1, 2])
def test_a_wide_range_needs_no_limit_unless_every_value_runs(step: int | None) -> None:
    space = {"batch_size": {"kind": "range", "low": 1, "high": 65_536, "step": step}}
    sampler = {"kind": "random", "n_trials": 5}
    assert make_spec(space=space, sampler=sampler).n_trials == 5


def test_a_tiny_step_is_counted_without_listing_its_values() -> None:
    setting = canonical("momentum", Range(low=0, high=0.5, step=1e-9))
    assert n_values("momentum", setting) == 500_000_001
    with pytest.raises(SpecError) as error:
        grid_values("momentum", setting)
    assert error.value.problems == (
        "500,000,001 values from 0 to 0.5. The limit is 10,000: use a larger step.",
    )


def test_grid_cells_count_up_with_the_last_parameter_fastest() -> None:
    spec = make_spec(
        space={
            "optimizer": {"kind": "list", "values": ["sgd", "adam"]},
            "epochs": {"kind": "fixed", "value": 5},
            "batch_size": {"kind": "list", "values": [40, 10]},
        }
    )
    assert list(spec.grid()) == [
        {"optimizer": "sgd", "batch_size": 40},
        {"optimizer": "sgd", "batch_size": 10},
        {"optimizer": "adam", "batch_size": 40},
        {"optimizer": "adam", "batch_size": 10},
    ]
    assert spec.n_trials == spec.n_cells == 4
    assert list(spec.searched) == ["optimizer", "batch_size"]
    assert spec.fixed["epochs"] == 5
    assert spec.fixed["n_neurons"] == PARAMETERS["n_neurons"].default
    assert "optimizer" not in spec.fixed


@pytest.mark.parametrize(
    ("name", "setting", "values"),
    [
        ("dropout_rate", Range(low=0, high=0.4, step=0.1), (0.0, 0.1, 0.2, 0.3, 0.4)),
        ("dropout_rate", Range(low=0, high=0.9, points=4), (0.0, 0.3, 0.6, 0.9)),
        ("learning_rate", LogRange(low=1e-4, high=0.1, points=4), (0.0001, 0.001, 0.01, 0.1)),
        ("n_neurons", Range(low=1, high=4), (1, 2, 3, 4)),
        ("n_neurons", Range(low=1, high=8, points=3), (1, 4, 8)),
        ("n_neurons", Range(low=1, high=3, points=9), (1, 2, 3)),
        ("n_neurons", Range(low=5, high=30, step=5), (5, 10, 15, 20, 25, 30)),
        ("batch_size", LogRange(low=8, high=64, points=4), (8, 16, 32, 64)),
        ("momentum", Fixed(value=0.5), (0.5,)),
        ("momentum", Choices(values=(0.9, 0.0)), (0.9, 0.0)),
        ("momentum", Range(low=0, high=0.5), None),
        ("learning_rate", LogRange(low=0.1, high=1), None),
    ],
)
def test_ranges_become_lists_in_decimal_numbers(
    name: str, setting: Setting, values: tuple[float, ...] | None
) -> None:
    assert grid_values(name, setting) == values
    assert n_values(name, setting) == (None if values is None else len(values))


def test_a_range_ends_on_its_last_step() -> None:
    setting = canonical("max_norm", Range(low=1, high=5, step=1.5, points=7))
    assert setting == Range(low=1, high=4, step=1.5)
    assert canonical("max_norm", setting) == setting


def test_a_setting_is_checked_for_itself() -> None:
    with pytest.raises(ParameterError) as error:
        canonical("epochs", {"kind": "fixed", "value": 0})
    assert str(error.value) == "Epochs: 0 is too small. Use 1 to 10000."


@pytest.mark.parametrize(("score", "direction"), SCORE_DIRECTIONS.items())
def test_a_score_knows_its_direction(score: str, direction: str) -> None:
    assert make_spec(evaluation={"score": score}).direction == direction


def test_a_direction_can_be_turned_round() -> None:
    assert (
        make_spec(evaluation={"score": "mse", "direction": "maximize"}).direction == "maximize"
    )


@pytest.mark.parametrize(
    ("sampler", "n_trials"),
    [
        ({"kind": "grid", "n_trials": 3}, 8),
        ({"kind": "random", "n_trials": 3}, 3),
        ({"kind": "random", "n_trials": 20}, 8),
        ({"kind": "tpe", "n_trials": 20}, 20),
        ({"kind": "qmc", "n_trials": 20}, 8),
        ({"kind": "gp", "n_trials": 20}, 20),
        ({"kind": "cmaes", "n_trials": 20}, 20),
    ],
)
def test_trials_are_counted_as_the_sampler_runs_them(
    sampler: dict[str, Any], n_trials: int
) -> None:
    space = {"n_neurons": {"kind": "range", "low": 1, "high": 8}}
    assert make_spec(space=space, sampler=sampler).n_trials == n_trials


def hand(number: int, **settings: Any) -> dict[str, Any]:
    return {"number": number, "settings": settings}


def test_trials_entered_by_hand_come_on_top_and_survive_json() -> None:
    space = {"dense_layer_sizes": {"kind": "list", "values": [[8], [16]]}}
    spec = make_spec(space=space, by_hand=[hand(2, dense_layer_sizes=[4, 4])])

    assert (spec.n_trials, spec.n_searched, set(spec.hand_numbers)) == (3, 2, {2})
    assert spec.by_hand[0].settings == {"dense_layer_sizes": (4, 4)}
    assert StudySpec.parse(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"by_hand": [hand(8, batch_size=5)]},
         "By hand: trial 8 sets batch_size, but n_neurons are searched. Set exactly these."),
        ({"by_hand": [hand(9, n_neurons=9)]},
         "By hand: there is no place for a trial 9. Number them from 0 to 8, each once."),
        ({"by_hand": [hand(3, n_neurons=9), hand(3, n_neurons=10)]},
         "By hand: there is no place for a trial 3. Number them from 0 to 9, each once."),
        ({"by_hand": [hand(0, n_neurons=9)], "include_default": True},
         "By hand: there is no place for a trial 0. Number them from 1 to 9, each once."),
    ],
)  # fmt: skip
def test_trials_by_hand_without_a_place_or_with_other_parameters_are_told(
    changes: dict[str, Any], sentence: str
) -> None:
    space = {"n_neurons": {"kind": "range", "low": 1, "high": 8}}
    assert problems_of(MINIMAL | {"space": space} | changes) == (sentence,)


@pytest.mark.parametrize(
    ("evaluation", "n_fits"),
    [
        ({"folds": 3, "repeats": 2}, 6),
        ({"method": "holdout", "folds": 3, "repeats": 2}, 2),
        ({"method": "test"}, 1),
    ],
)
def test_fits_of_a_trial_are_folds_times_repeats(
    evaluation: dict[str, Any], n_fits: int
) -> None:
    assert make_spec(evaluation=evaluation).n_fits_per_trial == n_fits
