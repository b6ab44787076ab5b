"""Studies and trials side by side: which is better, what differs, how each search went."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import streamlit as st

from pages.parts.compare.blocks import (
    draw_curves,
    draw_folds,
    draw_gaps,
    draw_overview,
    draw_searches,
    draw_settings,
    sentences,
    two_columns,
)
from pages.parts.compare.choice import choose_items, choose_score
from pages.parts.compare.reading import Asked, Item, read_entries, read_items
from pages.parts.show import escape
from tuning.analysis.comparable import shared_scores
from tuning.analysis.compared_files import compared_csv, compared_json
from tuning.analysis.comparing import FEWEST, Entry, gaps_to_first, pairs_to_first
from tuning.analysis.comparing_words import (
    NO_SHARED_SCORE,
    different_scores,
    verdicts,
    why_no_verdict,
)

_FIRST_STEPS = "Choose two or more. Tip: tick rows on Studies, or highlight trials in a study."


def _page() -> None:
    st.set_page_config(page_title="Compare · Tuneboard")
    st.title("Compare", anchor=False)
    asked = read_items(choose_items())
    for sentence in asked.left_out:
        st.warning(escape(sentence), icon=":material/link_off:")
    if len(asked.items) < FEWEST:
        st.info(_FIRST_STEPS, icon=":material/compare_arrows:")
        return
    _running(asked)
    score = _score(asked.items)
    if score is None:
        # Each by its own score: what differs can be told all the same.
        draw_settings([_entry(item) for item in asked.items])
        return
    _draw(read_entries(asked.items, score))


def _entry(item: Item) -> Entry:
    return read_entries([item], item.row.score_name)[0]


def _score(items: Sequence[Item]) -> str | None:
    """Return the score that all are judged by; None where there is none, or none is chosen."""
    specs = [item.spec for item in items]
    names = shared_scores(specs)
    if not names:
        st.warning(NO_SHARED_SCORE, icon=":material/balance:")
        return None
    chosen = choose_score(names, [spec.evaluation.score for spec in specs])
    if chosen is None:
        st.info(different_scores(specs), icon=":material/balance:")
    return chosen


def _running(asked: Asked) -> None:
    """Say which studies are still in training, and let a click read them anew."""
    names = dict.fromkeys(item.row.name for item in asked.items if not item.row.is_final)
    if not names:
        return
    verb = "is" if len(names) == 1 else "are"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(escape(f"{' and '.join(names)} {verb} still running."), width="content")
        st.button("Update", icon=":material/refresh:", key="compare_update")


def _draw(entries: list[Entry]) -> None:
    reason = why_no_verdict(entries)
    pairs = [None] * (len(entries) - 1) if reason else pairs_to_first(entries)
    told = [reason] if reason else verdicts(entries, pairs)
    sentences(told)
    draw_overview(entries)
    searches = draw_searches(entries)
    if reason:
        two_columns(lambda: draw_settings(entries), lambda: draw_curves(entries))
    else:
        gaps = gaps_to_first(entries, pairs)
        two_columns(lambda: draw_settings(entries), lambda: draw_gaps(entries, gaps))
        two_columns(lambda: draw_folds(entries), lambda: draw_curves(entries))
    with st.popover("Export", icon=":material/download:", key="compare_export"):
        _download("CSV", "text/csv", functools.partial(compared_csv, entries))
        _download(
            "JSON",
            "application/json",
            functools.partial(compared_json, entries, pairs, told, searches),
        )


def _download(kind: str, mime: str, make: functools.partial[bytes]) -> None:
    st.download_button(
        f"Everything as {kind}" if kind == "JSON" else f"A row each as {kind}",
        data=make,
        file_name=f"comparison.{kind.lower()}",
        mime=mime,
        icon=":material/download:",
        key=f"compare_{kind.lower()}",
        on_click="ignore",
        width="stretch",
    )


_page()
