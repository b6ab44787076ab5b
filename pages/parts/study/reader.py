"""What is known of a study, read once for everybody who watches it.

Each refresh asks for the study's row and, only if its version has grown, for the rows that are
newer than what is here.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import streamlit as st

from pages.parts.state import db
from storage.database import Database
from storage.results import FitRow, TrialRow, read_fits, read_pieces, read_trials
from storage.studies import StudyRow, get_study
from tuning.analysis.curves import CurveBook

_MOST_STUDIES = 32  # kept in memory; the one looked at longest ago is read anew


class StudyReader:
    """A study's trials, fits and curves, kept up to date.

    Attributes
    ----------
    row : StudyRow
        The study itself.
    trials : dict
        By number.
    fits : dict
        By number, repeat and fold.
    book : CurveBook
        The curves.
    """

    def __init__(self, database: Database, study_id: str) -> None:
        self._db = database
        self._lock = threading.Lock()
        self._version = -1
        self._last_piece = 0
        self.row: StudyRow = get_study(database, study_id)
        self.trials: dict[int, TrialRow] = {}
        self.fits: dict[tuple[int, int, int], FitRow] = {}
        self.book = CurveBook()

    @contextlib.contextmanager
    def reading(self) -> Iterator[StudyReader]:
        """Bring everything up to date, and keep it as it is while the caller reads.

        Raises
        ------
        UnknownStudyError
            If the study has been deleted.
        """
        with self._lock:
            self._refresh()
            yield self

    def _refresh(self) -> None:
        row = get_study(self._db, self.row.id)
        if row.version != self._version:
            after = self._version
            for trial in read_trials(self._db, row.id, after_version=after):
                self.trials[trial.number] = trial
            for fit in read_fits(self._db, row.id, after_version=after):
                self.fits[fit.number, fit.repeat, fit.fold] = fit
            pieces, self._last_piece = read_pieces(self._db, row.id, after_id=self._last_piece)
            self.book.add(pieces)
            self._version = row.version
        self.row = row

    def fits_of(self, number: int) -> list[FitRow]:
        """Return the fits of a trial, by repeat and fold."""
        return sorted(
            (fit for fit in self.fits.values() if fit.number == number),
            key=lambda fit: (fit.repeat, fit.fold),
        )


def study_reader(study_id: str) -> StudyReader:
    """Return the one reader of a study in this process.

    Raises
    ------
    UnknownStudyError
        If there is no such study.
    """
    return _shared(db(), study_id)


@st.cache_resource(
    show_spinner=False,
    max_entries=_MOST_STUDIES,
    hash_funcs={Database: lambda database: database.url},
)
def _shared(database: Database, study_id: str) -> StudyReader:
    return StudyReader(database, study_id)
