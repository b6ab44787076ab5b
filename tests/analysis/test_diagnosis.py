"""Diagnosis: the curves and hit rates of the specification, and the rules followed slowly.

The table does not give its generator. Ours (`benchmarks.synthetic_curves`) was chosen to be
plausible before it was compared, except for the size of the rise where a curve overfits, which
follows one cell. Rates therefore may differ by three standard errors of both and 0.08.
"""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.synthetic_curves import CurveClass, synthetic_curves
from tuning.analysis.diagnosis import diagnose, diagnose_many
from tuning.analysis.diagnosis_words import LABELS, RULES, Diagnosis, Label

Array = NDArray[np.float64]
Cell = tuple[float, ...]

T = np.arange(50.0)
ALTERNATING = np.where(np.arange(50) % 2 == 0, 1.0, -1.0)
BROKEN = np.where(T < 20, 0.3 + 0.6 * np.exp(-T / 4), np.nan)
OVERFITTING = (
    0.9 * np.exp(-T / 8) + 0.02,
    0.4 + 0.5 * np.exp(-T / 5) + 0.01 * np.maximum(0, T - 15),
)
FLAT = 0.3 + 0.6 * np.exp(-T / 4), 0.4 + 0.5 * np.exp(-T / 4)
FALLING = 0.3 + 0.6 * np.exp(-T / 40), 0.4 + 0.5 * np.exp(-T / 40)
GUESSING = np.full(50, 0.693), 0.693 + 0.002 * ALTERNATING
SHAKY = 0.3 + 0.6 * np.exp(-T / 8), 0.5 + 0.2 * np.exp(-T / 8) + 0.1 * ALTERNATING
RISING = 0.7 * np.exp(T / 20)

NOISES = (0.01, 0.03, 0.08, 0.15)
LENGTHS = (20, 50, 200)
CLASSES: tuple[CurveClass, ...] = (
    "diverged",
    "overfits",
    "still improving",
    "plateau",
    "not learning",
    "too noisy",
)
# Of the specification, by noise and by class for 20, 50 and 200 epochs; a range as its middle.
TABLE: dict[float, dict[CurveClass, Cell]] = {
    0.01: {
        "diverged": (1.0, 1.0, 1.0),
        "overfits": (1.0, 1.0, 1.0),
        "still improving": (1.0, 1.0, 1.0),
        "plateau": (1.0, 1.0, 1.0),
        "not learning": (0.94, 0.94, 0.94),
        "too noisy": (0.925, 0.925, 0.925),
    },
    0.03: {
        "diverged": (1.0, 1.0, 1.0),
        "overfits": (1.0, 1.0, 1.0),
        "still improving": (0.50, 0.93, 1.0),
        "plateau": (0.64, 0.98, 1.0),
        "not learning": (0.94, 0.95, 0.95),
        "too noisy": (0.92, 0.91, 0.91),
    },
    0.08: {
        "diverged": (1.0, 1.0, 1.0),
        "overfits": (0.90, 0.98, 1.0),
        "still improving": (0.09, 0.14, 0.81),
        "plateau": (0.15, 0.42, 0.96),
        "not learning": (0.935, 0.935, 0.935),
        "too noisy": (0.925, 0.925, 0.925),
    },
    0.15: {
        "diverged": (1.0, 1.0, 1.0),
        "overfits": (0.65, 0.85, 1.0),
        "still improving": (0.05, 0.04, 0.19),
        "plateau": (0.10, 0.15, 0.54),
        "not learning": (0.94, 0.94, 0.94),
        "too noisy": (0.93, 0.93, 0.93),
    },
}


