"""What the views of the Analysis tab look at, and how they draw it.

What takes a moment is computed once for a version of a study, whoever looks first, and never
while the study's reader is held.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableSet
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.parts.charts.plots import with_digits
from pages.parts.state import db
from pages.parts.study.reader import StudyReader
from pages.parts.study.view import View
from pages.parts.words import HELP
from storage.reading import Trials
from storage.results import TrialRow
from tuning.analysis.study_scores import StudyScores
from tuning.analysis.tables import finished, outside_sentence
from tuning.analysis.tried import Tried, make_tried
from tuning.judging import Judged
from tuning.parameters import PARAMETERS
from tuning.spec import StudySpec

T = TypeVar("T")

CHART_PX = 420
PICTURES = ("PNG", "SVG")  # what the camera above a chart saves
_MOST_NUMBERS_SHOWN = 50  # rows; longer tables scroll
_PLOTLY_UNUSED = ["lasso2d", "select2d", "autoScale2d"]


@dataclass(frozen=True)
class Snapshot:
    """The trials as they were at one version of a study, for all who look at it."""

    version: int
    lines: Trials
    scores: StudyScores
    judged: Judged

    @classmethod
    def of(cls, seen: StudyReader) -> Snapshot:
        """Take it from what is known now."""
        return cls(seen.row.version, seen.trials.copy(), seen.study_scores, seen.judged)

    @property
    def n_finished(self) -> int:
        """How many trials have a score."""
        return len(self.judged.found.table)

    @property
    def is_adaptive(self) -> bool:
        """Whether trials were proposed after others had been scored."""
        return self.judged.spec.sampler.learns

    def trials(self) -> list[TrialRow]:
        """Return the finished trials; made anew, as nothing that is kept needs them."""
        return finished(self.lines.in_state("COMPLETE"))

    def tried(self) -> Tried:
        """Return what was tried inside the search space; made anew, too."""
        return make_tried(self.judged.spec, self.lines, self.scores)


@dataclass(frozen=True)
class Question:
    """What something is computed from; the key stands for all of it."""

    key: tuple[Hashable, ...]
    snapshot: Snapshot

    @property
    def spec(self) -> StudySpec:
        """The study's spec as it was then."""
        return self.snapshot.judged.spec


def question(view: View, snapshot: Snapshot, *asked: str) -> Question:
    """Ask something of a snapshot."""
    return Question((db().url, view.id, snapshot.version, *asked), snapshot)


answers = st.cache_data(
    show_spinner=False,
    max_entries=128,
    hash_funcs={Question: lambda asked: asked.key},
)


def waited(asked: Question, compute: Callable[[Question], T], height: int = CHART_PX) -> T:
    """Compute an answer, with a grey field of the chart's height where it takes a moment."""
    place = st.empty()
    known: MutableSet[Hashable] = st.session_state.setdefault("analysis_known", set())
    if (asked.key, height) not in known:
        place.skeleton(height)
    found = compute(asked)
    known.add((asked.key, height))
    place.empty()
    return found


def plot(
    view: View, figure: go.Figure, title: str, snapshot: Snapshot, height: int = CHART_PX
) -> None:
    """Draw a Plotly chart that is also a file to take away."""
    with_digits(figure, snapshot.judged.found)
    picture = str(st.session_state.get("an_picture") or PICTURES[0]).lower()
    config: dict[str, Any] = {
        "displaylogo": False,
        "modeBarButtonsToRemove": _PLOTLY_UNUSED,
        "toImageButtonOptions": {"format": picture, "scale": 2, "filename": view.id},
    }
    st.plotly_chart(
        figure, height=height, key=f"an_{snapshot.version}", config=config, alt=title
    )


def numbers(table: pd.DataFrame) -> None:
    """Draw what a chart was made from; nothing is sent until somebody opens it."""
    opened = st.expander("Numbers behind this chart", key="an_numbers", on_change="rerun")
    if opened.open:
        with opened:
            st.download_button(
                "Download as CSV", data=lambda: table.to_csv(index=False).encode(),
                file_name="numbers.csv", mime="text/csv", icon=":material/download:",
                key="an_numbers_csv", on_click="ignore",
            )  # fmt: skip
            st.dataframe(
                table, hide_index=True, height=_numbers_px(table), alt="Numbers of the chart"
            )


def _numbers_px(table: pd.DataFrame) -> Literal["content"] | int:
    """Return a height that keeps a long table from making the page as long."""
    return "content" if len(table) <= _MOST_NUMBERS_SHOWN else CHART_PX


def caption(*sentences: str, help_name: str = "") -> None:
    """Draw the sentences that are not empty."""
    text = " ".join(sentence for sentence in sentences if sentence)
    if text:
        st.caption(text, help=HELP[help_name] if help_name else None)


def left_out(tried: Tried) -> str:
    """Say which trials lie outside the search space; empty if none does."""
    return outside_sentence(tried.outside)


def none_yet() -> None:
    """Say that there is nothing to draw."""
    st.info("No trial has a score yet.", icon=":material/hourglass_empty:")


def cannot(sentence: str) -> None:
    """Say why something cannot be told."""
    st.info(sentence, icon=":material/info:")


def label(name: str) -> str:
    """Return what a parameter is called."""
    return PARAMETERS[name].label
