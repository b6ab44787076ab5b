"""A finer search around the leaders of a study: what it tries and why, and where."""

from __future__ import annotations

import streamlit as st

from pages.parts import links, problems, show, state
from pages.parts.estimated import time_text
from pages.parts.forms import widgets
from pages.parts.forms.brief import Brief
from pages.parts.forms.reading import Checked, with_starting
from pages.parts.forms.start import leave_for
from pages.parts.words import HELP
from storage.database import Database
from storage.errors import StorageError
from storage.studies import study_version
from tuning.analysis.estimate import estimate
from tuning.errors import SpecError, TuningError
from tuning.extension import extend
from tuning.judging import known_info
from tuning.refined import Proposed, propose
from tuning.spec import StudySpec

_KNOWN, _EXTENDED = "new_refinement", "new_extended"
_KIND = "refine"
_OPENED = (
    "Its sealed test was opened already: what is chosen now is chosen after looking, so those "
    + "rows are no longer a fair test of it."
)
_GONE = "Nothing can be added to this study any more. Start a new one instead."


def remembered_proposal(db: Database, study_id: str) -> Proposed:
    """Return `propose`, made anew only when the study has changed.

    Raises
    ------
    UnknownStudyError, UnfinishedError, SpecError
        As `propose` does.
    """
    key = (study_id, study_version(db, study_id))
    known = state.recall(_KNOWN)
    if known is None or known[0] != key:
        with st.spinner("Looking at what the search has found…"):
            known = (key, propose(db, study_id))
        state.remember(_KNOWN, known)
    proposed: Proposed = known[1]
    return proposed


def refined_from() -> str:
    """Return the study that the draft refines; empty where it refines none."""
    kind, _, study_id = widgets.current().origin.partition(":")
    return study_id if kind == _KIND else ""


def draw_refinement(checked: Checked, brief: Brief | None) -> bool:
    """Draw what a finer search tries and why; True where the study itself can have it.

    Parameters
    ----------
    checked : Checked
        The form of the new study.
    brief : Brief or None
        Of the new study, as it stands in the form.
    """
    study_id = refined_from()
    if not study_id:
        return False
    with st.container(border=True, key="new_section_refine", gap="xsmall"):
        st.subheader("Refine", anchor=False)
        links.study_link(study_id, f"Around the leaders of {show.escape(study_id)}")
        try:
            proposed = remembered_proposal(state.db(), study_id)
        except (TuningError, StorageError) as error:
            problems.draw(error)
            return False
        _draw_reasons(proposed)
        if proposed.extension is not None:
            _draw_extension(proposed)
        _draw_new_study(proposed, checked.spec, brief)
    return proposed.extension is not None


def _draw_reasons(proposed: Proposed) -> None:
    if proposed.stop is not None:
        st.info(show.escape(proposed.stop), icon=":material/info:")
    if proposed.row.test_opened_at is not None:
        st.warning(_OPENED, icon=":material/lock_open:")
    refinement = proposed.refinement
    sentences = [*refinement.sentences.values(), refinement.note]
    st.markdown("\n".join(f"- {show.escape(text)}" for text in sentences if text))


def _draw_extension(proposed: Proposed) -> None:
    n_trials = show.plural(proposed.n_more, "more trial")
    st.markdown(
        f"**In this study** {n_trials}, {show.escape(_cost(proposed))}. Every value it had "
        + "stays, and what is finished is not trained again: one history, on the same folds."
    )
    st.button(
        "Refine in this study",
        type="primary",
        icon=":material/zoom_in:",
        key="new_refine_here",
        on_click=refine_here,
        help=HELP["refine_here"],
    )


def _cost(proposed: Proposed) -> str:
    spec = proposed.extension
    info = None if spec is None else known_info(spec)
    if spec is None or info is None:
        return ""
    n_fits = show.plural(proposed.n_more * spec.n_fits_per_trial, "fit")
    guess = estimate(state.db(), spec, info)
    return f"{n_fits}, {time_text(guess, proposed.n_more / spec.n_trials)}"


def _draw_new_study(proposed: Proposed, spec: StudySpec | None, brief: Brief | None) -> None:
    n_trials = show.plural((spec or proposed.refinement.spec).n_trials, "trial")
    time = "" if brief is None else f", {show.escape(brief.time)}"
    st.markdown(
        f"**As a new study** {n_trials}{time}. It is filled in below, and judges the finer "
        + "values on other folds."
    )
    _draw_starting(spec, "Try the old leader again", "try_leader")


def draw_starting(spec: StudySpec | None) -> None:
    """Draw whether settings that came with the study are tried first; a refined one says so."""
    n_given = len(widgets.value("starting"))
    if not refined_from():
        _draw_starting(spec, f"Start with {show.plural(n_given, 'chosen trial')}", "starting")


def _draw_starting(spec: StudySpec | None, label: str, help_name: str) -> None:
    fields = widgets.current().fields
    if spec is not None and (spec.by_hand or with_starting(spec, fields) != spec):
        st.toggle(label, key=widgets.bind("try_starting"), help=HELP[help_name])


@problems.told
def refine_here() -> None:
    """Extend the study that the draft refines; a second click finds that it was done."""
    study_id = refined_from()
    draft_id = widgets.current().id
    if state.recall(_EXTENDED) == draft_id:
        leave_for(study_id)
        return
    proposed = propose(state.db(), study_id)
    if proposed.extension is None:
        raise SpecError([_GONE])
    extend(state.db(), proposed.row, proposed.extension)
    state.remember(_EXTENDED, draft_id)
    leave_for(study_id)
