"""Which columns the grid of results has, and what they are called."""

from __future__ import annotations

import streamlit as st

from pages.parts.study.view import View
from tuning.analysis.tables import fold_labels
from tuning.parameters import PARAMETERS

ALWAYS = ("rank", "number")
_LABELS = {
    "place": "Rank",
    "rank": "Rank",
    "number": "Trial",
    "marks": "Marks",
    "state": "State",
    "score": "Score",
    "half_width": "±",
    "gap": "Gap",
    "tie": "Tie",
    "curve": "Curve",
    "diagnosis": "Diagnosis",
    "diagnosis_place": "Diagnosis",
    "diagnosis_label": "Diagnosis",
    "best_epoch": "Best epoch",
    "n_epochs": "Epochs trained",
    "duration_s": "Time",
    "n_weights": "Weights",
    "n_repeats": "Repeats",
    "trained_by": "Trainer",
    "message": "Message",
}


def chosen_columns(view: View, *, has_marks: bool) -> list[str]:
    """Draw the choice of columns, and return those of the grid in their order.

    Parameters
    ----------
    has_marks : bool
        Whether some trial has a tag or a star.
    """
    spec = view.spec
    shown = ["marks"] if has_marks else []
    shown += ["state", "score", "half_width", "gap", "tie", *spec.searched, "curve"]
    shown += ["diagnosis", "best_epoch", "duration_s", "n_weights", "n_repeats", "n_epochs"]
    shown += [*fold_labels(spec), "trained_by", "message"]
    hidden = [name for name in spec.fixed if name not in shown]
    picked = st.pills(
        "Columns", [*shown, *hidden], selection_mode="multi", default=shown,
        format_func=label_of, key=view.key(f"columns_{int(has_marks)}"),
        help="Settings that no trial varies are hidden at first.",
    )  # fmt: skip
    return [*ALWAYS, *(name for name in [*shown, *hidden] if name in picked)]


def label_of(column: str) -> str:
    """Return the heading of a column."""
    if column in PARAMETERS:
        return PARAMETERS[column].label
    return _LABELS.get(column, column[0].upper() + column[1:])
