"""Ready-made searches as cards."""

from __future__ import annotations

import streamlit as st

from pages.parts import links
from pages.parts.estimated import time_text
from pages.parts.show import plural
from pages.parts.state import db
from tuning.analysis.estimate import estimate
from tuning.datasets.catalogue import dataset_info
from tuning.recipe import Recipe
from tuning.recipes import RECIPES

_ALL = "All"
_ESTIMATES_KEPT_S = 60


def recipe_cards() -> None:
    """Draw a card for each recipe of the chosen group."""
    groups = list(dict.fromkeys(recipe.group for recipe in RECIPES.values()))
    group = st.pills(
        "Show", [_ALL, *groups], default=_ALL, required=True, key="recipe_group",
        label_visibility="collapsed",
    )  # fmt: skip
    grid = st.grid(4, min_column_width=240)
    for recipe in RECIPES.values():
        if group in (_ALL, recipe.group):
            with grid.container(border=True, height="stretch"):
                _draw(recipe)


def _draw(recipe: Recipe) -> None:
    spec = recipe.spec
    st.markdown(f"**{recipe.title}**")
    n_fits = spec.n_trials * spec.n_fits_per_trial
    st.caption(
        f"{recipe.group}  \n"
        + f"{plural(spec.n_trials, 'trial')} · {plural(n_fits, 'fit')}  \n"
        + _time(recipe.name)
    )
    st.space("stretch")
    st.button(
        "Look and run",
        key=f"recipe_open_{recipe.name}",
        on_click=_open,
        args=(recipe.name,),
        width="stretch",
    )


def _open(name: str) -> None:
    links.go(links.NEW_STUDY, recipe=name)


@st.cache_data(ttl=_ESTIMATES_KEPT_S, show_spinner=False, max_entries=64)
def _time(name: str) -> str:
    """Say how long a recipe takes on this machine."""
    spec = RECIPES[name].spec
    info = dataset_info(spec.data.dataset, spec.data.digits)
    return time_text(estimate(db(), spec, info))
