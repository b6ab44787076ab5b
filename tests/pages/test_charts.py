"""Charts: the tables behind them by hand, and the marks they must have."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pages.parts.charts.colors import HIGHLIGHTS, LEADER, NEUTRAL, SECOND
from pages.parts.charts.curve_labels import spread_labels, value_range
from pages.parts.charts.curve_lines import (
    Display,
    Lines,
    choose_lines,
    curve_table,
    shown_sentence,
)
from pages.parts.charts.curves import Frame, best_so_far, learning_curves
from pages.parts.charts.gap import gap_intervals, gap_option, gap_px
from pages.parts.charts.importance import (
    one_parameter_dots,
    two_parameter_map,
)
from pages.parts.charts.titles import broken
from storage.results import CurvePiece
from tuning.analysis.curves import ACCURACY, CurveBook


def book_of(*curves: list[list[float]]) -> CurveBook:
    """Return a book with a trial for each argument, a fold for each of its lists."""
    book = CurveBook()
    for number, folds in enumerate(curves):
        for fold, accuracy in enumerate(folds):
            values = np.full((len(accuracy), 5), np.nan, dtype=np.float32)
            values[:, 3] = accuracy
            values[:, 1] = 1.0
            book.add([CurvePiece(number, 0, fold, 0, values)])
    return book


def test_up_to_twelve_trials_are_all_lines() -> None:
    lines = choose_lines([3, 1, 2], range(6), highlighted=[1])

    assert lines.leader == 3
    assert lines.highlighted == (1,)
    assert lines.others == (2,)
    assert lines.running == (0, 4, 5)
    assert not lines.has_area


def test_of_500_trials_the_best_five_the_highlighted_and_an_area_are_drawn() -> None:
    lines = choose_lines(list(range(500)), range(500), highlighted=[400, 33])

    assert lines.shown == (0, 400, 33, 1, 2, 3, 4)
    assert lines.has_area
    assert shown_sentence(lines) == (
        "Showing 7 of 500 trials; the grey area holds the middle 80 %. "
        + "The band around the leader spans its folds."
    )


def test_an_area_made_of_a_sample_says_of_how_many() -> None:
    lines = replace(choose_lines(list(range(500)), range(500)), sampled=(1, 2, 3))

    assert "the grey area holds the middle 80 % of 3 of them." in shown_sentence(lines)
    lines = replace(lines, sampled=tuple(range(500)))
    assert "the grey area holds the middle 80 %." in shown_sentence(lines)


def test_the_area_is_made_of_the_sample_alone() -> None:
    book = book_of(*[[[number / 100]] for number in range(20)])
    lines = replace(choose_lines([19], range(20)), sampled=(5,))

    table = curve_table(book, ACCURACY, lines, Display())

    assert table["10 % are below"].tolist() == pytest.approx([0.05])
    assert table["middle 80 %"].tolist() == [0.0]


def test_a_highlighted_trial_that_has_no_curve_is_left_out() -> None:
    assert choose_lines([0], [0], highlighted=[99]).shown == (0,)


def test_only_the_leader_still_shows_what_is_highlighted_and_running() -> None:
    lines = choose_lines([0, 1, 2], range(5), highlighted=[2], leader_only=True)

    assert lines.shown == (0, 2, 3, 4)


def test_the_table_counts_epochs_from_one_and_spans_the_folds_of_the_leader() -> None:
    book = book_of([[0.5, 0.75], [0.25, 0.25]], [[0.125]])
    lines = Lines(0, others=(1,), n_trials=2)

    table = curve_table(book, ACCURACY, lines, Display(training=True))

    assert table["epoch"].tolist() == [1, 2]
    assert table["trial 0"].tolist() == [0.375, 0.5]
    assert table["trial 1"].iloc[0] == 0.125
    assert np.isnan(table["trial 1"].iloc[1])
    assert table["lowest fold"].tolist() == [0.25, 0.25]
    assert table["fold range"].tolist() == [0.25, 0.5]
    assert table["training rows"].tolist() == [1.0, 1.0]


def test_the_area_is_the_lower_end_and_the_height_stacked_on_it() -> None:
    book = book_of(*[[[0.0, number / 10]] for number in range(11)], *[[[0.0, 0.5]]] * 2)
    lines = choose_lines([10], range(13))

    table = curve_table(book, ACCURACY, lines, Display())

    ends = np.percentile([*(n / 10 for n in range(11)), 0.5, 0.5], [10, 90])
    assert table["10 % are below"].iloc[1] == pytest.approx(ends[0], abs=1e-6)
    assert table["middle 80 %"].iloc[1] == pytest.approx(ends[1] - ends[0], abs=1e-6)


def test_smoothing_keeps_the_raw_curve_of_the_leader() -> None:
    book = book_of([[0.0, 1.0]])

    table = curve_table(book, ACCURACY, Lines(0, n_trials=1), Display(smoothing=0.5))

    assert table["not smoothed"].tolist() == [0.0, 1.0]
    assert table["trial 0"].tolist() == pytest.approx([0.0, 0.5 / 0.75])


def test_the_chart_has_the_leader_thickest_and_names_lines_at_their_end() -> None:
    book = book_of([[0.5, 0.75], [0.25, 0.25]], [[0.125, 0.25]])
    lines = Lines(0, others=(1,), n_trials=2)
    table = curve_table(book, ACCURACY, lines, Display())

    option = learning_curves(table, lines, Frame("Title", "accuracy", ("guessing", 0.4)))

    by_name = {one["name"]: one for one in option["series"]}
    assert by_name["trial 0"]["lineStyle"]["width"] > by_name["trial 1"]["lineStyle"]["width"]
    assert by_name["trial 0"]["endLabel"]["formatter"] == "0  0.500"
    assert by_name["guessing"]["data"] == [[1, 0.4], [2, 0.4]]
    assert by_name["guessing"]["endLabel"]["formatter"] == "guessing 0.400"
    assert by_name["folds"]["stackStrategy"] == "all"
    assert option["title"]["text"] == "Title"


def test_a_logarithmic_axis_has_no_stacked_band() -> None:
    book = book_of([[0.5, 0.75], [0.25, 0.25]])
    lines, display = Lines(0, n_trials=1), Display(log_y=True)
    table = curve_table(book, ACCURACY, lines, display)

    option = learning_curves(table, lines, Frame("", "accuracy", display=display))

    assert option["yAxis"]["type"] == "log"
    assert [one["name"] for one in option["series"]] == ["trial 0"]


def test_labels_that_end_together_are_moved_apart() -> None:
    ends = {"trial 0": (100, 0.901), "trial 1": (100, 0.900), "trial 2": (50, 0.9)}

    shifts = spread_labels(ends, (0.0, 1.0), 100)

    assert shifts["trial 0"] == 0
    assert 10 < shifts["trial 1"] < 15
    assert shifts["trial 2"] == 0


def test_labels_that_end_within_each_other_s_width_are_moved_apart() -> None:
    ends = {"trial 0": (5, 0.9), "trial 1": (50, 0.9), "trial 2": (400, 0.9)}

    near = spread_labels(ends, (0.0, 1.0), 1000)
    far = spread_labels(ends, (0.0, 1.0), 1000, log_x=True)

    assert sorted(near.values()) == pytest.approx([0, 0, 14])
    assert near["trial 2"] == 0
    assert list(far.values()) == pytest.approx([0, 0, 0])  # a third of the width each


def test_labels_at_the_bottom_move_up_off_the_axis() -> None:
    ends = {f"trial {number}": (100, 0.0) for number in range(3)}

    shifts = sorted(spread_labels(ends, (0.0, 1.0), 100).values())

    assert shifts[-1] == 0
    assert all(b - a >= 10 for a, b in itertools.pairwise(shifts))


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([0.53, 0.928], (0.5, 1.0, 0.1)),
        ([4642.0, 8000.0], (4500.0, 8000.0, 500.0)),
        ([np.nan], (0.0, 1.0, 0.2)),
        ([-0.2, 0.9], (-0.2, 1.0, 0.2)),
        ([0.57, 0.699], (0.55, 0.7, 0.025)),
    ],
)
def test_a_value_axis_has_round_ends_and_steps_to_the_last_digit(
    values: list[float], ends: tuple[float, float, float]
) -> None:
    assert value_range(np.array(values)) == ends


def test_long_titles_break_into_even_lines() -> None:
    title = "Trial 11 overfits: its loss rises after epoch 41"

    assert broken("Loss by epoch") == "Loss by epoch"
    assert broken(title) == "Trial 11 overfits: its\nloss rises after epoch 41"
    assert broken("") == ""


def test_the_history_has_a_dot_for_each_trial_and_a_step_line() -> None:
    table = pd.DataFrame(
        {"finished": [1], "number": [0], "score": [0.5], "best": [0.5], "leader": [0]}
    )

    option = best_so_far(table, "Title", "accuracy")

    assert [one["type"] for one in option["series"]] == ["scatter", "line"]
    assert option["xAxis"]["max"] == 2
    assert option["xAxis"]["name"] == "finished trials"


def test_a_thinned_history_says_how_many_trials_are_dots() -> None:
    table = pd.DataFrame({"finished": [1, 5000], "number": [0, 7], "score": [0.5, 0.6]})

    option = best_so_far(table.assign(best=table["score"], leader=table["number"]), "", "")

    assert option["xAxis"]["name"] == "finished trials, 2 of 5,000 as dots"
    assert option["xAxis"]["max"] == 5000


def test_one_parameter_has_a_dot_for_each_trial_and_the_means() -> None:
    table = pd.DataFrame({"number": [0, 1], "value": [0.1, 0.2], "score": [0.5, 0.6]})
    means = pd.DataFrame({"value": [0.1, 0.2], "score": [0.5, 0.6]})

    figure = one_parameter_dots(
        table, means, title="T", labels=("Dropout rate", "accuracy"), log_x=True
    )

    assert [trace.mode for trace in figure.data] == ["markers", "lines+markers"]
    assert figure.layout.xaxis.type == "log"


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_better_is_the_strong_end_of_the_colours(higher_is_better: bool) -> None:
    scores = pd.DataFrame([[0.1, 0.9]], index=["5"], columns=["10", "20"])

    figure = two_parameter_map(
        scores,
        scores,
        title="T",
        labels=("Batch size", "Epochs", "accuracy"),
        higher_is_better=higher_is_better,
    )

    strongest = figure.data[0].colorscale[-1 if higher_is_better else 0][1]
    assert strongest.upper() == "#0A2F75"


GAPS = pd.DataFrame(
    {
        "number": [4, 6, 0, 8],
        "gap": [0.0, -0.01, -0.02, -0.07],
        "low": [0.0, -0.04, -0.05, -0.13],
        "high": [0.0, 0.02, 0.01, -0.01],
        "tie": ["leader", "tied", "tied", "worse"],
        "is_default": [False, False, True, False],
        "highlight": [-1, -1, -1, 0],
    }
)


def test_gaps_have_a_mark_for_what_each_trial_is() -> None:
    figure = gap_intervals(GAPS, "2 trials tie", "accuracy", higher_is_better=True)

    (dots,) = figure.data
    assert dots.marker.symbol == ("star", "circle-open", "diamond-open", "circle")
    assert dots.marker.color == (LEADER, NEUTRAL, SECOND, HIGHLIGHTS[0])
    assert dots.y == ("trial 4, leader", "trial 6", "trial 0, default", "trial 8")
    assert np.allclose(dots.error_x.array, [0, 0.03, 0.03, 0.06])
    assert np.allclose(dots.error_x.arrayminus, [0, 0.03, 0.03, 0.06])
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == 0
    assert figure.layout.yaxis.categoryarray[-1] == "trial 4, leader"  # the top
    assert figure.layout.title.text == "2 trials tie"


@pytest.mark.parametrize(("higher_is_better", "sign"), [(True, 1), (False, -1)])
def test_worse_is_on_the_left(higher_is_better: bool, sign: int) -> None:
    table = GAPS.assign(
        gap=sign * GAPS["gap"], low=sign * GAPS["low"], high=sign * GAPS["high"]
    )
    table[["low", "high"]] = np.sort(table[["low", "high"]], axis=1)

    figure = gap_intervals(table, "", "loss", higher_is_better=higher_is_better)

    left, right = figure.layout.xaxis.range
    worst = table["gap"].iloc[-1]
    assert abs(worst - left) < abs(worst - right)
    assert min(left, right) < table["low"].min()
    assert max(left, right) > table["high"].max()


def test_a_leader_that_is_the_default_stays_a_diamond() -> None:
    table = GAPS.assign(is_default=[True, False, False, False])

    figure = gap_intervals(table, "", "accuracy", higher_is_better=True)

    assert figure.data[0].marker.symbol[0] == "diamond"
    assert figure.data[0].y[0] == "trial 4, leader, default"


def test_the_page_draws_the_gaps_as_the_report_does() -> None:
    option = gap_option(GAPS, "2 trials tie", "accuracy", higher_is_better=True)
    figure = gap_intervals(GAPS, "2 trials tie", "accuracy", higher_is_better=True)

    bars, marks = option["series"]
    (dots,) = figure.data
    assert option["yAxis"]["data"] == list(dots.y)
    assert option["yAxis"]["inverse"]  # the leader on top
    assert [row["value"][:2] for row in marks["data"]] == [
        list(pair) for pair in zip(dots.x, dots.y, strict=True)
    ]
    assert [row["value"][2:] for row in marks["data"]] == list(dots.customdata)
    assert marks["data"][0]["value"][3] == "all others are compared with it"
    assert [row["itemStyle"]["borderColor"] for row in marks["data"]] == list(dots.marker.color)
    hollow = [row["itemStyle"]["color"] == "transparent" for row in marks["data"]]
    assert hollow == [False, True, True, False]
    shapes = [row["symbol"] for row in marks["data"]]
    assert shapes[0].startswith("path://")
    assert shapes[1:] == ["circle", "diamond", "circle"]
    assert [row["coords"] for row in bars["data"]] == [
        [[-0.04, 1], [0.02, 1]],
        [[-0.05, 2], [0.01, 2]],
        [[-0.13, 3], [-0.01, 3]],
    ]
    assert marks["markLine"]["data"] == [{"xAxis": 0}]


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_every_interval_ends_within_the_page_s_chart(higher_is_better: bool) -> None:
    axis = gap_option(GAPS, "", "loss", higher_is_better=higher_is_better)["xAxis"]

    assert axis["min"] < GAPS["low"].min()
    assert axis["max"] > GAPS["high"].max()
    assert axis["inverse"] is not higher_is_better  # worse is on the left
    n_steps = (axis["max"] - axis["min"]) / axis["interval"]
    assert n_steps == pytest.approx(round(n_steps))


def test_each_trial_has_a_line_of_its_own() -> None:
    assert gap_px(GAPS) - gap_px(GAPS.iloc[:3]) == 24
