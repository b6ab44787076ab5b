"""Studies that earlier versions wrote: they are read as what they meant."""

from __future__ import annotations

from typing import Any

import pytest

from tuning.errors import SpecError
from tuning.old_specs import brought_up_to_date
from tuning.recipes import RECIPES
from tuning.setting import Fixed
from tuning.spec import StudySpec


def old_study(scale: object, **changes: Any) -> dict[str, Any]:
    return {"name": "old", "data": {"dataset": "pima", "scale": scale}, **changes}


def test_inputs_that_were_not_scaled_have_scaling_fixed_to_none() -> None:
    spec = StudySpec.parse(
        old_study(False, space={"n_neurons": {"kind": "list", "values": [4, 8]}})
    )

    assert spec.space["scaling"] == Fixed(value=None)
    assert spec.fixed["scaling"] is None
    assert list(spec.searched) == ["n_neurons"]


def test_inputs_that_were_scaled_are_standardised_as_ever() -> None:
    spec = StudySpec.parse(old_study(True))

    assert spec.space == {}
    assert (spec.fixed["scaling"], spec.fixed["imputation"]) == ("standard", "median")
    assert spec.fixed["class_weight"] is None


def test_networks_of_images_have_no_scaling_to_fix() -> None:
    data = {"dataset": "mnist", "digits": [2, 7], "scale": False}

    spec = StudySpec.parse({"name": "old", "data": data, "model": "convolutional"})

    assert spec.space == {}
    assert "scaling" not in spec.fixed


def test_an_old_recipe_is_the_recipe_of_today() -> None:
    today = RECIPES["pima-sgd"].spec
    document = today.model_dump(mode="json")
    del document["space"]["scaling"]
    document["data"]["scale"] = False

    assert StudySpec.parse(document) == today


def test_what_is_written_today_has_no_such_switch() -> None:
    spec = StudySpec.parse(old_study(False))

    assert "scale" not in spec.model_dump(mode="json")["data"]
    assert StudySpec.parse(spec.to_json()) == spec


def test_a_document_with_switch_and_parameter_is_refused() -> None:
    space = {"scaling": {"kind": "fixed", "value": "robust"}}

    with pytest.raises(SpecError) as error:
        StudySpec.parse(old_study(True, space=space))

    assert "scale" in str(error.value)


@pytest.mark.parametrize("document", [{}, {"data": 5}, {"data": {}, "space": [1]}])
def test_what_is_no_old_study_comes_back_as_it_is(document: dict[str, Any]) -> None:
    assert brought_up_to_date(document) == document
