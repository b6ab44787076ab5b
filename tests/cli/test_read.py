"""From a recipe or a file, with changes, to a spec; every mistake is a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tuning.cli.read import read_spec
from tuning.errors import SpecError, UnknownRecipeError
from tuning.recipes import recipe
from tuning.setting import Fixed


def problems(source: str, *changes: str) -> tuple[str, ...]:
    with pytest.raises(SpecError) as error:
        read_spec(source, changes)
    return error.value.problems


def test_a_recipe_is_read_by_its_name() -> None:
    assert read_spec("pima-sgd", []) == recipe("pima-sgd").spec


def test_a_spec_is_read_from_a_json_file(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(recipe("pima-sgd").spec.to_json(indent=2))

    assert read_spec(str(path), []) == recipe("pima-sgd").spec


def test_changes_are_json_where_they_can_be_and_text_where_not() -> None:
    changes = [
        "include_default=true",
        "data.sample_fraction=0.5",
        "name=my study",
        "space.epochs.values=[5, 10]",
        'space.batch_size={"kind": "fixed", "value": 40}',
        "max_minutes=null",
    ]

    spec = read_spec("pima-batch-epochs", changes)

    assert (spec.include_default, spec.data.sample_fraction) == (True, 0.5)
    assert spec.name == "my study"
    assert spec.space["batch_size"] == Fixed(value=40)
    assert [cell["epochs"] for cell in spec.grid()] == [5, 10]
    assert spec.max_minutes is None


def test_a_part_that_is_off_is_switched_on_by_a_change_inside_it() -> None:
    spec = read_spec("pima-sgd", ["evaluation.early_stopping.patience=3"])

    assert spec.evaluation.early_stopping is not None
    assert spec.evaluation.early_stopping.patience == 3


def test_a_value_may_hold_an_equals_sign() -> None:
    assert read_spec("pima-sgd", ["name=a=b"]).name == "a=b"


@pytest.mark.parametrize("change", ["evaluation.folds", "=3"])
def test_a_change_without_path_or_value_is_refused(change: str) -> None:
    assert problems("pima-sgd", change) == (
        f"--set {change!r} is not path=value. Write evaluation.folds=3.",
    )


def test_a_path_through_a_value_is_refused() -> None:
    assert problems("pima-sgd", "seed.x=1") == (
        "--set 'seed.x=1': 'seed' holds no fields. Check the path.",
    )


def test_every_mistake_in_the_resulting_spec_is_told() -> None:
    found = problems("pima-sgd", "seed=-1", "data.folds=3", "space.momentum.values=[2]")

    assert len(found) == 3


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "nothing.json")

    assert problems(path) == (f"{path!r} cannot be read: No such file or directory.",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes: "),
        ("[1]", "holds no spec. It should be a JSON object."),
    ],
)
def test_a_file_that_holds_no_spec_is_refused(
    tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "broken.json"
    path.write_text(content)

    (problem,) = problems(str(path))

    assert problem.startswith(f"{str(path)!r} {reason}")


def test_a_file_s_own_mistakes_are_told_as_those_of_a_page(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"name": "x", "data": {"dataset": "pima"}, "modle": "dense"}))

    assert problems(str(path)) == (
        "modle is not a field of a spec. Remove it, or check its spelling.",
    )


def test_what_is_neither_file_nor_recipe_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownRecipeError, match="Did you mean 'pima-sgd'"):
        read_spec("pima-sdg", [])
