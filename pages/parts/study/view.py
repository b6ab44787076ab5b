"""What one run of the study page hands to its parts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from pages.parts import links
from pages.parts.state import query, recall, remember, token
from pages.parts.study.facts import in_a_crowd, is_confirming, poll_every
from pages.parts.study.reader import StudyReader, study_reader
from storage.errors import UnknownStudyError
from storage.studies import StudyRow
from tuning.datasets.catalogue import dataset_info
from tuning.datasets.info import DatasetInfo
from tuning.errors import TuningError
from tuning.spec import StudySpec

MOST_HIGHLIGHTED = 8


@dataclass(frozen=True)
class View:
    """A study as this run of the page found it.

    Attributes
    ----------
    info : DatasetInfo or None
        None if the dataset is gone.
    watching : bool
        Whether buttons that change something are hidden.
    poll_s : float or None
        Seconds between two looks, more in a crowd; None once nothing will change.
    """

    row: StudyRow
    spec: StudySpec
    info: DatasetInfo | None
    reader: StudyReader
    watching: bool
    poll_s: float | None

    @property
    def id(self) -> str:
        """The study's id."""
        return self.row.id

    def key(self, name: str) -> str:
        """Return a key of session state that belongs to this study."""
        return f"{name}_{self.id}"

    def keep_pace(self, row: StudyRow) -> None:
        """Run the whole page anew where it is to be looked at more or less often now."""
        if _looks_every(row, self.reader) != self.poll_s:
            st.rerun()

    def follow(self) -> StudyRow:
        """Read the study's row; run the whole page anew where more than numbers changed."""
        try:
            with self.reader.reading() as seen:
                row = seen.row
        except UnknownStudyError:
            st.rerun()
        if _told_by_buttons(row) != _told_by_buttons(self.row):
            st.rerun()
        return row


def _told_by_buttons(row: StudyRow) -> tuple[object, ...]:
    """Return what decides about badge and buttons, which no fragment draws anew."""
    return (
        row.state, row.wish, row.phase == "", is_confirming(row), row.asked, row.finished_at,
    )  # fmt: skip


def open_view(study_id: str) -> View:
    """Read a study and what belongs to it.

    Raises
    ------
    UnknownStudyError
        If there is no such study.
    """
    reader = study_reader(study_id)
    with reader.reading() as seen:
        row = seen.row
    spec = StudySpec.parse(row.spec)
    poll_s = _looks_every(row, reader)
    return View(row, spec, _info(spec), reader, _is_watching(study_id), poll_s)


def _looks_every(row: StudyRow, reader: StudyReader) -> float | None:
    poll_s = poll_every(row, time.time())
    if poll_s is None:
        return None
    return in_a_crowd(poll_s, reader.n_watching(token("watching")))


def _info(spec: StudySpec) -> DatasetInfo | None:
    try:
        return dataset_info(spec.data.dataset, spec.data.digits)
    except TuningError:
        return None  # the dataset was deleted; its studies stay readable


def _is_watching(study_id: str) -> bool:
    """Tell whether this session was sent a link that only watches; it stays so."""
    key = f"watch_{study_id}"
    if query("watch") == "1":
        remember(key, value=True)
    return bool(recall(key, default=False))


def highlighted() -> list[int]:
    """Return the trials a person highlighted, in the order chosen."""
    return [int(text) for text in st.session_state.get("trials", []) if text.isdecimal()]


def open_drawer(number: int) -> None:
    """Open the drawer of a trial; called back by a button, seen by the run that follows."""
    st.query_params["trial"] = str(number)


def close_drawer() -> None:
    """Forget the open trial."""
    st.query_params.pop("trial", None)


def unknown_study(error: UnknownStudyError) -> None:
    """Say that there is no such study, with a way on."""
    st.error(str(error), icon=":material/error:")
    links.link(links.STUDIES, "Back to Studies", icon=":material/arrow_back:")
