"""The Results tab: how far trials are from the leader, and the grid of all trials.

Both are a snapshot. While somebody reads it, trials that finish wait behind "Show them": rows
that moved would put a tick on another trial.
"""

from __future__ import annotations

import streamlit as st

from pages.parts.charts.curve_lines import Display, Lines, curve_table
from pages.parts.charts.curves import Frame, learning_curves
from pages.parts.show import plural
from pages.parts.state import recall, remember
from pages.parts.study.diagnosed import diagnosed
from pages.parts.study.facts import digits_of
from pages.parts.study.header import downloads
from pages.parts.study.results_chips import clear
from pages.parts.study.results_controls import controls
from pages.parts.study.results_gap import gap_chart
from pages.parts.study.results_grid import results_grid
from pages.parts.study.results_snapshot import Snapshot, news
from pages.parts.study.view import View, highlighted
from pages.parts.words import HELP
from tuning.analysis.curves import measures
from tuning.analysis.diagnosis_words import counts_in_words
from tuning.analysis.grid import make_grid, matching, ordered

_NEWS_S = 3.0
_CURVES_PX = 300
_MOST_COUNTED = 500  # trials whose curves are read without being asked


def results_tab(view: View) -> None:
    """Draw the gaps, the grid with its controls, and the curves of the rows ticked."""
    snapshot = _snapshot(view)
    if view.poll_s is not None or _newer(view, snapshot):
        news_s = None if view.poll_s is None else _NEWS_S
        st.fragment(_news, run_every=news_s, key="results_news")(view, snapshot.serial)
    if snapshot.grid.table.empty:
        st.info("No trial has begun yet. Trials appear here.", icon=":material/hourglass_top:")
        return
    gap_chart(view, snapshot.found)
    asked = controls(view, snapshot)
    table = ordered(matching(snapshot.grid, asked.chosen, **asked.extra), asked.order)
    if table.empty:
        st.info("No trial matches.", icon=":material/search_off:")
        st.button("Clear filters", key="results_clear", on_click=clear, args=(asked.hiding,))
        return
    results_grid(view, snapshot, table, asked)
    _diagnosis_counts(view, snapshot, table["number"].tolist())
    _ticked_curves(view)
    with st.popover("Download", icon=":material/download:", key="results_downloads"):
        downloads(view.id, "results")


# The snapshot.


def _snapshot(view: View) -> Snapshot:
    key = view.key("results")
    kept: Snapshot | None = recall(key)
    if kept is None or kept.grid.table.empty or _has_only_ended(view, kept):
        _renew(view)
    snapshot: Snapshot = recall(key)
    return snapshot


def _has_only_ended(view: View, snapshot: Snapshot) -> bool:
    """Tell whether the study has ended, or gone on, since, and no row would be new."""
    with view.reader.reading() as seen:
        found = seen.judged.found
        is_same = not news(snapshot, seen.ended, found)
    return is_same and found.is_running != snapshot.found.is_running


def _renew(view: View) -> None:
    """Make a new snapshot; called back by "Show them"."""
    key = view.key("results")
    before: Snapshot | None = recall(key)
    serial = 0 if before is None else before.serial + 1
    with view.reader.reading() as seen:
        found = seen.judged.found
        grid = seen.made(
            ("grid", view.row.spec), lambda: make_grid(view.spec, seen.trials, found)
        )
        remember(key, Snapshot(serial, grid, found, seen.ended))


def _newer(view: View, snapshot: Snapshot) -> str:
    with view.reader.reading() as seen:
        return news(snapshot, seen.ended, seen.judged.found)


def _news(view: View, drawn: int) -> None:
    """Say what has finished since the grid was made.

    Parameters
    ----------
    drawn : int
        Which snapshot the grid shows. A button here runs this fragment alone, so that the whole
        page has to follow.
    """
    snapshot: Snapshot = recall(view.key("results"))
    if snapshot.serial != drawn:
        st.rerun()
    with view.reader.reading() as seen:
        n_trials = len(seen.trials)
    if snapshot.grid.table.empty and n_trials:
        st.rerun()
    text = _newer(view, snapshot)
    with st.container(horizontal=True, vertical_alignment="center", height=44, border=False):
        if text:
            st.markdown(text, width="content")
            st.button(
                "Show them", key="results_show", type="tertiary", on_click=_renew,
                args=(view,),
            )  # fmt: skip
        else:
            st.caption(f"Based on {plural(len(snapshot.finished), 'finished trial')}.")


def _diagnosis_counts(view: View, snapshot: Snapshot, numbers: list[int]) -> None:
    """Say how many of the listed trials have which diagnosis; of many only when asked."""
    wanted = view.key("results_counted")
    if len(numbers) > _MOST_COUNTED and not recall(wanted):
        st.button(
            f"Count the diagnoses of {len(numbers):,} trials", key="results_count",
            type="tertiary", on_click=remember, args=(wanted, True),
        )  # fmt: skip
        return
    text = counts_in_words(diagnosed(view, snapshot, numbers).labels(numbers))
    if text:
        st.caption(f"Diagnoses: {text}.", help=HELP["diagnosis"])


def _ticked_curves(view: View) -> None:
    """Draw the curves of the highlighted trials below the grid."""
    chosen = highlighted()
    measure = measures(view.row.score_name)[0]
    with view.reader.reading() as seen:
        drawn = tuple(number for number in chosen if number in seen.reached)
        lines = Lines(None, highlighted=drawn, n_trials=len(drawn))
        book = seen.curves_of(drawn)
        table = seen.made(
            ("ticked", drawn), lambda: curve_table(book, measure, lines, Display())
        )
        n_digits = digits_of(seen.judged.found, view.row.score_name, measure, drawn)
    if not drawn:
        st.caption("Tick rows to see their curves here and to highlight them in Live.")
        return
    title = f"{measure.label} of {plural(len(drawn), 'ticked trial')} by epoch"
    frame = Frame(
        title,
        f"{measure.word} on validation rows",
        n_digits=n_digits,
        higher_is_better=measure.higher_is_better,
    )
    option = learning_curves(table, lines, frame)
    st.echarts_chart(option, height=_CURVES_PX, key="results_curves", alt=title)
