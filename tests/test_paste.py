"""Search spaces pasted as Python, and written as Python again."""

from __future__ import annotations

import random

import pytest

from tuning.errors import SpaceTextError
from tuning.parameters import OLD_NAMES, PARAMETERS, Value, parameters_of
from tuning.paste import PastedRow, as_python, read_pasted
from tuning.setting import Choices, Fixed, LogRange, Range, Setting, canonical

TUTORIAL = """\
import numpy as np
batch_size = [10, 20, 40]
param_grid = dict(
    batch_size=batch_size,
    learn_rate=[0.001, 0.01],
    init_mode=["uniform"], alpha=[1])
"""


def rows_of(text: str, model: str = "convolutional") -> tuple[PastedRow, ...]:
    (rows,) = read_pasted(text, model).groups
    return rows


def setting_of(name: str, expression: str) -> Setting | None:
    (row,) = rows_of(f"{{{name!r}: {expression}}}")
    return row.setting


def sentence_of(text: str) -> str:
    with pytest.raises(SpaceTextError) as error:
        read_pasted(text, "dense")
    return str(error.value)


def test_the_grid_of_a_tutorial_is_read_row_by_row() -> None:
    pasted = read_pasted(TUTORIAL, "dense")
    assert pasted.groups == (
        (
            PastedRow(
                "batch_size", "batch_size", Choices(values=(10, 20, 40)), "10, 20, 40", "", 4
            ),
            PastedRow(
                "learn_rate",
                "learning_rate",
                Choices(values=(0.001, 0.01)),
                "0.001, 0.01",
                "",
                5,
            ),
            PastedRow(
                "init_mode",
                "kernel_initializer",
                Choices(values=("random_uniform",)),
                "random_uniform",
                "uniform is called random_uniform now",
                6,
            ),
            PastedRow("alpha", None, None, "", "alpha is not a parameter here.", 6),
        ),
    )
    assert pasted.n_trials == 6
    assert pasted.note == ""
    assert list(pasted.spaces[0]) == ["batch_size", "learning_rate", "kernel_initializer"]


def test_an_unknown_name_means_what_a_person_chose() -> None:
    pasted = read_pasted('{"alpha": [0.5]}', "dense", {"alpha": "dropout_rate"})
    assert pasted.spaces == ({"dropout_rate": Choices(values=(0.5,))},)


def test_json_is_read() -> None:
    assert setting_of("max_norm", "[null, 1, 2.5]") == Choices(values=(None, 1.0, 2.5))


@pytest.mark.parametrize(("old", "name"), OLD_NAMES.items())
def test_old_names_are_known(old: str, name: str) -> None:
    model = PARAMETERS[name].models[-1]
    (row,) = rows_of(f"{{{old!r}: {PARAMETERS[name].default!r}}}", model)
    assert (row.written, row.name) == (old, name)
    assert row.setting == Fixed(value=PARAMETERS[name].default)


@pytest.mark.parametrize(
    "written",
    [
        "learning_rate", "model__learning_rate", "optimizer__learning_rate", "clf__lr",
        "estimator__model__optimizer__lr", "Learn_Rate", " lr ",
    ],
)  # fmt: skip
def test_prefixes_and_case_are_dropped(written: str) -> None:
    assert rows_of(f"{{{written!r}: [0.1]}}")[0].name == "learning_rate"


@pytest.mark.parametrize("written", ["pipeline__lr", "optimizer__", "model", "__", "lr__model"])
def test_other_prefixes_are_unknown_names(written: str) -> None:
    assert rows_of(f"{{{written!r}: [0.1]}}")[0].note == f"{written} is not a parameter here."


def test_a_parameter_of_another_model_is_unknown() -> None:
    (row,) = rows_of('{"filters": [8]}', "dense")
    assert (row.name, row.note) == (None, "filters is not a parameter here.")


