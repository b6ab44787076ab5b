"""The example: one click from an empty install to a moving learning curve."""

from __future__ import annotations

import uuid

import streamlit as st

from pages.parts import links, problems
from pages.parts.estimated import confirming_text, time_text
from pages.parts.offer import offer_cousin
from pages.parts.running import worker_is_offline
from pages.parts.show import plural
from pages.parts.state import db, recall, remember, take
from tuning.analysis.estimate import estimate
from tuning.datasets.catalogue import dataset_info, fetch, is_available
from tuning.errors import DatasetUnavailableError
from tuning.launch import launch
from tuning.recipes import EXAMPLE, recipe, with_sealed_test
from tuning.spec import StudySpec

_WANTED = "example_wanted"
_UNAVAILABLE = "example_unavailable"


def example_spec() -> StudySpec:
    """Return the example's study: with sealed rows, and leaders that are confirmed."""
    return with_sealed_test(recipe(EXAMPLE).spec)


def example_card() -> None:
    """Draw the example with the button that runs it."""
    spec = example_spec()
    info = dataset_info(spec.data.dataset)
    guess = estimate(db(), spec, info)
    st.subheader("Watch it work", anchor=False)
    st.markdown(
        f"{spec.n_trials} settings for predicting diabetes, {plural(guess.n_fits, 'fit')}: "
        + f"{time_text(guess)}{confirming_text(db(), spec, info)}."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Run the example",
            type="primary",
            icon=":material/play_arrow:",
            key="example_run",
            on_click=_run,
            args=(uuid.uuid4().hex,),
        )
        links.link(links.NEW_STUDY, "Look first", recipe=EXAMPLE)
    if worker_is_offline(db()):
        st.caption("The worker is offline; this will wait.")
    _fetch_first()
    _offer_cousin()


@problems.told
def _run(token: str) -> None:
    """Start the example; `token` makes a double click one study."""
    take(_UNAVAILABLE)
    spec = example_spec()
    if is_available(spec.data.dataset):
        links.open_study(launch(db(), spec, token))
    remember(_WANTED, token)


def _fetch_first() -> None:
    """Fetch the data that is not here yet, then start; a callback could show no progress."""
    token = take(_WANTED)
    if token is None:
        return
    spec = example_spec()
    with st.spinner(f"Fetching {dataset_info(spec.data.dataset).title}…", show_time=True):
        try:
            fetch(spec.data.dataset)
        except DatasetUnavailableError as error:
            remember(_UNAVAILABLE, error)
            return
    links.open_study(launch(db(), spec, token))


def _offer_cousin() -> None:
    error = recall(_UNAVAILABLE)
    if error is None:
        return
    spec = offer_cousin(error, example_spec())
    if spec is not None:
        take(_UNAVAILABLE)
        links.open_study(launch(db(), spec))
