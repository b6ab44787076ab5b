"""Which part of curves the value axis shows, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.parts.charts.curve_lines import Display, Lines
from pages.parts.charts.curve_range import curve_range
from pages.parts.charts.curves import Frame, learning_curves

FALLING = np.linspace(1.0, 0.5, 100)
BURSTING = np.concatenate([[60.0, 20.0, 8.0], np.linspace(1.0, 0.5, 97)])
NEVER = np.full(100, np.nan)


def table_of(*curves: Sequence[float] | np.ndarray, **columns: object) -> pd.DataFrame:
    lines = {f"trial {number}": curve for number, curve in enumerate(curves)}
    return pd.DataFrame({"epoch": range(1, len(curves[0]) + 1), **lines, **columns})


@pytest.mark.parametrize(
    ("curves", "low", "high", "beyond"),
    [
        ([FALLING, FALLING + 0.1], 0.5, 1.1, ""),
        ([BURSTING, FALLING], 0.5, 1.0, "Some values lie higher"),
        ([FALLING, FALLING + 0.1, FALLING + 50], 0.5, 1.1, "Some values lie higher"),
        ([-FALLING, -FALLING - 50], -51.0, -0.0, ""),  # which of two is the odd one?
        ([-FALLING, -FALLING, -FALLING - 50], -1.0, -0.5, "Some values lie lower"),
        ([np.append(FALLING, [60.0, -60.0, 0.5])], 0.5, 1.0, "Some values lie beyond"),
        ([FALLING, NEVER], 0.5, 1.0, ""),
        ([NEVER], 0.0, 1.0, ""),
        ([np.full(100, 0.7)], 0.7, 0.7, ""),
    ],
)
def test_the_axis_holds_nearly_all_of_nearly_all_curves(
    curves: list[np.ndarray], low: float, high: float, beyond: str
) -> None:
    found = curve_range(table_of(*curves), (), None)

    assert found.low <= low <= high <= found.high
    assert found.high - found.low <= max(high - low + 2 * found.step, 1.0)
    assert found.beyond == beyond


def test_the_leader_and_what_is_highlighted_count_however_far_they_lie() -> None:
    table = table_of(FALLING, FALLING, FALLING + 50)

    assert curve_range(table, [2], None).high >= 51
    assert curve_range(table, [0], None).high < 2


def test_a_followed_curve_that_breaks_out_at_its_end_is_seen_there() -> None:
    rising = FALLING.copy()
    rising[-1] = 40.0

    assert curve_range(table_of(rising, FALLING), [0], None).high >= 40
    assert curve_range(table_of(rising, FALLING), [1], None).high < 2


@pytest.mark.parametrize(
    ("value", "is_inside", "beyond"),
    [
        (0.45, True, ""),
        (2.0, True, ""),
        (9.0, False, "Guessing 9.000 lies above"),
        (-9.0, False, "Guessing -9.000 lies below"),
    ],
)
def test_the_axis_reaches_the_reference_line_unless_that_flattens_the_curves(
    value: float, is_inside: bool, beyond: str
) -> None:
    found = curve_range(table_of(FALLING), (), ("guessing", value))

    assert found.has_reference == is_inside
    assert (found.low <= value <= found.high) == is_inside
    assert found.beyond == beyond


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


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=3, max_size=30),
        min_size=1,
        max_size=6,
    ),
    st.floats(-1e6, 1e6, allow_nan=False),
)
def test_any_curves_have_an_axis_with_the_leader_s_end_and_true_words(
    curves: list[list[float]], reference: float
) -> None:
    longest = max(map(len, curves))
    padded = [np.array(c + [np.nan] * (longest - len(c))) for c in curves]

    found = curve_range(table_of(*padded), [0], ("guessing", reference))

    values = np.concatenate([np.array(c) for c in curves])
    tiny = 1e-9 * max(1.0, float(np.abs(values).max()))
    assert found.low - tiny <= curves[0][-1] <= found.high + tiny
    is_inside = found.low - tiny <= values.min() and values.max() <= found.high + tiny
    assert is_inside or "alues lie" in found.beyond
    assert found.has_reference or "guessing" in found.beyond.lower()
    assert found.step > 0
