"""The Best model tab: the leader's settings, its network, its scores, and the saved model."""

from __future__ import annotations

import streamlit as st

from pages.parts.show import escape, plural
from pages.parts.study.drawer import settings_table, trainers_caption
from pages.parts.study.facts import (
    SCORES,
    SPREAD_HELP,
    as_python,
    leader_sentence,
)
from pages.parts.study.view import View
from pages.parts.words import HELP
from storage.results import TrialRow
from storage.settings import settings as app_settings
from storage.studies import FINISHED, StudyRow
from tuning.analysis.tables import fold_label, settings_of
from tuning.digits import with_error
from tuning.export.files import best_model_path
from tuning.models.size import layer_text, n_weights


def best_tab(view: View) -> None:
    """Draw the leader's settings on the left, its network and files on the right."""
    with view.reader.reading() as seen:
        row = seen.row
        leader = None if row.best_number is None else seen.trials.get(row.best_number)
    if leader is None:
        st.info(
            "No trial has a score."
            if row.is_final
            else "The best model: after the first trial.",
            icon=":material/hourglass_empty:",
        )
        return
    st.markdown(f"**{escape(leader_sentence(row))}**", help=SPREAD_HELP)
    left, right = st.columns(2)
    with left:
        settings_table(settings_of(leader), view.spec.fixed)
    with right:
        _network(view, leader)
        _fold_scores(view, leader)
        with view.reader.reading() as seen:
            trainers_caption(seen.fits_of(leader.number))
        _model_file(row)
        st.caption("Settings as Python")
        st.code(as_python({**view.spec.fixed, **settings_of(leader)}), language="python")


def _network(view: View, leader: TrialRow) -> None:
    if view.info is None:
        st.caption("The dataset was deleted, so the layers cannot be shown.")
        return
    params = {**view.spec.fixed, **settings_of(leader)}
    layers = layer_text(view.spec.model, params, view.info)
    weights = n_weights(view.spec.model, params, view.info)
    st.markdown(f"**Network** {layers} · {plural(weights, 'weight')}")


def _fold_scores(view: View, leader: TrialRow) -> None:
    with view.reader.reading() as seen:
        fits = [fit for fit in seen.fits_of(leader.number) if fit.score is not None]
    if len(fits) < 2:
        st.caption("One fit gives no ±: this study scores each trial once.")
        return
    repeats = view.spec.evaluation.repeats
    scores = [
        f"{fold_label(fit.repeat, fit.fold, repeats)}: {with_error(fit.score or 0.0)}"
        for fit in fits
    ]
    word = SCORES[view.row.score_name]
    st.markdown(
        f"**{word[0].upper()}{word[1:]} of each fit** " + escape(" · ".join(scores)),
        help=HELP["validation_rows"],
    )


def _model_file(row: StudyRow) -> None:
    path = best_model_path(app_settings().home, row.id)
    if path is None:
        st.caption(_why_no_model(row))
        return
    st.download_button(
        "Download the model (.keras)",
        data=path.read_bytes,
        file_name=f"{row.id}.keras",
        mime="application/octet-stream",
        icon=":material/download:",
        key="best_model",
        on_click="ignore",
        help="Trained with these settings on all rows but the test rows.",
    )


def _why_no_model(row: StudyRow) -> str:
    if not row.is_final:
        return "The model to download is trained on all rows when the study finishes."
    if row.state == FINISHED:
        return "No model was saved: its training on all rows failed or was stopped."
    return "A model to download is made only when a study finishes; this one did not."
