"""What the study page reads: a line of every trial, curves only of those that are looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sa

from pages.parts.study import reader as module
from pages.parts.study.reader import StudyReader
from storage.database import Database
from storage.errors import UnknownStudyError
from storage.leases import claim_study
from storage.results import Batch, CurvePiece, FitRow, TrialRow, write_batch
from storage.studies import Claim, delete_study
from tests.pages.written_study import WrittenStudy
from tuning.analysis.curves import ACCURACY

N_TRIALS, N_EPOCHS = 700, 3


def pieces(number: int, first: int = 0, n_epochs: int = N_EPOCHS) -> CurvePiece:
    values = np.full((n_epochs, 5), number / N_TRIALS, dtype=np.float32)
    return CurvePiece(number, 0, 0, first, values)


@pytest.fixture
def claim(db: Database) -> Claim:
    """Give a worker's hold of a study of many finished trials; the last one leads."""
    taken = claim_study(db, "worker-test", WrittenStudy.waiting(db).id)
    assert taken is not None
    numbers = range(N_TRIALS)
    write_batch(
        db,
        taken,
        Batch(
            trials=[TrialRow(n, "COMPLETE", {}, n / N_TRIALS, finished_at=n) for n in numbers],
            fits=[FitRow(n, 0, f, "COMPLETE", n / N_TRIALS) for n in numbers for f in range(3)],
            pieces=[pieces(n) for n in numbers],
        ),
    )
    return taken


@pytest.fixture
def statements(db: Database) -> Iterator[list[str]]:
    """Give the tables that statements read from, as they are sent."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(db.engine, "before_cursor_execute", note)


def test_curves_are_read_only_of_the_trials_asked_for(db: Database, claim: Claim) -> None:
    reader = StudyReader(db, claim.study_id)

    with reader.reading() as seen:
        book = seen.curves_of([5, 600, 9999])
        assert seen.ranked[:2] == [699, 698]
        assert len(seen.reached) == N_TRIALS
        assert book.numbers == [5, 600]
        assert book.mean(600, ACCURACY).tolist() == pytest.approx([600 / N_TRIALS] * N_EPOCHS)


def test_a_reader_that_has_seen_everything_asks_only_for_the_study(
    db: Database, claim: Claim, statements: list[str]
) -> None:
    reader = StudyReader(db, claim.study_id)
    with reader.reading() as seen:
        seen.sampled()
        ranked = seen.ranked
    statements.clear()

    with reader.reading() as seen:
        assert seen.ranked is ranked
        assert len(seen.sampled()) > 0

    assert len([text for text in statements if text.startswith("SELECT")]) == 1


def test_what_is_new_is_taken_in_and_everything_made_from_the_old_is_forgotten(
    db: Database, claim: Claim
) -> None:
    reader = StudyReader(db, claim.study_id)
    with reader.reading() as seen:
        assert seen.curves_of([5]).n_epochs(5) == N_EPOCHS
        assert len(seen.made("n", lambda: list(seen.trials))) == N_TRIALS

    more = Batch(
        trials=[TrialRow(N_TRIALS, "COMPLETE", {}, 1.0, finished_at=1e6)],
        fits=[FitRow(N_TRIALS, 0, fold, "COMPLETE", 1.0) for fold in range(3)],
        pieces=[pieces(5, N_EPOCHS, 4), pieces(N_TRIALS)],
    )
    write_batch(db, claim, more)

    with reader.reading() as seen:
        assert seen.ranked[0] == N_TRIALS
        assert N_TRIALS in seen.ended
        assert seen.curves_of([5]).n_epochs(5) == N_EPOCHS + 4
        assert len(seen.made("n", lambda: list(seen.trials))) == N_TRIALS + 1


def test_newer_epochs_are_counted_without_reading_them(db: Database, claim: Claim) -> None:
    reader = StudyReader(db, claim.study_id)
    with reader.reading() as seen:
        before = seen.last_piece

    write_batch(db, claim, Batch(pieces=[pieces(5, N_EPOCHS, 4), pieces(6, N_EPOCHS, 2)]))

    with reader.reading() as seen:
        assert seen.n_newer(before) == 6
        assert seen.n_newer(seen.last_piece) == 0


def test_the_sample_is_bounded_and_its_curves_are_in_the_book(
    db: Database, claim: Claim
) -> None:
    reader = StudyReader(db, claim.study_id)

    with reader.reading() as seen:
        chosen = seen.sampled()
        book = seen.curves_of([])

    assert N_TRIALS / 2 - 3 <= len(chosen) <= N_TRIALS / 2 + 3
    assert set(chosen) == set(book.numbers)


def test_long_curves_make_the_sample_smaller(
    db: Database, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_EPOCHS", 100 * N_EPOCHS)
    reader = StudyReader(db, claim.study_id)

    with reader.reading() as seen:
        chosen = seen.sampled()
        book = seen.curves_of([])

    assert 16 <= len(chosen) <= 100
    assert book.n_held <= 100 * N_EPOCHS


def test_curves_nobody_looks_at_any_more_are_let_go(db: Database, claim: Claim) -> None:
    reader = StudyReader(db, claim.study_id)

    with reader.reading() as seen:
        for number in range(200):
            assert number in seen.curves_of([number])
        assert seen.curves_of([]).numbers == list(range(136, 200))

        seen.curves_of([136])
        assert 136 in seen.curves_of([300])
        assert 137 not in seen.curves_of([])


def test_a_fit_of_a_trial_that_was_written_meanwhile_waits_for_the_next_reading(
    db: Database, claim: Claim
) -> None:
    reader = StudyReader(db, claim.study_id)
    new = Batch(
        trials=[TrialRow(N_TRIALS, "RUNNING", {})], fits=[FitRow(N_TRIALS, 0, 0, "RUNNING")]
    )

    with reader.reading() as seen:
        write_batch(db, claim, new)
        fits, n_fits = seen.in_training(4)
        assert all(fit.number in seen.trials for fit in fits)
        assert (fits, n_fits) == ([], 0)

    with reader.reading() as seen:
        assert [fit.number for fit in seen.in_training(4)[0]] == [N_TRIALS]


def test_sessions_count_as_watching_while_they_keep_asking(
    db: Database, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_WATCH_S", 0.05)
    reader = StudyReader(db, claim.study_id)

    assert [reader.n_watching(session) for session in ("a", "b", "a", "c")] == [1, 2, 2, 3]

    time.sleep(0.1)
    assert reader.n_watching("b") == 1


def test_a_study_that_was_deleted_is_unknown_to_its_reader(db: Database, claim: Claim) -> None:
    reader = StudyReader(db, claim.study_id)
    delete_study(db, claim.study_id)

    with pytest.raises(UnknownStudyError), reader.reading():
        pass
