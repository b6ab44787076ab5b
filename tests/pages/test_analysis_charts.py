"""Figures of the analysis: what is drawn from a table, and that doubt is drawn as doubt."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from pages.parts.charts.colors import LEADER, NEUTRAL
from pages.parts.charts.honest import Levels, honest_lines
from pages.parts.charts.importance import common_bars, effect_bars
from pages.parts.charts.plots import titled, with_digits
from pages.parts.charts.scores_over import history_dots
from pages.parts.charts.search_curve import found_by_trials
from pages.parts.charts.what_if import ASKED, Guess, Scale, guessed_score
from tests.judged_scores import make_info, make_scores, make_spec
from tuning.analysis.verdict import Facts, Judgement, judge
from tuning.digits import with_error

FIVE = [0.80, 0.75, 0.85, 0.78, 0.82]
EFFECTS = pd.DataFrame(
    {
        "label": ["Epochs", "Momentum"],
        "main": [0.6, 0.01],
        "total": [0.7, 0.02],
        "total_low": [0.5, -0.1],
        "total_high": [0.8, 0.1],
        "is_grey": [False, True],
    }
)
LINES = pd.DataFrame(
    {
        "finished": [1, 2, 3],
        "shown": [0.70, 0.75, 0.75],
        "honest": [0.70, 0.72, 0.73],
        "low": [0.60, 0.65, 0.68],
        "high": [0.80, 0.79, 0.78],
    }
)
CURVE = pd.DataFrame(
    {"n_trials": [1, 10, 100], "score": [0.7, 0.8, 0.9], "low": [0.6, 0.7, 0.8], "high": 0.95}
)


def found_of(
    rows: list[list[float]], more: dict[int, list[list[float]]] | None = None
) -> Judgement:
    """Judge trials of five folds, some with more repeats."""
    facts = Facts(is_running=False, n_ended=len(rows), n_failed=0, info=make_info())
    spec = make_spec()
    return judge(spec, make_scores(spec, rows, more), facts)


def by_name(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name: trace for trace in figure.data if trace.name}


def test_the_largest_effect_is_on_top_and_a_doubtful_one_is_grey_and_says_so() -> None:
    total, alone = effect_bars(EFFECTS, "Epochs matter most").data

    assert list(alone.y) == ["Momentum<br>(may be nothing)", "Epochs"]  # from the bottom
    assert list(alone.marker.color) == [NEUTRAL, LEADER]
    assert list(total.marker.color) == [NEUTRAL, LEADER]


def test_whiskers_reach_from_the_low_to_the_high_end() -> None:
    total = effect_bars(EFFECTS, "").data[0]

    ends = np.stack([total.x - total.error_x.arrayminus, total.x + total.error_x.array])
    assert ends.tolist() == [pytest.approx([-0.1, 0.5]), pytest.approx([0.1, 0.8])]


def test_hidden_totals_are_not_drawn() -> None:
    hidden = EFFECTS.assign(total=math.nan, total_low=math.nan, total_high=math.nan)

    assert [trace.name for trace in effect_bars(hidden, "").data] == ["alone"]


def test_what_the_best_have_in_common_stands_beside_chance() -> None:
    table = pd.DataFrame(
        {
            "label": ["Epochs", "Momentum"],
            "divergence": [0.9, 0.1],
            "chance": [0.1, 0.1],
            "is_grey": [False, True],
        }
    )

    traces = by_name(common_bars(table, ""))

    assert list(traces["best 10 %"].x) == [0.1, 0.9]
    assert list(traces["by chance"].x) == [0.1, 0.1]
    assert list(traces["best 10 %"].marker.color) == [NEUTRAL, LEADER]


def test_the_best_so_far_is_grey_and_the_honest_score_has_its_band() -> None:
    figure = honest_lines(LINES, "T", "accuracy", Levels(luck=0.74, default=0.71))

    traces = by_name(figure)
    assert list(traces) == [
        "best so far",
        "on new data",
        "best by luck alone",
        "default settings",
    ]
    assert traces["best so far"].line.color == NEUTRAL
    assert traces["best by luck alone"].line.dash == "dot"
    assert list(traces["best by luck alone"].y) == [0.74, 0.74]
    low, high = figure.data[:2]
    assert (list(low.y), list(high.y)) == (LINES["low"].tolist(), LINES["high"].tolist())
    assert high.fill == "tonexty"


def test_without_an_honest_score_only_the_best_so_far_is_drawn() -> None:
    unknown = LINES.assign(honest=math.nan, low=math.nan, high=math.nan)

    assert [trace.name for trace in honest_lines(unknown, "", "", Levels()).data] == [
        "best so far"
    ]


def test_a_single_trial_is_a_dot() -> None:
    figure = honest_lines(LINES.iloc[:1], "", "", Levels())

    assert by_name(figure)["on new data"].mode == "markers"


def test_many_trials_are_on_a_logarithmic_axis() -> None:
    assert found_by_trials(CURVE, "", "").layout.xaxis.type == "log"
    assert found_by_trials(CURVE.iloc[:2], "", "").layout.xaxis.type is None


def test_few_trials_are_counted_one_by_one() -> None:
    assert found_by_trials(CURVE.iloc[:1], "", "").layout.xaxis.dtick == 1
    assert honest_lines(LINES, "", "", Levels()).layout.xaxis.dtick == 1
    assert (
        honest_lines(LINES.assign(finished=[1, 50, 99]), "", "", Levels()).layout.xaxis.dtick
        is None
    )


def test_a_long_title_gets_more_room_and_keeps_a_score_with_its_error() -> None:
    short = titled(go.Figure(), "Short")
    sentence = "The last doubling of the many trials gained +0.0032 ± 0.0031, which is little"
    long = titled(go.Figure(), f"{sentence}; so much for that.")

    assert long.layout.title.text.count("<br>") == 2
    assert long.layout.margin.t > short.layout.margin.t
    assert "+0.0032\u00a0±\u00a00.0031" in long.layout.title.text


def test_a_prediction_is_a_bar_with_a_dot_above_the_trials_that_come_nearest() -> None:
    option = guessed_score(
        Guess(0.75, 0.7, 0.8),
        [(7, 0.76), (3, 0.71)],
        title="T",
        scale=Scale("accuracy"),
        leader=(7, 0.755),
    )

    series = {one["name"]: one for one in option["series"]}
    assert option["yAxis"]["data"] == [ASKED, "trial 7", "trial 3"]
    assert series["90 % of such trials"]["data"] == [[0.7, ASKED], [0.8, ASKED]]
    assert series["predicted"]["data"] == [[0.75, ASKED]]
    assert series["tried"]["data"] == [[0.76, "trial 7"], [0.71, "trial 3"]]
    level = series["tried"]["markLine"]
    assert level["data"] == [{"xAxis": 0.755}]
    assert level["precision"] >= 3  # two would move the line to 0.76


def test_where_nothing_near_was_tried_no_score_is_drawn() -> None:
    option = guessed_score(None, [(7, 0.76)], title="Don't know", scale=Scale("accuracy"))

    assert [one["name"] for one in option["series"]] == ["tried"]


def test_a_prediction_has_the_digits_of_its_interval_and_no_room_past_the_best_score() -> None:
    guess = Guess(0.98512, 0.94123, 0.99987)  # ± 0.03

    option = guessed_score(guess, [(7, 0.98)], title="T", scale=Scale("accuracy", (0.0, 1.0)))

    series = {one["name"]: one for one in option["series"]}
    assert series["90 % of such trials"]["data"] == [[0.941, ASKED], [1.0, ASKED]]
    assert series["predicted"]["data"] == [[0.985, ASKED]]
    assert series["tried"]["data"] == [[0.98, "trial 7"]]
    assert option["xAxis"]["max"] == 1.0
    assert "min" not in option["xAxis"]


def test_scores_in_a_figure_get_as_many_decimals_as_their_error_supports() -> None:
    figure = go.Figure(
        go.Scatter(x=[1], y=[0.71234], hovertemplate="%{x}: %{y:.4g} in %{x:.3g} s")
    )

    with_digits(figure, found_of([FIVE, FIVE]))

    assert figure.data[0].hovertemplate == "%{x}: %{y:.2f} in %{x:.3g} s"  # ± 0.11


def test_a_trial_under_the_pointer_has_its_own_error_and_what_repeats_have_added() -> None:
    found = found_of([FIVE, [0.7992, 0.8001, 0.8003, 0.7998, 0.8006]], {0: [[0.9] * 5]})
    table = pd.DataFrame(
        {"finished": [1, 2, 3], "number": [1, 0, 7], "score": [0.8, 0.8, 0.61], "best": 0.8}
    )
    figure = history_dots(table, "T", "accuracy")

    with_digits(figure, found)

    dots = by_name(figure)["trial"]
    assert dots.hovertemplate == "trial %{customdata}: %{text}<extra></extra>"
    mean, width = found.table["mean"].to_numpy(), found.table["half_width"].to_numpy()
    assert list(dots.text) == [
        with_error(0.8, width[1]),
        f"0.80, with all repeats {with_error(mean[0], width[0])}",
        "0.610",  # nothing is known of its error
    ]


def test_a_line_with_a_band_tells_its_ends_with_the_digits_they_support() -> None:
    assert list(found_by_trials(CURVE, "T", "accuracy").data[-1].text) == [
        "0.70 (0.60 to 0.95)",
        "0.80 (0.70 to 0.95)",
        "0.90 (0.80 to 0.95)",
    ]
