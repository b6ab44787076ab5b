"""The Best model tab: a trial's settings and scores, the saved model, the sealed test."""

from __future__ import annotations

import functools

import streamlit as st

from pages.parts import problems
from pages.parts.show import escape, plural
from pages.parts.state import db
from pages.parts.study.drawer import settings_table, trainers_caption
from pages.parts.study.facts import SCORES, SPREAD_HELP, as_python
from pages.parts.study.model_page import model_page
from pages.parts.study.sealed import confusion, sealed_card
from pages.parts.study.view import View
from pages.parts.words import HELP
from storage.results import TrialRow
from storage.settings import settings
from storage.studies import FINISHED, StudyRow
from storage.wishes import ask_for_model
from tuning.analysis.tables import fold_label, settings_of
from tuning.analysis.verdict import Judgement
from tuning.analysis.verdict_words import expected_sentence
from tuning.confirming import Asked
from tuning.digits import with_error
from tuning.export.files import kept_model, model_facts
from tuning.export.predicting import can_predict, model_zip
from tuning.export.script import script_name, training_script, why_no_script
from tuning.models.size import layer_text, n_weights

_MOST_OPTIONS = 500
_NEWS_S = 2.0
_LEADER, _CHEAPEST, _OTHER = "leader", "cheapest", "other"


def best_tab(view: View) -> None:
    """Draw the settings of the chosen trial on the left, its test, network and files beside."""
    with view.reader.reading() as seen:
        found, trials = seen.judged.found, seen.trials
    if found.leader is None or found.leader not in trials:
        st.info(
            "No trial has a score."
            if view.row.is_final
            else "The best model: after the first trial.",
            icon=":material/hourglass_empty:",
        )
        return
    st.markdown(escape(expected_sentence(found)), help=HELP["honest_score"])
    number = _pick(found, found.leader)
    trial = trials[number]
    st.markdown(f"**{escape(trial_sentence(view.row, found, number))}**", help=SPREAD_HELP)
    left, right = st.columns(2)
    with left:
        settings_table(settings_of(trial), view.spec.fixed)
        _network(view, trial)
        _fold_scores(view, trial)
    with right:
        sealed_card(view, number)
        confusion(view, number)
        _model_file(view, number, found.leader)
        _script(view, number)
        st.caption("Settings as Python")
        st.code(as_python({**view.spec.fixed, **settings_of(trial)}), language="python")
    model_page(view, trial, found)
    if view.poll_s is not None:
        st.fragment(_watch, run_every=_NEWS_S, key="best_news")(view, _drawn(found))


def _drawn(found: Judgement) -> tuple[object, ...]:
    """Return what the tab says of the leader."""
    expected = found.expected
    return found.leader, found.mean, None if expected is None else expected.mean, found.cheapest


def _watch(view: View, drawn: tuple[object, ...]) -> None:
    """Draw the page anew once something else is to be said of the leader."""
    with view.reader.reading() as seen:
        found = seen.judged.found
    if _drawn(found) != drawn:
        st.rerun()


def _pick(found: Judgement, leader: int) -> int:
    """Let a person choose the leader, the cheapest of those tied, or any trial."""
    labels = {_LEADER: f"Leader: trial {leader}"}
    if found.cheapest not in {None, leader}:
        labels[_CHEAPEST] = f"Cheapest tie: trial {found.cheapest}"
    labels[_OTHER] = "Trial…"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Model", list(labels), default=_LEADER, required=True, key="best_pick",
            format_func=labels.__getitem__,
            help=HELP["cheapest"] if _CHEAPEST in labels else None,
        )  # fmt: skip
        if chosen == _OTHER:
            number = st.selectbox(
                "Trial, best first", found.best_first[:_MOST_OPTIONS], key="best_trial",
                width=200,
            )  # fmt: skip
            return leader if number is None else int(number)
    if chosen == _CHEAPEST and found.cheapest is not None:
        return found.cheapest
    return leader


def trial_sentence(row: StudyRow, found: Judgement, number: int) -> str:
    """Name a trial with its score, and how it stands to the leader."""
    mean, half_width = found.table.loc[[number], ["mean", "half_width"]].to_numpy(float)[0]
    score = f"{SCORES[row.score_name]} {with_error(float(mean), float(half_width))}"
    if number == found.leader:
        return f"Trial {number} leads with {score}"
    tie = {
        "tied": "tied with the leader",
        "worse": "worse than the leader",
        "not compared": "not compared with the leader",
    }[str(found.table["tie"].loc[number])]
    return f"Trial {number}: {score}, {tie}"


