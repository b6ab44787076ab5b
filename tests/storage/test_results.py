"""Batches go in whole; readers get only what is new; curves come back bit for bit."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.results import (
    CURVE_COLUMNS,
    Batch,
    CurvePiece,
    FitRow,
    TrialRow,
    forget_unfinished,
    last_piece_id,
    read_fits,
    read_pieces,
    read_trials,
    write_batch,
)
from storage.studies import Claim, get_study, study_version
from tuning.training.interface import N_CURVES


def make_piece(number: int, fold: int = 0, first_epoch: int = 0, n: int = 2) -> CurvePiece:
    values = np.arange(n * 5, dtype=np.float32).reshape(n, 5) + number
    return CurvePiece(number, 0, fold, first_epoch, values)


def test_trials_and_fits_come_back_as_they_were_written(db: Database, claim: Claim) -> None:
    row = TrialRow(
        3,
        "COMPLETE",
        {"dense_layer_sizes": [32, 16], "learning_rate": 1e-3, "max_norm": None},
        score=0.7,
        spread=0.1,
        n_epochs=9.5,
        duration_s=1.25,
        n_weights=4215,
        message="μ",
        finished_at=1.5e9,
    )
    fits = [
        FitRow(3, 1, 0, "FAIL", message="Loss became NaN."),
        FitRow(3, 0, 2, "COMPLETE", 0.6, {"accuracy": 0.6, "f1": 0.5}, 9, 4, 0.5, "keras"),
    ]

    write_batch(db, claim, Batch(trials=[row], fits=fits))

    assert read_trials(db, claim.study_id) == [row]
    assert read_fits(db, claim.study_id) == [fits[1], fits[0]]


def test_a_metric_that_is_no_number_stays_one(db: Database, claim: Claim) -> None:
    fit = FitRow(0, 0, 0, "COMPLETE", 0.5, {"accuracy": 0.5, "roc_auc": math.nan})

    write_batch(db, claim, Batch(fits=[fit]))

    assert math.isnan(read_fits(db, claim.study_id)[0].metrics["roc_auc"])


def test_the_last_of_several_rows_for_one_fit_counts(db: Database, claim: Claim) -> None:
    write_batch(db, claim, Batch(trials=[TrialRow(0, "RUNNING", {"epochs": 5})]))

    finished = TrialRow(0, "COMPLETE", {"epochs": 5}, score=0.8)
    fits = [FitRow(0, 0, 0, "RUNNING"), FitRow(0, 0, 0, "COMPLETE", 0.8)]
    write_batch(db, claim, Batch(trials=[finished], fits=fits))

    assert read_trials(db, claim.study_id) == [finished]
    assert read_fits(db, claim.study_id) == [fits[1]]


def test_curve_values_come_back_bit_for_bit(db: Database, claim: Claim) -> None:
    values = np.array([[0.1, 1 / 3, np.nan, np.inf, -0.0], [1e-30, 2, 3, 4, 5]], np.float32)

    write_batch(db, claim, Batch(pieces=[CurvePiece(1, 2, 3, 40, values)]))

    (piece,), _ = read_pieces(db, claim.study_id)
    assert (piece.number, piece.repeat, piece.fold, piece.first_epoch) == (1, 2, 3, 40)
    assert piece.values.dtype == np.float32
    assert piece.values.tobytes() == values.tobytes()
    assert len(CURVE_COLUMNS) == N_CURVES == values.shape[1]


def test_only_what_is_newer_than_a_version_is_read(db: Database, claim: Claim) -> None:
    old = Batch(trials=[TrialRow(0, "RUNNING", {})], fits=[FitRow(0, 0, 0, "RUNNING")])
    write_batch(db, claim, old)
    seen = study_version(db, claim.study_id)
    assert seen is not None

    new = Batch(trials=[TrialRow(1, "RUNNING", {})], fits=[FitRow(0, 0, 1, "RUNNING")])
    write_batch(db, claim, new)

    assert read_trials(db, claim.study_id, after_version=seen) == new.trials
    assert read_fits(db, claim.study_id, after_version=seen) == new.fits
    assert study_version(db, claim.study_id) == seen + 1
    assert read_trials(db, claim.study_id, after_version=seen + 1) == []


def test_trials_are_chosen_by_state_and_fits_by_trial(db: Database, claim: Claim) -> None:
    trials = [TrialRow(0, "COMPLETE", {}, score=1.0), TrialRow(1, "RUNNING", {})]
    fits = [FitRow(number, 0, 0, "RUNNING") for number in range(3)]
    write_batch(db, claim, Batch(trials=trials, fits=fits))

    assert read_trials(db, claim.study_id, states=["COMPLETE"]) == trials[:1]
    assert read_fits(db, claim.study_id, numbers=[0, 2]) == [fits[0], fits[2]]
    assert read_fits(db, claim.study_id, numbers=[]) == []


def test_only_pieces_newer_than_the_last_are_read(db: Database, claim: Claim) -> None:
    assert (read_pieces(db, claim.study_id), last_piece_id(db, claim.study_id)) == (([], 0), 0)
    write_batch(db, claim, Batch(pieces=[make_piece(0), make_piece(1)]))
    first, last_id = read_pieces(db, claim.study_id)

    write_batch(db, claim, Batch(pieces=[make_piece(0, first_epoch=2)]))
    newer, newest_id = read_pieces(db, claim.study_id, after_id=last_id)

    assert [piece.number for piece in first] == [0, 1]
    assert [(piece.number, piece.first_epoch) for piece in newer] == [(0, 2)]
    assert newest_id == last_piece_id(db, claim.study_id) > last_id
    assert read_pieces(db, claim.study_id, after_id=newest_id) == ([], newest_id)
    only_first, _ = read_pieces(db, claim.study_id, numbers=[1])
    assert [piece.number for piece in only_first] == [1]


def test_a_failing_row_leaves_nothing_of_its_batch(db: Database, claim: Claim) -> None:
    before = get_study(db, claim.study_id)
    nameless = FitRow(0, 0, 0, None)  # type: ignore[arg-type]
    batch = Batch(
        trials=[TrialRow(0, "RUNNING", {})],
        fits=[FitRow(0, 0, 1, "RUNNING"), nameless],
        pieces=[make_piece(0)],
        study={"n_trials_done": 5},
    )

    with pytest.raises(sa.exc.IntegrityError):
        write_batch(db, claim, batch)

    assert get_study(db, claim.study_id) == before
    assert read_trials(db, claim.study_id) == []
    assert read_fits(db, claim.study_id) == []
    assert read_pieces(db, claim.study_id) == ([], 0)


def test_a_batch_that_is_written_again_changes_nothing_but_the_version(
    db: Database, claim: Claim
) -> None:
    batch = Batch(
        trials=[TrialRow(0, "COMPLETE", {}, score=0.5)],
        fits=[FitRow(0, 0, 0, "COMPLETE", 0.5)],
        pieces=[make_piece(0), make_piece(0, first_epoch=2), make_piece(0, fold=1)],
    )
    write_batch(db, claim, batch)
    first = study_version(db, claim.study_id) or 0
    written, last_id = read_pieces(db, claim.study_id)

    write_batch(db, claim, batch)

    again, last_id_again = read_pieces(db, claim.study_id)
    assert study_version(db, claim.study_id) == first + 1
    assert read_trials(db, claim.study_id) == batch.trials
    assert read_fits(db, claim.study_id) == batch.fits
    assert [(p.fold, p.first_epoch) for p in written] == [(0, 0), (0, 2), (1, 0)]
    assert [(p.fold, p.first_epoch) for p in again] == [(0, 0), (0, 2), (1, 0)]
    assert last_id_again == last_id


def test_the_last_values_of_a_piece_count(db: Database, claim: Claim) -> None:
    write_batch(db, claim, Batch(pieces=[make_piece(0, n=1)]))

    write_batch(db, claim, Batch(pieces=[make_piece(0, n=3)]))

    (piece,), _ = read_pieces(db, claim.study_id)
    assert piece.values.tobytes() == make_piece(0, n=3).values.tobytes()


def test_a_reader_misses_nothing_of_what_many_write_at_once(db: Database, claim: Claim) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 20):
            write_batch(db, claim, Batch(trials=[TrialRow(number, "RUNNING", {})]))

    seen: set[int] = set()
    version = -1
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, first) for first in (0, 20, 40)]
        is_over = False
        while not is_over:
            is_over = all(writer.done() for writer in writers)
            newest = study_version(db, claim.study_id)
            seen |= {r.number for r in read_trials(db, claim.study_id, after_version=version)}
            version = newest or 0

    assert [writer.exception() for writer in writers] == [None] * 3
    assert seen == set(range(60))


def test_what_was_in_flight_is_forgotten_and_its_new_pieces_are_news(
    db: Database, claim: Claim
) -> None:
    fits = [FitRow(0, 0, 0, "COMPLETE", 0.5), FitRow(1, 0, 0, "RUNNING")]
    write_batch(db, claim, Batch(fits=fits, pieces=[make_piece(0), make_piece(1)]))
    _, seen = read_pieces(db, claim.study_id)

    forget_unfinished(db, claim, [1])
    write_batch(db, claim, Batch(pieces=[make_piece(1)]))

    news, _ = read_pieces(db, claim.study_id, after_id=seen)
    every, _ = read_pieces(db, claim.study_id)
    assert read_fits(db, claim.study_id) == fits[:1]
    assert [piece.number for piece in news] == [1]
    assert [piece.number for piece in every] == [0, 1]


def test_a_batch_without_anything_is_false() -> None:
    assert not Batch()
    assert Batch(study={"phase": ""})
    assert Batch(pieces=[make_piece(0)])
