"""Plots of scores: how they came, how they are spread, and what they cost."""

from __future__ import annotations

import pandas as pd

from pages.parts.charts.scores_over import (
    convergence_lines,
    cost_dots,
    edf_steps,
    history_dots,
    timeline_bars,
)
from pages.parts.show import SAMPLERS
from pages.parts.study.analysis_views.snapshot import (
    Question,
    Snapshot,
    answers,
    cannot,
    caption,
    none_yet,
    numbers,
    plot,
    question,
)
from pages.parts.study.facts import SCORES
from pages.parts.study.view import View
from tuning.analysis.history import history, history_finding, scores_of
from tuning.analysis.score_plots import (
    best_trade_offs,
    convergence_finding,
    convergence_table,
    cost_finding,
    cost_table,
    edf_finding,
    edf_table,
    timeline_finding,
    timeline_table,
)

_MOST_BARS = 2_000  # trials of a timeline; more cannot be told apart
_CONVERGENCE = (
    "Dotted: the best of so many of these trials in any order, on average. Where the line "
    + "keeps above it, the search found good trials early."
)
_LOSS_CONVERGENCE = _CONVERGENCE.replace("above", "below")


def convergence_view(view: View, snapshot: Snapshot) -> None:
    """Draw the best score so far over the number of trials."""
    table = _convergence(question(view, snapshot, "convergence"))
    if table.empty:
        none_yet()
        return
    title = convergence_finding(table, SAMPLERS[view.spec.sampler.kind])
    figure = convergence_lines(table, title, SCORES[view.row.score_name])
    plot(view, figure, title, snapshot)
    is_loss = view.row.direction == "minimize"
    caption(_LOSS_CONVERGENCE if is_loss else _CONVERGENCE)
    numbers(table)


@answers
def _convergence(asked: Question) -> pd.DataFrame:
    scores = _history(asked.snapshot)["score"].to_numpy()
    return convergence_table(scores, asked.spec.direction)


def history_view(view: View, snapshot: Snapshot) -> None:
    """Draw every score in the order the trials finished, with the best so far."""
    table = _history(snapshot)
    if table.empty:
        none_yet()
        return
    title = history_finding(table)
    plot(view, history_dots(table, title, SCORES[view.row.score_name]), title, snapshot)
    caption("A dot is a trial, its mean over folds and repeats. The line is the best so far.")
    numbers(table)


def edf_view(view: View, snapshot: Snapshot) -> None:
    """Draw the share of the trials that score no more than each score."""
    scores = _history(snapshot)["score"].to_numpy()
    if not len(scores):
        none_yet()
        return
    table = edf_table(scores)
    title = edf_finding(scores, view.row.direction)
    plot(view, edf_steps(table, title, SCORES[view.row.score_name]), title, snapshot)
    end = "right" if view.row.direction == "maximize" else "left"
    caption(
        "The height is the share of the trials that score no more. "
        + f"A search is the better the further to the {end} its line lies."
    )
    numbers(table)


def cost_view(view: View, snapshot: Snapshot) -> None:
    """Draw scores over the seconds the trials took."""
    table = cost_table(snapshot.lines)
    if table.empty:
        cannot("No trial has both a score and a time yet.")
        return
    direction = view.row.direction
    is_best = best_trade_offs(table["seconds"].to_numpy(), table["score"].to_numpy(), direction)
    table = table.assign(is_best=is_best)
    title = cost_finding(table, direction)
    plot(view, cost_dots(table, title, SCORES[view.row.score_name]), title, snapshot)
    caption(
        "Seconds of all fits of a trial. Fits that trained together share their time, so that "
        + "times of one study can be compared, hardly those of two."
    )
    numbers(table)


def timeline_view(view: View, snapshot: Snapshot) -> None:
    """Draw when each trial was trained, and how it ended."""
    table = timeline_table(snapshot.lines)
    if table.empty:
        cannot("No trial has ended yet.")
        return
    title = timeline_finding(table)
    step = -(-len(table) // _MOST_BARS)
    shown = table.iloc[::step]
    plot(view, timeline_bars(shown, title), title, snapshot)
    few = f"Drawn are {len(shown):,} of {len(table):,} trials, evenly." if step > 1 else ""
    caption("A bar ends when its trial did, and is as long as its training took.", few)
    numbers(table)


def _history(snapshot: Snapshot) -> pd.DataFrame:
    return history(scores_of(snapshot.lines), snapshot.judged.spec.direction)
