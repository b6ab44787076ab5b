"""All plots of a search, opened through the frame on searches in a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.study.analysis_views.plots import plots_of
from storage.database import Database, database
from tests.pages.test_analysis import OUTSIDE, make_spec, opened, searched, texts, title

RANGES = {
    "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1.0},
    "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.5},
}
PLOTS = tuple(plots_of(make_spec(1)))
NEED = {
    "Partial dependence": "Needs 30 trials in the space; 2 have finished.",
    "Partial dependence of two": "Needs 30 trials in the space; 2 have finished.",
    "Importance by three methods": "Needs 20 trials in the space; 2 have finished.",
    "Contour": "A contour needs two ranges of numbers. Choose the heat map for lists.",
    "Score and time": "No trial has both a score and a time yet.",
}


@pytest.fixture
def db(home: Path) -> Database:
    """Give the database that pages open, in a data folder of its own."""
    assert home.is_dir()
    st.cache_data.clear()
    st.cache_resource.clear()
    return database()


def plotted(page: AppTest) -> dict[str, Any]:
    """Return the one figure on the page."""
    (plot,) = page.get("plotly_chart")
    figure: dict[str, Any] = json.loads(plot.proto.spec)
    return figure


def test_every_plot_of_the_issue_is_offered() -> None:
    assert PLOTS == (
        "Convergence", "History", "Distribution of scores", "Score and time", "Timeline",
        "Where it looked", "Slices", "Parallel coordinates", "Partial dependence",
        "Importance by three methods", "Partial dependence of two", "Contour", "Heat map",
        "Rank",
    )  # fmt: skip


def test_one_parameter_has_no_plots_of_two() -> None:
    one = plots_of(make_spec(1, space={"learning_rate": RANGES["learning_rate"]}))

    assert list(one) == list(PLOTS[:10])


@pytest.mark.parametrize("plot", PLOTS)
def test_three_trials_have_a_plot_or_what_it_needs(db: Database, plot: str) -> None:
    page = opened(searched(db, 3), "All plots", an_plot=plot)

    assert len(page.get("plotly_chart")) == (plot not in NEED)
    assert NEED.get(plot, "") in texts(page)
    assert not page.error
    assert plot in NEED or title(page)


@pytest.mark.parametrize("plot", PLOTS)
def test_no_trial_at_all_breaks_nothing(db: Database, plot: str) -> None:
    page = opened(searched(db, 0), "All plots", an_plot=plot)

    assert not page.get("plotly_chart")
    assert page.info


def test_axes_have_names_and_are_logarithmic_where_the_space_is(db: Database) -> None:
    study_id = searched(db, 60)

    figure = plotted(opened(study_id, "All plots", an_plot="Rank"))

    layout = figure["layout"]
    assert (layout["xaxis"]["type"], layout["yaxis"]["type"]) == ("log", "category")
    assert layout["xaxis"]["title"]["text"] == "Learning rate"
    assert layout["yaxis"]["categoryarray"] == ["tanh", "elu"]


def test_what_decides_is_found_by_three_methods_and_told_with_what_is_left_out(
    db: Database,
) -> None:
    page = opened(searched(db, 80), "All plots", an_plot="Importance by three methods")

    assert title(page) == "All three agree: learning rate matters most"
    assert OUTSIDE in texts(page)


def test_partial_dependence_is_best_where_the_score_is(db: Database) -> None:
    page = opened(searched(db, 200), "All plots", an_plot="Partial dependence")

    rate = float(title(page).removeprefix("Foretold best at learning rate ").split(":")[0])
    assert 0.002 < rate < 0.05  # by_rate is best at 0.01


def test_a_loss_is_better_when_lower(db: Database) -> None:
    loss = {"folds": 5, "score": "log_loss"}
    study_id = searched(
        db, 60, lambda settings: float(str(settings["learning_rate"] or 0.5)), evaluation=loss
    )

    page = opened(study_id, "All plots", an_plot="Convergence")

    best = plotted(page)["data"][1]
    assert best["name"] == "best so far"
    figure = plotted(opened(study_id, "All plots", an_plot="Distribution of scores"))
    assert figure["layout"]["xaxis"]["title"]["text"] == "log loss"


def test_pictures_are_saved_as_png_or_svg_and_numbers_as_csv(db: Database) -> None:
    page = opened(searched(db, 10), "All plots")

    def saved() -> str:
        config = json.loads(page.get("plotly_chart")[0].proto.config)
        return str(config["toImageButtonOptions"]["format"])

    assert saved() == "png"
    page.button_group(key="an_picture").set_value("SVG").run()
    assert saved() == "svg"
