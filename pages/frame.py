"""The frame around every page: menu, running studies, worker. `app.py` launches this script.

Pages run inside it, so no address reaches a page without it.
"""

from __future__ import annotations

import gc
from pathlib import Path

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError
from streamlit import runtime

from pages import VERSION
from pages.parts import links, problems
from pages.parts.running import Running, progress_word, running, worker_status
from pages.parts.show import escape
from pages.parts.state import db, timezone
from pages.parts.words import HELP
from storage.patience import is_outage

_PICTURES = Path(__file__).parent / "parts"
_POLL_S = 5


@st.fragment(run_every=_POLL_S)
def running_list(at_home: bool) -> None:
    """Draw the running studies and what the worker does."""
    try:
        found = running(db())
        if found.rows:
            _draw_studies(found, at_home)
        _draw_worker()
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        st.badge("Database offline", icon=":material/cloud_off:", color="red")
    st.caption(f"v{VERSION}")


def _draw_studies(found: Running, at_home: bool) -> None:
    st.caption("Running")
    for row in found.rows:
        links.study_link(row.id, f"{escape(row.name)} · {progress_word(row)}")
    if found.n_more and at_home:
        st.caption(f"and {found.n_more} more")  # the home page lists them itself
    elif found.n_more:
        links.link(links.STUDIES, f"and {found.n_more} more", state="Running")


def _draw_worker() -> None:
    status = worker_status(db(), timezone())
    badge = status.badge
    st.badge(badge.word, icon=badge.icon, color=badge.color, help=HELP["worker"])
    if status.note:
        st.caption(status.note)


@st.cache_resource(show_spinner=False)
def _settle(url_path: str) -> str:
    """Leave out of every later garbage collection what the first run of a page has loaded.

    Streamlit collects after each run of each viewer, and looks at everything that is loaded.
    """
    gc.collect()
    gc.freeze()
    return url_path


st.set_page_config(page_title="Tuneboard", page_icon=str(_PICTURES / "mark.svg"), layout="wide")
st.logo(str(_PICTURES / "logo.svg"), size="large", icon_image=str(_PICTURES / "mark.svg"))
current = st.navigation(links.pages())
with st.sidebar:
    running_list(at_home=not current.url_path)
problems.draw_told()
with problems.shown():
    current.run()
if runtime.exists():  # a test of a page runs without a server
    _settle(current.url_path)
