"""Every page, its address, and the ways to get there.

Links always carry their query parameters: a page that is left must not leave any behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import streamlit as st

_FOLDER = Path(__file__).resolve().parents[1]

PageName = Literal["studies", "new", "study", "compare", "datasets"]
Query = str | Sequence[str]


@dataclass(frozen=True)
class Place:
    """One page: its file, its address, and how the menu shows it."""

    file: str
    url_path: str
    title: str
    icon: str
    help: str
    in_menu: bool = True


STUDIES: PageName = "studies"
NEW_STUDY: PageName = "new"
STUDY: PageName = "study"
COMPARE: PageName = "compare"
DATASETS: PageName = "datasets"

PLACES: Mapping[PageName, Place] = {
    STUDIES: Place(
        "studies.py",
        "",
        "Studies",
        ":material/science:",
        "All searches, running and finished.",
    ),
    NEW_STUDY: Place(
        "new_study.py",
        "new",
        "New study",
        ":material/add_circle:",
        "Choose data and settings, then start.",
    ),
    STUDY: Place(
        "study.py", "study", "Study", ":material/monitoring:", "One search.", in_menu=False
    ),
    COMPARE: Place(
        "compare.py",
        "compare",
        "Compare",
        ":material/compare_arrows:",
        "Put studies or trials side by side.",
    ),
    DATASETS: Place(
        "datasets.py",
        "datasets",
        "Datasets",
        ":material/dataset:",
        "Data you can train on; add your own.",
    ),
}


def page(name: PageName) -> st.Page:
    """Make the page object that `st.navigation`, `st.page_link` and `st.switch_page` take."""
    place = PLACES[name]
    return st.Page(
        _FOLDER / place.file,
        title=place.title,
        icon=place.icon,
        url_path=place.url_path,
        default=not place.url_path,
        visibility="visible" if place.in_menu else "hidden",
        help=place.help,
    )


def pages() -> list[st.Page]:
    """Make all page objects, in the order of the menu."""
    return [page(name) for name in PLACES]


def go(name: PageName, **query: Query) -> NoReturn:
    """Leave this page for another one, with exactly these query parameters."""
    st.switch_page(page(name), query_params=query)


def open_study(study_id: str, **query: Query) -> NoReturn:
    """Leave this page for that of a study."""
    go(STUDY, id=study_id, **query)


def compare(items: Sequence[str]) -> NoReturn:
    """Leave this page for the comparison of studies (ids) and trials (id:number)."""
    go(COMPARE, items=list(items))


def link(name: PageName, label: str, *, icon: str = "", help: str = "", **query: Query) -> None:
    """Draw a link to a page, with exactly these query parameters."""
    st.page_link(page(name), label=label, icon=icon, help=help or None, query_params=query)


def turn(name: PageName, label: str, *, key: str, icon: str = "", **query: Query) -> None:
    """Draw a link that may lead to the page it is on.

    `st.page_link` would mark it as the place where one already is.
    """
    st.button(
        label,
        key=key,
        icon=icon or None,
        type="tertiary",
        on_click=go,
        args=(name,),
        kwargs=query,
    )


def study_link(study_id: str, label: str) -> None:
    """Draw a link to the page of a study."""
    link(STUDY, label, id=study_id)
