"""Fit my budget: minutes in, out comes what to leave out; one click leaves it out."""

from __future__ import annotations

import streamlit as st

from pages.parts import problems, show, state
from pages.parts.forms import widgets
from pages.parts.forms.draft import Fields, form_of
from pages.parts.forms.reading import check
from pages.parts.words import HELP
from storage.database import Database
from tuning.analysis.budget import Proposal, fit_budget
from tuning.analysis.estimate import Estimate, estimate
from tuning.datasets.info import DatasetInfo
from tuning.spec import StudySpec

_POPOVER, _MINUTES, _KNOWN = "new_budget", "new_budget_minutes", "new_budget_known"
_LABELS = {
    "repeats": "Fewer repeats",
    "trials": "Fewer trials",
    "thinner": "Shorter lists",
    "random": "Random instead of a grid",
}
_NOTHING = "Nothing that can be left out is enough. Use a part of the rows or fewer epochs."


def draw_budget() -> None:
    """Draw the popover; proposals are made only while it is open."""
    popover = st.popover(
        "Fit my budget",
        icon=":material/timer:",
        key=_POPOVER,
        on_change="rerun",
        help=HELP["budget"],
    )
    if popover.open:
        with popover:
            _draw_proposals()


def _draw_proposals() -> None:
    minutes = st.number_input(
        "Most minutes to search",
        min_value=0.1,
        max_value=100_000.0,
        step=1.0,
        value=None,
        format="%g",
        placeholder="For example 5",
        key=_MINUTES,
    )
    checked = check(widgets.current().fields)
    if minutes is None or checked.spec is None or checked.info is None:
        return
    with st.spinner("Looking for what fits…"):
        proposals = _proposals(checked.spec, checked.info, minutes)
    if isinstance(proposals, str):
        st.markdown(proposals)
        return
    for proposal in proposals:
        guess = proposal.estimate
        time = show.about(guess.low_s, guess.high_s, guess.likely_s)
        st.markdown(show.escape(f"{proposal.sentence} Takes {time}."))
        st.button(
            _LABELS[proposal.kind],
            key=f"new_budget_use_{proposal.kind}",
            on_click=use,
            args=(proposal.kind,),
        )


def _proposals(
    spec: StudySpec, info: DatasetInfo, minutes: float
) -> tuple[Proposal, ...] | str:
    """Return what would fit, or why there is nothing to choose; remembered until it changes."""
    key = (spec.to_json(), info, minutes)
    known = state.recall(_KNOWN)
    if known is None or known[0] != key:
        known = (key, find(state.db(), spec, info, minutes))
        state.remember(_KNOWN, known)
    found: tuple[Proposal, ...] | str = known[1]
    return found


def find(
    db: Database, spec: StudySpec, info: DatasetInfo, minutes: float
) -> tuple[Proposal, ...] | str:
    """Return what would fit into so many minutes, or why there is nothing to choose."""
    prices: dict[str, Estimate] = {}

    def price(smaller: StudySpec) -> Estimate:
        text = smaller.to_json()
        if text not in prices:
            prices[text] = estimate(db, smaller, info)
        return prices[text]

    found = fit_budget(spec, minutes * 60, price)
    if found:
        return found
    return "It fits as it is." if price(spec).high_s <= minutes * 60 else _NOTHING


@problems.told
def use(kind: str) -> None:
    """Leave out what a proposal says, as it follows from the form as it is now."""
    minutes = st.session_state.get(_MINUTES)
    widgets.collect()
    draft = widgets.current()
    checked = check(draft.fields)
    if minutes is None or checked.spec is None or checked.info is None:
        return
    proposals = _proposals(checked.spec, checked.info, minutes)
    chosen = [p for p in proposals if isinstance(p, Proposal) and p.kind == kind]
    if not chosen:
        problems.say("The study has changed meanwhile. Look at the proposals again.")
        return
    changes = changed_fields(checked.spec, chosen[0].spec)
    before = {name: draft.fields[name] for name in changes}
    widgets.put(changes)
    draft.undo = {"what": "budget", "before": before, "after": changes}
    st.session_state[_POPOVER] = False
    problems.say("Made smaller. Undo is in the menu of the search space.")


def changed_fields(spec: StudySpec, smaller: StudySpec) -> Fields:
    """Return the fields of the form in which a smaller study differs."""
    old, new = form_of(spec), form_of(smaller)
    return {name: value for name, value in new.items() if value != old[name]}
