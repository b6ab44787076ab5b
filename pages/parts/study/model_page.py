"""Below the settings of the best model: its curves, its network, and what it says."""

from __future__ import annotations

import streamlit as st

from pages.parts.charts.curve_lines import Display, Lines, curve_table
from pages.parts.charts.curves import Frame, learning_curves
from pages.parts.study.analysis_views.snapshot import PICTURES
from pages.parts.study.diagnosed import diagnosis_of
from pages.parts.study.facts import digits_of
from pages.parts.study.model_network import network_part
from pages.parts.study.model_outputs import outputs_part
from pages.parts.study.view import View
from pages.parts.words import HELP
from storage.results import TrialRow
from storage.settings import settings
from tuning.analysis.curves import LOSS, Measure, loss_finding, measures
from tuning.analysis.diagnosis_words import Diagnosis
from tuning.analysis.verdict import Judgement
from tuning.export.files import best_model_path, kept_model

_CURVES_PX = 300


def model_page(view: View, trial: TrialRow, found: Judgement) -> None:
    """Draw the learning curves of a trial, and its network where a model of it was saved."""
    _curves(view, trial.number, diagnosis_of(view, trial, found))
    path = kept_model(settings().home, view.id, trial.number, found.leader)
    if path is None:
        return
    st.segmented_control(
        "Picture", PICTURES, default=PICTURES[0], required=True, key="best_picture",
        label_visibility="collapsed", help=HELP["picture"], persist_state="session",
    )  # fmt: skip
    network_part(view, path)
    if path == best_model_path(settings().home, view.id):
        outputs_part(view, path)


def _curves(view: View, number: int, diagnosis: Diagnosis | None) -> None:
    """Draw the curves of a trial's fits: the mean, and a band over the folds."""
    with view.reader.reading() as seen:
        book = seen.curves_of([number])
        if number not in book:
            return
        finding = loss_finding(number, book.trial_table(number, LOSS))
    if diagnosis is not None:
        finding = diagnosis.sentence.rstrip(".")
    first = measures(view.row.score_name)[0]
    chosen = [first] if first == LOSS else [first, LOSS]
    for place, measure in zip(st.columns(len(chosen)), chosen, strict=True):
        with place:
            title = finding if measure == LOSS else f"{measure.label} by epoch"
            _chart(view, number, measure, title)
    st.caption("Training rows are dashed; the band spans the folds of the search.")


def _chart(view: View, number: int, measure: Measure, title: str) -> None:
    lines = Lines(number, n_trials=1)
    with view.reader.reading() as seen:
        table = curve_table(seen.curves_of([number]), measure, lines, Display(training=True))
        n_digits = digits_of(seen.judged.found, view.row.score_name, measure, [number])
    frame = Frame(
        title, measure.word, n_digits=n_digits, higher_is_better=measure.higher_is_better
    )
    option = learning_curves(table, lines, frame)
    st.echarts_chart(option, height=_CURVES_PX, key=f"best_{measure.label}", alt=title)
