"""Section 4 of the New study page: how a trial is judged."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts import show
from pages.parts.belonging import belonging_words
from pages.parts.forms import widgets
from pages.parts.forms.reading import Checked
from pages.parts.words import HELP
from tuning.confirm_plan import why_no_race
from tuning.datasets.info import DatasetInfo
from tuning.spec import CLASS_SCORES, NUMBER_SCORES, SCORE_DIRECTIONS

_METHODS = {
    "kfold": "Cross-validation",
    "holdout": "One held-out part",
    "test": "Own test rows",
}
_METHOD_HELP = (
    "Cross-validation judges each trial on every part of the rows in turn. "
    + "One held-out part is quicker and less sure."
)
SCORES: Mapping[str, str] = {
    "accuracy": "Accuracy",
    "log_loss": "Log loss",
    "roc_auc": "Area under ROC",
    "f1": "F1",
    "rmse": "RMSE (root of the mean squared error)",
    "mse": "MSE (mean squared error)",
    "mae": "MAE (mean absolute error)",
    "r2": "R² (share of the variance explained)",
}
_BETTER = {"maximize": "Higher is better", "minimize": "Lower is better"}
_FOLDS = (2, 3, 5, 10)
_REPEAT_HELP = (
    "The whole thing again with another split and other starting weights. "
    + "More repeats, smaller ±."
)
_LEAST_ROPE, _MOST_ROPE = 1e-6, 1e6
_SHUFFLE_HELP = "Mixes the rows before they are cut into folds; repeats need it."


def draw_evaluation(checked: Checked) -> None:
    """Draw the section."""
    with st.container(border=True, key="new_section_evaluation", gap="xsmall"):
        st.subheader("4 Evaluation", anchor=False)
        st.segmented_control(
            "Method",
            _methods(checked.info),
            format_func=_METHODS.__getitem__,
            key=widgets.bind("method"),
            required=True,
            help=_METHOD_HELP,
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _draw_parts(checked.info)
        if checked.info is not None and (words := belonging_words(checked.info)):
            st.caption(words)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _draw_score(checked.info)
        _draw_confirm(checked)
        widgets.draw_messages(checked, "evaluation")


def _methods(info: DatasetInfo | None) -> list[str]:
    chosen = widgets.value("method")
    has_test = info is not None and info.n_test_rows > 0
    return [name for name in _METHODS if name != "test" or has_test or chosen == "test"]


def _draw_parts(info: DatasetInfo | None) -> None:
    method = widgets.value("method")
    if method == "kfold":
        st.segmented_control(
            "Folds",
            sorted({*_FOLDS, widgets.value("folds")}),
            key=widgets.bind("folds"),
            required=True,
            help=HELP["fold"],
        )
    if method == "holdout":
        st.number_input(
            "Held out, percent",
            min_value=5.0,
            max_value=50.0,
            step=5.0,
            format="%g",
            key=widgets.bind("holdout_percent"),
            help="Share of the rows that judges a trial and is not trained on.",
            width=160,
        )
    st.number_input(
        "Repeats",
        min_value=1,
        max_value=50,
        key=widgets.bind("repeats"),
        help=_REPEAT_HELP,
        width=140,
    )
    if method == "kfold" and (info is None or info.belonging != "time"):
        st.toggle("Shuffle", key=widgets.bind("shuffle"), help=_SHUFFLE_HELP)


def _draw_score(info: DatasetInfo | None) -> None:
    chosen = widgets.value("score")
    known = NUMBER_SCORES if info and info.task == "regression" else CLASS_SCORES
    st.selectbox(
        "Score",
        known if chosen in known else [*known, chosen],
        format_func=SCORES.__getitem__,
        key=widgets.bind("score"),
        help=HELP["score"],
        width=320,
    )
    own = _BETTER[SCORE_DIRECTIONS[chosen]]
    st.selectbox(
        "Direction",
        ["", *_BETTER],
        format_func=lambda name: _BETTER.get(name, f"{own}, as usual"),
        key=widgets.bind("direction"),
        width=240,
    )
    st.number_input(
        "Smallest difference that matters",
        min_value=_LEAST_ROPE,
        max_value=_MOST_ROPE,
        step=0.005,
        value=None,
        format="%g",
        placeholder="Automatic",
        key=widgets.bind("rope"),
        help=HELP["smallest_difference"],
        width=240,
    )


def _draw_confirm(checked: Checked) -> None:
    """Draw the toggle; what confirming cannot do here is said instead of it."""
    reason = "" if checked.spec is None else why_no_race(checked.spec)
    if reason:
        st.caption(show.escape(reason))
        return
    st.toggle("Then confirm the leaders", key=widgets.bind("confirm"), help=HELP["confirm"])
