"""Plots of two parameters at once, and what trees foretell over one or two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.parts.charts.axes import parameter_axis
from pages.parts.charts.pair_maps import (
    contour_map,
    dependence_line,
    dependence_map,
    rank_dots,
)
from pages.parts.study.analysis_views.plots_space import drawn, found_points
from pages.parts.study.analysis_views.snapshot import (
    Question,
    Snapshot,
    answers,
    cannot,
    caption,
    label,
    none_yet,
    numbers,
    plot,
    question,
    waited,
)
from pages.parts.study.analysis_views.what_if import learn, learned, with_trees
from pages.parts.study.facts import SCORES
from pages.parts.study.view import View
from tuning.analysis.dependence import (
    one_dependence,
    one_dependence_finding,
    two_dependence,
    two_dependence_finding,
)
from tuning.analysis.points import make_points
from tuning.analysis.score_plots import rank_shares
from tuning.analysis.space_plots import (
    cell_table,
    contour_finding,
    local_means,
    ranked_finding,
)
from tuning.analysis.what_if import WhatIf
from tuning.setting import Choices

_MOST_DOTS, _MOST_ON_SURFACE = 2_000, 500
_FORETOLD = "What trees foretell that have learned the tried trials, not what was tried."


@dataclass(frozen=True)
class _Surface:
    means: NDArray[np.float64]
    counts: NDArray[np.intp]


def rank_view(view: View, snapshot: Snapshot) -> None:
    """Draw the trials over two parameters, the stronger the better they rank."""
    found = found_points(view, snapshot)
    x, y = _pick_two(list(view.spec.searched))
    if not len(found.points):
        none_yet()
        caption(found.outside)
        return
    direction = view.row.direction
    shares = rank_shares(found.points.table["score"].to_numpy(), direction)
    title = ranked_finding(found.points, shares, x, y)
    points, thinned = drawn(found, snapshot.scores.sign, _MOST_DOTS)
    own = shares[points.table["order"].to_numpy() - 1]
    plot(view, rank_dots(points, own, (x, y), title), title, snapshot)
    caption(
        "A dot is a trial, the larger and bluer the more others it is better than.",
        thinned,
        found.outside,
    )
    numbers(found.points.table[["number", x, y, "score"]].assign(better_than=shares))


def contour_view(view: View, snapshot: Snapshot) -> None:
    """Draw the mean score of the trials near each place on two ranges."""
    searched = view.spec.searched
    ranges = [name for name, setting in searched.items() if not isinstance(setting, Choices)]
    if len(ranges) < 2:
        cannot("A contour needs two ranges of numbers. Choose the heat map for lists.")
        return
    found = found_points(view, snapshot)
    x, y = _pick_two(ranges)
    if not len(found.points):
        none_yet()
        caption(found.outside)
        return
    surface = _find_surface(question(view, snapshot, "contour", x, y))
    sign = snapshot.scores.sign
    title = contour_finding(found.points, x, y, surface.means, sign)
    points, thinned = drawn(found, sign, _MOST_ON_SURFACE)
    figure = contour_map(
        points, surface.means, (x, y), title=title, value=SCORES[view.row.score_name],
        higher_is_better=sign > 0,
    )  # fmt: skip
    plot(view, figure, title, snapshot)
    caption(
        "The colour is the mean score of the trials near a place; where fewer than three are "
        + "near there is none. A dot is a trial.",
        thinned,
        found.outside,
    )
    numbers(cell_table(found.points, x, y, surface.means, surface.counts))


@answers
def _find_surface(asked: Question) -> _Surface:
    tried, sign = asked.snapshot.tried(), asked.snapshot.scores.sign
    points = make_points(asked.spec, tried, sign)
    x, y = (str(name) for name in asked.key[-2:])
    scores = points.table["score"].to_numpy()
    return _Surface(*local_means(points.place(x), points.place(y), scores))


def dependence_view(view: View, snapshot: Snapshot) -> None:
    """Draw what is foretold over one parameter, whatever the others are."""
    name = _pick("Parameter", list(view.spec.searched), "an_x")
    what_if, outside = learned(view, snapshot)
    if not isinstance(what_if, WhatIf):
        cannot(what_if)
        caption(outside)
        return
    table = waited(question(view, snapshot, "dependence", name), _find_one)
    title = one_dependence_finding(table, label(name), view.row.direction)
    figure = dependence_line(table, _look(what_if, name), title, SCORES[view.row.score_name])
    plot(view, figure, title, snapshot)
    caption(
        _FORETOLD,
        "The line is the mean over tried settings of everything else; the band holds 80 % of "
        + "them.",
        outside,
    )
    numbers(table)


def dependence_of_two_view(view: View, snapshot: Snapshot) -> None:
    """Draw what is foretold over two parameters, whatever the others are."""
    x, y = _pick_two(list(view.spec.searched))
    what_if, outside = learned(view, snapshot)
    if not isinstance(what_if, WhatIf):
        cannot(what_if)
        caption(outside)
        return
    table = waited(question(view, snapshot, "dependence of two", x, y), _find_two)
    title = two_dependence_finding(table, (label(x), label(y)), view.row.direction)
    figure = dependence_map(
        table, (_look(what_if, x), _look(what_if, y)), title=title,
        value=SCORES[view.row.score_name], higher_is_better=snapshot.scores.sign > 0,
    )  # fmt: skip
    plot(view, figure, title, snapshot)
    caption(_FORETOLD, "A place is the mean over tried settings of everything else.", outside)
    numbers(table.reset_index(names=label(y)))


def _look(what_if: WhatIf, name: str) -> dict[str, Any]:
    return parameter_axis(next(axis for axis in what_if.axes if axis.name == name))


def _trees(asked: Question) -> WhatIf:
    """Return what has been learned already: those who ask have seen that it was."""
    what_if, _ = learn(with_trees(asked))
    if not isinstance(what_if, WhatIf):
        raise TypeError(what_if)
    return what_if


def _pick(title: str, names: list[str], key: str) -> str:
    name: str = st.selectbox(title, names, format_func=label, key=key, width=280)
    return name


def _pick_two(names: list[str]) -> tuple[str, str]:
    with st.container(horizontal=True):
        x = _pick("Across", names, "an_x")
        y = _pick("Upwards", [name for name in names if name != x], "an_y")
    return x, y


@answers
def _find_one(asked: Question) -> pd.DataFrame:
    return one_dependence(_trees(asked), str(asked.key[-1]), asked.snapshot.scores.sign)


@answers
def _find_two(asked: Question) -> pd.DataFrame:
    x, y = (str(name) for name in asked.key[-2:])
    return two_dependence(_trees(asked), x, y, asked.snapshot.scores.sign)
