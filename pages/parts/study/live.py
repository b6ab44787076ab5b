"""The Live tab: learning curves that grow while a study trains."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from pages.parts.charts.curve_lines import (
    Display,
    Lines,
    choose_lines,
    curve_table,
    shown_sentence,
)
from pages.parts.charts.curves import Frame, learning_curves
from pages.parts.show import clock, escape, plural
from pages.parts.state import recall, remember, timezone
from pages.parts.study.facts import SCORES, digits_of, guessing, settings_text
from pages.parts.study.luck import history_chart, luck_caption
from pages.parts.study.reader import StudyReader
from pages.parts.study.view import View, highlighted
from pages.parts.words import HELP
from storage.results import FitRow, TrialRow
from storage.studies import StudyRow
from tuning.analysis.curves import (
    ACCURACY,
    LOSS,
    CurveBook,
    Measure,
    loss_finding,
    measures,
)
from tuning.analysis.tables import (
    fold_label,
    history,
    history_finding,
    settings_of,
)
from tuning.analysis.verdict import Judgement
from tuning.analysis.verdict_words import leader_score
from tuning.setting import grid_values
from tuning.spec import StudySpec

_CURVES_PX, _HISTORY_PX = 340, 240
_MOST_TRAINING = 4
_CURVES_OF = ("Best 5", "Leader")


@dataclass(frozen=True)
class _Wanted:
    """What a person chose to see."""

    measure: Measure
    display: Display
    highlighted: tuple[int, ...]


@dataclass(frozen=True)
class _Picture:
    """Everything the tab shows, made from one reading for all who want to see the same."""

    last_piece: int
    curves: dict[str, Any]
    curves_title: str
    other: dict[str, Any]
    other_title: str
    history: dict[str, Any] | None
    history_title: str
    luck: str
    caption: str
    training: tuple[tuple[str, float], ...]
    n_training: int


def live_tab(view: View) -> None:
    """Draw the controls and, below them, the charts that poll."""
    wanted, frozen = _controls(view)
    poll_s = None if frozen else view.poll_s
    st.fragment(_charts, run_every=poll_s, key="live_charts")(view, wanted, frozen)


def _controls(view: View) -> tuple[_Wanted, bool]:
    options = {measure.label: measure for measure in measures(view.row.score_name)}
    with st.container(horizontal=True, vertical_alignment="center"):
        frozen = False
        if not view.row.is_final:
            frozen = st.toggle(
                "Freeze charts", key="live_freeze", help="Stops all movement, so you can read."
            )
        chosen = st.segmented_control(
            "Metric", list(options), default=next(iter(options)), required=True, key="metric",
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
        with st.popover("Display", icon=":material/tune:", key="live_display"):
            display = _display()
    measure = options.get(chosen or "", next(iter(options.values())))
    return _Wanted(measure, display, tuple(highlighted())), frozen


def _display() -> Display:
    curves_of = st.segmented_control(
        "Curves of", _CURVES_OF, default=_CURVES_OF[0], required=True, key="live_curves_of",
        help="Highlighted trials and trials in training are always shown.",
    )  # fmt: skip
    return Display(
        leader_only=curves_of == "Leader",
        smoothing=st.slider(
            "Smoothing", 0.0, 0.9, 0.0, 0.1, key="live_smooth",
            help="Only the drawing. Scores use the raw values.",
        ),
        training=st.toggle(
            "Training rows, too", key="live_train",
            help="The leader on the rows it trained on, dashed.",
        ),
        log_y=st.toggle("Logarithmic value axis", key="live_log_y"),
        log_x=st.toggle("Logarithmic epoch axis", key="live_log_x"),
    )  # fmt: skip


def _charts(view: View, wanted: _Wanted, frozen: bool) -> None:
    """Draw the charts; heights and order never change, so that nothing jumps."""
    row = view.follow()
    kept = _picture(view, wanted, frozen=frozen)
    if kept is None:
        _no_epoch_yet(row)
        return
    picture = kept.picture
    with st.container():
        left, right = st.columns(2)
        with left:
            st.echarts_chart(
                picture.curves, height=_CURVES_PX, key="live_curves", alt=picture.curves_title
            )
        with right:
            st.echarts_chart(
                picture.other, height=_CURVES_PX, key="live_loss", alt=picture.other_title
            )
    st.caption(_caption(view, kept, frozen=frozen), help=HELP["validation_rows"])
    left, right = st.columns(2)
    with left:
        _history(picture)
    with right:
        _now_training(row, picture)


@dataclass(frozen=True)
class _Kept:
    """The picture a person last saw, when it was, and what was wanted."""

    picture: _Picture
    at: float
    wanted: _Wanted


def _picture(view: View, wanted: _Wanted, *, frozen: bool) -> _Kept | None:
    """Make the picture, or return the kept one while the charts are frozen."""
    kept_key = view.key("live_picture")
    kept: _Kept | None = recall(kept_key)
    if frozen and kept is not None and kept.wanted == wanted:
        return kept
    with view.reader.reading() as seen:
        if not seen.reached:
            return None
        key = ("picture", wanted, view.row.spec)
        picture = seen.made(key, lambda: _make_picture(view, seen, wanted))
    kept = _Kept(picture, time.time(), wanted)
    remember(kept_key, kept)
    return kept


def _make_picture(view: View, seen: StudyReader, wanted: _Wanted) -> _Picture:
    found = seen.judged.found
    lines = choose_lines(
        seen.ranked, seen.reached, wanted.highlighted, leader_only=wanted.display.leader_only
    )
    if lines.has_area:
        lines = replace(lines, sampled=seen.sampled())
    book = seen.curves_of(lines.shown)
    other = _other_measure(view, wanted.measure)
    curves_title = _title(seen.row, found, book, lines, wanted.measure)
    other_title = _title(seen.row, found, book, lines, other)
    table = history(seen.scores, seen.row.direction)
    history_title = history_finding(table)
    training, n_training = _in_training(view.spec, seen)
    drawn = _Drawn(view, seen.row, book, lines, wanted.display, found)
    return _Picture(
        last_piece=seen.last_piece,
        curves=drawn.option(wanted.measure, curves_title),
        curves_title=curves_title,
        other=drawn.option(other, other_title),
        other_title=other_title,
        history=None if table.empty else history_chart(seen.row, found, table),
        history_title=history_title,
        luck=luck_caption(found),
        caption=f"{shown_sentence(lines)} {_of_the_search(view.spec, found)}".strip(),
        training=tuple(training),
        n_training=n_training,
    )


def _of_the_search(spec: StudySpec, found: Judgement) -> str:
    """Say that curves know nothing of further repeats; empty where there are none."""
    if found.table.empty or found.table["n_repeats"].max() <= spec.evaluation.repeats:
        return ""
    return "Curves are of the search, without the repeats after it."


@dataclass(frozen=True)
class _Drawn:
    """What the two charts of curves have in common."""

    view: View
    row: StudyRow
    book: CurveBook
    lines: Lines
    display: Display
    found: Judgement

    def option(self, measure: Measure, title: str) -> dict[str, Any]:
        table = curve_table(self.book, measure, self.lines, self.display)
        frame = Frame(
            title,
            f"{measure.word} on validation rows",
            reference=_reference(self.view, measure),
            last_epoch=None if self.row.is_final else longest_epochs(self.view.spec),
            display=self.display,
            higher_is_better=measure.higher_is_better,
            n_digits=digits_of(self.found, self.row.score_name, measure, self.lines.shown),
        )
        return learning_curves(table, self.lines, frame)


def _reference(view: View, measure: Measure) -> tuple[str, float] | None:
    guess = guessing(view.info) if measure == ACCURACY else None
    return None if guess is None else ("guessing", guess)


def _other_measure(view: View, measure: Measure) -> Measure:
    if measure != LOSS:
        return LOSS
    return next(m for m in measures(view.row.score_name) if m != LOSS)


def _title(
    row: StudyRow, found: Judgement, book: CurveBook, lines: Lines, measure: Measure
) -> str:
    """Return the finding of a chart; that the leader leads belongs to the score's own."""
    if lines.leader is None or found.leader is None:
        return f"{measure.label} by epoch"
    if measure == measures(row.score_name)[0]:
        score = f"{SCORES[row.score_name]} {leader_score(found)}"
        return f"Trial {found.leader} leads: {score}"
    if measure == LOSS:
        return loss_finding(lines.leader, book.trial_table(lines.leader, LOSS))
    return f"{measure.label} by epoch"


