"""Readings for pages: only what is new, only what is shown, in both databases."""

from __future__ import annotations

import numpy as np
import pytest

from storage.database import Database
from storage.reading import (
    FitScore,
    Trials,
    count_epochs,
    read_fit_scores,
    read_in_training,
    read_news,
)
from storage.results import Batch, CurvePiece, FitRow, TrialRow, write_batch
from storage.studies import Claim, study_version


def piece(number: int, fold: int, first: int, n_epochs: int) -> CurvePiece:
    values = np.zeros((n_epochs, 5), dtype=np.float32)
    return CurvePiece(number, 0, fold, first, values)


def test_a_line_becomes_the_trial_that_was_written(db: Database, claim: Claim) -> None:
    row = TrialRow(
        3, "COMPLETE", {"layers": [8, 4], "rate": 0.1}, 0.7, 0.01, 20.0, 1.5, 241, "", 9.0
    )
    write_batch(db, claim, Batch(trials=[row, TrialRow(1, "RUNNING", {})]))

    trials = Trials(read_news(db, claim.study_id).lines)

    assert trials[3] == row
    assert list(trials) == [1, 3]
    assert trials.column("score") == [None, 0.7]
    assert trials.in_state("RUNNING", "FAIL") == [TrialRow(1, "RUNNING", {})]
    assert 2 not in trials
    with pytest.raises(KeyError):
        trials[2]


def test_only_what_was_written_since_is_read_again(db: Database, claim: Claim) -> None:
    first = Batch(
        trials=[TrialRow(0, "COMPLETE", {}, 0.5), TrialRow(1, "RUNNING", {})],
        fits=[FitRow(0, 0, 0, "COMPLETE", 0.5, trainer="stacked")],
        pieces=[piece(0, 0, 0, 2), piece(1, 0, 0, 2)],
    )
    write_batch(db, claim, first)
    seen, version = read_news(db, claim.study_id), study_version(db, claim.study_id)
    assert version is not None
    second = Batch(
        trials=[TrialRow(1, "COMPLETE", {}, 0.6)],
        fits=[FitRow(1, 0, 0, "COMPLETE", 0.6, trainer="keras")],
        pieces=[piece(1, 0, 2, 2)],
    )
    write_batch(db, claim, second)

    news = read_news(db, claim.study_id, after_version=version, after_piece=seen.last_piece)

    assert seen.moved == {0, 1}
    assert list(seen.trainers) == [("stacked", 0)]
    assert [line[0] for line in news.lines] == [1]
    assert list(news.trainers) == [("keras", 1)]
    assert news.moved == {1}
    assert news.last_piece > seen.last_piece
    trials = Trials(seen.lines)
    trials.take(news.lines)
    assert trials.column("state") == ["COMPLETE", "COMPLETE"]


def test_nothing_new_is_no_news(db: Database, claim: Claim) -> None:
    write_batch(db, claim, Batch(pieces=[piece(0, 0, 0, 2)]))
    seen, version = read_news(db, claim.study_id), study_version(db, claim.study_id)
    assert version is not None

    news = read_news(db, claim.study_id, after_version=version, after_piece=seen.last_piece)

    assert (list(news.lines), list(news.trainers), news.moved) == ([], [], frozenset())
    assert news.last_piece == seen.last_piece


def test_trainers_are_named_in_the_order_of_their_first_trials(
    db: Database, claim: Claim
) -> None:
    fits = [
        FitRow(2, 0, 0, "COMPLETE", trainer="keras"),
        FitRow(1, 0, 0, "COMPLETE", trainer="stacked"),
        FitRow(0, 0, 0, "RUNNING"),
    ]
    write_batch(db, claim, Batch(fits=fits))

    assert list(read_news(db, claim.study_id).trainers) == [("stacked", 1), ("keras", 2)]


def test_newer_epochs_are_those_of_the_longest_fit_of_each_trial(
    db: Database, claim: Claim
) -> None:
    write_batch(db, claim, Batch(pieces=[piece(0, 0, 0, 10)]))
    seen = read_news(db, claim.study_id).last_piece
    pieces = [piece(0, 0, 10, 5), piece(0, 0, 15, 2), piece(0, 1, 0, 3), piece(1, 0, 0, 20)]
    write_batch(db, claim, Batch(pieces=pieces))

    assert count_epochs(db, claim.study_id, after_piece=seen) == 5 + 2 + 20
    assert count_epochs(db, claim.study_id, after_piece=0) == 10 + 5 + 2 + 20
    last = read_news(db, claim.study_id).last_piece
    assert count_epochs(db, claim.study_id, after_piece=last) == 0


def test_fits_in_training_are_the_first_of_the_latest_trials(
    db: Database, claim: Claim
) -> None:
    trials = [TrialRow(n, "RUNNING", {}) for n in range(3)] + [TrialRow(3, "COMPLETE", {})]
    fits = [FitRow(n, 0, fold, "RUNNING") for n in range(4) for fold in range(2)]
    fits.append(FitRow(2, 1, 0, "COMPLETE"))
    write_batch(db, claim, Batch(trials=trials, fits=fits))

    first, n_fits = read_in_training(db, claim.study_id, 3)

    assert [(fit.number, fit.fold) for fit in first] == [(2, 0), (2, 1), (1, 0)]
    assert n_fits == 6


def test_scores_of_fits_are_read_for_the_trials_asked_for(db: Database, claim: Claim) -> None:
    fits = [
        FitRow(n, 0, fold, "COMPLETE", n + fold / 10, trainer="stacked")
        for n in range(3)
        for fold in range(2)
    ]
    write_batch(db, claim, Batch(fits=fits))

    assert read_fit_scores(db, claim.study_id, {2, 0})[1:3] == [
        FitScore(0, 0, 1, 0.1, "stacked"),
        FitScore(2, 0, 0, 2.0, "stacked"),
    ]
    assert read_fit_scores(db, claim.study_id, []) == []
