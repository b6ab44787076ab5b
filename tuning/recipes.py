"""Ready-made studies: published experiments, with the grids, folds and networks of their texts.

`with_sealed_test` makes of any of them a study whose winner can be judged.
"""

from __future__ import annotations

from collections.abc import Mapping

from tuning import recipes_on_images, recipes_on_tables
from tuning.datasets.catalogue import dataset_info
from tuning.errors import UnknownRecipeError
from tuning.recipe import Recipe
from tuning.spec import StudySpec

EXAMPLE = "pima-batch-epochs"
_SEALED_SHARE = 0.2

RECIPES: Mapping[str, Recipe] = {
    entry.name: entry for entry in (*recipes_on_tables.RECIPES, *recipes_on_images.RECIPES)
}


def recipe(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    UnknownRecipeError
        If there is none.
    """
    try:
        return RECIPES[name]
    except KeyError:
        raise UnknownRecipeError(name, RECIPES) from None


def with_sealed_test(spec: StudySpec) -> StudySpec:
    """Return a recipe's study with sealed rows, the default settings, and confirmed leaders.

    The search space, the network and the way trials are judged stay those of the source. A
    fifth of the rows is sealed, unless the study or the dataset has test rows already.

    Raises
    ------
    UnknownDatasetError
        If there is no such dataset.
    """
    info = dataset_info(spec.data.dataset, spec.data.digits)
    has_test_rows = info.n_test_rows > 0 or spec.data.test_fraction > 0
    sealed = {} if has_test_rows else {"test_fraction": _SEALED_SHARE}
    data = spec.data.model_copy(update=sealed)
    changes = {"data": data, "include_default": True, "confirm": True}
    return spec.model_copy(update=changes)
