"""The Live tab: learning curves that grow while a study trains."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.parts.charts.curves import (
    Display,
    Frame,
    Lines,
    best_so_far,
    choose_lines,
    curve_table,
    learning_curves,
    shown_sentence,
)
from pages.parts.show import clock, escape, plural, score
from pages.parts.state import recall, remember, timezone
from pages.parts.study.facts import SCORES, guessing, settings_text
from pages.parts.study.reader import StudyReader
from pages.parts.study.view import View, highlighted
from pages.parts.words import HELP
from storage.results import FitRow
from storage.studies import StudyRow
from tuning.analysis.curves import ACCURACY, LOSS, Measure, loss_finding, measures
from tuning.analysis.tables import best_first, fold_label, history, history_finding, settings_of
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
    """Everything the tab shows, made from one reading."""

    at: float
    n_epochs: int
    curves: dict[str, Any]
    curves_title: str
    other: dict[str, Any]
    other_title: str
    history: dict[str, Any] | None
    history_title: str
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
    picture = _picture(view, wanted, frozen=frozen)
    if picture is None:
        _no_epoch_yet(row)
        return
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
    st.caption(_caption(view, picture, frozen=frozen), help=HELP["validation_rows"])
    left, right = st.columns(2)
    with left:
        _history(picture)
    with right:
        _now_training(row, picture)


def _picture(view: View, wanted: _Wanted, *, frozen: bool) -> _Picture | None:
    """Make the picture, or return the kept one while the charts are frozen."""
    key = view.key("live_picture")
    kept = recall(key)
    if frozen and kept is not None and kept[0] == wanted:
        picture: _Picture = kept[1]
        return picture
    with view.reader.reading() as seen:
        if not seen.book.numbers:
            return None
        picture = _make_picture(view, seen, wanted)
    remember(key, (wanted, picture))
    return picture


def _make_picture(view: View, seen: StudyReader, wanted: _Wanted) -> _Picture:
    ranked = [row.number for row in best_first(seen.trials.values(), seen.row.direction)]
    lines = choose_lines(
        ranked, seen.book.numbers, wanted.highlighted, leader_only=wanted.display.leader_only
    )
    other = _other_measure(view, wanted.measure)
    curves_title = _title(seen, lines, wanted.measure)
    other_title = _title(seen, lines, other)
    table = history(seen.trials.values(), seen.row.direction)
    history_title = history_finding(table)
    value = SCORES[seen.row.score_name]
    training = _in_training(view.spec, seen)
    return _Picture(
        at=time.time(),
        n_epochs=_n_epochs(seen),
        curves=_curves(view, seen, lines, wanted.measure, wanted.display, curves_title),
        curves_title=curves_title,
        other=_curves(view, seen, lines, other, wanted.display, other_title),
        other_title=other_title,
        history=None if table.empty else best_so_far(table, history_title, value),
        history_title=history_title,
        caption=shown_sentence(lines),
        training=tuple(training[:_MOST_TRAINING]),
        n_training=len(training),
    )


def _curves(
    view: View,
    seen: StudyReader,
    lines: Lines,
    measure: Measure,
    display: Display,
    title: str,
) -> dict[str, Any]:
    table = curve_table(seen.book, measure, lines, display)
    frame = Frame(
        title,
        f"{measure.word} on validation rows",
        reference=_reference(view, measure),
        last_epoch=None if seen.row.is_final else longest_epochs(view.spec),
        display=display,
    )
    return learning_curves(table, lines, frame)


def _reference(view: View, measure: Measure) -> tuple[str, float] | None:
    guess = guessing(view.info) if measure == ACCURACY else None
    return None if guess is None else ("guessing", guess)


def _other_measure(view: View, measure: Measure) -> Measure:
    if measure != LOSS:
        return LOSS
    return next(m for m in measures(view.row.score_name) if m != LOSS)


def _title(seen: StudyReader, lines: Lines, measure: Measure) -> str:
    """Return the finding of a chart; that the leader leads belongs to the score's own."""
    row = seen.row
    if lines.leader is None or row.best_score is None:
        return f"{measure.label} by epoch"
    if measure == measures(row.score_name)[0]:
        value = score(row.best_score, row.best_spread)
        return f"Trial {row.best_number} leads: {SCORES[row.score_name]} {value}"
    if measure == LOSS:
        return loss_finding(lines.leader, seen.book.trial_table(lines.leader, LOSS))
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


def _n_epochs(seen: StudyReader) -> int:
    return sum(seen.book.n_epochs(number) for number in seen.book.numbers)


def _in_training(spec: StudySpec, seen: StudyReader) -> list[tuple[str, float]]:
    """List the fits in training: what is trained, and how far it is from 0 to 1."""
    if seen.row.is_final:
        return []
    fits = [fit for fit in seen.fits.values() if fit.state == "RUNNING"]
    fits = [fit for fit in fits if seen.trials.get(fit.number) is not None]
    fits = [fit for fit in fits if seen.trials[fit.number].state == "RUNNING"]
    return [_fit_progress(spec, seen, fit) for fit in sorted(fits, key=_latest_first)]


def _latest_first(fit: FitRow) -> tuple[int, int, int]:
    return -fit.number, fit.repeat, fit.fold


def _fit_progress(spec: StudySpec, seen: StudyReader, fit: FitRow) -> tuple[str, float]:
    settings = settings_of(seen.trials[fit.number])
    reached = seen.book.fit_epochs(fit.number).get((fit.repeat, fit.fold), 0)
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


def _caption(view: View, picture: _Picture, *, frozen: bool) -> str:
    if not frozen:
        return picture.caption or "Curves are the mean over the folds."
    with view.reader.reading() as seen:
        newer = _n_epochs(seen) - picture.n_epochs
    since = f"Frozen at {clock(picture.at, timezone())}"
    return f"{since} · {plural(newer, 'newer epoch')}"


def _history(picture: _Picture) -> None:
    if picture.history is None:
        st.skeleton(_HISTORY_PX)
        st.caption("Best score so far: after the first trial.")
        return
    st.echarts_chart(
        picture.history, height=_HISTORY_PX, key="live_history", alt=picture.history_title
    )


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
