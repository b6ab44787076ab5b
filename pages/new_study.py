"""New study: data, network, search space, evaluation, limits, and Start; one draft."""

from __future__ import annotations

import streamlit as st

from pages.parts import links, problems, state
from pages.parts.forms import origins, paste, start, widgets
from pages.parts.forms.brief import draw_brief, remembered_brief
from pages.parts.forms.data import draw_data
from pages.parts.forms.draft import BLANK, Draft
from pages.parts.forms.evaluation import draw_evaluation
from pages.parts.forms.limits import draw_limits
from pages.parts.forms.model import draw_model
from pages.parts.forms.reading import Checked, check
from pages.parts.forms.refining import draw_refinement, draw_starting
from pages.parts.forms.space import draw_space
from pages.parts.source import draw_source
from storage.drafts import delete_draft, save_draft
from storage.errors import StorageError
from tuning.errors import TuningError

_SAVED = "new_saved"
_ORIGINS = {"recipe", "dataset", "from"}
_GONE = "That draft is gone: drafts that nobody uses are kept for a week. Here is a new one."


def open_draft() -> None:
    """Work on the draft that the address asks for, or go on with the session's.

    After Back the address still has the query of the page that was left, so parameters of
    other pages ask for nothing; without any, a draft that was started is put away.
    """
    query = st.query_params.to_dict()
    was_started = start.begin_anew()
    draft_id = query.get("draft")
    if widgets.has_draft() and draft_id == widgets.current().id:
        return
    if draft_id:
        stored = origins.stored_draft(draft_id)
        if stored is None:
            st.info(_GONE)
        widgets.begin(stored or origins.new_draft(BLANK))
    elif not widgets.has_draft() or _ORIGINS & query.keys() or (was_started and not query):
        widgets.begin(asked_for(query))
    st.query_params.from_dict({"draft": widgets.current().id})


def asked_for(query: dict[str, str]) -> Draft:
    """Begin the draft an address asks for; an unknown name is told, and a blank one begun."""
    origin = BLANK
    if "recipe" in query:
        origin = f"recipe:{query['recipe']}"
    elif "from" in query:
        kind = "refine" if query.get("refine") == "1" else "study"
        origin = f"{kind}:{query['from']}"
    try:
        return origins.new_draft(origin, query.get("dataset", ""))
    except (TuningError, StorageError) as error:
        problems.draw(error)
        return origins.new_draft(BLANK)


def draw_head(checked: Checked) -> None:
    """Draw the title, what the study starts from, and its name."""
    st.title("New study", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        origins.draw_origin()
        origins.draw_variant()
        origins.draw_spec_file()
        st.text_input(
            "Name", max_chars=80, key=widgets.bind("name"), live=widgets.LIVE, width=280
        )
    draw_source(None if checked.spec is None else checked.spec.recipe)
    if checked.problems.get("name"):
        widgets.draw_messages(checked, "name")


def save() -> None:
    """Write the draft where it has changed since it was written."""
    draft = widgets.current()
    content = draft.to_json()
    if state.recall(_SAVED) != content:
        save_draft(state.db(), draft.id, content)
        state.remember(_SAVED, content)


def draw() -> None:
    """Draw the page."""
    pending = state.take("new_pending")
    if pending is not None:
        widgets.put(pending)
    widgets.collect()
    widgets.settle()
    checked = check(widgets.current().fields)
    brief = None
    if checked.spec is not None and checked.info is not None:
        brief = remembered_brief(state.db(), checked.spec, checked.info)
    draw_head(checked)
    main, side = st.columns([5, 2])
    with main:
        extends = draw_refinement(checked, brief)
        draw_data(checked)
        draw_model(checked)
        draw_space(checked)
        draw_starting(checked.spec)
        draw_evaluation(checked)
        draw_limits(checked)
    with side:
        draw_brief(checked.info, brief)
    asks = origins.draw_question()
    if not asks:
        paste.draw_dialogs(checked)
    takes_keys = not asks and not paste.is_open()
    start.draw_bar(checked, brief, takes_keys=takes_keys, is_primary=not extends)
    save()


st.set_page_config(page_title="New study · Tuneboard")
started = start.just_started()
if started is not None:
    delete_draft(state.db(), widgets.current().id)
    state.take(_SAVED)
    links.open_study(started)
open_draft()
draw()
