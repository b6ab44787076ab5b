"""Everything known of one trial, in a drawer beside the page."""

from __future__ import annotations

import json
import math

import pandas as pd
import streamlit as st

from pages.parts import problems
from pages.parts.charts.curve_lines import Display, Lines, curve_table
from pages.parts.charts.curves import Frame, learning_curves
from pages.parts.notes.editor import Place, note_editor, star_button
from pages.parts.notes.shown import note_text, tag_badges
from pages.parts.show import escape, plural
from pages.parts.state import db, query
from pages.parts.study.beside import beside
from pages.parts.study.diagnosed import diagnosis_of
from pages.parts.study.facts import (
    SCORES,
    SPREAD_HELP,
    as_python,
    digits_of,
    settings_text,
    trained_by,
    trial_ending,
)
from pages.parts.study.view import View, close_drawer
from pages.parts.words import HELP
from storage.notes import read_note
from storage.results import FitRow, TrialRow
from storage.studies import ACTIVE_STATES, FINISHED, StudyRow
from storage.wishes import ask_to_confirm
from tuning.analysis.curves import LOSS, Measure, loss_finding, measures
from tuning.analysis.diagnosis_words import Diagnosis
from tuning.analysis.pair_words import compare_trials, signed_with_error
from tuning.analysis.study_scores import MOST_REPEATS, split_ratio
from tuning.analysis.tables import fold_label, settings_of, value_in_words
from tuning.analysis.verdict import Judgement
from tuning.digits import with_error
from tuning.parameters import PARAMETERS, Value
from tuning.spec import StudySpec

_CURVES_PX = 300
_OWN, _GAP = ("mean", "half_width"), ("gap", "gap_low", "gap_high")


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
        found = seen.judged.found
    _score(view, row, fits, found)
    _note(view, row.number)
    settings = settings_of(row)
    st.markdown(escape(settings_text(settings)))
    with st.expander("All settings"):
        settings_table(settings, view.spec.fixed)
    _folds(view, fits, found.digits_of([row.number]))
    trainers_caption(fits)
    _repeat_button(view, row, found)
    _curves(view, row.number, _diagnosis(view, row, found))
    beside(view, row.number)
    st.caption("Settings as Python")
    st.code(as_python({**view.spec.fixed, **settings}), language="python")


def _note(view: View, number: int) -> None:
    """Draw the star, the tags and the note of a trial, with where they are changed."""
    place, written = Place(view.id, number), read_note(db(), view.id, number)
    if not view.watching or written.tags:
        with st.container(horizontal=True, vertical_alignment="center"):
            if not view.watching:
                star_button(place, written)
            tag_badges(written.tags)
    note_text(written, "drawer_note_text")
    if not view.watching:
        with st.expander("Write a note", key="drawer_note"):
            note_editor(place, written)


# What it scores, and how it stands.


def _score(view: View, row: TrialRow, fits: list[FitRow], found: Judgement) -> None:
    n_scored = sum(fit.score is not None for fit in fits)
    if row.state == "FAIL":
        st.error(escape(trial_ending(row, n_scored)), icon=":material/error:")
        return
    if row.number not in found.table.index:
        st.markdown(f"**{escape(trial_ending(row, n_scored))}**", help=SPREAD_HELP)
        return
    mean, half_width = (float(found.table[name].loc[row.number]) for name in _OWN)
    text = f"{SCORES[view.row.score_name]} {with_error(mean, half_width)}"
    text += f" over {plural(n_scored, 'fit')}"
    st.markdown(f"**{escape(text)}**", help=SPREAD_HELP)
    lines = (gap_sentence(found, row.number), _gap_to_default(view, row.number))
    for line in lines:
        if line:
            st.markdown(escape(line), help=HELP["gap"])


def gap_sentence(found: Judgement, number: int) -> str:
    """Say how far a trial is from the leader, and whether that may be chance."""
    if number == found.leader:
        n = found.n_tied
        tied = "1 other may be as good" if n == 1 else f"{n:,} others may be as good"
        return f"It leads; {tied}." if n else "It leads."
    gap, low, high = (float(found.table[name].loc[number]) for name in _GAP)
    tie = str(found.table["tie"].loc[number])
    if tie == "not compared":
        return "It is not compared with the others: it lacks a fit."
    difference = signed_with_error(-found.sign * gap + 0.0, (high - low) / 2)
    words = f"Gap to trial {found.leader}, the leader: {difference}"
    return f"{words}, {tie}." if math.isfinite(low) else f"{words}."


def _gap_to_default(view: View, number: int) -> str:
    """Say how far a trial is from the default settings; empty where that is not known."""
    if number == 0 or not view.spec.include_default:
        return ""
    ratio = split_ratio(view.spec, view.info)
    with view.reader.reading() as seen:
        found = seen.judged.found
        pair = compare_trials(
            seen.study_scores,
            found,
            (number, 0),
            rope=found.rope,
            spread=None,
            test_ratio=ratio,
        )
    if pair is None or not math.isfinite(pair.difference):
        return ""
    return f"Gap to the default settings (trial 0): {pair.interval}."


def trainers_caption(fits: list[FitRow]) -> None:
    """Say how a trial's fits were trained, once that is known."""
    trained = trained_by(fits)
    if trained:
        st.caption(escape(f"{trained[0].upper()}{trained[1:]}"), help=HELP["trained_by"])


def settings_table(searched: dict[str, Value], fixed: dict[str, Value]) -> None:
    """Draw every setting of a trial, and whether it was searched."""
    rows = [
        (PARAMETERS[name].label, value_in_words(name, value), how)
        for settings, how in ((searched, "searched"), (fixed, "fixed"))
        for name, value in settings.items()
    ]
    st.dataframe(
        pd.DataFrame(rows, columns=["Setting", "Value", "How"]),
        hide_index=True,
        column_config={
            "Setting": st.column_config.TextColumn(width="medium"),
            "Value": st.column_config.TextColumn(width="medium"),
            "How": st.column_config.TextColumn(width="small"),
        },
        height="content",
        alt="Settings of the trial",
    )


