"""The diagnoses of a study's trials, made once for all who look at it.

Of the trials that somebody sees first, of all others only where they are counted or sorted by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from pages.parts.state import db
from pages.parts.study.results_snapshot import Snapshot
from pages.parts.study.view import View
from storage.database import Database
from storage.results import CurvePiece, TrialRow, read_pieces
from tuning.analysis.diagnoses import DiagnosisBook, as_baseline
from tuning.analysis.diagnosis_words import Diagnosis
from tuning.analysis.verdict import Judgement

_DIAGNOSED = ("COMPLETE", "FAIL", "PRUNED")
_MOST_STUDIES = 32
_MOST_WITHOUT_A_WORD = 1_000  # trials whose curves are read within half a second


def diagnosed(view: View, snapshot: Snapshot, numbers: Iterable[int]) -> DiagnosisBook:
    """Return a book that has the diagnoses of some trials, those that had ended.

    Not to be called while reading: curves of many trials take a moment.
    """
    return diagnosed_by(
        view,
        {
            number: snapshot.as_baseline.get(number, False)
            for number in numbers
            if number in snapshot.finished
        },
    )


def diagnosed_by(view: View, flags: Mapping[int, bool]) -> DiagnosisBook:
    """Return a book that has the diagnoses of trials that have ended; see its `find`."""
    book = _shared(db(), view.id)
    if book.n_missing(flags) > _MOST_WITHOUT_A_WORD:
        with st.spinner("Reading the curves of all trials…"):
            book.find(flags)
    else:
        book.find(flags)
    return book


def diagnosis_of(view: View, row: TrialRow, found: Judgement) -> Diagnosis | None:
    """Return the diagnosis of a trial; None of one that has not ended, or has no curve."""
    if row.state not in _DIAGNOSED:
        return None
    with view.reader.reading() as seen:
        flags = seen.made("as baseline", lambda: as_baseline(found))
    return diagnosed_by(view, {row.number: flags.get(row.number, False)}).of(row.number)


@st.cache_resource(
    show_spinner=False,
    max_entries=_MOST_STUDIES,
    hash_funcs={Database: lambda database: database.url},
)
def _shared(database: Database, study_id: str) -> DiagnosisBook:
    def read(numbers: Sequence[int]) -> list[CurvePiece]:
        return read_pieces(database, study_id, numbers=numbers)[0]

    return DiagnosisBook(read)