@pytest.mark.parametrize(
    ("name", "expression", "setting"),
    [
        ("epochs", "100", Fixed(value=100)),
        ("epochs", "[100]", Choices(values=(100,))),
        ("epochs", "(10, 20)", Choices(values=(10, 20))),
        ("epochs", "range(1, 100)", Range(low=1, high=99)),
        ("epochs", "np.arange(1, 100)", Range(low=1, high=99)),
        ("epochs", "range(10, 100, 20)", Range(low=10, high=90, step=20)),
        ("epochs", "list(range(1, 4))", Choices(values=(1, 2, 3))),
        ("epochs", "range(3, 0, -1)", Choices(values=(3, 2, 1))),
        ("epochs", "randint(1, 100)", Range(low=1, high=99)),
        ("epochs", "Integer(1, 99)", Range(low=1, high=99)),
        ("batch_size", "2**np.arange(4)", Choices(values=(1, 2, 4, 8))),
        ("batch_size", "np.linspace(10, 100, 10)", Range(low=10, high=100, points=10)),
        ("max_norm", "range(1, 6)", Range(low=1, high=5, step=1)),
        ("max_norm", "randint(1, 6)", Range(low=1, high=5, step=1)),
        ("max_norm", "np.linspace(1, 5, 5)", Range(low=1, high=5, points=5)),
        ("max_norm", "uniform(1, 4)", Range(low=1, high=5)),
        ("max_norm", "Real(1, 5)", Range(low=1, high=5)),
        ("dropout_rate", "np.arange(0, 1, 0.1)", Range(low=0, high=0.9, step=0.1)),
        ("dropout_rate", "np.arange(0, 0.4, 0.1).tolist()", Choices(values=(0, 0.1, 0.2, 0.3))),
        ("learning_rate", "np.logspace(-4, -1, 4)", LogRange(low=1e-4, high=0.1, points=4)),
        ("learning_rate", "loguniform(1e-4, 1e-1)", LogRange(low=1e-4, high=0.1)),
        ("learning_rate", "10.0 ** -np.arange(1, 4)", Choices(values=(0.1, 0.01, 0.001))),
        ("optimizer", "['SGD', 'Adam']", Choices(values=("sgd", "adam"))),
        ("optimizer", "Categorical(['sgd', 'adam'])", Choices(values=("sgd", "adam"))),
        ("activation", "'ReLU'", Fixed(value="relu")),
        ("dense_layer_sizes", "[(32,), (32, 32)]", Choices(values=((32,), (32, 32)))),
        ("dense_layer_sizes", "[[32], [64]]", Choices(values=((32,), (64,)))),
        ("dense_layer_sizes", "[32, 64]", Choices(values=((32,), (64,)))),
        ("dense_layer_sizes", "(32, 64)", Fixed(value=(32, 64))),
        ("dense_layer_sizes", "range(1, 3)", Choices(values=((1,), (2,)))),
        ("filters", "[8, (8, 16)]", Choices(values=((8,), (8, 16)))),
    ],
)  # fmt: skip
def test_values_become_settings(name: str, expression: str, setting: Setting) -> None:
    assert setting_of(name, expression) == setting


@pytest.mark.parametrize(
    ("name", "expression", "note"),
    [
        ("batch_size", "['ten']",
         "Batch size: 'ten' is not a number. Write for example 10, 20, 40."),
        ("dropout", "[0.5, 1.2]",
         "Dropout rate: 1.2 is too large. Use 0 up to, but not including, 1."),
        ("epochs", "[]", "Epochs: the list is empty. Write for example 10, 50, 100."),
        ("epochs", "uniform(0.5, 10)",
         "Epochs: 0.5 is not a whole number. Write for example 10, 50, 100."),
        ("lr", "loguniform(0, 1)",
         "Learning rate: a log range cannot start at 0. Use for example 0.0001."),
        ("lr", "np.linspace(0.1, 0.2, 5000)",
         "Learning rate: points is 5000. Use 1,000 or less."),
        ("optimizer", "uniform(0, 1)",
         "Optimizer: it has no order, so no range. Write a list."),
    ],
)  # fmt: skip
def test_values_that_are_not_allowed_are_told_in_their_row(
    name: str, expression: str, note: str
) -> None:
    (row,) = rows_of(f"{{{name!r}: {expression}}}")
    assert (row.note, row.setting, row.shown) == (note, None, "")
    assert row.name is not None


def test_repeated_values_are_noted() -> None:
    (row,) = rows_of('{"epochs": [10, 10]}')
    assert row.note == "10 appears twice; it runs once. Repeats are set under Evaluation."


@pytest.mark.parametrize(
    ("text", "note", "n_trials"),
    [
        ('[{"epochs": [1, 2], "lr": [0.1, 0.2, 0.3]}]', "", 6),
        ('[{"epochs": [1, 2]}, {"lr": [0.1, 0.2, 0.3]}]',
         "2 sub-grids: all combinations of the first, then of the second", 5),
        ('[{"epochs": 1}, {"epochs": 2}, {"epochs": 3}]',
         "3 sub-grids: all combinations of the first, then of the second, and so on", 3),
        ('{"lr": loguniform(0.1, 1)}', "", None),
    ],
)  # fmt: skip
def test_trials_of_all_sub_grids_are_counted(
    text: str, note: str, n_trials: int | None
) -> None:
    pasted = read_pasted(text, "dense")
    assert (pasted.note, pasted.n_trials) == (note, n_trials)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (" \n", 'Nothing is pasted yet. Write for example {"batch_size": [10, 20, 40]}.'),
        ('{"lr": [0.1],\n "learn_rate": [0.2]}',
         "Line 2: 'learn_rate' and 'lr' both mean learning_rate. Keep one."),
        ('{"lr": [0.1],\n "epochs": [1],\n "optimizer": build_model()}',
         "Line 3: a function call (`build_model()`) cannot be read. Write the values out."),
    ],
)  # fmt: skip
def test_text_that_is_no_grid_is_refused(text: str, sentence: str) -> None:
    assert sentence_of(text) == sentence


