"""What is known of a study, read once for everybody who watches it.

Each refresh asks for the study's row and, only if its version has grown, for what is newer than
what is here. Of all trials only their lines are kept; curves are read for the trials that
somebody looks at, and for the sample that stands for all.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import streamlit as st

from pages.parts.state import db
from pages.parts.study.facts import is_confirming
from storage.database import Database
from storage.reading import (
    Trials,
    count_epochs,
    read_fit_lines,
    read_in_training,
    read_news,
)
from storage.results import ENDED_STATES, FitRow, read_fits, read_pieces
from storage.studies import StudyRow, get_study
from tuning.analysis.curves import CurveBook, sample
from tuning.analysis.study_scores import ScoreBook, StudyScores
from tuning.analysis.tables import Scores, scores_of
from tuning.judging import Judged, complete, judged, known_info
from tuning.spec import StudySpec

T = TypeVar("T")

_MOST_STUDIES = 32  # kept in memory; the one looked at longest ago is read anew
_MOST_DRAWN = 64  # trials whose curves are kept because somebody looked at them
_MOST_SAMPLED = 500  # percentiles of half as many are off by some two ranks in a hundred
_FEWEST_SAMPLED = 16
_MOST_EPOCHS = 1_500_000  # of all kept fits together, 30 MB
_AT_ONCE = 50  # trials whose curves are read in one go
_MOST_MADE = 256
_WATCH_S = 10.0  # a session that has not asked for so long looks elsewhere


class StudyReader:
    """A study's trials and the curves somebody looks at, kept up to date.

    Attributes
    ----------
    row : StudyRow
        The study itself.
    trials : Trials
        By number.
    fits : dict
        One fit of each trainer, by its name; `fits_of` returns all of a trial.
    last_piece : int
        Id of the newest piece of a curve.
    """

    def __init__(self, database: Database, study_id: str) -> None:
        self._db = database
        self._lock = threading.Lock()
        self._version = -1
        self._halvings = 0
        self._in_sample: frozenset[int] = frozenset()
        self._book = CurveBook()
        self._score_book: ScoreBook | None = None
        self._drawn: dict[int, None] = {}  # in the order they were last looked at
        self._reached: set[int] = set()
        self._made: dict[Hashable, Any] = {}
        self._looked_at: dict[str, float] = {}  # by session
        self.row: StudyRow = get_study(database, study_id)
        self.trials = Trials()
        self.fits: dict[str, FitRow] = {}
        self.last_piece = 0

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
            news = read_news(
                self._db, row.id, after_version=self._version, after_piece=self.last_piece
            )
            self.trials.take(news.lines)
            self._follow_scores(row)
            self._reached |= news.moved
            self._follow_curves(news.moved)
            self._note_trainers(news.trainers)
            self.last_piece = news.last_piece
            self._version = row.version
            self._made.clear()
        self.row = row

    def _follow_scores(self, row: StudyRow) -> None:
        if self._score_book is None:
            self._score_book = ScoreBook(StudySpec.parse(row.spec))
        self._score_book.take(read_fit_lines(self._db, row.id, self._version))

    def _follow_curves(self, moved: Iterable[int]) -> None:
        kept = sorted(number for number in moved if number in self._book)
        if kept:
            after = self.last_piece
            self._book.add(read_pieces(self._db, self.row.id, numbers=kept, after_id=after)[0])

    def _note_trainers(self, trainers: Iterable[tuple[str, int]]) -> None:
        for name, number in trainers:
            if name not in self.fits:
                fits = read_fits(self._db, self.row.id, numbers=[number])
                # None is left where a worker that went down has let go of it meanwhile.
                self.fits |= {fit.trainer: fit for fit in fits if fit.trainer == name}

    def n_watching(self, session: str) -> int:
        """Count the sessions that looked at the study within seconds, this one among them.

        Not to be called while reading.
        """
        now = time.monotonic()
        with self._lock:
            self._looked_at[session] = now
            for one in [one for one, at in self._looked_at.items() if now - at > _WATCH_S]:
                del self._looked_at[one]
            return len(self._looked_at)

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made from this version of the study, by whoever looked first.

        Nobody may change it: everybody gets the same.
        """
        if key not in self._made:
            if len(self._made) >= _MOST_MADE:
                self._made.pop(next(iter(self._made)))
            self._made[key] = make()
        made: T = self._made[key]
        return made

    @property
    def scores(self) -> Scores:
        """The scores of the finished trials."""
        return self.made("scores", lambda: scores_of(self.trials))

    @property
    def judged(self) -> Judged:
        """What may be said of the study now."""
        return self.made("judged", self._judge)

    def _judge(self) -> Judged:
        spec = StudySpec.parse(self.row.spec)
        info = known_info(spec)
        row = self.row
        running = not (row.is_final or row.is_judged or is_confirming(row))
        return judged(row, spec, self.trials, self.study_scores, info, is_running=running)

    @property
    def study_scores(self) -> StudyScores:
        """The scores of the fits of the finished trials."""
        return self.made("study scores", self._study_scores)

    def _study_scores(self) -> StudyScores:
        book = self._score_book or ScoreBook(StudySpec.parse(self.row.spec))
        return book.scores(complete(self.trials))

    @property
    def ranked(self) -> list[int]:
        """The trials that have a score: those of the race, then by the search, best first."""
        return self.made("ranked", lambda: self.judged.found.best_first)

    @property
    def ended(self) -> frozenset[int]:
        """The trials that have ended, well or not."""
        return self.made("ended", self._ended)

    def _ended(self) -> frozenset[int]:
        numbers, states = self.trials.column("number"), self.trials.column("state")
        pairs = zip(numbers, states, strict=True)
        return frozenset(number for number, state in pairs if state in ENDED_STATES)

    def fits_of(self, number: int) -> list[FitRow]:
        """Return the fits of a trial, by repeat and fold."""
        return self.made(
            ("fits", number), lambda: read_fits(self._db, self.row.id, numbers=[number])
        )

    def in_training(self, most: int) -> tuple[list[FitRow], int]:
        """Return the first fits in training, the latest trial first, and the number of all.

        Fits of trials that were written since this reading wait for the next one.
        """
        return self.made(("in training", most), lambda: self._in_training(most))

    def _in_training(self, most: int) -> tuple[list[FitRow], int]:
        fits, n_fits = read_in_training(self._db, self.row.id, most)
        known = [fit for fit in fits if fit.number in self.trials]
        return known, n_fits - (len(fits) - len(known))

    def n_newer(self, after_piece: int) -> int:
        """Count the epochs trained after a piece of a curve."""
        return self.made(
            ("newer", after_piece),
            lambda: count_epochs(self._db, self.row.id, after_piece=after_piece),
        )

    # Curves.

    @property
    def reached(self) -> frozenset[int]:
        """The trials that have reached an epoch."""
        return self.made("reached", lambda: frozenset(self._reached))

    def curves_of(self, numbers: Iterable[int]) -> CurveBook:
        """Return a book that has the curves of some trials, those that have any."""
        wanted = [number for number in numbers if number in self._reached]
        for number in wanted:
            self._drawn.pop(number, None)
            self._drawn[number] = None
        self._load(wanted)
        if len(self._drawn) > _MOST_DRAWN:
            for number in list(self._drawn)[:-_MOST_DRAWN]:
                del self._drawn[number]
            self._let_go()
        return self._book

    def sampled(self) -> tuple[int, ...]:
        """Return the trials that stand for all, with their curves in the book.

        All of them while there are few. Of many, half of them, or half of that, and so on: as
        many as can be read quickly.
        """
        return self.made("sampled", self._sample)

    def _sample(self) -> tuple[int, ...]:
        while True:
            chosen = sample(self._reached, self._halvings)
            self._in_sample = frozenset(chosen)
            is_small = len(chosen) <= _FEWEST_SAMPLED
            if len(chosen) <= _MOST_SAMPLED and (self._load(chosen) or is_small):
                return tuple(chosen)
            self._halvings += 1
            self._in_sample = frozenset(sample(chosen, self._halvings))
            self._let_go()

    def _load(self, numbers: Sequence[int]) -> bool:
        """Read the curves that are missing; tell whether there is room for more."""
        missing = [number for number in numbers if number not in self._book]
        for start in range(0, len(missing), _AT_ONCE):
            part = missing[start : start + _AT_ONCE]
            self._book.add(read_pieces(self._db, self.row.id, numbers=part)[0])
            if self._book.n_held > _MOST_EPOCHS and len(numbers) > _FEWEST_SAMPLED:
                return False
        return self._book.n_held <= _MOST_EPOCHS

    def _let_go(self) -> None:
        """Forget the curves that are neither in the sample nor were lately looked at."""
        kept = self._in_sample.union(self._drawn)
        self._book.forget([number for number in self._book.numbers if number not in kept])


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
