"""One study: its head, and five tabs: live, all results, analysis, best model, log."""

from __future__ import annotations

import streamlit as st

from pages.parts import links
from pages.parts.show import escape
from pages.parts.state import query, recall, remember, take
from pages.parts.study.analysis import analysis_tab
from pages.parts.study.best import best_tab
from pages.parts.study.drawer import drawer
from pages.parts.study.facts import unknown_trials
from pages.parts.study.header import header
from pages.parts.study.live import live_tab
from pages.parts.study.log import log_tab
from pages.parts.study.reader import StudyReader
from pages.parts.study.results import results_tab
from pages.parts.study.view import (
    MOST_HIGHLIGHTED,
    View,
    highlighted,
    open_drawer,
    open_view,
    unknown_study,
)
from storage.errors import UnknownStudyError
from tuning.analysis.comparing import FEWEST, MOST

_TABS = {
    "Live": live_tab,
    "Results": results_tab,
    "Analysis": analysis_tab,
    "Best model": best_tab,
    "Log": log_tab,
}  # their labels are part of addresses people have shared
_MOST_OPTIONS = 500


def _draw(view: View) -> None:
    st.set_page_config(page_title=f"{view.row.name} · Tuneboard")
    header(view)
    _highlight(view)
    opened = st.tabs(
        list(_TABS), key="tab", bind="query-params", default=_first_tab(view), on_change="rerun"
    )
    for tab, draw in zip(opened, _TABS.values(), strict=True):
        if tab.open:
            with tab:
                draw(view)
    drawer(view)


def _first_tab(view: View) -> str:
    """Return the tab a bare link opens; the same as long as somebody stays on the study."""
    key = view.key("first_tab")
    if recall(key) is None:
        remember(key, "Results" if view.row.is_final else "Live")
    return str(recall(key))


def _highlight(view: View) -> None:
    """Draw the one way to choose trials; charts and grid follow it, and so does the address."""
    with view.reader.reading() as seen:
        trials = seen.trials
        options = seen.made("options", lambda: _options(seen))
    if not options:
        return
    wanted = take("known_trials")
    if wanted is not None:
        st.session_state["trials"] = wanted
    with st.container(horizontal=True, vertical_alignment="center"):
        picked = st.multiselect(
            "Highlight", options, key="trials", bind="query-params", accept_new_options=True,
            max_selections=MOST_HIGHLIGHTED, placeholder="Highlight a trial…", width=420,
            label_visibility="collapsed",
            help="Trials by number, best first. They stand out in all charts.",
        )  # fmt: skip
        chosen = highlighted()
        if chosen:
            st.button(
                f"Open trial {chosen[-1]}", key="study_open", on_click=open_drawer,
                args=(chosen[-1],), help="Everything known of it.",
            )  # fmt: skip
        if len(chosen) >= FEWEST:
            compared = chosen[:MOST]
            st.button(
                f"Compare {len(compared)}", icon=":material/compare_arrows:",
                key="study_compare", on_click=links.compare,
                args=([f"{view.id}:{number}" for number in compared],),
                help=f"Puts the first {MOST} highlighted trials side by side.",
            )  # fmt: skip
    _drop_unknown(picked, [number for number in chosen if number in trials])


def _options(seen: StudyReader) -> list[str]:
    """List the best trials; the first ones while none has a score."""
    numbers = seen.ranked or sorted(seen.trials)
    return [str(number) for number in numbers[:_MOST_OPTIONS]]


def _drop_unknown(picked: list[str], known: list[int]) -> None:
    """Take out what is no trial; a widget's value changes only before it is drawn again."""
    unknown = unknown_trials(picked, known)
    if not unknown:
        return
    for text in unknown:
        st.toast(f"There is no trial {escape(text)} in this study.")
    remember("known_trials", [text for text in picked if text not in unknown])
    st.rerun()


def _page() -> None:
    study_id = query("id")
    if not study_id:
        st.error("This address names no study.", icon=":material/error:")
        links.link(links.STUDIES, "Back to Studies", icon=":material/arrow_back:")
        return
    try:
        view = open_view(study_id)
    except UnknownStudyError as error:
        unknown_study(error)
        return
    _draw(view)


_page()
