"""The way out when a dataset cannot be fetched: its bundled cousin, taken only by a click."""

from __future__ import annotations

import streamlit as st

from pages.parts import problems
from tuning.datasets.catalogue import catalogue
from tuning.errors import DatasetUnavailableError
from tuning.spec import StudySpec

_LONGEST_NAME = 80  # of StudySpec.name


def offer_cousin(error: DatasetUnavailableError, spec: StudySpec) -> StudySpec | None:
    """Draw what could not be fetched and a button for the dataset that needs no network.

    Returns
    -------
    StudySpec or None
        The same study on the cousin in the run after the click; otherwise None.
    """
    problems.draw(error)
    cousin = catalogue().get(error.cousin)
    if cousin is None:
        return None
    label = f"Use {cousin.title} instead"
    if st.button(label, icon=":material/swap_horiz:", key="offer_cousin"):
        return on_cousin(spec, cousin.id)
    return None


def on_cousin(spec: StudySpec, cousin: str) -> StudySpec:
    """Return the same study on another dataset, under a name that says so.

    It is no longer the published recipe, so it does not carry the recipe's name.
    """
    data = spec.data.model_copy(update={"dataset": cousin})
    name = f"{spec.name[: _LONGEST_NAME - len(cousin) - 1]}-{cousin}"
    return spec.model_copy(update={"name": name, "recipe": None, "data": data})