def _folds(view: View, fits: list[FitRow], n_digits: int) -> None:
    """Draw the score of each fit: in a line, or, with several repeats, as a table.

    Parameters
    ----------
    n_digits : int
        Decimals of the trial's score.
    """
    if len(fits) < 2:
        return
    repeats = view.spec.evaluation.repeats
    if max(fit.repeat for fit in fits) == 0:
        texts = []
        for fit in fits:
            value = "–" if fit.score is None else f"{fit.score:.{n_digits}f}"
            texts.append(f"{fold_label(fit.repeat, fit.fold, repeats)}: {value}")
        st.markdown(escape(" · ".join(texts)))
        return
    table = repeats_table(view.spec, fits)
    number = st.column_config.NumberColumn(format=f"%.{n_digits}f")
    st.dataframe(
        table, hide_index=True, height="content", alt="Scores by repeat and fold",
        column_config=dict.fromkeys(table.columns[2:], number),
    )  # fmt: skip


def repeats_table(spec: StudySpec, fits: list[FitRow]) -> pd.DataFrame:
    """List the scores of a trial: a row a repeat, with what it was for, a column a fold."""
    n_folds, n_searched = spec.evaluation.n_folds, spec.evaluation.repeats
    scores = {(fit.repeat, fit.fold): fit.score for fit in fits}
    repeats = sorted({fit.repeat for fit in fits})
    columns: dict[str, list[object]] = {
        "Repeat": list(repeats),
        "For": ["search" if repeat < n_searched else "confirming" for repeat in repeats],
    }
    for fold in range(n_folds):
        columns[f"Fold {fold}"] = [scores.get((repeat, fold)) for repeat in repeats]
    table = pd.DataFrame(columns)
    folds = table.columns[2:]
    table[folds] = table[folds].astype("float64")
    return table.assign(Mean=table[folds].mean(axis=1))


# More repeats.


def _repeat_button(view: View, row: TrialRow, found: Judgement) -> None:
    if view.watching:
        return
    n_repeats = 0
    if row.number in found.table.index:
        n_repeats = int(found.table["n_repeats"].loc[row.number])
    with view.reader.reading() as seen:
        reason = why_no_repeats(seen.row, view.spec, row, n_repeats)
    st.button(
        f"Run with {MOST_REPEATS} repeats", icon=":material/repeat:", key="drawer_repeats",
        on_click=_ask, args=(view.id, row.number), disabled=bool(reason),
        help=reason or HELP["more_repeats"],
    )  # fmt: skip
    if reason:
        st.caption(reason)


def why_no_repeats(study: StudyRow, spec: StudySpec, row: TrialRow, n_repeats: int) -> str:
    """Say why a trial cannot be given more repeats now; empty where it can."""
    if spec.evaluation.method != "kfold":
        return "Only cross-validation can be repeated, and this study has one split."
    if row.state != "COMPLETE":
        return "Only a trial with a score can be repeated."
    if n_repeats >= MOST_REPEATS:
        return f"It has {n_repeats} repeats already."
    if study.state not in {*ACTIVE_STATES, FINISHED} or study.wish:
        what = f"is {study.state}" if study.state not in ACTIVE_STATES else "is about to end"
        what = "has failed" if study.state == "failed" else what
        return f"The study {what}. It has to go on first."
    is_asked = row.number in json.loads(study.asked).get("numbers", [])
    if is_asked and study.state != FINISHED:
        return "It has been asked for, and comes after what is in training."
    return ""


@problems.told
def _ask(study_id: str, number: int) -> None:
    ask_to_confirm(db(), study_id, [number])
    problems.say(f"Trial {number} gets {MOST_REPEATS} repeats as soon as a core is free.")


# What its curves say.


def _diagnosis(view: View, row: TrialRow, found: Judgement) -> Diagnosis | None:
    diagnosis = diagnosis_of(view, row, found)
    if diagnosis is not None:
        st.markdown(f"**{diagnosis.sentence}** {diagnosis.advice}", help=HELP["diagnosis"])
        st.caption(f"Rule for “{diagnosis.label}”: {diagnosis.rule}")
    return diagnosis


def _curves(view: View, number: int, diagnosis: Diagnosis | None) -> None:
    with view.reader.reading() as seen:
        book = seen.curves_of([number])
        if number not in book:
            st.caption("No epoch was reached.")
            return
        finding = loss_finding(number, book.trial_table(number, LOSS))
    if diagnosis is not None:
        finding = diagnosis.sentence.rstrip(".")  # one finding of one curve
    first = measures(view.row.score_name)[0]
    chosen = [first] if first == LOSS else [first, LOSS]
    for measure in chosen:
        title = finding if measure == LOSS else f"{measure.label} by epoch"
        _chart(view, number, measure, title)
    st.caption("Training rows are dashed; the band spans the folds of the search.")


def _chart(view: View, number: int, measure: Measure, title: str) -> None:
    lines = Lines(number, n_trials=1)
    with view.reader.reading() as seen:
        book = seen.curves_of([number])
        table = curve_table(book, measure, lines, Display(training=True))
        n_digits = digits_of(seen.judged.found, view.row.score_name, measure, [number])
    frame = Frame(
        title, measure.word, n_digits=n_digits, higher_is_better=measure.higher_is_better
    )
    option = learning_curves(table, lines, frame)
    st.echarts_chart(option, height=_CURVES_PX, key=f"drawer_{measure.label}", alt=title)