RECIPE_SPACES: dict[str, dict[str, Setting]] = {
    "empty": {},
    "batch-epochs": {
        "batch_size": Choices(values=(10, 20, 40, 60, 80, 100)),
        "epochs": Choices(values=(10, 50, 100)),
    },
    "optimizer": {
        "optimizer": Choices(values=("sgd", "rmsprop", "adam")),
        "epochs": Fixed(value=100),
        "learning_rate": Fixed(value=None),
    },
    "sgd": {
        "learning_rate": Choices(values=(0.001, 0.01, 0.1, 0.2, 0.3)),
        "momentum": Choices(values=(0.0, 0.2, 0.4, 0.6, 0.8, 0.9)),
    },
    "dropout": {
        "dropout_rate": Range(low=0, high=0.9, step=0.1),
        "max_norm": Range(low=1, high=5, points=5),
        "activation": Fixed(value="linear"),
    },
    "california": {
        "n_hidden": Range(low=0, high=3),
        "n_neurons": Range(low=1, high=99),
        "learning_rate": LogRange(low=3e-4, high=3e-2),
    },
    "layers": {
        "dense_layer_sizes": Choices(values=((32,), (64,), (32, 32), (64, 64), None)),
        "filters": Fixed(value=(8, 8)),
    },
    "ranges": {
        "learning_rate": LogRange(low=1e-4, high=0.1, points=4),
        "momentum": Range(low=0.1, high=0.3),
        "epochs": Range(low=10, high=50, step=10),
        "batch_size": LogRange(low=8, high=64, points=4),
        "n_neurons": Range(low=5, high=100, points=4),
        "conv_dropout_rate": Range(low=0, high=0.5, points=3),
    },
    "whole": {
        "epochs": Range(low=1, high=9, step=1),
        "max_norm": Range(low=1, high=4),
        "learning_rate": Range(low=1, high=4, step=1),
    },
}


@pytest.mark.parametrize("space", RECIPE_SPACES.values(), ids=RECIPE_SPACES)
def test_a_space_written_as_python_is_pasted_back_unchanged(space: dict[str, Setting]) -> None:
    pasted = read_pasted(as_python(space), "convolutional")
    assert pasted.spaces == (space,)
    assert [list(read) for read in pasted.spaces] == [list(space)]


def test_any_range_written_as_python_is_pasted_back_unchanged() -> None:
    rng = random.Random(5)
    for _ in range(500):
        low, high = sorted(rng.uniform(1e-6, 10) ** rng.choice([1, 2, 6]) for _ in range(2))
        points = rng.choice([None, 2, 11])
        step = float(f"{(high - low) / rng.randint(1, 20):.1g}")
        settings: list[Setting] = [
            Range(low=low, high=high, points=points),
            LogRange(low=low, high=high, points=points),
        ]
        if step <= high - low:
            settings.append(canonical("max_norm", Range(low=low, high=high, step=step)))
        for setting in settings:
            space = {"max_norm": setting}
            assert read_pasted(as_python(space), "dense").spaces == (space,), setting


@pytest.mark.parametrize("model", ["dense", "convolutional"])
def test_all_parameters_at_once_are_pasted_back_unchanged(model: str) -> None:
    space: dict[str, Setting] = {p.name: Fixed(value=p.default) for p in parameters_of(model)}
    assert read_pasted(as_python(space), model).spaces == (space,)


@pytest.mark.parametrize(
    ("setting", "expression"),
    [
        (Range(low=0, high=0.9, step=0.1), "np.arange(0.0, 0.95, 0.1)"),
        (Range(low=0.1, high=0.3), "uniform(0.1, 0.2)"),
        (Range(low=1, high=5, points=5), "np.linspace(1, 5, 5)"),
        (LogRange(low=1e-4, high=0.1), "loguniform(0.0001, 0.1)"),
        (LogRange(low=1e-4, high=0.1, points=4), "np.geomspace(0.0001, 0.1, 4)"),
        (Choices(values=(None, 0.5)), "[None, 0.5]"),
    ],
)
def test_ranges_are_written_with_the_functions_people_use(
    setting: Setting, expression: str
) -> None:
    assert as_python({"max_norm": setting}) == (
        f'param_grid = {{\n    "max_norm": {expression},\n}}'
    )


def test_python_runs_what_is_written() -> None:
    values: dict[str, Value] = {"optimizer": "adam", "filters": (8,), "learning_rate": None}
    scope: dict[str, object] = {}
    exec(as_python({name: Fixed(value=value) for name, value in values.items()}), scope)
    assert scope["param_grid"] == values
