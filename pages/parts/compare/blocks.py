"""The tables and charts of the page that puts studies and trials side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.parts.charts.comparing import (
    chart_px,
    fold_dots_chart,
    gaps_chart,
    gaps_px,
    item_curves,
    search_curves,
)
from pages.parts.compare.choice import swap
from pages.parts.compare.reading import study_names
from pages.parts.running import study_badge
from pages.parts.show import SAMPLERS, duration, escape
from pages.parts.study.facts import SCORES, verdict_word
from pages.parts.words import HELP
from tuning.analysis.comparing import Entry, best_so_far, fold_dots, overview, score_of
from tuning.analysis.comparing_words import search_finding, settings_table
from tuning.analysis.curves import measures
from tuning.analysis.tables import thin_history
from tuning.digits import digits_of_score, with_error

_UNUSED = ["lasso2d", "select2d", "autoScale2d"]
_AXES = {"Seconds": "seconds", "Trials": "trials"}
_NOTHING = "–"


def draw_overview(entries: Sequence[Entry]) -> None:
    """Draw the one table: how each scored, and what it and its search have cost."""
    table = overview(entries)
    score = SCORES[entries[0].spec.evaluation.score]
    shown = pd.DataFrame(
        {
            "Compared": table["label"],
            score[0].upper() + score[1:]: [
                with_error(*line) for line in table[["score", "half_width"]].to_numpy(float)
            ],
            "Sampler": [SAMPLERS[name] for name in table["sampler"]],
            "Trials": [f"{n:,}" for n in table["n_trials"]],
            "Fits": [f"{n:,}" for n in table["n_fits"]],
            "Search took": [_took(seconds) for seconds in table["seconds"]],
            "Trial took": [_took(seconds) for seconds in table["trial_s"]],
            "Weights": [_count(n) for n in table["n_weights"]],
            "State": [study_badge(entry.row).word for entry in entries],
            "Verdict of its study": [verdict_word(entry.row) or _NOTHING for entry in entries],
        }
    )
    st.dataframe(
        shown, hide_index=True, height="content", key="compare_overview",
        column_config={
            "Compared": st.column_config.TextColumn(pinned=True),
            "Verdict of its study": st.column_config.TextColumn(width="medium"),
        },
        alt="Scores and costs, side by side",
    )  # fmt: skip


def _took(seconds: float) -> str:
    return _NOTHING if pd.isna(seconds) else duration(seconds)


def _count(n: float) -> str:
    return _NOTHING if pd.isna(n) else f"{n:,.0f}"


def draw_searches(entries: Sequence[Entry]) -> dict[str, pd.DataFrame]:
    """Draw the best score so far of each search, and return what it was drawn from."""
    tables = search_tables(entries)
    by = st.segmented_control(
        "Best score against", list(_AXES), default="Seconds", required=True, key="compare_by",
    )  # fmt: skip
    across = _AXES[by or "Seconds"]
    spec = entries[0].spec
    title = search_finding(tables, across, spec.direction)
    thin = {name: thin_history(table) for name, table in tables.items()}
    ids = [entry.row.id for entry in entries]
    places = dict(zip(tables, (ids.index(id_) for id_ in dict.fromkeys(ids)), strict=True))
    digits = list(_digits(entries).values())
    figure = search_curves(thin, places, digits, across, title, SCORES[spec.evaluation.score])
    _plotly(figure, f"compare_search_{across}", chart_px(len(tables)), title)
    st.caption(
        "A lead here may be luck: what may be claimed is said above. Wall-clock time, pauses "
        + "included; fits that are trained together end together, which makes steps.",
        help=HELP["best_so_far"],
    )
    return tables


def search_tables(entries: Sequence[Entry]) -> dict[str, pd.DataFrame]:
    """Return the best score so far of each search, by the name of its study."""
    studies = {entry.row.id: entry for entry in entries}
    names = study_names({id_: entry.row for id_, entry in studies.items()})
    return {names[id_]: best_so_far(entry) for id_, entry in studies.items()}


def draw_settings(entries: Sequence[Entry]) -> None:
    """Draw what differs, and on request what does not."""
    st.subheader("What differs", anchor=False)
    table = settings_table(entries)
    shows_same = st.toggle("Show what is the same", key="compare_same")
    shown = table if shows_same else table[~table["same"]]
    if shown.empty:
        st.caption("Nothing differs but chance.")
        return
    shown = shown.drop(columns="same").rename(columns={"setting": "Setting"})
    shown[shown["Setting"] == "Sampler"] = shown[shown["Setting"] == "Sampler"].replace(
        SAMPLERS
    )
    st.dataframe(
        shown, hide_index=True, height="content", key="compare_settings",
        column_config={"Setting": st.column_config.TextColumn(pinned=True)},
        alt="Settings that differ" if not shows_same else "All settings",
    )  # fmt: skip


def draw_gaps(entries: Sequence[Entry], gaps: pd.DataFrame) -> None:
    """Draw how far each is from the first, and the button that lets another be the first."""
    st.subheader("Gap to the first, same folds", anchor=False)
    spec, first = entries[0].spec, entries[0].label
    if gaps.empty:
        st.caption("There is no interval: it takes at least two fits on the same folds.")
    else:
        title = f"Difference to {first}"
        figure = gaps_chart(
            gaps, title, SCORES[spec.evaluation.score],
            higher_is_better=spec.direction == "maximize",
        )  # fmt: skip
        _plotly(figure, "compare_gap", gaps_px(len(gaps)), title)
        st.caption(
            "Filled: surely better or worse. Hollow: may be chance. Worse is on the left; "
            + "intervals are those of each pair alone, at 95 %.",
            help=HELP["same_folds"],
        )
    st.button(
        "Swap", icon=":material/swap_vert:", key="compare_swap", on_click=swap,
        help="The next one becomes what the others are compared with.",
    )  # fmt: skip


def draw_folds(entries: Sequence[Entry]) -> None:
    """Draw the score of every fit, fold by fold."""
    table = fold_dots(entries)
    word = SCORES[entries[0].spec.evaluation.score]
    title = f"{word[0].upper()}{word[1:]} fold by fold"
    figure = fold_dots_chart(table, _digits(entries), title, word)
    _plotly(figure, "compare_folds", chart_px(len(entries)), title)


def _digits(entries: Sequence[Entry]) -> dict[str, int]:
    """Return the decimals of the scores of each entry, by its label: as its ± supports."""
    return {entry.label: digits_of_score(score_of(entry)[1]) for entry in entries}


def draw_curves(entries: Sequence[Entry]) -> None:
    """Draw the learning curve of each."""
    measure = measures(entries[0].spec.evaluation.score)[0]
    curves = {entry.label: entry.curve for entry in entries if len(entry.curve)}
    if not curves:
        st.caption("No epoch was kept.")
        return
    title = f"{measure.label} on validation rows by epoch"
    figure = item_curves(curves, _digits(entries), title, measure.word)
    _plotly(figure, "compare_curves", chart_px(len(curves)), title)


def _plotly(figure: go.Figure, key: str, height: int, title: str) -> None:
    config: Mapping[str, object] = {
        "displaylogo": False,
        "modeBarButtonsToRemove": _UNUSED,
        "toImageButtonOptions": {"format": "png", "scale": 2, "filename": key},
    }
    st.plotly_chart(figure, height=height, config=dict(config), alt=title, key=key)


def two_columns(left: Callable[[], None], right: Callable[[], None]) -> None:
    """Draw two blocks beside each other; on a phone, one below the other."""
    for column, draw in zip(st.columns(2), (left, right), strict=True):
        with column:
            draw()


def sentences(lines: Sequence[str]) -> None:
    """Draw sentences, each on a line of its own."""
    st.markdown("  \n".join(f"**{escape(line)}**" for line in lines))
