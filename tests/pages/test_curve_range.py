"""Which part of curves the value axis shows, and what is said of the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages.parts.charts.curve_lines import Display, Lines
from pages.parts.charts.curve_range import CurveRange, curve_range
from pages.parts.charts.curves import Frame, learning_curves

Curve = Sequence[float] | np.ndarray
FALLING = np.linspace(1.0, 0.5, 100)
BURSTING = np.concatenate([[60.0, 20.0, 8.0], np.linspace(1.0, 0.5, 97)])
NEVER = np.full(100, np.nan)
DEAD = np.full(100, 0.693)
EARLY = np.array([0.46, 0.45])


def table_of(*curves: Curve, **columns: object) -> pd.DataFrame:
    lines = {f"trial {number}": curve for number, curve in enumerate(curves)}
    return pd.DataFrame({"epoch": range(1, len(curves[0]) + 1), **lines, **columns})


def of_losses(
    *curves: Curve,
    followed: Sequence[int] = (),
    guess: float | None = None,
    **columns: object,
) -> CurveRange:
    reference = None if guess is None else ("guessing", guess)
    return curve_range(
        table_of(*curves, **columns), followed, reference, higher_is_better=False
    )


@pytest.mark.parametrize(
    ("curves", "low", "high", "beyond"),
    [
        ([FALLING, FALLING + 0.1], 0.5, 1.1, ""),
        ([BURSTING, FALLING], 0.5, 1.0, "Some values lie higher"),
        ([np.append(FALLING, [-60.0, 0.5])], -60.0, 1.0, ""),  # so good that it is shown
        ([FALLING, FALLING + 0.1, FALLING + 50], 0.5, 1.1, "Some values lie higher"),
        ([FALLING] * 5 + [np.geomspace(1.0, 1e6, 100)], 0.5, 1.0, "Some values lie higher"),
        ([FALLING, FALLING + 50], 0.5, 51.0, ""),  # which of two is the odd one?
        ([FALLING, FALLING, FALLING + 50, FALLING + 60], 0.5, 61.0, ""),  # half of them
        ([FALLING, FALLING, FALLING - 50], -49.5, 1.0, ""),  # far better
        ([DEAD] * 5 + [FALLING - 0.05, FALLING], 0.45, 1.0, ""),  # those that learn are few
        ([EARLY, EARLY + 0.1, EARLY + 0.17, EARLY + 0.25], 0.45, 0.71, ""),
        ([[0.65], [0.6], [0.7], [0.72]], 0.6, 0.72, ""),
        ([[8.0, 1.0, 0.9, 0.8]] * 3, 0.8, 8.0, ""),  # four epochs: none is the odd one
        ([FALLING, NEVER], 0.5, 1.0, ""),
        ([NEVER], 0.0, 1.0, ""),
        ([np.full(100, 0.7)], 0.7, 0.7, ""),
    ],
)
def test_the_axis_holds_nearly_all_of_nearly_all_curves(
    curves: list[Curve], low: float, high: float, beyond: str
) -> None:
    found = of_losses(*curves)

    assert found.low <= low <= high <= found.high
    assert found.high - found.low <= max(high - low + 2 * found.step, 1.0)
    assert found.beyond == beyond


def test_of_accuracies_the_low_ones_may_lie_beyond() -> None:
    table = table_of(-BURSTING, -FALLING, -FALLING)

    found = curve_range(table, (), None, higher_is_better=True)

    assert (found.low, found.high) == (-1.0, -0.5)
    assert found.beyond == "Some values lie lower"


def test_the_leader_and_what_is_highlighted_count_however_bad_they_are() -> None:
    curves = FALLING, FALLING, FALLING + 50

    assert of_losses(*curves, followed=[2]).high >= 51
    assert of_losses(*curves, followed=[0]).high < 2


def test_a_followed_curve_that_breaks_out_at_its_end_is_seen_there() -> None:
    rising = FALLING.copy()
    rising[-1] = 40.0

    assert of_losses(rising, FALLING, followed=[0]).high >= 40
    assert of_losses(rising, FALLING, followed=[1]).high < 2


@pytest.mark.parametrize(("low", "extent"), [(0.62, 0.24), (0.45, 0.4)])
def test_a_flat_leader_does_not_hide_how_far_its_folds_lie_apart(
    low: float, extent: float
) -> None:
    flat = np.linspace(0.76, 0.77, 100)

    found = of_losses(flat, followed=[0], **{"lowest fold": low, "fold range": extent})

    assert found.low <= low
    assert found.high >= low + extent
    assert found.beyond == ""


@pytest.mark.parametrize(
    ("value", "is_inside", "beyond"),
    [
        (0.45, True, ""),
        (1.2, True, ""),
        (9.0, False, "Guessing 9.000 lies above"),
        (-9.0, False, "Guessing -9.000 lies below"),
    ],
)
def test_the_axis_reaches_the_reference_line_unless_that_flattens_the_curves(
    value: float, beyond: str, *, is_inside: bool
) -> None:
    found = of_losses(FALLING, guess=value)

    assert found.has_reference == is_inside
    assert (found.low <= value <= found.high) == is_inside
    assert found.beyond == beyond


@pytest.mark.parametrize(("value", "is_inside"), [(0.66, True), (0.513, False)])
def test_a_flat_curve_is_shown_with_a_guess_beside_it(value: float, *, is_inside: bool) -> None:
    found = of_losses([0.65, 0.652, 0.651], followed=[0], guess=value)

    assert found.has_reference == (found.low <= value <= found.high) == is_inside


def test_what_lies_beyond_is_said_above_the_plot_and_has_no_label() -> None:
    table, lines = table_of(FALLING, FALLING, FALLING + 50), Lines(0, others=(1, 2), n_trials=3)

    option = learning_curves(table, lines, Frame("", "loss", ("guessing", 90.0)))

    labelled = [one["name"] for one in option["series"] if "endLabel" in one]
    assert sorted(labelled) == ["trial 0", "trial 1"]
    assert option["graphic"][0]["style"]["text"] == (
        "Some values lie higher; guessing 90.000 lies above"
    )


def test_a_logarithmic_axis_holds_everything() -> None:
    table, lines = table_of(FALLING, FALLING, FALLING + 50), Lines(0, others=(1, 2), n_trials=3)
    frame = Frame("", "loss", ("guessing", 90.0), display=Display(log_y=True))

    option = learning_curves(table, lines, frame)

    assert "graphic" not in option
    assert sum("endLabel" in one for one in option["series"]) == 4


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: round(number, 6))
SEVERAL = st.lists(st.lists(NUMBERS, min_size=1, max_size=30), min_size=1, max_size=8)


@settings(deadline=None)
@given(
    curves=SEVERAL, reference=NUMBERS, has_leader=st.booleans(), sign=st.sampled_from([1, -1])
)
def test_any_curves_have_an_axis_with_most_of_them_and_true_words(
    curves: list[list[float]], reference: float, sign: int, *, has_leader: bool
) -> None:
    longest = max(map(len, curves))
    padded = [np.array(c + [np.nan] * (longest - len(c))) for c in curves]

    found = curve_range(
        table_of(*padded),
        [0] if has_leader else [],
        ("guessing", reference),
        higher_is_better=sign < 0,
    )

    values = np.concatenate([np.array(c) for c in curves])
    tiny = 1e-9 * max(1.0, float(np.abs(values).max()))
    low, high = found.low - tiny, found.high + tiny
    n_whole = sum(low <= np.percentile(c, 5) <= np.percentile(c, 95) <= high for c in curves)
    assert n_whole >= len(curves) / 2
    assert not has_leader or low <= curves[0][-1] <= high
    assert (low <= values.min()) if sign > 0 else (values.max() <= high)
    is_cut = bool(values.min() < low or values.max() > high)
    said = re.fullmatch(r"(?:some values lie (\w+))?(?:; )?(guessing.*)?", found.beyond.lower())
    assert said is not None
    assert said[1] == (("higher" if sign > 0 else "lower") if is_cut else None)
    assert found.has_reference == (found.low <= reference <= found.high) == (said[2] is None)
    assert found.step > 0
