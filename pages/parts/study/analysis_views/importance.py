"""Which settings matter, with what chance alone would give beside it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.parts.charts.importance import common_bars, effect_bars
from pages.parts.show import plural
from pages.parts.study.analysis_views.snapshot import (
    Question,
    Snapshot,
    answers,
    cannot,
    caption,
    left_out,
    numbers,
    plot,
    question,
    waited,
)
from pages.parts.study.view import View
from pages.parts.words import HELP
from tuning.analysis.effects import Effects, effects
from tuning.analysis.importance import FEWEST_FOR_BEST, common_finding, common_in_best

_EFFECTS, _BEST = "Effects", "Best 10 %"
_HELP_NAMES = {_EFFECTS: "effects", _BEST: "best_in_common"}
_BARS = (
    "Dark: the setting alone, less what chance gives. Light: with all it acts together with; "
    + "its whisker says how steady the bar is, not where the true share lies, which is mostly "
    + "larger."
)
_TOTALS_HIDDEN = (
    "Totals are not shown: what was learned foretells new trials worse than their mean does."
)


@dataclass(frozen=True)
class _Found:
    """An answer, and which trials it leaves out for their settings."""

    answer: Effects | pd.DataFrame | str
    outside: str


def importance_view(view: View, snapshot: Snapshot) -> None:
    """Draw the effects of the settings, or what the best trials have in common."""
    if _method(snapshot) == _BEST:
        _common(view, snapshot)
    else:
        _effects(view, snapshot)


def _method(snapshot: Snapshot) -> str:
    """Let a person choose, once there are trials enough for both."""
    if snapshot.n_finished < FEWEST_FOR_BEST:
        return _EFFECTS
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = st.segmented_control(
            "Method", list(_HELP_NAMES), default=_EFFECTS, required=True, key="an_method",
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
        st.caption(HELP[_HELP_NAMES.get(chosen, "effects")], width="stretch")
    return chosen


def _effects(view: View, snapshot: Snapshot) -> None:
    found = waited(question(view, snapshot, "effects"), _find_effects)
    shown = found.answer
    if not isinstance(shown, Effects):
        cannot(str(shown))
        caption(found.outside)
        return
    plot(view, effect_bars(shown.table, shown.sentence), shown.sentence, snapshot)
    has_totals = bool(shown.table["total"].notna().any())
    caption(
        f"From {plural(shown.n_trials, 'finished trial')}.",
        _BARS if has_totals else _TOTALS_HIDDEN,
        "Grey: chance explains it." if shown.table["is_grey"].any() else "",
        shown.left_out,
        found.outside,
        help_name="effects",
    )
    numbers(shown.table.drop(columns="name"))


@answers
def _find_effects(asked: Question) -> _Found:
    tried = asked.snapshot.tried()
    found = effects(asked.spec, tried.settings, tried.scores, tried.states)
    return _Found(found, left_out(tried))


def _common(view: View, snapshot: Snapshot) -> None:
    found = waited(question(view, snapshot, "best in common"), _find_common)
    shown = found.answer
    if not isinstance(shown, pd.DataFrame):
        cannot(str(shown))
        caption(found.outside)
        return
    title = common_finding(shown)
    plot(view, common_bars(shown, title), title, snapshot)
    n_trials = plural(snapshot.n_finished, "finished trial")
    caption(
        f"The best tenth of {n_trials}. Marks: what chance gives.",
        "Grey: chance explains it." if shown["is_grey"].any() else "",
        found.outside,
    )
    numbers(shown.drop(columns="name"))


@answers
def _find_common(asked: Question) -> _Found:
    tried = asked.snapshot.tried()
    found = common_in_best(asked.spec, tried.settings, tried.scores, tried.states)
    return _Found(found, left_out(tried))