def longest_epochs(spec: StudySpec) -> int | None:
    """Return the most epochs a trial runs; None where early stopping may end all of them."""
    if spec.evaluation.early_stopping is not None:
        return None
    setting = spec.space.get("epochs")
    values = grid_values("epochs", setting) if setting is not None else None
    if values is None:
        fixed = getattr(setting, "high", spec.fixed.get("epochs"))
        values = (fixed,)
    return max(int(str(value).split(".")[0]) for value in values)


def _in_training(spec: StudySpec, seen: StudyReader) -> tuple[list[tuple[str, float]], int]:
    """List the first fits in training: what is trained, and how far it is from 0 to 1.

    Also returns how many there are in all.
    """
    if seen.row.is_final:
        return [], 0
    fits, n_fits = seen.in_training(_MOST_TRAINING)
    book = seen.curves_of({fit.number for fit in fits})
    return [_fit_progress(spec, seen.trials[fit.number], book, fit) for fit in fits], n_fits


def _fit_progress(
    spec: StudySpec, trial: TrialRow, book: CurveBook, fit: FitRow
) -> tuple[str, float]:
    settings = settings_of(trial)
    reached = book.fit_epochs(fit.number).get((fit.repeat, fit.fold), 0)
    planned = int(str(settings.get("epochs", spec.fixed.get("epochs")) or 1))
    label = fold_label(fit.repeat, fit.fold, spec.evaluation.repeats)
    text = f"Trial {fit.number} · {settings_text(settings)} · {label}"
    return f"{text} · epoch {reached:,} of {planned:,}", min(reached / planned, 1.0)


