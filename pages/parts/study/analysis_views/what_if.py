"""What settings nobody has tried would probably score."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts.charts.what_if import Guess, Scale, guessed_score
from pages.parts.show import escape
from pages.parts.study.analysis_views.snapshot import (
    Question,
    Snapshot,
    cannot,
    caption,
    label,
    left_out,
    question,
    waited,
)
from pages.parts.study.facts import SCORES
from pages.parts.study.view import View, open_drawer
from tuning.analysis.asking import (
    differences,
    in_own_units,
    nearest_value,
    prediction_sentence,
    values_to_ask,
)
from tuning.analysis.study_scores import half_width_of
from tuning.analysis.tables import settings_of
from tuning.analysis.verdict import Judgement
from tuning.analysis.what_if import Nearest, Prediction, WhatIf, limits_of, make_what_if
from tuning.digits import with_error
from tuning.parameters import PARAMETERS, Value, show_value
from tuning.setting import Choices

_CHART_PX = 300
_ASKED, _OF_SNAPSHOT = "what if", 3  # what a question of the trees is, and where it stands
_MOST_STUDIES = 8  # kept in memory, some 10 MB each
_IS_SEARCH_SCORE = (
    "A score as the search shows it: the mean over folds and repeats, not yet corrected for "
    + "having been chosen."
)
_IS_GUIDE = "The trials were chosen by earlier scores, so the interval is only a guide."


def what_if_view(view: View, snapshot: Snapshot) -> None:
    """Draw a control for each searched parameter, and what its values would score."""
    what_if, outside = learned(view, snapshot)
    if not isinstance(what_if, WhatIf):
        cannot(what_if)
        caption(outside)
        return
    st.fragment(_ask, key="what_if")(view, snapshot, what_if)
    guide = _IS_GUIDE if snapshot.is_adaptive else ""
    caption(_IS_SEARCH_SCORE, guide, outside, help_name="what_if")


def learned(view: View, snapshot: Snapshot) -> tuple[WhatIf | str, str]:
    """Return what the trials taught, or why they taught nothing, and what is left out."""
    return waited(question(view, snapshot, _ASKED), learn, _CHART_PX)


def with_trees(asked: Question) -> Question:
    """Return the question that the trees of a snapshot are the answer to."""
    return Question((*asked.key[:_OF_SNAPSHOT], _ASKED), asked.snapshot)


@st.cache_resource(
    show_spinner=False,
    max_entries=_MOST_STUDIES,
    hash_funcs={Question: lambda asked: asked.key},
)
def learn(asked: Question) -> tuple[WhatIf | str, str]:
    """Learn what was tried, once for a version of a study."""
    spec, tried = asked.spec, asked.snapshot.tried()
    what_if = make_what_if(
        spec,
        tried.settings,
        tried.scores,
        tried.states,
        numbers=tried.numbers.tolist(),
        limits=limits_of(spec.evaluation.score),
    )
    return what_if, left_out(tried)


def _ask(view: View, snapshot: Snapshot, what_if: WhatIf) -> None:
    """Ask and answer; only this runs when a slider moves."""
    answers, controls = st.columns([3, 2], gap="large")  # a phone shows the answer first
    with controls:
        settings = {name: _control(view, snapshot, name) for name in view.spec.searched}
        st.button(
            "Back to the leader's settings", icon=":material/restart_alt:", key="what_if_reset",
            type="tertiary", on_click=_reset, args=(view, snapshot),
        )  # fmt: skip
    with answers:
        found = what_if.predict(settings)
        _answer(view, snapshot, found)
        _nearest(view, snapshot, found, settings)


def _control(view: View, snapshot: Snapshot, name: str) -> Value:
    """Draw a slider for a range, a choice for a list; both begin at the leader's value.

    What is chosen is the text of a value: none would be no choice at all.
    """
    setting, key = view.spec.searched[name], _key(view, name)
    values = {show_value(value): value for value in values_to_ask(name, setting)}
    if st.session_state.get(key) not in values:
        st.session_state[key] = _start(view, snapshot, name)
    helped = PARAMETERS[name].help
    if isinstance(setting, Choices):
        text = st.selectbox(
            label(name), list(values), key=key, help=helped, persist_state="session"
        )
    else:
        text = st.select_slider(
            label(name), list(values), key=key, help=helped, persist_state="session"
        )
    return values[text]


def _start(view: View, snapshot: Snapshot, name: str) -> str:
    values = values_to_ask(name, view.spec.searched[name])
    return show_value(nearest_value(name, values, snapshot.judged.settings.get(name)))


def _searched(snapshot: Snapshot, number: int) -> float:
    """Return the score of a trial in the search, as those of the trials around it are."""
    scores = snapshot.scores
    row = scores.rows_of([number])
    return float(scores.values[row, : scores.n_searched].mean())


def _key(view: View, name: str) -> str:
    return view.key(f"what_if_{name}")


def _reset(view: View, snapshot: Snapshot) -> None:
    """Set every control; a browser keeps what it shows of one whose value is only forgotten."""
    for name in view.spec.searched:
        st.session_state[_key(view, name)] = _start(view, snapshot, name)


def _answer(view: View, snapshot: Snapshot, found: Prediction) -> None:
    sign = snapshot.scores.sign
    title = prediction_sentence(found, sign)
    judged = snapshot.judged.found
    leader = (
        None if judged.leader is None else (judged.leader, _searched(snapshot, judged.leader))
    )
    option = guessed_score(
        Guess(*in_own_units(found, sign)) if found.is_known else None,
        [(n.number, _rounded(judged, n.number, sign * n.score)) for n in found.nearest],
        title=title,
        scale=Scale(SCORES[view.row.score_name], _own_ends(snapshot)),
        leader=leader,
    )
    st.echarts_chart(option, height=_CHART_PX, key="what_if_chart", alt=title)


def _rounded(judged: Judgement, number: int, score: float) -> float:
    return round(score, judged.digits_of([number]))


def _own_ends(snapshot: Snapshot) -> tuple[float, float]:
    """Return between which values a score lies, as it is shown: a loss from 0 on."""
    low, high = limits_of(snapshot.judged.spec.evaluation.score)
    return (low, high) if snapshot.scores.sign > 0 else (-high, -low)


def _nearest(
    view: View, snapshot: Snapshot, found: Prediction, asked: Mapping[str, Value]
) -> None:
    """List the tried trials that come nearest; each opens its drawer."""
    st.caption("Tried, the nearest first:")
    for place, near in enumerate(found.nearest):
        with st.container(gap=None):
            if st.button(f"Trial {near.number}", key=f"what_if_near_{place}", type="tertiary"):
                open_drawer(near.number)
                st.rerun()
            st.caption(_of_trial(view, snapshot, near, asked))


def _of_trial(view: View, snapshot: Snapshot, near: Nearest, asked: Mapping[str, Value]) -> str:
    line = snapshot.lines[near.number]
    settings = settings_of(line)
    mean, half_width = snapshot.scores.sign * near.score, None
    if view.info is not None:
        half_width = half_width_of(view.spec, view.info, mean, line.spread)
    score = with_error(mean, half_width)
    return escape(f"{score} · {differences(settings, asked)}")
