"""The grid of results itself: a row a trial, with how it stands and how it was trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from pages.parts import problems
from pages.parts.state import db
from pages.parts.study.diagnosed import diagnosed
from pages.parts.study.facts import SCORES, SPREAD_HELP, STATES
from pages.parts.study.results_columns import label_of
from pages.parts.study.results_controls import Controls
from pages.parts.study.results_snapshot import Snapshot
from pages.parts.study.view import MOST_HIGHLIGHTED, View, highlighted, open_drawer
from pages.parts.words import HELP
from storage.notes import NOTHING, Note
from storage.reading import FitScore, read_fit_scores
from tuning.analysis.diagnoses import Array
from tuning.analysis.grid import shown_digits
from tuning.analysis.tables import fold_labels, fold_scores, in_words, value_in_words
from tuning.parameters import PARAMETERS
from tuning.training.choice import trainers_in_words

_ROW_PX = 36
_MOST_ROWS = 500  # in one grid; above, pages
_PAGE_ROWS = 100
_MOST_WITH_CURVES = 2_000  # trials; small curves make the grid heavier
_IF_ANY = ("trained_by", "message")  # left out where no trial has one
_GRID_PX = 560
_CURVE_HELP = "Loss on validation rows by epoch, mean over the fits."
_BEST_HELP = "Where the mean loss on validation rows was lowest."
_TIME_HELP = "Until its fits were done. Trials that differ only in epochs share a training."


def results_grid(view: View, snapshot: Snapshot, table: pd.DataFrame, asked: Controls) -> None:
    """Draw the trials of a table in its order, a page at a time where there are many.

    Parameters
    ----------
    asked : Controls
        By what it is sorted, and which columns it has.
    """
    searched, all_trials = view.spec.searched, snapshot.grid.table
    mixed = [name for name in searched if _has_numbers_and_words(all_trials[name])]
    rows = _with_fits(view, _page(table))
    numbers = rows["number"].tolist()
    book = diagnosed(view, snapshot, numbers)
    shown = rows.assign(
        number=rows["number"].astype(str),
        state=rows["state"].map(lambda state: [STATES[state]]),
        diagnosis=book.words(numbers),
        best_epoch=book.best_epochs(numbers),
        marks=[_marks_in_words(asked.marks.get(number, NOTHING)) for number in numbers],
        **{name: _none_in_words(name, rows[name]) for name in mixed},
        **{
            name: value_in_words(name, view.spec.fixed[name])
            for name in asked.columns
            if name in view.spec.fixed
        },
    )
    columns = [name for name in asked.columns if name not in _IF_ANY or any(shown[name] != "")]
    if len(all_trials) > _MOST_WITH_CURVES:
        columns = [name for name in columns if name != "curve"]
    elif "curve" in columns:
        shown["curve"] = _small_curves(book.curves(numbers))
    key = f"results_grid_{view.id}_{snapshot.serial}_{hash(tuple(numbers)) & 0xFFFFFFFF:08x}"
    ticked = [numbers.index(n) for n in highlighted() if n in numbers]
    st.dataframe(
        _in_digits(shown, rows, columns, fold_labels(view.spec)),
        key=key,
        hide_index=True,
        height=min(_GRID_PX, _ROW_PX * (len(shown) + 1) + 4),
        row_height=_ROW_PX,
        column_config=_columns(view, shown, key),
        column_order=columns,
        on_select=lambda: _tick(key, numbers),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        alt=f"Trials of {view.row.name}, by {asked.label}",
    )
    if snapshot.found.confirmed is not None and asked.order.column == "place":
        st.caption(
            "Ranks go by the gap on shared folds: a score from fewer repeats may look better."
        )


def _in_digits(
    shown: pd.DataFrame, rows: pd.DataFrame, columns: Sequence[str], folds: Sequence[str]
) -> Styler:
    """Write each score with the digits of its own ±; the grid still sorts by the number.

    Only columns without a format of their own are drawn as they are written here.
    """
    table = shown[list(dict.fromkeys(["number", *columns]))].reset_index(drop=True)
    digits = shown_digits(rows.reset_index(drop=True))
    digits = digits.assign(**dict.fromkeys(folds, digits["score"]))
    styler = table.style.format(na_rep="")
    for name in digits.columns.intersection(table.columns):
        sign = "+z" if name == "gap" else ""  # no minus before a zero
        for n_digits, own in digits.groupby(name).groups.items():
            styler.format(f"{{:{sign}.{n_digits}f}}", subset=(own, [name]), na_rep="")
    return styler


def _marks_in_words(mark: Note) -> str:
    return " ".join(["★"] * mark.is_starred + [", ".join(mark.tags)]).strip()


def _small_curves(curves: list[Array]) -> list[list[float]]:
    """Cut off what would flatten all others: losses of networks that diverged."""
    highest = [float(curve.max()) for curve in curves if len(curve)]
    top = 2 * float(np.median(highest)) if highest else 1.0
    return [np.minimum(curve, top).tolist() for curve in curves]


def _page(table: pd.DataFrame) -> pd.DataFrame:
    if len(table) <= _MOST_ROWS:
        return table
    n_pages = math.ceil(len(table) / _PAGE_ROWS)
    with st.container(horizontal=True, vertical_alignment="center"):
        page = min(st.pagination(n_pages, key="results_page"), n_pages)
        first = (page - 1) * _PAGE_ROWS
        last = min(first + _PAGE_ROWS, len(table))
        st.caption(f"{first + 1:,}–{last:,} of {len(table):,}", width="content")
    return table.iloc[first:last]


def _has_numbers_and_words(values: pd.Series[Any]) -> bool:
    """Tell whether default settings have no number where all others have one."""
    return pd.api.types.is_numeric_dtype(values) and bool(values.isna().any())


def _none_in_words(name: str, values: pd.Series[float]) -> list[str]:
    return in_words(name, [None if math.isnan(value) else value for value in values])


def _with_fits(view: View, table: pd.DataFrame) -> pd.DataFrame:
    """Add to some trials the score of each fit, and how they were trained."""
    numbers = tuple(table["number"].tolist())
    with view.reader.reading() as seen:
        fits = seen.made(
            ("fit scores", numbers), lambda: read_fit_scores(db(), view.id, numbers)
        )
    scores = fold_scores(view.spec, fits).reindex(numbers)
    scores.index = table.index
    return pd.concat([table, scores], axis=1).assign(trained_by=_trained_by(numbers, fits))


def _trained_by(numbers: Sequence[int], fits: Sequence[FitScore]) -> list[str]:
    """Say of each trial how its fits were trained; empty while that is not known."""
    trainers: dict[int, list[str]] = {}
    for fit in fits:
        trainers.setdefault(fit.number, []).append(fit.trainer)
    return [trainers_in_words(trainers.get(number, ())) for number in numbers]


def _tick(key: str, numbers: Sequence[int]) -> None:
    """Highlight the ticked trials; those ticked elsewhere that are not in the grid stay."""
    rows = st.session_state[key]["selection"]["rows"]
    picked = [numbers[row] for row in rows if row < len(numbers)]
    before = highlighted()
    kept = [n for n in before if n in picked or n not in set(numbers)]
    kept += [n for n in picked if n not in kept]
    if len(kept) > MOST_HIGHLIGHTED:
        problems.say(f"At most {MOST_HIGHLIGHTED} trials can be highlighted at once.")
    st.session_state["trials"] = [str(number) for number in kept[:MOST_HIGHLIGHTED]]


def _open(key: str, numbers: Sequence[int]) -> None:
    open_drawer(numbers[st.session_state[key]["row"]])


def _columns(view: View, shown: pd.DataFrame, key: str) -> dict[str, Any]:
    numbers = tuple(int(number) for number in shown["number"])
    return {
        **_standing_columns(view),
        **_trial_columns(f"{key}_open", numbers),
        **{name: _parameter_column(name, shown[name]) for name in PARAMETERS if name in shown},
        **{
            name: st.column_config.NumberColumn(label_of(name), help="Score of this fit.")
            for name in fold_labels(view.spec)
        },
    }


def _standing_columns(view: View) -> dict[str, Any]:
    config = st.column_config
    return {
        "rank": config.TextColumn("Rank", pinned=True, help=HELP["rank"]),
        "score": config.NumberColumn(
            f"Score ({SCORES[view.row.score_name]})", help=HELP["score"]
        ),
        "half_width": config.NumberColumn("±", help=SPREAD_HELP),
        "gap": config.NumberColumn("Gap", help=HELP["gap"]),
        "tie": config.TextColumn("Tie", help=HELP["tie"]),
        "n_repeats": config.NumberColumn("Repeats", format="%d", help=HELP["repeat"]),
    }


def _trial_columns(open_key: str, numbers: Sequence[int]) -> dict[str, Any]:
    config = st.column_config
    return {
        "number": config.ButtonColumn(
            "Trial", type="tertiary", pinned=True, key=open_key, on_click=_open,
            args=(open_key, numbers), help="Opens everything known of this trial.",
        ),
        "state": config.MultiselectColumn(
            "State", options=list(STATES.values()),
            color=["green", "violet", "red", "blue", "gray"],
        ),
        "marks": config.TextColumn("Marks", help="Star and tags, given where a trial is open."),
        "curve": config.LineChartColumn("Curve", width="small", help=_CURVE_HELP),
        "best_epoch": config.NumberColumn("Best epoch", format="%d", help=_BEST_HELP),
        "diagnosis": config.TextColumn(
            "Diagnosis", width="medium", help=HELP["diagnosis"]
        ),
        "n_epochs": config.NumberColumn(
            "Epochs trained", format="%.4g",
            help="Mean over the fits; fewer than asked for where early stopping ended them.",
        ),
        "duration_s": config.NumberColumn("Time", format="%.1f s", help=_TIME_HELP),
        "n_weights": config.NumberColumn("Weights", format="localized"),
        "trained_by": config.TextColumn("Trainer", help=HELP["trained_by"]),
        "message": config.TextColumn("Message", width="large"),
    }  # fmt: skip


def _parameter_column(name: str, values: pd.Series[Any]) -> Any:  # noqa: ANN401 (Streamlit's)
    config, helped = st.column_config, PARAMETERS[name].help
    if pd.api.types.is_numeric_dtype(values):
        return config.NumberColumn(label_of(name), format="%.6g", help=helped)
    has_words = PARAMETERS[name].none_means is not None  # longer than the numbers beside them
    return config.TextColumn(label_of(name), help=helped, width="medium" if has_words else None)