def _no_epoch_yet(row: StudyRow) -> None:
    if row.is_final:
        st.info("No epoch was reached. The Log says why.", icon=":material/info:")
        return
    left, right = st.columns(2)
    left.skeleton(_CURVES_PX)
    right.skeleton(_CURVES_PX)
    st.caption("Curves appear with the first epoch.")


def _caption(view: View, kept: _Kept, *, frozen: bool) -> str:
    if not frozen:
        return kept.picture.caption or "Curves are the mean over the folds."
    with view.reader.reading() as seen:
        newer = seen.n_newer(kept.picture.last_piece)
    return f"Frozen at {clock(kept.at, timezone())} · {plural(newer, 'newer epoch')}"


def _history(picture: _Picture) -> None:
    if picture.history is None:
        st.skeleton(_HISTORY_PX)
        st.caption("Best score so far: after the first trial.")
        return
    st.echarts_chart(
        picture.history, height=_HISTORY_PX, key="live_history", alt=picture.history_title
    )
    st.caption(picture.luck, help=HELP["luck"])


def _now_training(row: StudyRow, picture: _Picture) -> None:
    if row.is_final:
        return
    st.markdown("**Now training**")
    for text, share in picture.training:
        st.progress(share, text=escape(text))
    if picture.n_training > len(picture.training):
        st.caption(f"and {picture.n_training - len(picture.training)} more")
    if not picture.training:
        st.caption("The next fit is being prepared." if row.phase == "Training" else row.phase)
