"""How far the search has come: the best so far, told honestly, and whether to go on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.parts.charts.honest import Levels, honest_lines
from pages.parts.charts.search_curve import found_by_trials
from pages.parts.study.analysis_views.snapshot import (
    Question,
    Snapshot,
    answers,
    cannot,
    caption,
    left_out,
    none_yet,
    numbers,
    plot,
    question,
    waited,
)
from pages.parts.study.facts import SCORES
from pages.parts.study.view import View
from tuning.analysis.effects import finished_rows
from tuning.analysis.gain import Gain
from tuning.analysis.search_curve import (
    MoreTrials,
    SearchCurve,
    incumbent_curve,
    more_trials,
    search_curve,
)
from tuning.analysis.search_lines import (
    best_finding,
    curve_table,
    default_line,
    honest_table,
    luck_line,
    overtuning,
    shown_table,
)

_LINES = (
    "Grey: the best mean so far, too good because it was chosen by it. Blue: what the winner "
    + "scores on rows that did not choose it, with its 95 % interval."
)
_OF_CURVE = (
    "For each number of trials: what the winner scores on rows that did not choose it, with "
    + "its 95 % interval. A gain is surer than the interval is wide: all are scored by the "
    + "same folds."
)
_IN_ORDER = (
    "The trials are taken in the order they ran, because each learned from those before."
)


@dataclass(frozen=True)
class _Lines:
    table: pd.DataFrame
    levels: Levels
    why_not_honest: str


@dataclass(frozen=True)
class _More:
    table: pd.DataFrame
    answer: MoreTrials | str
    outside: str


def best_view(view: View, snapshot: Snapshot) -> None:
    """Draw the best score so far beside what to expect of it on new data."""
    if not snapshot.n_finished:
        none_yet()
        return
    found = snapshot.judged.found
    title = best_finding(found, snapshot.lines, view.row.direction)
    lines = waited(question(view, snapshot, "best so far"), _find_lines)
    if overtuning(found):
        st.warning(overtuning(found), icon=":material/warning:")
    figure = honest_lines(lines.table, title, SCORES[view.row.score_name], lines.levels)
    plot(view, figure, title, snapshot)
    gain = found.gain.sentence if isinstance(found.gain, Gain) and found.leader else ""
    told = f"No honest score: {lines.why_not_honest}" if lines.why_not_honest else _LINES
    caption(gain, told, help_name="honest_score")
    _of_confirming(snapshot)
    numbers(lines.table)


def _of_confirming(snapshot: Snapshot) -> None:
    """Say that the lines know nothing of the repeats the header knows."""
    if snapshot.judged.found.confirmed is not None:
        caption("The fresh repeats of confirming came after the search and are not in it.")


@answers
def _find_lines(asked: Question) -> _Lines:
    snapshot, spec = asked.snapshot, asked.spec
    levels = Levels(luck_line(snapshot.judged.found), default_line(spec, snapshot.scores))
    is_adaptive = snapshot.is_adaptive
    found = honest_table(snapshot.lines, snapshot.scores, is_adaptive=is_adaptive)
    if isinstance(found, str):
        return _Lines(shown_table(snapshot.lines, spec.direction), levels, found)
    return _Lines(found, levels, "")


def more_view(view: View, snapshot: Snapshot) -> None:
    """Draw what fewer trials would have found, and tell whether more would help."""
    if not snapshot.n_finished:
        none_yet()
        return
    found = waited(question(view, snapshot, "more trials"), _find_more)
    if isinstance(found, str):
        cannot(found)
        return
    if isinstance(found.answer, str):
        cannot(found.answer)
        title = "What so many trials find"
    else:
        title = found.answer.sentence
    figure = found_by_trials(found.table, title, SCORES[view.row.score_name])
    plot(view, figure, title, snapshot)
    in_order = _IN_ORDER if snapshot.is_adaptive else ""
    caption(_OF_CURVE, in_order, found.outside, help_name="more_trials")
    numbers(found.table)


@answers
def _find_more(asked: Question) -> _More | str:
    snapshot, tried = asked.snapshot, asked.snapshot.tried()
    is_adaptive = snapshot.is_adaptive
    scores = tried.scores[finished_rows(tried.scores, tried.states)]
    curve = (incumbent_curve if is_adaptive else search_curve)(scores)
    if not isinstance(curve, SearchCurve):
        return curve
    table = curve_table(curve, snapshot.scores.kind, snapshot.scores.sign)
    answer = more_trials(scores, snapshot.judged.found.rope, is_adaptive=is_adaptive)
    return _More(table, answer, left_out(tried))
