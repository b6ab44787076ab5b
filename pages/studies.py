"""Home: running studies, all studies, and the quickest ways to a first one."""

from __future__ import annotations

import streamlit as st

from pages.parts import links
from pages.parts.home.example import example_card
from pages.parts.home.recipe_cards import recipe_cards
from pages.parts.home.running_cards import running_cards
from pages.parts.home.studies_grid import filter_bar, search_field, studies_grid
from pages.parts.running import running
from pages.parts.state import db
from pages.parts.uploads import drop_zone
from storage.studies import count_studies, list_studies

_NEWS_S = 5.0
_STILL_NEW = 3  # studies; up to here the ready-made searches stay open


def _draw_empty() -> None:
    st.title("Find settings that are really better", anchor=False)
    st.markdown(
        "Tuneboard trains small neural networks many times over and shows you which settings "
        + "do best, and how far their scores spread."
    )
    example, own = st.columns(2)
    with example, st.container(border=True, height="stretch"):
        example_card()
    with own, st.container(border=True, height="stretch"):
        st.subheader("Use your own table", anchor=False)
        _draw_drop_zone()
    st.subheader("Ready-made searches", anchor=False)
    recipe_cards()


def _draw_studies() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Studies", anchor=False, width="stretch")
        text = search_field()
        st.button(
            "New study",
            icon=":material/add:",
            type="primary",
            key="studies_new",
            on_click=links.go,
            args=(links.NEW_STUDY,),
        )
    running_cards()
    st.fragment(_watch, run_every=_NEWS_S, key="home_news")(_under_way())
    studies_grid(filter_bar(text))
    _draw_starters()


def _under_way() -> frozenset[str]:
    return frozenset(row.id for row in running(db()).rows)


def _watch(drawn: frozenset[str]) -> None:
    """Draw the page anew once another study is under way: somebody may let an old one go on."""
    if _under_way() - drawn:
        st.rerun()


def _draw_starters() -> None:
    """Draw the ways to another study; a closed one is neither read nor sent."""
    recipes = st.expander(
        "Ready-made searches",
        expanded=count_studies(db()) <= _STILL_NEW,
        key="home_recipes",
        on_change="rerun",
    )
    if recipes.open:
        with recipes:
            recipe_cards()
    upload = st.expander("Use your own table", key="home_own", on_change="rerun")
    if upload.open:
        with upload:
            _draw_drop_zone()


def _draw_drop_zone() -> None:
    if drop_zone("home_upload"):
        links.go(links.DATASETS)


if list_studies(db(), limit=1):
    _draw_studies()
else:
    _draw_empty()
