"""Ready-made searches as cards."""

from __future__ import annotations

import streamlit as st

from pages.parts import links
from pages.parts.estimated import UNMEASURED, time_text
from pages.parts.show import plural
from pages.parts.state import db
from tuning.analysis.estimate import Estimate, estimate
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
    shown = [recipe for recipe in RECIPES.values() if group in (_ALL, recipe.group)]
    guesses = [_guess(recipe.name) for recipe in shown]
    if not all(guess.is_measured for guess in guesses):
        st.caption(UNMEASURED)
    grid = st.grid(4, min_column_width=240)
    for recipe, guess in zip(shown, guesses, strict=True):
        with grid.container(border=True, height="stretch"):
            _draw(recipe, guess)


def _draw(recipe: Recipe, guess: Estimate) -> None:
    spec = recipe.spec
    st.markdown(f"**{recipe.title}**")
    n_fits = spec.n_trials * spec.n_fits_per_trial
    st.caption(
        f"{recipe.group}  \n"
        + f"{plural(spec.n_trials, 'trial')} · {plural(n_fits, 'fit')}  \n"
        + time_text(guess)
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
def _guess(name: str) -> Estimate:
    """Return how long a recipe takes on this machine."""
    spec = RECIPES[name].spec
    info = dataset_info(spec.data.dataset, spec.data.digits)
    return estimate(db(), spec, info)