def _network(view: View, trial: TrialRow) -> None:
    if view.info is None:
        st.caption("The dataset was deleted, so the layers cannot be shown.")
        return
    params = {**view.spec.fixed, **settings_of(trial)}
    layers = layer_text(view.spec.model, params, view.info)
    weights = n_weights(view.spec.model, params, view.info)
    st.markdown(f"**Network** {layers} · {plural(weights, 'weight')}")


def _fold_scores(view: View, trial: TrialRow) -> None:
    """Draw the scores of the search; the drawer has those of further repeats."""
    repeats = view.spec.evaluation.repeats
    with view.reader.reading() as seen:
        own = seen.fits_of(trial.number)
        n_digits = seen.judged.found.digits_of([trial.number])
    trainers_caption(own)
    fits = [fit for fit in own if fit.score is not None and fit.repeat < repeats]
    if len(fits) < 2:
        st.caption("One fit gives no ±: this study scores each trial once.")
        return
    scores = [
        f"{fold_label(fit.repeat, fit.fold, repeats)}: {fit.score or 0.0:.{n_digits}f}"
        for fit in fits
    ]
    word = SCORES[view.row.score_name]
    which = "of each fold in the search" if len(own) > len(fits) else "of each fold"
    st.markdown(
        f"**{word[0].upper()}{word[1:]} {which}** " + escape(" · ".join(scores)),
        help=HELP["validation_rows"],
    )


def _model_file(view: View, number: int, leader: int) -> None:
    """Offer the model of a trial, or to make one."""
    path = kept_model(settings().home, view.id, number, leader)
    if path is None:
        _no_model(view, number, leader)
        return
    name = view.id if number == leader else f"{view.id}-trial-{number}"
    st.download_button(
        "Download the model (.keras)",
        data=path.read_bytes,
        file_name=f"{name}.keras",
        mime="application/octet-stream",
        icon=":material/download:",
        key="best_model",
        on_click="ignore",
        help=HELP["model_file"],
    )
    if can_predict(model_facts(path)):
        st.download_button(
            "Download it with predict.py (.zip)",
            data=functools.partial(model_zip, path.parent),
            file_name=f"{name}-model.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            key="best_model_zip",
            on_click="ignore",
            help="The model, and a script that reads raw rows from a CSV file and predicts.",
        )


def _no_model(view: View, number: int, leader: int) -> None:
    """Say why there is no model of a trial, with the button that has one made."""
    row = view.row
    if not row.is_final or (number == leader and row.state != FINISHED):
        st.caption(_why_no_model(row))
        return
    is_asked = number in Asked.parse(row.asked).models
    st.caption(
        "No model was saved: its training on all rows failed or was stopped."
        if is_asked or number == leader
        else f"No model of trial {number} yet: only the leader's is made without asking."
    )
    if row.state == FINISHED and not view.watching:
        st.button(
            "Train its model", icon=":material/model_training:", key="best_train_model",
            on_click=_ask_for_model, args=(view.id, number), help=HELP["model_file"],
        )  # fmt: skip


@problems.told
def _ask_for_model(study_id: str, number: int) -> None:
    ask_for_model(db(), study_id, number)
    problems.say(f"Trial {number} is trained on all rows as soon as a core is free.")


def _script(view: View, number: int) -> None:
    """Offer the script of a trial; where its rows cannot be read any more, there is none."""
    if view.info is None:
        return
    reason = why_no_script(db(), view.info)
    if reason:
        st.caption(f"No training script: {escape(reason)}")
        return
    st.download_button(
        "Download the training script (.py)",
        data=functools.partial(training_script, db(), view.id, number),
        file_name=script_name(view.id, number),
        mime="text/x-python",
        icon=":material/code:",
        key="best_script",
        on_click="ignore",
        help="Trains this trial again with Keras and scikit-learn alone, and checks its score.",
    )


def _why_no_model(row: StudyRow) -> str:
    if not row.is_final:
        return "The model to download is trained on all rows when the study finishes."
    return "A model to download is made only when a study finishes; this one did not."
