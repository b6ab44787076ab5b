"""The head of a study: name, state, what can be done, the verdict, how far it is."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode, urlsplit

import streamlit as st

from pages.parts import links, problems
from pages.parts.deleting import confirm_delete
from pages.parts.notes.editor import Place, note_editor, star_button
from pages.parts.notes.shown import note_text, tag_badges
from pages.parts.report import report_html
from pages.parts.running import progress, study_badge, worker_is_offline
from pages.parts.show import clock, escape, plural, since, state_badge
from pages.parts.source import draw_source
from pages.parts.state import (
    close_popover,
    db,
    popover_key,
    recall,
    remember,
    timezone,
)
from pages.parts.study.by_hand import try_button
from pages.parts.study.extending import add_trials
from pages.parts.study.facts import (
    ended_toast,
    is_confirming,
    is_skipping,
    offline_sentence,
    outline,
    status_sentence,
    trained_by,
)
from pages.parts.study.next_step import next_step
from pages.parts.study.reader import StudyReader
from pages.parts.study.verdict import Tile, icon, tiles
from pages.parts.study.view import View
from pages.parts.study.why import Reason, why
from pages.parts.words import HELP
from storage import processes
from storage.notes import Note, read_note
from storage.settings import settings
from storage.studies import (
    ACTIVE_STATES,
    FAILED,
    FINISHED,
    PAUSED,
    STOPPED,
    WAITING,
    StudyRow,
    n_ahead,
)
from storage.wishes import (
    ask_to_pause,
    ask_to_skip_confirming,
    ask_to_stop,
    resume,
    set_priority,
)
from tuning.errors import TuningError
from tuning.export.formats import FORMATS
from tuning.export.mlflow_runs import TRACKING_URI, send_to_mlflow

_MORE = "study_more"
_RESTING_S = 5.0  # between two looks at a study that is over
_Look = tuple[Literal["green", "red", "off"], Literal["up", "down", "off"]]
_EFFECTS: dict[str, _Look] = {
    "better": ("green", "up"),
    "worse": ("red", "down"),
    "none": ("off", "off"),
}


@dataclass(frozen=True)
class _Head:
    """What the head says of one version of a study, the same for all who look at it."""

    sentence: str
    icon: str
    why: tuple[Reason, ...]
    tiles: tuple[Tile, ...]
    trained: str


def header(view: View) -> None:
    """Draw the head of a study."""
    row, written = view.row, read_note(db(), view.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        links.link(links.STUDIES, "Studies", icon=":material/chevron_left:")
        st.subheader(escape(row.name), anchor=False, width="content")
        badge = study_badge(row)
        st.badge(badge.word, icon=badge.icon, color=badge.color)
        tag_badges(written.tags)
        st.space("stretch")
        if not view.watching:
            with st.container(horizontal=True, width="content"):
                _buttons(view, written)
    # Somebody else may let a study that is over go on.
    st.fragment(_numbers, run_every=view.poll_s or _RESTING_S, key="study_header")(view)
    note_text(written, view.key("note_text"))
    _tell_the_end(view)


def _buttons(view: View, written: Note) -> None:
    row = view.row
    if row.state in {PAUSED, STOPPED, FAILED}:
        st.button(
            "Try again" if row.state == FAILED else "Resume",
            icon=":material/play_arrow:", key="study_resume", on_click=_resume,
            args=(row.id,), help="Trains what is missing.",
        )  # fmt: skip
    elif not row.is_final:
        st.button(
            "Pause", icon=":material/pause:", key="study_pause", on_click=_pause,
            args=(row.id,), disabled=bool(row.wish),
            help="Frees the machine. Finished trials stay; those under way start anew.",
        )  # fmt: skip
    if row.state == WAITING:
        st.button(
            "Cancel", icon=":material/close:", key="study_stop",
            on_click=_cancel, args=(row.id,),
        )  # fmt: skip
    elif not row.is_final and st.button(
        "Stop", icon=":material/stop:", key="study_stop", disabled=row.wish == "stop"
    ):
        _confirm_stop(view)
    if is_confirming(row):
        st.button(
            "Skip confirming", icon=":material/skip_next:", key="study_skip", on_click=_skip,
            args=(row.id,), disabled=is_skipping(row),
            help="Ends without more repeats. What is known by then stays.",
        )  # fmt: skip
    if row.state == FINISHED:
        next_step(view)
    star_button(Place(view.id), written)
    with st.popover("Note", icon=":material/edit_note:", key="study_note"):
        note_editor(Place(view.id), written)
    with st.popover("Share", icon=":material/share:", key="study_share"):
        _share(view)
    with st.popover("More", icon=":material/more_horiz:", key=popover_key(_MORE)):
        _more(view)


@problems.told
def _cancel(study_id: str) -> None:
    ask_to_stop(db(), study_id)
    problems.say("Cancelled. Clone it to let it run later.")


@problems.told
def _pause(study_id: str) -> None:
    ask_to_pause(db(), study_id)


@problems.told
def _resume(study_id: str) -> None:
    resume(db(), study_id)
    problems.say("It goes on as soon as there is a core for it.")


@problems.told
def _skip(study_id: str) -> None:
    ask_to_skip_confirming(db(), study_id)


@problems.told
def _go_first(study_id: str, state: str) -> None:
    set_priority(db(), study_id, 1)
    waits = state == WAITING
    problems.say("It is next in line." if waits else "It gets the next core that is free.")


@problems.told
def _go_back(study_id: str) -> None:
    set_priority(db(), study_id, 0)
    problems.say("It has its place in the queue again.")


@problems.told
def _stop(study_id: str) -> None:
    ask_to_stop(db(), study_id)


@st.dialog("Stop this study?")
def _confirm_stop(view: View) -> None:
    with view.reader.reading() as seen:
        row = seen.row
    fits = plural(row.n_fits_planned, "fit")
    st.markdown(f"{row.n_fits_done:,} of {fits} are done. Finished trials are kept.")
    with st.container(horizontal=True):
        stopped = st.button(
            "Stop", type="primary", key="stop_confirm", on_click=_stop, args=(view.id,)
        )
        if st.button("Keep running", key="stop_keep") or stopped:
            st.rerun()


def share_link(view: View, *, watch: bool) -> str:
    """Return the address of what is on the screen: study, tab, metric, highlighted trials."""
    base = settings().public_url or _origin(st.context.url or "")
    state = st.session_state
    query = [("id", view.id), ("tab", state.get("tab") or "Live")]
    query += [(name, state[name]) for name in ("metric", "sort", "chart") if state.get(name)]
    query += [("trials", number) for number in state.get("trials", [])]
    query += [("watch", "1")] if watch else []
    return f"{base.rstrip('/')}/study?{urlencode(query)}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _share(view: View) -> None:
    st.caption("With buttons")
    st.code(share_link(view, watch=False), language=None, wrap_lines=True)
    st.caption("View only: hides the buttons. Anyone who edits the link can bring them back.")
    st.code(share_link(view, watch=True), language=None, wrap_lines=True)


def _place_in_queue(view: View) -> None:
    if view.row.priority:
        st.button(
            "No longer first", icon=":material/vertical_align_bottom:", key="study_not_first",
            width="stretch", on_click=_go_back, args=(view.id,),
            help="It takes turns with other studies again.",
        )  # fmt: skip
    else:
        st.button(
            "Run first", icon=":material/vertical_align_top:", key="study_first",
            width="stretch", on_click=_go_first, args=(view.id, view.row.state),
            help="Before other studies: in the queue, and for free cores while it trains.",
        )  # fmt: skip


def _more(view: View) -> None:
    links.link(links.NEW_STUDY, "Clone", icon=":material/content_copy:", **{"from": view.id})
    if view.row.state in ACTIVE_STATES:
        _place_in_queue(view)
    if view.row.state in {PAUSED, STOPPED, FAILED} and st.button(
        "Add trials…", icon=":material/add:", key="study_extend", width="stretch",
        help="More trials or more values in this study. What was tried stays.",
        on_click=close_popover, args=(_MORE,),
    ):  # fmt: skip
        add_trials(view)
    if view.row.state != FINISHED:
        try_button(view, _MORE)
    downloads(view.id, "more")
    _mlflow(view.id)
    if st.button(
        "Delete", icon=":material/delete:", key="study_delete", width="stretch",
        disabled=not view.row.is_final,
        help=None if view.row.is_final else "Stop it first.",
        on_click=close_popover, args=(_MORE,),
    ):  # fmt: skip
        confirm_delete([view.row])


def downloads(study_id: str, where: str) -> None:
    """Draw the buttons that download a study's results; files are made when asked for."""
    for name, wanted in FORMATS.items():
        st.download_button(
            wanted.label,
            data=functools.partial(wanted.make, db(), study_id),
            file_name=f"{study_id}{wanted.ending}",
            mime=wanted.mime,
            icon=":material/download:",
            key=f"download_{where}_{name}",
            on_click="ignore",
            width="stretch",
            help=wanted.help,
        )
    st.download_button(
        "Report (HTML)",
        data=functools.partial(report_html, db(), study_id),
        file_name=f"{study_id}.html",
        mime="text/html",
        icon=":material/description:",
        key=f"download_{where}_report",
        on_click="ignore",
        width="stretch",
        help="Verdict, charts, all trials and how they were judged: one file, opens offline.",
    )


