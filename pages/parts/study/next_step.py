"""What may follow a finished search: confirm its leaders, look closer, try more."""

from __future__ import annotations

import streamlit as st

from pages.parts import links, problems
from pages.parts.state import close_popover, db, popover_key
from pages.parts.study.by_hand import try_button
from pages.parts.study.extending import add_trials
from pages.parts.study.view import View
from storage.wishes import ask_to_confirm
from tuning.confirm_plan import most_fits_of, why_no_race

NEXT = "study_next"
_NOT_YET = "{}"  # of a study without a race


def next_step(view: View) -> None:
    """Draw the menu of a finished study."""
    with st.popover("Next step", icon=":material/arrow_forward:", key=popover_key(NEXT)):
        _confirm(view)
        links.link(
            links.NEW_STUDY, "Zoom in on the best region", icon=":material/zoom_in:",
            help="A finer search around the leaders.",
            **{"from": view.id, "refine": "1"},
        )  # fmt: skip
        if st.button(
            "Add trials…", icon=":material/add:", key="study_extend", width="stretch",
            help="More trials or more values in this study. What was tried stays.",
            on_click=close_popover, args=(NEXT,),
        ):  # fmt: skip
            add_trials(view)
        try_button(view, NEXT)


def _confirm(view: View) -> None:
    if view.row.confirm != _NOT_YET or why_no_race(view.spec):
        return
    st.button(
        "Confirm the leaders", icon=":material/fact_check:", key="study_confirm",
        width="stretch", on_click=_ask, args=(view.id,), help=_costs(view),
    )  # fmt: skip


def _costs(view: View) -> str:
    most = most_fits_of(view.spec, view.row.n_trials_done)
    return f"Trains the best trials again on fresh repeats: at most {most:,} fits."


@problems.told
def _ask(study_id: str) -> None:
    ask_to_confirm(db(), study_id, race=True)
    problems.say("The leaders are confirmed as soon as there is a core for it.")
