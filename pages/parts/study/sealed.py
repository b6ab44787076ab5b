"""The sealed test of a study: opened by a person once, scored, and seen by everybody."""

from __future__ import annotations

import streamlit as st

from pages.parts import links, problems
from pages.parts.charts.confusion import confused_pairs_bars, confusion_map
from pages.parts.running import worker_is_offline
from pages.parts.show import escape, moment, plural, since
from pages.parts.state import db, timezone
from pages.parts.study.facts import SCORES
from pages.parts.study.view import View
from pages.parts.words import HELP
from storage.reading import Trials
from storage.settings import settings
from storage.studies import FINISHED, StudyRow
from storage.wishes import open_test
from tuning.analysis.confusion import (
    MOST_CLASSES,
    confused_pairs,
    confusion_finding,
    confusion_table,
)
from tuning.analysis.verdict_words import promise_sentence
from tuning.export.files import best_model_path
from tuning.sealed import Opened, n_sealed, opened_test, other_openings, sealed_sentence

_CLOSED_S, _OPENING_S = 1.0, 0.5  # everybody sees the score within two seconds
_CHART_PX = 340
_MOST_NAMED = 3  # other studies that have opened the same rows
_ALL_SEEN = "Every trial is scored on the test rows, so none are sealed."
_NONE_SEALED = "This study sealed no rows."
_NO_ROWS = "The dataset was deleted, and the sealed rows with it."
_NO_MODEL = "No model was saved, so there is none to test."
_UNFINISHED = "Wait until the study is finished."
_NEVER_FINISHED = "Only a finished study has a model to test; this one did not finish."


def sealed_card(view: View, number: int) -> None:
    """Draw what is known of the sealed rows, and the one way to open them.

    Parameters
    ----------
    number : int
        The trial whose page it is; the test may have scored the model of another one.
    """
    with st.container(border=True, key="sealed_card"):
        st.markdown("**Sealed test**", help=HELP["sealed_test"])
        st.fragment(_card, run_every=_poll_s(view), key="sealed_test")(view, number)
        if opened_test(view.row) is None and not view.watching:
            _ways_on(view)


def confusion(view: View, number: int) -> None:
    """Draw which classes the opened test shows a trial's model to take for which others."""
    opened = opened_test(view.row)
    if opened is None or not opened.confusion or _tested(opened, number) != number:
        return
    names = () if view.info is None else view.info.class_names
    table = confusion_table(opened.confusion, names)
    title = confusion_finding(table)
    if len(table) > MOST_CLASSES:
        figure = confused_pairs_bars(confused_pairs(table), title)
    else:
        label = st.segmented_control(
            "Cells", ["Counts", "Share"], default="Counts", required=True, key="best_cells",
            label_visibility="collapsed",
        )  # fmt: skip
        figure = confusion_map(table, title, as_shares=label == "Share")
    st.plotly_chart(
        figure, height=_CHART_PX, key="best_confusion", alt=title,
        config={
            "displaylogo": False,
            "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
            "toImageButtonOptions": {"format": "png", "scale": 2, "filename": view.id},
        },
    )  # fmt: skip
    st.caption(f"Rows of the sealed test: {opened.n_rows:,}. A row of cells is a class.")


def _tested(opened: Opened, number: int) -> int:
    """Return the trial whose model the test has scored; older openings do not say."""
    return number if opened.trial is None else opened.trial


def _poll_s(view: View) -> float | None:
    """Return the seconds between two looks: only while somebody may open it, or has just."""
    opened = opened_test(view.row)
    if opened is None:
        return None if _why_closed(view) else _CLOSED_S
    return None if opened.n_rows or _why_unscored(view) else _OPENING_S


def _why_closed(view: View) -> str:
    """Say why the test cannot be opened now; empty where it can."""
    if view.info is None:
        return _NO_ROWS
    if not n_sealed(view.spec, view.info):
        return _ALL_SEEN if view.spec.evaluation.method == "test" else _NONE_SEALED
    if view.row.state != FINISHED:
        return _NEVER_FINISHED if view.row.is_final else _UNFINISHED
    return "" if best_model_path(settings().home, view.id) else _NO_MODEL


def _why_unscored(view: View) -> str:
    """Say why an opened test will never have scores; empty where it will."""
    if view.info is None:
        return "It cannot be scored: the dataset was deleted."
    has_model = best_model_path(settings().home, view.id) is not None
    return "" if has_model else "It cannot be scored: no model was saved."


