"""The table of hyperparameters: what each accepts, and the sentences when it does not."""

from __future__ import annotations

import math

import pytest

from tuning.errors import ParameterError
from tuning.parameters import (
    ACTIVATIONS,
    INITIALIZERS,
    OLD_CHOICES,
    OLD_NAMES,
    OPTIMIZERS,
    PARAMETERS,
    Parameter,
    Value,
    defaults_of,
    parameters_of,
    show_value,
    show_values,
)


def sentence_of(name: str, value: object) -> str:
    with pytest.raises(ParameterError) as error:
        PARAMETERS[name].parse(value)
    return str(error.value)


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda p: p.name)
def test_every_default_is_allowed(parameter: Parameter) -> None:
    assert parameter.parse(parameter.default) == parameter.default


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=lambda p: p.name)
def test_every_label_and_help_says_something(parameter: Parameter) -> None:
    assert parameter.label[0].isupper()
    assert parameter.help.endswith(".")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch_size", 1), ("batch_size", 65_536), ("epochs", 1), ("epochs", 10_000),
        ("n_hidden", 0), ("n_hidden", 20), ("n_neurons", 1), ("n_neurons", 4096),
        ("kernel_size", 1), ("kernel_size", 15), ("pool_size", 1), ("pool_size", 8),
        ("learning_rate", 5e-324), ("learning_rate", 1e6), ("momentum", 0), ("momentum", 0.999),
        ("dropout_rate", 0), ("dropout_rate", math.nextafter(1, 0)), ("max_norm", 1e-9),
        ("conv_dropout_rate", 0), ("conv_dropout_rate", 0.99), ("filters", (1,)),
        ("filters", (512, 512)), ("dense_layer_sizes", (1,)),
        ("dense_layer_sizes", (4096,) * 20),
    ],
)  # fmt: skip
def test_values_at_a_bound_are_allowed(name: str, value: Value) -> None:
    assert PARAMETERS[name].parse(value) == value


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("batch_size", 0, "Batch size: 0 is too small. Use 1 to 65536."),
        ("batch_size", 65_537, "Batch size: 65537 is too large. Use 1 to 65536."),
        ("batch_size", 1_234_567, "Batch size: 1234567 is too large. Use 1 to 65536."),
        ("epochs", 0, "Epochs: 0 is too small. Use 1 to 10000."),
        ("epochs", 10_001, "Epochs: 10001 is too large. Use 1 to 10000."),
        ("learning_rate", 0, "Learning rate: 0 is too small. Use more than 0."),
        ("learning_rate", -0.1, "Learning rate: -0.1 is too small. Use more than 0."),
        ("momentum", -0.1, "Momentum: -0.1 is too small. Use 0 up to, but not including, 1."),
        ("momentum", 1, "Momentum: 1 is too large. Use 0 up to, but not including, 1."),
        ("n_hidden", -1, "Hidden layers: -1 is too small. Use 0 to 20."),
        ("n_hidden", 21, "Hidden layers: 21 is too large. Use 0 to 20."),
        ("n_neurons", 0, "Neurons: 0 is too small. Use 1 to 4096."),
        ("n_neurons", 4097, "Neurons: 4097 is too large. Use 1 to 4096."),
        ("dense_layer_sizes", [32, 0],
         "Layers: 0 units in [32, 0]. Each layer needs at least 1."),
        ("dense_layer_sizes", [4097], "Layers: 4097 is too large. Use 1 to 4096."),
        ("dense_layer_sizes", [], "Layers: 0 layers in []. Use 1 to 20."),
        ("dense_layer_sizes", [1.5],
         "Layers: 1.5 units in [1.5]. Each layer needs at least 1."),
        ("dropout_rate", -0.1,
         "Dropout rate: -0.1 is too small. Use 0 up to, but not including, 1."),
        ("dropout_rate", 1.2,
         "Dropout rate: 1.2 is too large. Use 0 up to, but not including, 1."),
        ("max_norm", 0, "Weight limit (max-norm): 0 is too small. Use more than 0."),
        ("filters", [0], "Filters: 0 units in [0]. Each layer needs at least 1."),
        ("filters", [513], "Filters: 513 is too large. Use 1 to 512."),
        ("kernel_size", 0, "Kernel size: 0 is too small. Use 1 to 15."),
        ("kernel_size", 16, "Kernel size: 16 is too large. Use 1 to 15."),
        ("pool_size", 0, "Pool size: 0 is too small. Use 1 to 8."),
        ("pool_size", 9, "Pool size: 9 is too large. Use 1 to 8."),
        ("conv_dropout_rate", -1,
         "Dropout after pooling: -1 is too small. Use 0 up to, but not including, 1."),
        ("conv_dropout_rate", 1,
         "Dropout after pooling: 1 is too large. Use 0 up to, but not including, 1."),
    ],
)  # fmt: skip
def test_values_beyond_a_bound_are_refused(name: str, value: object, sentence: str) -> None:
    assert sentence_of(name, value) == sentence


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("batch_size", "ten",
         "Batch size: 'ten' is not a number. Write for example 10, 20, 40."),
        ("batch_size", True, "Batch size: True is not a number. Write for example 10, 20, 40."),
        ("batch_size", [1], "Batch size: [1] is not a number. Write for example 10, 20, 40."),
        ("batch_size", 1.5,
         "Batch size: 1.5 is not a whole number. Write for example 10, 20, 40."),
        ("batch_size", None, "Batch size: a value is needed. Write for example 10, 20, 40."),
        ("epochs", math.inf,
         "Epochs: inf is not a finite number. Write for example 10, 50, 100."),
        ("momentum", "nan",
         "Momentum: 'nan' is not a finite number. Write for example 0.0, 0.5, 0.9."),
        ("optimizer", "adamm",
         "Optimizer: 'adamm' is not known. "
         + "Choose one of: sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam."),
        ("filters", {"a": 1},
         "Filters: {'a': 1} is not a list. Write [4, 8], [8, 8]."),
    ],
)  # fmt: skip
def test_values_of_another_kind_are_refused(name: str, value: object, sentence: str) -> None:
    assert sentence_of(name, value) == sentence


