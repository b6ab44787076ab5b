"""Preparation: scikit-learn column by column, hand-worked tables, and never a NaN."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from tuning.datasets.info import Column, DatasetInfo
from tuning.datasets.preparation import AS_THEY_ARE, Preparation, Preparer, preparation_of
from tuning.parameters import IMPUTATIONS, SCALINGS, defaults_of

Table = NDArray[np.float32]
SCALERS = {"standard": StandardScaler(), "robust": RobustScaler(), "minmax": MinMaxScaler()}
MIXED = (
    Column("age", indicator=True),
    Column("town", ("Aachen", "Bonn"), others=True, indicator=True),
    Column("size", ("small", "medium", "large"), ordered=True),
    Column("sex", ("f", "m")),
    Column("weight"),
)
INPUTS = (
    "age", "age is missing", "town: Aachen", "town: Bonn", "town: other", "town is missing",
    "size", "sex: f", "sex: m", "weight",
)  # fmt: skip


def make_info(*table: Column) -> DatasetInfo:
    names = tuple(name for column in table for name in column.inputs)
    return DatasetInfo(
        id="any",
        title="Anything",
        task="binary",
        source="upload",
        n_rows=60,
        n_inputs=len(names),
        target="answer",
        about="",
        columns=names,
        table=table,
    )


PLAIN = make_info()


def gappy_table(n_columns: int = 4, n_rows: int = 60, seed: int = 0) -> Table:
    generator = np.random.default_rng(seed)
    table = generator.normal(5, 3, (n_rows, n_columns)).round(1).astype(np.float32)
    table[generator.random(table.shape) < 0.2] = np.nan
    return table


def mixed_table(n_rows: int = 60, seed: int = 0) -> Table:
    table = gappy_table(len(MIXED), n_rows, seed)
    generator = np.random.default_rng(seed + 1)
    for place, column in enumerate(MIXED):
        if column.n_codes:
            gaps = np.isnan(table[:, place])
            table[:, place] = generator.integers(column.n_codes, size=n_rows)
            table[gaps, place] = np.nan
    return table


@pytest.mark.parametrize("scaling", [*SCALINGS, None])
@pytest.mark.parametrize("imputation", IMPUTATIONS)
def test_numbers_go_through_scikit_learns_imputer_and_scaler(
    scaling: str | None, imputation: str
) -> None:
    train, others = np.split(gappy_table(), [40])
    steps = [SimpleImputer(strategy=imputation), *([SCALERS[scaling]] if scaling else [])]
    theirs = make_pipeline(*steps).fit(train.astype(np.float64))

    preparer = Preparer.fit(train, PLAIN, Preparation(scaling, imputation))

    prepared = preparer.transform(others)
    assert prepared.dtype == np.float32
    expected = theirs.transform(others.astype(np.float64))
    np.testing.assert_allclose(prepared, expected, rtol=1e-6, atol=1e-6)


def test_choices_become_an_input_each_and_gaps_an_input_more() -> None:
    rows = np.array(
        [[30, 0, 2, 1, 70], [np.nan, 2, 0, 0, 80], [50, np.nan, np.nan, np.nan, 60]], np.float32
    )

    preparer = Preparer.fit(rows, make_info(*MIXED), AS_THEY_ARE)

    # Missing: age 40 and size 1, the medians of two values; a choice is then none of them.
    assert preparer.transform(rows).tolist() == [
        [30, 0, 1, 0, 0, 0, 2, 0, 1, 70],
        [40, 1, 0, 0, 1, 0, 0, 1, 0, 80],
        [50, 0, 0, 0, 0, 1, 1, 0, 0, 60],
    ]


def test_inputs_stand_in_the_order_of_their_names() -> None:
    train, others = np.split(mixed_table(), [40])
    info = make_info(*MIXED)
    frame = pd.DataFrame(others, columns=[column.name for column in MIXED])
    expected = {}
    for place, column in enumerate(MIXED):
        raw = frame[column.name]
        if column.levels and not column.ordered:
            words = [*column.levels, "other"]
            for code in range(column.n_codes):
                expected[f"{column.name}: {words[code]}"] = raw == code
        else:
            own = train[:, [place]].astype(np.float64)
            steps = make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit(own)
            expected[column.name] = steps.transform(others[:, [place]].astype(np.float64))[:, 0]
        expected[f"{column.name} is missing"] = raw.isna()

    prepared = Preparer.fit(train, info, Preparation()).transform(others)

    assert info.columns == INPUTS
    for place, name in enumerate(info.columns):
        wanted = np.asarray(expected[name], np.float64)
        np.testing.assert_allclose(prepared[:, place], wanted, atol=1e-6, err_msg=name)


def test_every_fold_has_the_same_inputs_whatever_it_has_seen() -> None:
    seen = np.array([[1.0, 0], [2, 0], [3, 0]], np.float32)
    info = make_info(Column("x"), Column("town", ("Aachen", "Bonn")))

    preparer = Preparer.fit(seen, info, AS_THEY_ARE)

    assert preparer.transform(np.array([[5, 1]], np.float32)).tolist() == [[5, 0, 1]]


def test_training_rows_alone_decide() -> None:
    train = np.array([[1], [3], [np.nan], [8]], np.float32)

    preparer = Preparer.fit(train, PLAIN, Preparation())

    # The gap becomes 3; the mean is (1 + 3 + 3 + 8) / 4 and the spread the root of 26.75 / 4.
    later = preparer.transform(np.array([[3.75], [np.nan], [1003.75]], np.float32))
    spread = (26.75 / 4) ** 0.5
    assert later[:, 0] == pytest.approx([0, -0.75 / spread, 1000 / spread], rel=1e-6)


@pytest.mark.parametrize("scaling", [*SCALINGS, None])
@pytest.mark.parametrize("imputation", IMPUTATIONS)
def test_constant_and_empty_columns_are_finite(scaling: str | None, imputation: str) -> None:
    train = np.full((7, 3), 0.1, np.float32)
    train[:, 1] = np.nan
    train[:, 2] = range(7)

    prepared = Preparer.fit(train, PLAIN, Preparation(scaling, imputation)).transform(train)

    constant = np.float32(0.1) if scaling is None else 0
    assert prepared[:, :2].tolist() == [[constant, 0]] * 7
    assert np.isfinite(prepared).all()


def test_columns_without_any_value_are_filled_with_0_later_too() -> None:
    train = np.full((5, 2), np.nan, np.float32)
    train[:, 1] = range(5)

    preparer = Preparer.fit(train, PLAIN, Preparation(None))

    later = preparer.transform(np.array([[np.nan, 1], [4, 1]], np.float32))
    assert later.tolist() == [[0, 1], [4, 1]]


def test_without_scaling_only_gaps_are_filled() -> None:
    train = np.array([[1, 5], [np.nan, 6], [3, 7]], np.float32)

    prepared = Preparer.fit(train, PLAIN, AS_THEY_ARE).transform(train)

    assert prepared.tolist() == [[1, 5], [2, 6], [3, 7]]


def test_without_scaling_and_gaps_no_bit_changes() -> None:
    table = np.random.default_rng(0).normal(0, 1e6, (50, 4)).astype(np.float32)

    prepared = Preparer.fit(table[:30], PLAIN, AS_THEY_ARE).transform(table)

    assert np.array_equal(prepared.view(np.uint32), table.view(np.uint32))


def test_far_from_0_no_digit_is_lost() -> None:
    years = np.arange(2000, 2021, dtype=np.float32)[:, np.newaxis]

    prepared = Preparer.fit(years, PLAIN, Preparation("minmax")).transform(years)

    assert prepared[:, 0] == pytest.approx(np.arange(21) / 20, abs=1e-7)


def test_images_pass_through() -> None:
    images = np.linspace(0, 1, 32, dtype=np.float32).reshape(2, 4, 4, 1)

    preparer = Preparer.fit(images, PLAIN, Preparation())

    assert preparer.transform(images) is images
    assert preparer.arithmetic is None


def test_no_rows_have_no_inputs_to_fail_on() -> None:
    preparer = Preparer.fit(mixed_table(), make_info(*MIXED), Preparation())

    assert preparer.transform(np.empty((0, 5), np.float32)).shape == (0, len(INPUTS))


@pytest.mark.parametrize("scaling", [*SCALINGS, None])
@pytest.mark.parametrize("imputation", IMPUTATIONS)
def test_the_arithmetic_alone_gives_the_same_inputs(
    scaling: str | None, imputation: str
) -> None:
    train, others = np.split(mixed_table(seed=4), [40])
    preparer = Preparer.fit(train, make_info(*MIXED), Preparation(scaling, imputation))

    by = preparer.arithmetic

    assert by is not None
    values = others.astype(np.float64)[:, by.columns]
    gaps = np.isnan(values)
    inputs = (np.where(gaps, by.fill, values) - by.center) / by.scale
    inputs = np.where(np.isnan(by.code), inputs, values == by.code)
    inputs = np.where(by.is_missing, gaps, inputs)
    np.testing.assert_allclose(inputs, preparer.transform(others), atol=1e-6)


def test_a_trials_preparation_is_read_from_its_parameters() -> None:
    dense = defaults_of("dense")

    assert preparation_of(dense) == Preparation("standard", "median")
    assert preparation_of({**dense, "scaling": None, "imputation": "mean"}) == (None, "mean")
    assert preparation_of(defaults_of("convolutional")) == AS_THEY_ARE