def _mlflow(study_id: str) -> None:
    """Draw the button that sends a study to MLflow, where an address is set."""
    address = os.environ.get(TRACKING_URI)
    if not address or not st.button(
        "Send to MLflow", icon=":material/upload:", key="study_mlflow", width="stretch",
        help=escape(f"Makes a run for the study and one for each trial at {address}."),
    ):  # fmt: skip
        return
    try:
        with st.spinner("Sending…"):
            run_id = send_to_mlflow(db(), study_id)
    except TuningError as error:
        problems.draw(error)
    else:
        st.caption(escape(f"Sent as run {run_id}."))


def _numbers(view: View) -> None:
    """Draw what changes while a study trains."""
    row = view.follow()
    view.keep_pace(row)
    with view.reader.reading() as seen:
        row = seen.row
        head = seen.made(("head", view.row.spec), lambda: _head(seen))
    status = escape(status_sentence(row, _n_ahead(row), timezone(), confirms=view.spec.confirm))
    with st.container(gap="small"):
        st.markdown(f"{head.icon} **{escape(head.sentence)}**")
        with st.container(horizontal=True, vertical_alignment="center"):
            _outline(view, head)
            st.space("stretch")
            _why(head)
            st.caption(_right_of_outline(row, status), width="content")
        draw_source(view.spec.recipe)
        if row.state == FAILED:
            st.error(status, icon=":material/error:")
        elif not row.is_final:
            st.progress(progress(row), text=status)
        _tiles(head)
        _offline(row)


