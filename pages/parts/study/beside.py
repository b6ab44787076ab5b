"""A trial beside another one of its study: which is better, and how sure that is."""

from __future__ import annotations

import math

import streamlit as st

from pages.parts.show import escape
from pages.parts.study.facts import SCORES
from pages.parts.study.reader import StudyReader
from pages.parts.study.view import View
from pages.parts.words import HELP
from tuning.analysis.pair_words import Pair, compare_trials
from tuning.analysis.pairs import study_spread
from tuning.analysis.study_scores import split_ratio
from tuning.digits import decimals

_MOST_OPTIONS = 500


def beside(view: View, number: int) -> None:
    """Let a person choose another trial, and draw how the two compare."""
    with view.reader.reading() as seen:
        found = seen.judged.found
        others = [n for n in seen.ranked[:_MOST_OPTIONS] if n != number]
    if not others or number not in found.table.index:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.selectbox(
            "Compare with…", others, index=None, format_func=lambda n: f"Trial {n}",
            placeholder="Another trial", key=f"drawer_against_{number}", width=220,
        )  # fmt: skip
        rope = st.number_input(
            "Smallest difference that matters", min_value=0.0, value=found.rope,
            step=found.rope / 2 or 0.001, format="%.4g", key=f"drawer_rope_{number}",
            width=260, help=HELP["rope"],
        )  # fmt: skip
    if other is None:
        return
    ratio = split_ratio(view.spec, view.info)
    with view.reader.reading() as seen:
        spread = seen.made(("spread", ratio), lambda: _spread(seen, ratio))
        pair = compare_trials(
            seen.study_scores, found, (number, other),
            rope=float(rope or 0.0), spread=spread, test_ratio=ratio,
        )  # fmt: skip
    if pair is not None:
        _draw(view, pair)


def _spread(seen: StudyReader, ratio: float | None) -> float | None:
    return study_spread(seen.study_scores.searched(), test_ratio=ratio)


def _draw(view: View, pair: Pair) -> None:
    st.markdown(f"**{escape(pair.sentence)}**")
    if not math.isfinite(pair.half_width):
        return
    word = SCORES[view.row.score_name]
    st.markdown(
        escape(
            f"{word[0].upper()}{word[1:]} of trial {pair.a} less that of trial {pair.b}: "
            + f"{interval_words(pair)}."
        )
    )
    shares = pair.comparison
    with st.grid(3, min_column_width=110):
        for label, share in (
            ("Worse", shares.p_b),
            ("Practically equal", shares.p_equal),
            ("Better", shares.p_a),
        ):
            st.metric(label, f"{100 * share:.0f} %", border=True)
    st.caption(
        f"How probable it is that trial {pair.a} is worse than trial {pair.b}, practically "
        + "equal, or better. Shown from 1 to 99 %.",
        help=HELP["probable"],
    )


def interval_words(pair: Pair) -> str:
    """Write a difference with its interval: +0.019, 95 % interval +0.008 to +0.030."""
    ends = sorted((pair.sign * pair.comparison.low, pair.sign * pair.comparison.high))
    digits = decimals(pair.half_width)
    low, high = (f"{end:+,.{digits}f}" for end in ends)
    return f"{pair.difference:+,.{digits}f}, 95 % interval {low} to {high}"
