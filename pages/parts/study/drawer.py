"""Everything known of one trial, in a drawer beside the page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts.charts.curves import Display, Frame, Lines, curve_table, learning_curves
from pages.parts.show import escape
from pages.parts.state import query
from pages.parts.study.facts import (
    SCORES,
    SPREAD_HELP,
    as_python,
    settings_text,
    trained_by,
    trial_ending,
)
from pages.parts.study.view import View, close_drawer
from pages.parts.words import HELP
from storage.results import FitRow, TrialRow
from tuning.analysis.curves import LOSS, Measure, loss_finding, measures
from tuning.analysis.tables import fold_label, settings_of
from tuning.digits import with_error
from tuning.parameters import PARAMETERS, Value, show_value

_CURVES_PX = 300


def drawer(view: View) -> None:
    """Open the drawer of the trial that the address names, if it names one."""
    wanted = query("trial")
    if not wanted:
        return
    with view.reader.reading() as seen:
        row = seen.trials.get(int(wanted)) if wanted.isdecimal() else None
    if row is None:
        close_drawer()
        st.toast(f"There is no trial {escape(wanted)} in this study.")
        return
    dialog = st.dialog(
        f"Trial {row.number}", position="right", width="large", on_dismiss=close_drawer
    )
    dialog(_content)(view, row)


def _content(view: View, row: TrialRow) -> None:
    with view.reader.reading() as seen:
        fits = seen.fits_of(row.number)
    ended = [fit for fit in fits if fit.score is not None]
    if row.state == "FAIL":
        st.error(escape(trial_ending(row, len(ended))), icon=":material/error:")
    else:
        word = SCORES[view.row.score_name] if row.state == "COMPLETE" else ""
        text = escape(f"{word} {trial_ending(row, len(ended))}".strip())
        st.markdown(f"**{text}**", help=SPREAD_HELP)
    settings = settings_of(row)
    st.markdown(escape(settings_text(settings)))
    with st.expander("All settings"):
        settings_table(settings, view.spec.fixed)
    _folds(view, fits)
    trainers_caption(fits)
    _curves(view, row.number)
    st.caption("Settings as Python")
    st.code(as_python({**view.spec.fixed, **settings}), language="python")


def trainers_caption(fits: list[FitRow]) -> None:
    """Say how a trial's fits were trained, once that is known."""
    trained = trained_by(fits)
    if trained:
        st.caption(escape(f"{trained[0].upper()}{trained[1:]}"), help=HELP["trained_by"])


def settings_table(searched: dict[str, Value], fixed: dict[str, Value]) -> None:
    """Draw every setting of a trial, and whether it was searched."""
    rows = [
        (PARAMETERS[name].label, _in_words(name, v), "searched") for name, v in searched.items()
    ]
    rows += [(PARAMETERS[name].label, _in_words(name, v), "fixed") for name, v in fixed.items()]
    st.dataframe(
        pd.DataFrame(rows, columns=["Setting", "Value", "How"]),
        hide_index=True,
        column_config={"Value": st.column_config.TextColumn(width="medium")},
        height="content",
        alt="Settings of the trial",
    )


def _in_words(name: str, value: Value) -> str:
    """Write a value, or what leaving it out does."""
    return PARAMETERS[name].none_means or "off" if value is None else show_value(value)


def _folds(view: View, fits: list[FitRow]) -> None:
    if len(fits) < 2:
        return
    repeats = view.spec.evaluation.repeats
    texts = []
    for fit in fits:
        value = "–" if fit.score is None else with_error(fit.score)
        texts.append(f"{fold_label(fit.repeat, fit.fold, repeats)}: {value}")
    st.markdown(escape(" · ".join(texts)))


def _curves(view: View, number: int) -> None:
    with view.reader.reading() as seen:
        book = seen.curves_of([number])
        if number not in book:
            st.caption("No epoch was reached.")
            return
        finding = loss_finding(number, book.trial_table(number, LOSS))
    first = measures(view.row.score_name)[0]
    chosen = [first] if first == LOSS else [first, LOSS]
    for measure in chosen:
        title = finding if measure == LOSS else f"{measure.label} by epoch"
        _chart(view, number, measure, title)
    st.caption("Training rows are dashed; the band spans the folds.")


def _chart(view: View, number: int, measure: Measure, title: str) -> None:
    lines = Lines(number, n_trials=1)
    with view.reader.reading() as seen:
        book = seen.curves_of([number])
        table = curve_table(book, measure, lines, Display(training=True))
    option = learning_curves(table, lines, Frame(title, measure.word))
    st.echarts_chart(option, height=_CURVES_PX, key=f"drawer_{measure.label}", alt=title)
