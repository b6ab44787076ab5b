"""Section 5 of the New study page: when a fit, a trial or the study ends early."""

from __future__ import annotations

import streamlit as st

from pages.parts.forms import widgets
from pages.parts.forms.reading import Checked
from pages.parts.words import HELP

_PRUNERS = {"none": "None", "median": "Median", "successive_halving": "Successive halving"}
_PRUNER_HELP = (
    f"{HELP['pruner']} Off for grids: pruned trials have no score to compare. "
    + "Median cuts what is worse than half of the others at the same epoch; "
    + "successive halving keeps the best third at each of a few epochs."
)
_WATCH_ROWS = {"inner": "Part of each fold", "separate": "Separate rows"}
_WATCH_HELP = (
    "The rows that decide when to stop never score the trial. "
    + "Part of each fold: set aside from its training rows. "
    + "Separate rows: set aside before any fold is made."
)
_LARGEST_SEED = 2**32 - 1


def draw_limits(checked: Checked) -> None:
    """Draw the section; folded in, the line below it says what is set.

    Its title stays the same, because an expander with another title is a new, folded one.
    """
    expander = st.expander("5 Limits and stopping", key="new_limits", on_change="rerun")
    if expander.open:
        with expander:
            _draw_budget()
            st.toggle(
                "Include the default settings",
                key=widgets.bind("include_default"),
                help=HELP["include_default"],
            )
            _draw_stopping(checked)
    widgets.draw_messages(checked, "limits", summary())


def summary() -> str:
    """Say in a line what is set."""
    minutes = widgets.value("max_minutes")
    patience = widgets.value("patience")
    stopping = f"on, patience {patience}" if widgets.value("stopping") else "off"
    parts = [
        "no time limit" if minutes is None else f"at most {minutes:g} min",
        f"early stopping {stopping}",
        f"pruner {_PRUNERS[widgets.value('pruner')].lower()}",
        f"seed {widgets.value('seed')}",
        *(["default settings included"] if widgets.value("include_default") else []),
    ]
    return " · ".join(parts)


def _draw_budget() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Most minutes",
            min_value=0.1,
            max_value=100_000.0,
            step=5.0,
            value=None,
            format="%g",
            placeholder="No limit",
            key=widgets.bind("max_minutes"),
            help="The study ends then and keeps what is finished.",
            width=160,
        )
        st.number_input(
            "Seed",
            min_value=0,
            max_value=_LARGEST_SEED,
            key=widgets.bind("seed"),
            help="The same seed gives the same folds, weights and scores.",
            width=160,
        )
        st.selectbox(
            "Pruner",
            list(_PRUNERS),
            format_func=_PRUNERS.__getitem__,
            key=widgets.bind("pruner"),
            help=_PRUNER_HELP,
            width=220,
        )


def _metric(checked: Checked) -> str:
    is_number = checked.info is not None and checked.info.task == "regression"
    return "Mean absolute error" if is_number else "Accuracy"


def _draw_stopping(checked: Checked) -> None:
    st.toggle(
        "Early stopping",
        key=widgets.bind("stopping"),
        help="Ends a fit when it no longer gets better; its trial is complete.",
    )
    if not widgets.value("stopping"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "Patience, epochs",
            min_value=0,
            max_value=10_000,
            key=widgets.bind("patience"),
            help="Epochs without getting better before the fit ends.",
            width=160,
        )
        watched = {"loss": "Loss", "metric": _metric(checked)}
        st.selectbox(
            "Watches",
            list(watched),
            format_func=watched.__getitem__,
            key=widgets.bind("monitor"),
            width=220,
        )
        st.selectbox(
            "Watched rows",
            list(_WATCH_ROWS),
            format_func=_WATCH_ROWS.__getitem__,
            key=widgets.bind("watch_rows"),
            help=_WATCH_HELP,
            width=200,
        )
        st.number_input(
            "Watched rows, percent",
            min_value=5.0,
            max_value=50.0,
            step=5.0,
            format="%g",
            key=widgets.bind("watch_percent"),
            width=180,
        )
    st.toggle("Restore the weights of the best epoch", key=widgets.bind("restore"))
