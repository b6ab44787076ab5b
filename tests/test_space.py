"""The grammar of the search-space editor, and the sentences around it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tuning.errors import ParameterError, SpecError
from tuning.parameters import PARAMETERS, Parameter, Value
from tuning.setting import Choices, Fixed, LogRange, Range, Setting, canonical
from tuning.space import (
    Ends,
    SettingKind,
    count_sentence,
    read_range,
    read_setting,
    read_values,
    show_setting,
    space_note,
    space_warnings,
    write_setting,
)
from tuning.spec import StudySpec

TENTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def values_of(name: str, text: str) -> tuple[Value, ...]:
    setting = read_setting(name, "list", text).setting
    assert isinstance(setting, Choices)
    return setting.values


def sentence_of(name: str, kind: SettingKind, text: object) -> str:
    with pytest.raises(ParameterError) as error:
        read_setting(name, kind, text)
    return str(error.value)


def make_spec(**changes: object) -> StudySpec:
    return StudySpec.parse({"name": "test", "data": {"dataset": "pima"}} | changes)


@pytest.mark.parametrize(
    "text",
    [
        "10, 20, 40", "10 20 40", "[10, 20, 40]", "(10, 20, 40)", "10\n20\n40", "10;20;40",
        " 10,20,40, ", "'10', \"20\", 40", "1e1, 2e1, 4e1", "10,\t20,\n\n40", "[10 20 40]",
        "10, 20, 10, 40",
    ],
)  # fmt: skip
def test_a_list_may_be_separated_in_any_way(text: str) -> None:
    assert values_of("batch_size", text) == (10, 20, 40)


def test_a_list_keeps_the_order_written() -> None:
    assert values_of("batch_size", "40, 10, 20") == (40, 10, 20)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("dropout_rate", "0:0.9:0.1", TENTHS),
        ("dropout_rate", "0 to 0.9 step 0.1", TENTHS),
        ("dropout_rate", "0 TO 0.9 STEP 0.1", TENTHS),
        ("dropout_rate", "0..0.9 step .1", TENTHS),
        ("dropout_rate", "0 to 0.9 points 10", TENTHS),
        ("dropout_rate", "[0:0.9:0.1]", TENTHS),
        ("dropout_rate", "0.1:0.3:0.1, 0.75", (0.1, 0.2, 0.3, 0.75)),
        ("learning_rate", "1e-4 to 1e-1 log 4", (0.0001, 0.001, 0.01, 0.1)),
        ("learning_rate", "0.0001:0.1 log 4", (0.0001, 0.001, 0.01, 0.1)),
        ("n_neurons", "1..99", tuple(range(1, 100))),
        ("n_neurons", "1 to 5", (1, 2, 3, 4, 5)),
        ("n_neurons", "8 to 64 log 4", (8, 16, 32, 64)),
        ("n_neurons", "2, 10..30:10", (2, 10, 20, 30)),
    ],
)
def test_a_range_in_a_list_becomes_its_values(
    name: str, text: str, expected: tuple[Value, ...]
) -> None:
    assert values_of(name, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("32", ((32,),)),
        ("[32]", ((32,),)),
        ("32-32", ((32, 32),)),
        ("32 - 32", ((32, 32),)),
        ("(64, 64)", ((64, 64),)),
        ("[32-64]", ((32, 64),)),
        ("[[32, 64]]", ((32, 64),)),
        ("32, 32; 64", ((32, 32), (64,))),
        ("[32, 32; 64]", ((32, 32), (64,))),
        ("[32; 64]", ((32,), (64,))),
        ("32\n64-64", ((32,), (64, 64))),
        ("32-32, 64", ((32, 32), (64,))),
        ("(32,), (32, 32)", ((32,), (32, 32))),
        ("[[32], [64]]", ((32,), (64,))),
        ("[32], [64], [32, 32], [64, 64]", ((32,), (64,), (32, 32), (64, 64))),
        ("off; 32", (None, (32,))),
    ],
)
def test_layers_may_be_written_in_many_ways(text: str, expected: tuple[Value, ...]) -> None:
    assert values_of("dense_layer_sizes", text) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("dense_layer_sizes", "32, 64",
         "Layers: One network with two layers, or two networks? Write [32-64] or [32; 64]."),
        ("dense_layer_sizes", "32 64 128",
         "Layers: One network with three layers, or three networks? "
         + "Write [32-64-128] or [32; 64; 128]."),
        ("filters", "8, 8",
         "Filters: One network with two layers, or two networks? Write [8-8] or [8; 8]."),
    ],
)  # fmt: skip
def test_bare_numbers_in_a_layer_list_are_asked_about(
    name: str, text: str, expected: str
) -> None:
    assert sentence_of(name, "list", text) == expected


def test_bare_numbers_in_a_fixed_layer_field_are_the_layers_of_the_one_network() -> None:
    assert read_setting("filters", "fixed", "8, 16").setting == Fixed(value=(8, 16))


@pytest.mark.parametrize("word", ["none", "off", "None", " OFF "])
def test_none_and_off_leave_a_value_out(word: str) -> None:
    assert values_of("max_norm", f"{word}, 1") == (None, 1.0)
    assert read_setting("learning_rate", "fixed", word).setting == Fixed(value=None)


@pytest.mark.parametrize(
    "word", ["relu", '"relu"', "'relu'", "ReLU", "\u201crelu\u201d", "[relu]"]
)
def test_quotes_and_case_do_not_matter(word: str) -> None:
    assert values_of("activation", word) == ("relu",)


def test_old_names_are_read_with_a_note() -> None:
    reading = read_setting("kernel_initializer", "list", "uniform, normal, zero")
    assert reading.setting == Choices(values=("random_uniform", "random_normal", "zeros"))
    assert reading.notes == (
        "uniform is called random_uniform now",
        "normal is called random_normal now",
        "zero is called zeros now",
    )


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("10, 100, 100",
         "100 appears twice; it runs once. Repeats are set under Evaluation."),
        ("7, 7, 7, 7",
         "7 appears 4 times; it runs once. Repeats are set under Evaluation."),
    ],
)  # fmt: skip
def test_a_repeated_value_runs_once_and_says_so(text: str, note: str) -> None:
    assert read_setting("batch_size", "list", text).notes == (note,)


def test_a_comma_between_digits_may_have_been_a_decimal_point() -> None:
    reading = read_setting("max_norm", "list", "1,5")
    assert reading.setting == Choices(values=(1.0, 5.0))
    assert reading.warnings == ("Read as two values, 1 and 5. For a decimal write 1.5.",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,1", "Dropout rate: Read as two values, 0 and 1. For a decimal write 0.1."),
        ("0,1 0,25",
         "Dropout rate: Read as four values, 0, 1, 0 and 25. For decimals write 0.1, 0.25."),
    ],
)  # fmt: skip
def test_a_comma_that_cannot_separate_values_asks_for_a_decimal_point(
    text: str, expected: str
) -> None:
    assert sentence_of("dropout_rate", "list", text) == expected


@pytest.mark.parametrize("text", ["1, 5", "1,5,6", "1;5", "1 5"])
def test_a_list_with_clear_separators_raises_no_doubt(text: str) -> None:
    assert read_setting("max_norm", "list", text).warnings == ()


def test_whole_numbers_have_no_decimals_to_doubt() -> None:
    assert read_setting("n_hidden", "list", "0,1").warnings == ()


@pytest.mark.parametrize(
    ("name", "kind", "text", "expected"),
    [
        ("batch_size", "list", "ten",
         "Batch size: 'ten' is not a number. Write for example 10, 20, 40."),
        ("batch_size", "list", "",
         "Batch size: no value is written. Write for example 10, 20, 40."),
        ("batch_size", "list", "1.5",
         "Batch size: 1.5 is not a whole number. Write for example 10, 20, 40."),
        ("batch_size", "list", "[10, 20",
         "Batch size: the brackets in '[10, 20' do not match. Write for example 10, 20, 40."),
        ("batch_size", "list", "10] [20",
         "Batch size: the brackets in '10] [20' do not match. Write for example 10, 20, 40."),
        ("batch_size", "list", "10 to",
         "Batch size: '10 to' is not a range. Write for example 10 to 100 step 10."),
        ("batch_size", "list", "1 to 50000",
         "Batch size: 50,000 values in '1 to 50000'. The limit is 10,000: use a larger step."),
        ("batch_size", "fixed", "1, 2",
         "Batch size: 2 values are written, but one is needed. Choose List to try them all."),
        ("batch_size", "fixed", "off",
         "Batch size: a value is needed. Write for example 10, 20, 40."),
        ("batch_size", "range", "many",
         "Batch size: 'many' is not a range. Write for example 10 to 100 step 10."),
        ("n_hidden", "range", "0:3:0.5",
         "Hidden layers: a step of 0.5 is not a whole number. Use 1 or more."),
        ("n_hidden", "range", "0:3:9",
         "Hidden layers: a step of 9 goes past To (3). Use a smaller one."),
        ("dropout_rate", "list", "1.2",
         "Dropout rate: 1.2 is too large. Use 0 up to, but not including, 1."),
        ("dropout_rate", "list", "0 to 0.9",
         "Dropout rate: '0 to 0.9' has no step. Write for example 0 to 0.9 step 0.1."),
        ("dropout_rate", "range", "low",
         "Dropout rate: 'low' is not a range. Write for example 0 to 0.9 step 0.1."),
        ("learning_rate", "log_range", "0 to 0.1",
         "Learning rate: a log range cannot start at 0. Use for example 0.0001."),
        ("learning_rate", "log_range", "low",
         "Learning rate: 'low' is not a range. Write for example 0.0001 to 0.1 log 4."),
        ("learning_rate", "log_range", "0.001:0.1:0.01",
         "Learning rate: a log range has no step. Set points instead."),
        ("learning_rate", "list", "0.001 to 0.1 log",
         "Learning rate: '0.001 to 0.1 log' has no number of points. "
         + "Write for example 0.001 to 0.1 log 4."),
        ("learning_rate", "range", "0.1 to 0.001",
         "Learning rate: From (0.1) must be below To (0.001)."),
        ("dense_layer_sizes", "list", "[32, 0]",
         "Layers: 0 units in [32, 0]. Each layer needs at least 1."),
        ("dense_layer_sizes", "list", "ten",
         "Layers: 'ten' is not a number. Write for example [32], [64], [32, 32]."),
        ("dense_layer_sizes", "list", "[32",
         "Layers: the brackets in '[32' do not match. Write for example [32], [64], [32, 32]."),
        ("optimizer", "list", "adamm",
         "Optimizer: 'adamm' is not known. "
         + "Choose one of: sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam."),
        ("optimizer", "range", "1 to 2",
         "Optimizer: it has no order, so no range. Write a list."),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_sentence(
    name: str, kind: SettingKind, text: str, expected: str
) -> None:
    assert sentence_of(name, kind, text) == expected


@pytest.mark.parametrize(
    ("name", "kind", "text", "shown"),
    [
        ("batch_size", "list", "10, 20, 40, 60, 80, 100", "6 values"),
        ("batch_size", "list", "10", "1 value"),
        ("dropout_rate", "list", "0:0.9:0.1", "10 values: 0, 0.1, 0.2 … 0.9"),
        ("activation", "list", "relu, tanh", "2 of 12"),
        ("dropout_rate", "range", "0 to 0.9 points 10", "0, 0.1, 0.2 … 0.9"),
        ("learning_rate", "log_range", "0.0001 to 0.1 log 4", "0.0001, 0.001, 0.01, 0.1"),
        ("learning_rate", "log_range", "0.0001 to 0.1",
         "any number from 0.0001 to 0.1, even on a log scale"),
        ("momentum", "range", "0 to 0.9", "any number from 0 to 0.9"),
        ("batch_size", "range", "1..65536", "65,536 values from 1 to 65536"),
        ("batch_size", "fixed", "32", ""),
        ("dense_layer_sizes", "list", "[32], [64, 64]", "2 networks: 32 · 64→64"),
        ("dense_layer_sizes", "list", "1; 2; 3; 4; 5; 6; 7",
         "7 networks: 1 · 2 · 3 · 4 · 5 · 6 · …"),
    ],
)  # fmt: skip
def test_the_reading_says_what_was_understood(
    name: str, kind: SettingKind, text: str, shown: str
) -> None:
    assert read_setting(name, kind, text).shown == shown


@pytest.mark.parametrize(
    ("name", "text", "ends", "shown"),
    [
        ("dense_layer_sizes", "[32], [64], [32, 32], [64, 64]", (8, 1),
         "4 networks: 8→32→1 · 8→64→1 · 8→32→32→1 · 8→64→64→1"),
        ("dense_layer_sizes", "off; 32", (8, 1), "2 networks: off · 8→32→1"),
        ("filters", "[4, 8]", (784, 2), "1 network: 4→8"),
    ],
)  # fmt: skip
def test_layers_are_shown_between_inputs_and_outputs(
    name: str, text: str, ends: Ends, shown: str
) -> None:
    assert read_setting(name, "list", text, ends).shown == shown


def test_a_step_that_misses_the_end_is_noted() -> None:
    note = "The steps do not meet 1; the last value is 0.9."
    assert read_setting("max_norm", "range", "0.1:1:0.4").notes == (note,)
    assert read_setting("max_norm", "list", "0.1:1:0.4").notes == (note,)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("range", "0.001 to 0.1"), ("list", "0.001 to 0.1 step 0.001"), ("range", "0.01 to 0.1")],
)
def test_an_even_range_of_learning_rates_is_doubted(kind: SettingKind, text: str) -> None:
    assert read_setting("learning_rate", kind, text).warnings == (
        "Steps are even on a plain scale; learning rates usually need a log range.",
    )


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("learning_rate", "log_range", "0.001 to 0.1"),
        ("learning_rate", "range", "0.02 to 0.1"),
        ("learning_rate", "list", "0.001, 0.1"),
        ("max_norm", "range", "0.001 to 0.1"),
    ],
)
def test_other_ranges_are_not_doubted(name: str, kind: SettingKind, text: str) -> None:
    assert read_setting(name, kind, text).warnings == ()


def test_chosen_values_need_no_text() -> None:
    assert read_setting("activation", "list", ["relu", "tanh"]).setting == Choices(
        values=("relu", "tanh")
    )
    assert read_setting("batch_size", "fixed", 32).setting == Fixed(value=32)
    assert read_values("filters", [8, (8, 16)]).setting == Choices(values=((8,), (8, 16)))


def test_a_range_is_read_from_its_numbers() -> None:
    assert read_range("dropout_rate", "range", 0, 0.9, points=10).setting == Range(
        low=0.0, high=0.9, points=10
    )
    assert read_range("learning_rate", "log_range", 1e-4, 0.1).setting == LogRange(
        low=1e-4, high=0.1
    )


def test_a_range_needs_both_ends() -> None:
    with pytest.raises(ParameterError) as error:
        read_range("dropout_rate", "range", None, 0.9)
    assert str(error.value) == ("Dropout rate: a range needs both From and To. Fill in both.")


def test_a_range_needs_a_step_above_zero() -> None:
    with pytest.raises(SpecError) as error:
        read_range("dropout_rate", "range", 0, 0.9, step=-0.1)
    assert error.value.problems == ("Dropout rate: step is -0.1. Use more than 0.",)


def some_value(parameter: Parameter, rng: random.Random) -> Value:
    if parameter.none_means is not None and rng.random() < 0.1:
        return None
    if parameter.kind == "choice":
        return rng.choice(parameter.choices)
    low, high = int(parameter.low or 0), int(parameter.high or 10)
    if parameter.kind == "layers":
        return tuple(rng.randint(1, high) for _ in range(rng.randint(1, 4)))
    if parameter.kind == "int":
        return rng.randint(low, high)
    exact = 0.01 + 0.98 * rng.uniform(low, high)  # rounded, it stays below an open bound
    return rng.choice([exact, float(f"{exact:.2g}"), exact * 1e-6])


def some_setting(parameter: Parameter, rng: random.Random) -> Setting:
    kind = rng.choice(["fixed", "list", "range", "log_range"])
    if kind == "fixed":
        return Fixed(value=some_value(parameter, rng))
    first, second = some_value(parameter, rng), some_value(parameter, rng)
    numbers = isinstance(first, (int, float)) and isinstance(second, (int, float))
    if kind == "list" or not numbers or first == second:
        values = [some_value(parameter, rng) for _ in range(rng.randint(1, 6))]
        return Choices(values=tuple(dict.fromkeys(values)))
    low, high = sorted((float(first), float(second)))  # type: ignore[arg-type]
    points = rng.choice([None, 2, 5, 100])
    if kind == "log_range" and low > 0:
        return LogRange(low=low, high=high, points=points)
    width = (high - low) / rng.randint(1, 9)
    step = float(f"{width:.1g}") if parameter.kind == "float" else max(1.0, width // 1)
    if rng.random() < 0.5 and step <= high - low:
        return canonical(parameter.name, Range(low=low, high=high, step=step))
    return Range(low=low, high=high, points=points)


@pytest.mark.parametrize("name", PARAMETERS)
def test_written_settings_read_back_to_the_same(name: str) -> None:
    rng = random.Random(name)
    for _ in range(100):
        setting = some_setting(PARAMETERS[name], rng)
        text = write_setting(name, setting)
        assert read_setting(name, setting.kind, text).setting == setting, text


@pytest.mark.parametrize(
    ("name", "setting", "text"),
    [
        ("batch_size", Choices(values=(10, 20)), "10, 20"),
        ("learning_rate", Choices(values=(None, 1e-5, 0.5, 1.0)), "off, 1e-05, 0.5, 1"),
        ("dense_layer_sizes", Choices(values=((32,), (32, 32))), "[32], [32, 32]"),
        ("dense_layer_sizes", Fixed(value=(32, 16)), "32-16"),
        ("dropout_rate", Range(low=0, high=0.9, step=0.1), "0 to 0.9 step 0.1"),
        ("dropout_rate", Range(low=0, high=0.9, points=10), "0 to 0.9 points 10"),
        ("n_neurons", Range(low=1, high=99), "1 to 99"),
        ("learning_rate", LogRange(low=1e-4, high=0.1, points=4), "0.0001 to 0.1 log 4"),
    ],
)
def test_a_setting_is_written_as_a_person_would(name: str, setting: Setting, text: str) -> None:
    assert write_setting(name, setting) == text


def test_a_fixed_setting_is_described_by_its_value() -> None:
    assert show_setting("dense_layer_sizes", Fixed(value=(32, 32))) == "32-32"


PIMA_GRID = {
    "batch_size": {"kind": "list", "values": [10, 20, 40, 60, 80, 100]},
    "epochs": {"kind": "list", "values": [10, 50, 100]},
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"space": PIMA_GRID, "evaluation": {"folds": 3}},
         "18 trials × 3 folds × 1 repeat = 54 fits (18 trained)"),
        ({"space": PIMA_GRID, "evaluation": {"folds": 3, "repeats": 2}},
         "18 trials × 3 folds × 2 repeats = 108 fits (36 trained)"),
        ({"space": {"batch_size": PIMA_GRID["batch_size"]}, "evaluation": {"folds": 2}},
         "6 trials × 2 folds × 1 repeat = 12 fits"),
        ({"evaluation": {"method": "holdout"}}, "1 trial × 1 repeat = 1 fit"),
        ({"space": {"epochs": {"kind": "list", "values": [3]}},
          "evaluation": {"method": "test", "repeats": 5}}, "1 trial × 5 repeats = 5 fits"),
        ({"space": {"n_neurons": {"kind": "range", "low": 1, "high": 1000}},
          "evaluation": {"folds": 10}}, "1,000 trials × 10 folds × 1 repeat = 10,000 fits"),
        ({"space": PIMA_GRID, "sampler": {"kind": "random", "n_trials": 10}},
         "10 trials × 5 folds × 1 repeat = 50 fits"),
        ({"space": PIMA_GRID, "sampler": {"kind": "random", "n_trials": 18}},
         "18 trials × 5 folds × 1 repeat = 90 fits (30 trained)"),
        ({"space": PIMA_GRID, "sampler": {"kind": "tpe", "n_trials": 18}},
         "18 trials × 5 folds × 1 repeat = 90 fits"),
        ({"space": PIMA_GRID, "evaluation": {"folds": 3}, "confirm": True},
         "18 trials × 3 folds × 1 repeat = 54 fits (18 trained), then up to 270 to confirm"),
        ({"space": PIMA_GRID, "evaluation": {"folds": 2}, "confirm": True},
         "18 trials × 2 folds × 1 repeat = 36 fits (12 trained)"),
        # The default, batch size 32, is a network more: 7 of them.
        ({"space": PIMA_GRID, "evaluation": {"folds": 3}, "include_default": True},
         "19 trials × 3 folds × 1 repeat = 57 fits (21 trained)"),
        # The default, 50 epochs, is read on the way of a network that is there.
        ({"space": {"batch_size": {"kind": "list", "values": [16, 32]},
                    "epochs": {"kind": "list", "values": [5, 300]}}, "include_default": True},
         "5 trials × 5 folds × 1 repeat = 25 fits (10 trained)"),
        # One of the 18 cells is not drawn, nobody knows which.
        ({"space": PIMA_GRID, "sampler": {"kind": "random", "n_trials": 18},
          "include_default": True}, "18 trials × 5 folds × 1 repeat = 90 fits"),
        ({"space": PIMA_GRID, "sampler": {"kind": "random", "n_trials": 19},
          "include_default": True}, "19 trials × 5 folds × 1 repeat = 95 fits (35 trained)"),
    ],
)  # fmt: skip
def test_the_count_multiplies_trials_folds_and_repeats(
    changes: dict[str, Any], sentence: str
) -> None:
    assert count_sentence(make_spec(**changes)) == sentence


EIGHT_CELLS = {
    "activation": {"kind": "list", "values": ["relu", "tanh"]},
    "n_neurons": {"kind": "list", "values": [5, 10, 15, 20]},
}


@pytest.mark.parametrize(
    ("space", "sampler", "note"),
    [
        (EIGHT_CELLS, {"kind": "random", "n_trials": 20},
         "The space has 8 combinations, so 8 trials run, not 20."),
        ({"epochs": {"kind": "list", "values": [3]}}, {"kind": "random", "n_trials": 20},
         "The space has 1 combination, so 1 trial runs, not 20."),
        (EIGHT_CELLS, {"kind": "random", "n_trials": 8}, ""),
        (EIGHT_CELLS, {"kind": "tpe", "n_trials": 20}, ""),
        (EIGHT_CELLS, {"kind": "grid"}, ""),
        ({"momentum": {"kind": "range", "low": 0, "high": 0.9}},
         {"kind": "random", "n_trials": 20}, ""),
    ],
)  # fmt: skip
def test_a_space_smaller_than_the_search_says_so(
    space: dict[str, Any], sampler: dict[str, Any], note: str
) -> None:
    assert space_note(make_spec(space=space, sampler=sampler)) == note


def test_the_default_settings_are_a_trial_more_of_a_small_space() -> None:
    spec = make_spec(
        space={"epochs": {"kind": "list", "values": [3]}},
        sampler={"kind": "random", "n_trials": 20},
        include_default=True,
    )
    assert space_note(spec) == (
        "The space has 1 combination beside the default settings, so 2 trials run, not 20."
    )


@pytest.mark.parametrize(
    ("optimizer", "warns"),
    [
        (None, True),
        ({"kind": "fixed", "value": "adam"}, True),
        ({"kind": "list", "values": ["sgd", "adam"]}, True),
        ({"kind": "fixed", "value": "sgd"}, False),
        ({"kind": "list", "values": ["sgd", "rmsprop"]}, False),
    ],
)
def test_momentum_is_doubted_where_an_optimizer_does_not_use_it(
    optimizer: dict[str, Any] | None, *, warns: bool
) -> None:
    space = {"momentum": {"kind": "list", "values": [0, 0.9]}}
    spec = make_spec(space=space if optimizer is None else space | {"optimizer": optimizer})
    expected = ("Momentum only matters for SGD and RMSprop.",) if warns else ()
    assert space_warnings(spec) == expected
