"""From what is typed on the command line to a spec."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuning.errors import SpecError
from tuning.recipes import RECIPES, recipe, with_sealed_test
from tuning.spec import StudySpec


def read_spec(source: str, changes: Sequence[str], *, sealed: bool = False) -> StudySpec:
    """Read a recipe's name or a JSON file, with changes of the form ``path=value``.

    Values are JSON where they can be read as such (``3``, ``[1, 2]``, ``null``), else text.

    Parameters
    ----------
    sealed : bool
        Whether rows are sealed, the default settings tried and the leaders confirmed, before
        the changes; see `tuning.recipes.with_sealed_test`.

    Raises
    ------
    SpecError
        If the file, a change or the resulting spec is wrong.
    UnknownRecipeError
        If it is neither a file nor a recipe.
    UnknownDatasetError
        If it is to be sealed, and there is no such dataset.
    """
    document = _document(source)
    if sealed:
        document = with_sealed_test(StudySpec.parse(document)).model_dump(mode="json")
    return change_spec(document, changes)


def change_spec(document: dict[str, Any], changes: Sequence[str]) -> StudySpec:
    """Apply changes of the form ``path=value`` to a spec as JSON has it.

    Raises
    ------
    SpecError
        If a change or the resulting spec is wrong.
    """
    for change in changes:
        path, equals, text = change.partition("=")
        if not equals or not path:
            raise SpecError([f"--set {change!r} is not path=value. Write evaluation.folds=3."])
        _assign(document, path.split("."), _value(text), change)
    return StudySpec.parse(document)


def _document(source: str) -> dict[str, Any]:
    path = Path(source)
    if source not in RECIPES and path.suffix == ".json":
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SpecError([f"{source!r} cannot be read: {error.strerror}."]) from error
        except ValueError as error:
            raise SpecError(
                [f"{source!r} is not JSON: {error}. Check it in an editor."]
            ) from error
        if not isinstance(document, dict):
            raise SpecError([f"{source!r} holds no spec. It should be a JSON object."])
        return document
    return recipe(source).spec.model_dump(mode="json")


def _value(text: str) -> Any:  # noqa: ANN401 (whatever JSON holds)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _assign(document: dict[str, Any], path: Sequence[str], value: object, change: str) -> None:
    part = document
    for key in path[:-1]:
        if part.get(key) is None:
            part[key] = {}
        part = part[key]
        if not isinstance(part, dict):
            raise SpecError([f"--set {change!r}: {key!r} holds no fields. Check the path."])
    part[path[-1]] = value