def slowly(  # noqa: PLR0911 (one return a rule)
    train: Array, validation: Array
) -> tuple[Label, int | None]:
    """Follow the table of rules for one curve, word by word."""
    n, w = len(validation), max(3, len(validation) // 10 | 1)
    broken = ~(np.isfinite(train) & np.isfinite(validation))
    if broken.any():
        return "diverged", int(np.flatnonzero(broken)[0])
    train_end, end = train[-w:].mean(), validation[-w:].mean()
    if train_end > 1.5 * train[0] and end > 1.5 * validation[0]:
        return "diverged", int(np.flatnonzero(train > 1.5 * train[0])[0])
    if n < 10:
        return "too short", None
    second = np.diff(np.diff(validation))
    sigma = 1.4826 * np.median(np.abs(second - np.median(second))) / math.sqrt(6)
    smoothed, train_smoothed = (
        np.array([values[max(0, i - w // 2) : i + w // 2 + 1].mean() for i in range(n)])
        for values in (validation, train)
    )
    e = int(smoothed.argmin())
    drop, rise = max(validation[0], smoothed[0]) - smoothed[e], end - smoothed[e]
    rises = rise > 3 * sigma * math.sqrt(2 / w) and rise > 0.05 * max(drop, 0.02 * smoothed[e])
    if e < n - w and rises and train_end <= train_smoothed[e]:
        return "overfits", e
    if smoothed[0] - smoothed[e] <= 5 * sigma / math.sqrt(w) and train_end >= 0.95 * train[0]:
        return "not learning", None
    q = max(6, n // 3)
    slope = float(np.polyfit(np.arange(q), validation[-q:], 1)[0])
    error = sigma / math.sqrt(q * (q * q - 1) / 12)
    if slope < -3 * error and -slope * n / 4 > 0.05 * drop:
        return "still improving", None
    return ("plateau" if (-slope + 2 * error) * n / 4 < 0.1 * drop else "too noisy"), None


@pytest.mark.parametrize(
    ("curves", "label", "epoch"),
    [
        (OVERFITTING, "overfits", 15),
        (FALLING, "still improving", None),
        ((BROKEN, BROKEN), "diverged", 20),
        ((RISING, RISING), "diverged", 9),
        (GUESSING, "not learning", None),
        (SHAKY, "too noisy", None),
    ],
)
def test_the_curves_of_the_specification_get_its_labels(
    curves: tuple[Array, Array], label: Label, epoch: int | None
) -> None:
    found = diagnose(*curves)

    assert (found.label, found.epoch) == (label, epoch)
    assert found.n_epochs == 50
    assert found.rule == RULES[label]


def test_a_plateau_begins_where_a_fiftieth_of_the_fall_is_left() -> None:
    found = diagnose(*FLAT)

    # Means over 5 epochs of 0.5 exp(-t/4) are larger by this factor; 0.02 of 0.5 is left.
    factor = sum(math.exp(k / 4) for k in range(-2, 3)) / 5
    assert found.label == "plateau"
    assert found.epoch == math.ceil(4 * math.log(50 * factor))


def test_the_noise_of_an_alternating_loss_is_the_specifications() -> None:
    found = diagnose(*GUESSING)

    fall = 0.695 - (0.693 - 0.002 / 3)  # the last mean is over -, +, -
    assert found.noise * fall == pytest.approx(0.00484215, abs=1e-8)


def test_noise_on_a_slope_counts_and_the_slope_does_not() -> None:
    straight = 2.0 - 0.01 * np.arange(100)
    noisy = straight + 0.01 * np.random.default_rng(0).standard_normal(100)

    assert diagnose(straight, straight).noise == pytest.approx(0.0, abs=1e-12)
    assert diagnose(straight, noisy).noise == pytest.approx(0.01, rel=0.3)  # the fall is 1


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("kind", CLASSES)
def test_the_table_of_hit_rates_is_found_again(kind: CurveClass, noise: float) -> None:
    rng = np.random.default_rng(round(1000 * noise))
    n_curves = 600

    rates = [
        diagnose_many(*synthetic_curves(kind, n_curves, n, noise, rng)).labels.count(kind)
        / n_curves
        for n in LENGTHS
    ]

    for rate, expected in zip(rates, TABLE[noise][kind], strict=True):
        error = math.sqrt(expected * (1 - expected) * (1 / 300 + 1 / n_curves))
        assert rate == pytest.approx(expected, abs=3 * error + 0.08)


def test_noise_ends_in_too_noisy_and_not_in_a_wrong_label() -> None:
    rng = np.random.default_rng(3)
    for kind in ("still improving", "plateau"):
        labels = diagnose_many(*synthetic_curves(kind, 1000, 50, 0.15, rng)).labels
        wrong = 1 - (labels.count(kind) + labels.count("too noisy")) / 1000
        assert wrong < 0.12


def test_many_at_once_agree_with_the_rules_followed_one_by_one() -> None:
    rng = np.random.default_rng(5)
    for n in (7, 10, 11, 12, 33, 120):
        parts = [synthetic_curves(kind, 15, n, 0.05, rng) for kind in CLASSES]
        train, validation = (np.vstack(curves) for curves in zip(*parts, strict=True))

        found = diagnose_many(train, validation)

        for row in range(len(train)):
            label, epoch = slowly(train[row], validation[row])
            assert found[row].label == label
            if label in ("overfits", "diverged"):
                assert found[row].epoch == epoch


def test_padding_behind_a_curve_does_not_count() -> None:
    rng = np.random.default_rng(8)
    train, validation = synthetic_curves("plateau", 60, 90, 0.05, rng)
    lengths = rng.integers(1, 91, size=60)
    behind = np.arange(90)[None, :] >= lengths[:, None]
    train[behind] = validation[behind] = np.nan

    found = diagnose_many(train, validation, lengths)

    assert len(found) == 60
    for row, n in enumerate(lengths):
        alone = diagnose(train[row, :n], validation[row, :n])
        assert repr(found[row]) == repr(alone)  # NaN is not equal to itself
        assert alone.label != "diverged"


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e6])
def test_the_unit_of_the_loss_does_not_matter(factor: float) -> None:
    for train, validation in (OVERFITTING, FLAT, FALLING, SHAKY, (BROKEN, BROKEN)):
        once, again = diagnose(train, validation), diagnose(factor * train, factor * validation)
        assert (again.label, again.epoch) == (once.label, once.epoch)
        assert again.n_epochs_advised == once.n_epochs_advised


def test_a_first_loss_far_above_the_others_does_not_hide_them() -> None:
    train, validation = (curve.copy() for curve in OVERFITTING)
    validation[0] = 1e17

    found = diagnose(train, validation)

    # The fall is now so deep that the rise is nothing beside it.
    assert found.label == "plateau"
    assert math.isfinite(found.noise)


def test_a_missing_training_loss_has_diverged_as_well() -> None:
    train = FLAT[0].copy()
    train[30] = np.inf

    found = diagnose(train, FLAT[1])

    assert (found.label, found.epoch) == ("diverged", 30)


def test_a_loss_that_only_rises_on_validation_rows_overfits_from_the_start() -> None:
    found = diagnose(FALLING[0], 0.7 + 0.01 * T)

    assert (found.label, found.epoch, found.n_epochs_advised) == ("overfits", 0, None)
    assert found.advice == "Use a lower learning rate, a smaller network or dropout."


def test_losses_without_any_change_are_not_learning() -> None:
    assert diagnose(np.full(50, 0.1), np.full(50, 0.1)).label == "not learning"


def test_a_score_like_the_baselines_is_not_learning_whatever_the_curve() -> None:
    assert diagnose(*FLAT, as_baseline=True).label == "not learning"
    assert diagnose(*OVERFITTING, as_baseline=True).label == "overfits"  # its rule comes first
    assert diagnose(*FALLING, as_baseline=True).label == "still improving"  # and so does its


def test_too_few_epochs_are_counted() -> None:
    found = diagnose(FLAT[0][:9], FLAT[1][:9])

    assert (found.label, found.n_epochs_advised) == ("too short", 10)
    assert found.sentence == "Too short to tell: 9 of 10 epochs."
    assert diagnose(FLAT[0][:10], FLAT[1][:10]).label != "too short"
    assert diagnose([], []).label == "too short"


@pytest.mark.parametrize("tau", [20.0, 25.0, 30.0])
def test_more_epochs_are_advised_until_a_fiftieth_of_the_fall_is_left(tau: float) -> None:
    curve = 0.4 + 0.5 * np.exp(-T / tau)

    found = diagnose(curve, curve)

    exact = tau * math.log(50)  # 0.5 exp(-t / tau) = 0.02 of 0.5; advised in fives or tens
    assert found.label == "still improving"
    assert found.n_epochs_advised is not None
    assert exact <= found.n_epochs_advised <= exact + 11


def test_a_fall_that_does_not_fade_has_no_end_in_sight() -> None:
    straight = 2 - 0.01 * T

    assert diagnose(straight, straight).advice == "Train for about 150 epochs or more."


def test_a_plateau_names_the_epochs_that_would_do() -> None:
    t = np.arange(120.0)
    curve = 0.4 + 0.5 * np.exp(-t / 16)

    found = diagnose(curve, curve)

    # Means over 13 epochs are 1.027 times as large, and 0.0004 are left at the end:
    # 16 ln(0.5 * 1.027 / (0.01 + 0.0004)) = 62.4, so epoch 63 from 0.
    assert found.sentence == "Validation loss is flat from epoch 64 on."
    assert found.advice == "About 65 epochs would do."


def test_sentences_count_epochs_from_one_and_say_what_to_do() -> None:
    def words(found: Diagnosis) -> tuple[str, str]:
        return found.sentence, found.advice

    assert words(diagnose(*OVERFITTING)) == (
        "Overfits: validation loss rises after epoch 16, training loss does not.",
        "Train for about 16 epochs, or add dropout.",
    )
    assert words(diagnose(BROKEN, BROKEN)) == (
        "Diverged at epoch 21.",
        "Use a lower learning rate.",
    )
    assert words(diagnose(*GUESSING)) == (
        "Not learning: no better than a guess that ignores the inputs.",
        "Try other learning rates or a larger network; check the inputs.",
    )
    assert words(diagnose(*FALLING))[0] == "Validation loss still falls at epoch 50."
    assert words(diagnose(*SHAKY))[1] == (
        "Use a larger batch, a lower learning rate or more repeats."
    )


def test_every_label_has_a_rule_in_words() -> None:
    assert tuple(RULES) == LABELS
    assert all(rule.endswith(".") for rule in RULES.values())


def test_ten_thousand_curves_take_less_than_three_seconds() -> None:
    rng = np.random.default_rng(0)
    curves = synthetic_curves("plateau", 10_000, 200, 0.05, rng)
    lengths = rng.integers(1, 201, size=10_000)

    started = time.perf_counter()
    diagnose_many(*curves, lengths)

    assert time.perf_counter() - started < 3