def test_a_number_too_large_for_a_float_is_refused() -> None:
    assert sentence_of("epochs", 10**400).endswith(
        "is not a number. Write for example 10, 50, 100."
    )


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("batch_size", "32", 32),
        ("batch_size", 32.0, 32),
        ("learning_rate", "1e-3", 0.001),
        ("learning_rate", 1, 1.0),
        ("learning_rate", "off", None),
        ("max_norm", " None ", None),
        ("optimizer", "'Adam'", "adam"),
        ("dense_layer_sizes", 32, (32,)),
        ("dense_layer_sizes", ["32", 16.0], (32, 16)),
    ],
)
def test_values_get_the_one_spelling_of_specs(name: str, written: object, value: Value) -> None:
    parsed = PARAMETERS[name].parse(written)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("optimizer", OPTIMIZERS),
        ("activation", ACTIVATIONS),
        ("kernel_initializer", INITIALIZERS),
    ],
)
def test_every_choice_reads_as_itself(name: str, choices: tuple[str, ...]) -> None:
    parse = PARAMETERS[name].parse
    assert tuple(parse(choice) for choice in choices) == choices
    assert tuple(parse(choice.upper()) for choice in choices) == choices


@pytest.mark.parametrize("old", OLD_CHOICES)
def test_every_old_choice_means_one_of_today(old: str) -> None:
    name = "activation" if old == "swish" else "kernel_initializer"
    assert PARAMETERS[name].parse(old) == OLD_CHOICES[old]


def test_every_old_name_means_a_parameter_and_is_none() -> None:
    assert set(OLD_NAMES.values()) <= set(PARAMETERS)
    assert not set(OLD_NAMES) & set(PARAMETERS)


def test_only_convolutional_networks_have_filters() -> None:
    dense = {parameter.name for parameter in parameters_of("dense")}
    convolutional = {parameter.name for parameter in parameters_of("convolutional")}
    assert convolutional - dense == {"filters", "kernel_size", "pool_size", "conv_dropout_rate"}
    assert dense - convolutional == {"scaling", "imputation"}  # their images pass through


def test_choices_that_may_be_none_can_be_switched_off() -> None:
    scaling, imputation = PARAMETERS["scaling"], PARAMETERS["imputation"]

    assert scaling.options == ("standard", "robust", "minmax", "off")
    assert [scaling.parse(option) for option in scaling.options] == [
        "standard",
        "robust",
        "minmax",
        None,
    ]
    assert imputation.options == imputation.choices
    assert sentence_of("imputation", None) == (
        "Missing values: a value is needed. Write for example median, mean, most_frequent."
    )


def test_defaults_are_those_of_the_table() -> None:
    assert defaults_of("dense")["batch_size"] == 32
    assert "filters" not in defaults_of("dense")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "off"), ((32, 32), "32-32"), (0.0, "0"), (0.1 + 0.2, "0.3"), (1e-4, "0.0001"),
        (1e-6, "1e-06"), (100_000, "100000"), (1234567.0, "1234567"), (1e8, "1e+08"),
        ("relu", "relu"),
    ],
)  # fmt: skip
def test_values_are_shown_as_a_person_writes_them(value: Value, shown: str) -> None:
    assert show_value(value) == shown


def test_several_values_are_shown_with_commas() -> None:
    assert show_values([1, 0.5, None]) == "1, 0.5, off"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(None, 5, "5 or less"), (2, None, "2 or more"), (2, 5, "2 to 5")],
)
def test_bounds_are_told_in_words(low: float | None, high: float | None, words: str) -> None:
    parameter = Parameter("x", "X", "Group", "float", 3, "Help.", "3", low=low, high=high)
    assert parameter.bounds() == words
