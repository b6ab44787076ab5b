"""Curves: taken in piece by piece, summed up over folds and over trials."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from storage.results import CurvePiece
from tuning.analysis.curves import (
    ACCURACY,
    LOSS,
    MAE,
    RMSE,
    CurveBook,
    loss_finding,
    measures,
    sample,
    smooth,
    thin,
)

NAN = float("nan")


def piece(number: int, fold: int, first: int, val_loss: list[float]) -> CurvePiece:
    """Return a piece whose validation loss is given and whose training loss is half of it."""
    values = np.full((len(val_loss), 5), np.nan, dtype=np.float32)
    values[:, 2] = val_loss
    values[:, 0] = np.array(val_loss) / 2
    return CurvePiece(number, 0, fold, first, values)


def test_a_trial_is_the_mean_and_the_extremes_of_the_folds_that_got_there() -> None:
    book = CurveBook()
    book.add([piece(7, 0, 0, [4.0, 2.0, 1.0]), piece(7, 1, 0, [2.0, 4.0])])

    table = book.trial_table(7, LOSS)

    assert table["epoch"].tolist() == [0, 1, 2]
    assert table["mean"].tolist() == [3.0, 3.0, 1.0]
    assert table["lowest"].tolist() == [2.0, 2.0, 1.0]
    assert table["highest"].tolist() == [4.0, 4.0, 1.0]
    assert table["training"].tolist() == [1.5, 1.5, 0.5]


def test_pieces_that_arrive_later_lengthen_a_curve_that_was_already_read() -> None:
    book = CurveBook()
    book.add([piece(0, 0, 0, [3.0])])
    before = book.mean(0, LOSS).tolist()

    book.add([piece(0, 0, 1, [2.0] * 40)])

    assert before == [3.0]
    assert book.mean(0, LOSS).tolist() == [3.0] + [2.0] * 40
    assert book.fit_epochs(0) == {(0, 0): 41}


def test_a_fit_that_begins_again_forgets_its_old_epochs() -> None:
    book = CurveBook()
    book.add([piece(0, 0, 0, [9.0, 9.0, 9.0])])

    book.add([piece(0, 0, 0, [1.0])])

    assert book.mean(0, LOSS).tolist() == [1.0]


def test_values_that_are_not_finite_count_as_missing() -> None:
    book = CurveBook()
    book.add([piece(0, 0, 0, [1.0, np.inf]), piece(0, 1, 0, [3.0, NAN])])

    table = book.trial_table(0, LOSS)

    assert table["mean"].iloc[0] == 2.0
    assert table.loc[1, ["mean", "lowest", "highest"]].isna().all()


def test_rmse_is_the_mean_of_the_roots_not_the_root_of_the_mean() -> None:
    book = CurveBook()
    book.add([piece(0, 0, 0, [1.0]), piece(0, 1, 0, [9.0])])

    assert book.mean(0, RMSE).tolist() == [2.0]


def test_the_band_agrees_with_numpy_percentiles_of_the_trials_that_got_there() -> None:
    book = CurveBook()
    rng = np.random.default_rng(3)
    losses = rng.uniform(size=(21, 6)).astype(np.float32)
    losses[15:, 4:] = np.nan
    for number, row in enumerate(losses):
        book.add([piece(number, 0, 0, [float(v) for v in row if np.isfinite(v)])])

    band = book.band(LOSS)

    expected = np.nanpercentile(losses.astype(float), [10, 50, 90], axis=0)
    np.testing.assert_allclose(band[["low", "middle", "high"]].to_numpy().T, expected)


def test_the_band_follows_new_pieces() -> None:
    book = CurveBook()
    book.add([piece(0, 0, 0, [1.0])])
    before = book.band(LOSS)["middle"].tolist()

    book.add([piece(1, 0, 0, [3.0])])

    assert before == [1.0]
    assert book.band(LOSS)["middle"].tolist() == [2.0]


def test_the_band_of_some_trials_leaves_the_others_out() -> None:
    book = CurveBook()
    book.add([piece(number, 0, 0, [float(number)]) for number in range(4)])

    assert book.band(LOSS, (1, 3))["middle"].tolist() == [2.0]
    assert book.band(LOSS)["middle"].tolist() == [1.5]


def test_a_forgotten_trial_is_in_no_summary_and_can_come_back() -> None:
    book = CurveBook()
    book.add([piece(0, 0, 0, [1.0, 2.0]), piece(1, 0, 0, [3.0]), piece(1, 1, 0, [5.0])])
    before = book.n_held, book.band(LOSS)["middle"].tolist(), book.mean(1, LOSS).tolist()

    book.forget([1, 7])

    assert before == (4, [2.5, 2.0], [4.0])
    assert 1 not in book
    assert book.n_held == 2
    assert book.band(LOSS)["middle"].tolist() == [1.0, 2.0]
    book.add([piece(1, 0, 0, [9.0])])
    assert book.mean(1, LOSS).tolist() == [9.0]


def test_a_sample_halves_and_stays_while_trials_come() -> None:
    whole = sample(range(1000), 0)
    half, quarter = sample(range(1000), 1), sample(range(1000), 2)

    assert whole == list(range(1000))
    assert set(quarter) < set(half)
    assert len(half) == pytest.approx(500, abs=3)  # as even as a ruler: no chance in it
    assert len(quarter) == pytest.approx(250, abs=3)
    assert set(half) == {n for n in sample(range(3000), 1) if n < 1000}


@pytest.mark.parametrize("period", [2, 4, 8, 10, 32])
def test_a_sample_meets_every_value_of_a_grid_about_as_often(period: int) -> None:
    chosen = sample(range(6400), 4)

    counts = np.bincount([number % period for number in chosen], minlength=period)

    # a step of sixteen would meet one value of each of these grids, or a few
    assert np.abs(counts - counts.mean()).max() <= counts.mean() / 4


def test_an_empty_book_has_an_empty_band() -> None:
    book = CurveBook()

    assert book.band(ACCURACY).empty
    assert book.numbers == []
    assert book.n_epochs(0) == 0


def test_long_curves_are_thinned_but_keep_their_ends_and_what_matters() -> None:
    epochs = thin(10_000, keep=[1234, 10_000], most=100)

    assert epochs[0] == 0
    assert epochs[-1] == 9_999
    assert 1234 in epochs
    assert len(epochs) == 101


def test_short_curves_are_not_thinned() -> None:
    assert thin(3, most=100).tolist() == [0, 1, 2]


def test_smoothing_is_corrected_for_its_start_and_skips_gaps() -> None:
    smoothed = smooth(np.array([2.0, NAN, 4.0]), 0.5)

    # weights 0.5 and 0.25 over the past, divided by what they add up to
    assert smoothed[0] == 2.0
    assert np.isnan(smoothed[1])
    assert smoothed[2] == pytest.approx((0.25 * 2 + 0.5 * 4) / 0.75)


@pytest.mark.parametrize(
    ("score", "first"),
    [("accuracy", ACCURACY), ("log_loss", LOSS), ("rmse", RMSE), ("mae", MAE), ("mse", LOSS)],
)
def test_the_measure_nearest_to_the_score_comes_first(score: str, first: object) -> None:
    assert measures(score)[0] == first


def test_words_keep_abbreviations_in_capitals() -> None:
    assert [measure.word for measure in (ACCURACY, RMSE)] == ["accuracy", "RMSE"]


def losses(validation: list[float], training: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"mean": validation, "training": training})


def test_a_loss_that_still_falls_is_told_with_the_last_epoch() -> None:
    falling = np.linspace(1, 0.1, 50).tolist()

    assert loss_finding(4, losses(falling, falling)) == (
        "Loss of trial 4 still falls at epoch 50"
    )


def test_a_loss_that_rises_while_training_falls_is_overfitting() -> None:
    validation = [*np.linspace(1, 0.2, 20), *np.linspace(0.25, 0.9, 30)]
    training = np.linspace(1, 0.0, 50).tolist()

    assert loss_finding(4, losses(validation, training)) == (
        "Trial 4 overfits: its loss rises after epoch 21"
    )


def test_a_loss_that_levels_out_stops_falling() -> None:
    flat = [*np.linspace(1, 0.2, 20), *[0.2] * 30]

    finding = loss_finding(4, losses(flat, flat))

    # smoothing trails behind epoch 20 by a few
    assert finding in [f"Loss of trial 4 stops falling at epoch {n}" for n in range(20, 30)]


def test_a_few_epochs_have_no_finding() -> None:
    assert loss_finding(4, losses([1.0, 0.5], [1.0, 0.5])) == "Loss by epoch"
