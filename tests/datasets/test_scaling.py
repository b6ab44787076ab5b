"""Filling and scaling, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tuning.datasets.scaling import Scaler


def gappy_table() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    generator = np.random.default_rng(0)
    table = generator.normal(5, 3, (60, 4)).astype(np.float32)
    table[generator.random((60, 4)) < 0.2] = np.nan
    return table


def test_fill_and_scale_are_scikit_learns() -> None:
    train, others = np.split(gappy_table(), [40])
    theirs = make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit(train)

    scaler = Scaler.fit(train)

    np.testing.assert_allclose(scaler.transform(others), theirs.transform(others), atol=1e-5)
    np.testing.assert_allclose(scaler.mean, theirs[1].mean_, rtol=1e-5)
    np.testing.assert_allclose(scaler.scale, theirs[1].scale_, rtol=1e-5)


def test_hand_worked_column() -> None:
    train = np.array([[1], [3], [np.nan], [8]], np.float32)

    scaler = Scaler.fit(train)

    assert scaler.fill.tolist() == [3]
    assert scaler.mean.tolist() == [3.75]  # (1 + 3 + 3 + 8) / 4
    assert scaler.transform(np.array([[3.75]], np.float32)).tolist() == [[0]]


def test_constant_columns_stay_0() -> None:
    train = np.full((7, 1), 0.1, np.float32)

    scaler = Scaler.fit(train)

    assert scaler.transform(train).tolist() == [[0]] * 7
    assert scaler.scale.tolist() == [1]


def test_columns_without_any_value_become_0() -> None:
    train = np.full((5, 2), np.nan, np.float32)
    train[:, 1] = range(5)

    scaled = Scaler.fit(train).transform(train)

    assert scaled[:, 0].tolist() == [0] * 5
    assert np.isfinite(scaled).all()


def test_without_scaling_only_gaps_are_filled() -> None:
    train = np.array([[1, 5], [np.nan, 6], [3, 7]], np.float32)

    scaled = Scaler.fit(train, scale=False).transform(train)

    assert scaled.tolist() == [[1, 5], [2, 6], [3, 7]]


def test_images_pass_through() -> None:
    images = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4, 1)

    scaler = Scaler.fit(images)

    np.testing.assert_array_equal(scaler.transform(images), images)
    assert scaler.mean.size == 0


def test_mean_and_scale_alone_reproduce_the_scaling() -> None:
    table = np.nan_to_num(gappy_table())

    scaler = Scaler.fit(table)

    by_hand = (table - scaler.mean) / np.sqrt(scaler.scale**2)
    np.testing.assert_allclose(by_hand, scaler.transform(table), atol=1e-6)
    assert scaler.transform(table).dtype == np.float32