def _head(seen: StudyReader) -> _Head:
    judged = seen.judged
    return _Head(
        judged.sentence,
        icon(judged.found),
        why(judged, seen.row),
        tiles(judged.found, seen.row),
        trained_by(seen.fits.values()),
    )


def _why(head: _Head) -> None:
    with st.popover("Why?", key="study_why", type="tertiary", width="content"):
        st.markdown("\n".join(f"- **{about}:** {escape(text)}" for about, text in head.why))
        if st.button(
            "See the gaps", icon=":material/arrow_forward:", key="study_gaps",
            on_click=_show_results, help="Results shows how far each trial is behind.",
        ):  # fmt: skip
            st.rerun()


def _show_results() -> None:
    st.session_state["tab"] = "Results"


def _outline(view: View, head: _Head) -> None:
    title = view.row.dataset if view.info is None else view.info.title
    trained = f" · {head.trained}" if head.trained else ""
    st.caption(
        escape(outline(view.spec, title) + trained), width="content",
        help=HELP["trained_by"] if trained else None,
    )  # fmt: skip


def _right_of_outline(row: StudyRow, status: str) -> str:
    """Return the time of reading, which goes visibly stale, or how the study ended."""
    if not row.is_final:
        return f"Updated {clock(time.time(), timezone())}"
    return status if row.state != FAILED else ""


def _n_ahead(row: StudyRow) -> int:
    return n_ahead(db(), row) if row.state == WAITING else 0


def _tiles(head: _Head) -> None:
    with st.grid(4, min_column_width=150):
        for tile in head.tiles:
            color, arrow = _EFFECTS[tile.effect]
            st.metric(
                tile.label, tile.value, tile.note or None, delta_color=color,
                delta_arrow=arrow, help=tile.help, border=True, height="stretch",
            )  # fmt: skip


def _offline(row: StudyRow) -> None:
    if row.is_final or not worker_is_offline(db()):
        return
    last = processes.newest(db(), "worker")
    when = "" if last is None else since(last.heartbeat_at, timezone())
    st.warning(offline_sentence(row, when), icon=":material/cloud_off:")


def _tell_the_end(view: View) -> None:
    """Say once in a session that a study watched here has ended."""
    key = view.key("state")
    before = recall(key)
    remember(key, view.row.state)
    if before not in {None, view.row.state} and view.row.is_final:
        badge = state_badge(view.row.state)
        st.toast(escape(ended_toast(view.row)), icon=badge.icon)