def _card(view: View, number: int) -> None:
    """Draw the state of the test; run the whole page anew where somebody has changed it."""
    row = view.follow()
    opened = opened_test(row)
    if opened is None:
        _closed(view)
    elif opened.n_rows:
        _scored(view, opened, number)
    else:
        _opening(view, opened)
    if (row.test_opened_at, row.test) != (view.row.test_opened_at, view.row.test):
        st.rerun()  # the score is on its way to the screen already


def _closed(view: View) -> None:
    why = _why_closed(view)
    if view.info is None or not n_sealed(view.spec, view.info):
        st.markdown(why)
        return
    others = _others(view)
    n_rows = plural(n_sealed(view.spec, view.info), "row")
    used = "no trial of this study has seen" if others else "nobody has used yet"
    with view.reader.reading() as seen:
        promise = promise_sentence(seen.judged.found)
    st.markdown(escape(" ".join(part for part in (f"{n_rows} {used}.", promise) if part)))
    if others:
        st.caption(
            f"{_named(others)} opened these rows; a second look is a little less independent."
        )
    if why:
        st.caption(why)


def _ways_on(view: View) -> None:
    """Draw what a person can do about a test that is closed."""
    why = _why_closed(view)
    if why in {_ALL_SEEN, _NONE_SEALED}:
        links.link(
            links.NEW_STUDY, "Clone it to seal rows", icon=":material/content_copy:",
            **{"from": view.id},
        )  # fmt: skip
    elif why not in {_NO_ROWS, _NO_MODEL, _NEVER_FINISHED} and st.button(
        "Open the sealed test", icon=":material/lock_open:", key="test_open", disabled=bool(why)
    ):
        _confirm(view)


@st.dialog("Open the sealed test?", icon=":material/lock_open:")
def _confirm(view: View) -> None:
    st.markdown(
        "This can be done once for this study. After it, changing settings and looking again "
        + "would no longer be a fair test."
    )
    with st.container(horizontal=True):
        opened = st.button(
            "Open it", type="primary", key="test_confirm", on_click=_open, args=(view.id,)
        )
        if st.button("Not yet", key="test_keep") or opened:
            st.rerun()


@problems.told
def _open(study_id: str) -> None:
    open_test(db(), study_id)


def _opening(view: View, opened: Opened) -> None:
    why = _why_unscored(view)
    if why:
        st.markdown(why)
    elif worker_is_offline(db()):
        st.markdown(
            "Opening… The worker is offline; the rows are scored as soon as it is back."
        )
    else:
        st.markdown(":material/hourglass_top: Opening…")
    st.caption(f"Opened {_time(opened.at)}.")


def _scored(view: View, opened: Opened, number: int) -> None:
    others = _others(view)
    n_before = sum((other.test_opened_at or 0.0) < opened.at for other in others)
    name = view.row.score_name
    sentence = sealed_sentence(opened, name, opened.promised, n_openings=1 + n_before)
    word = SCORES[name] if name in opened.scores else ""
    st.markdown(f"**{escape(f'{word[:1].upper()}{word[1:]} {sentence}'.strip())}**")
    st.caption(" ".join(_circumstances(view, opened, others, number)))


def _circumstances(
    view: View, opened: Opened, others: list[StudyRow], number: int
) -> list[str]:
    """Say when the test was opened, of which model, and what came before and after."""
    with view.reader.reading() as seen:
        leader = seen.judged.found.leader
        n_later = seen.made("after opening", lambda: _n_later(seen.trials, opened.at))
    parts = [f"Opened {_time(opened.at)}."]
    if opened.trial is not None and opened.trial != leader:
        parts.append(f"It scored the model of trial {opened.trial}, which led then.")
    elif _tested(opened, number) != number:
        parts.append(f"It scored the model of the leader, trial {opened.trial}, not this one.")
    if others:
        parts.append(f"Also opened by {_named(others)}.")
    if n_later:
        are = "was" if n_later == 1 else "were"
        parts.append(f"{plural(n_later, 'trial')} {are} finished after the test was opened.")
    return parts


def _n_later(trials: Trials, at: float) -> int:
    return sum((ended or 0.0) > at for ended in trials.column("finished_at"))


def _others(view: View) -> list[StudyRow]:
    return [] if view.info is None else other_openings(db(), view.id, view.spec, view.info)


def _named(others: list[StudyRow]) -> str:
    """Name studies with the day on which they opened their rows."""
    names = []
    for other in others[:_MOST_NAMED]:
        then = moment(other.test_opened_at or 0.0, timezone())
        names.append(f"{escape(other.name)} on {then.day} {then.strftime('%B')}")
    n_more = len(others) - len(names)
    if n_more:
        names.append(f"{n_more} more")
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _time(at: float) -> str:
    return since(at, timezone())
