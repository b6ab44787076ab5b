"""The Analysis tab, opened through the frame on searches of any size in a real database."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from storage.database import Database, database
from storage.results import Batch, FitRow, TrialRow, write_batch
from tests.pages.written_study import WrittenStudy
from tuning.analysis.effects import NOTHING
from tuning.analysis.gain import OVERTUNING
from tuning.parameters import Value
from tuning.spec import StudySpec

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"
PAGE = FRAME.with_name("study.py")
VIEWS = (
    "Importance",
    "Best so far",
    "More trials",
    "What if",
    "One parameter",
    "Two parameters",
)
ALL = "All plots"
SPACE = {
    "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1.0},
    "activation": {"kind": "list", "values": ["tanh", "elu"]},
}  # the defaults, none and relu, lie outside
OUTSIDE = "Trial 0, the default settings, lies outside the searched values and is left out."

Settings = dict[str, Value]
Score = Callable[[Settings], float]


@pytest.fixture
def db(home: Path) -> Database:
    """Give the database that pages open, in a data folder of its own."""
    assert home.is_dir()
    st.cache_data.clear()
    st.cache_resource.clear()
    return database()


def by_rate(settings: Settings) -> float:
    """Score best at a learning rate of 0.01, whatever else is set."""
    rate = settings["learning_rate"]
    return 0.7 if rate is None else 0.8 - 0.03 * (np.log10(float(str(rate))) + 2) ** 2


def flat(_settings: Settings) -> float:
    return 0.7


def make_spec(n_trials: int, **changes: Any) -> StudySpec:
    return StudySpec.parse(
        {
            "name": "a search",
            "data": {"dataset": "breast-cancer"},
            "space": SPACE,
            "sampler": {"kind": "random", "n_trials": max(n_trials, 1)},
            "evaluation": {"folds": 5, "score": "accuracy"},
            "include_default": True,
        }
        | changes
    )


def searched(
    db: Database,
    n_trials: int,
    score: Score = by_rate,
    *,
    failed: frozenset[int] = frozenset(),
    highest_rate: float = 1.0,
    **changes: Any,
) -> str:
    """Write a search whose trials score by their settings, with a little noise."""
    written = WrittenStudy.waiting(db, make_spec(n_trials, **changes))
    written.train()
    rng = np.random.default_rng(n_trials)
    spec, batch = written.spec, Batch()
    for number in range(n_trials):
        settings = dict(spec.default_settings)
        if number:
            rate = float(10 ** rng.uniform(-4, np.log10(highest_rate)))
            settings |= {"learning_rate": rate}
            if "activation" in settings:
                settings |= {"activation": str(rng.choice(["tanh", "elu"]))}
        row = TrialRow(number, "FAIL", settings, finished_at=1e9 + number)
        if number not in failed:
            folds = score(settings) + rng.normal(0, 0.01, spec.evaluation.n_folds)
            row = dataclasses.replace(row, state="COMPLETE", score=float(folds.mean()))
            batch.fits.extend(
                FitRow(number, 0, fold, "COMPLETE", value, {}, 10)
                for fold, value in enumerate(folds.tolist())
            )
        batch.trials.append(row)
    assert written.claim is not None
    write_batch(db, written.claim, batch)
    written.end()
    return written.id


def opened(study_id: str, view: str, **query: str) -> AppTest:
    """Open a view of the Analysis tab through the frame."""
    page = AppTest.from_file(str(FRAME), default_timeout=60)
    page.switch_page(str(PAGE))
    for name, value in {"id": study_id, "tab": "Analysis", "chart": view, **query}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    """Return every sentence on the page."""
    parts = [*page.markdown, *page.caption, *page.error, *page.info, *page.warning]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def title(page: AppTest) -> str:
    """Return the title of the one chart of a view, without its line breaks."""
    plots = [json.loads(node.proto.spec) for node in page.get("plotly_chart")]
    lines = [plot["layout"]["title"]["text"].replace("<br>", " ") for plot in plots]
    options = [json.loads(node.proto.spec) for node in page.get("echarts_chart")]
    lines += [option["title"]["text"].replace("\n", " ") for option in options]
    (found,) = lines
    return str(found).replace("\u00a0", " ")


@pytest.mark.parametrize("view", VIEWS)
def test_a_search_without_a_finished_trial_says_what_a_view_needs(
    db: Database, view: str
) -> None:
    page = opened(searched(db, 0), view)

    needs = {
        "Importance": "Needs 20 trials in the space; 0 have finished.",
        "What if": "Needs 30 ",
    }
    assert needs.get(view, "No trial has a score yet.") in texts(page)
    assert "Based on 0 of 1 trial" in texts(page)
    assert not page.get("plotly_chart")


@pytest.mark.parametrize("view", VIEWS)
def test_three_trials_one_outside_the_space_break_nothing(db: Database, view: str) -> None:
    page = opened(searched(db, 3), view)

    assert "Based on 3 of 3 trials" in texts(page)
    assert (OUTSIDE in texts(page)) == (view != "Best so far")
    few = {
        "Importance": "Needs 20 trials in the space; 2 have finished.",
        "What if": "Needs 30 ",
    }
    assert few.get(view, "") in texts(page)
    assert len(page.get("plotly_chart")) == (view not in few)


@pytest.mark.parametrize("view", VIEWS[:5])
def test_one_searched_parameter_has_every_view_of_one(db: Database, view: str) -> None:
    only = {"learning_rate": SPACE["learning_rate"]}

    page = opened(searched(db, 40, space=only), view)

    assert page.button_group(key="chart").options == [*VIEWS[:5], ALL]
    assert title(page)


def test_what_decides_is_found_and_what_is_left_out_is_told(db: Database) -> None:
    page = opened(searched(db, 60, failed=frozenset({7})), "Importance")

    assert title(page).startswith("Learning rate matters most: ")
    assert "From 58 finished trials." in texts(page)
    assert "1 failed trial is left out; what it tried counts as never tried." in texts(page)
    assert OUTSIDE in texts(page)


def test_noise_has_a_grey_panel(db: Database) -> None:
    page = opened(searched(db, 60, flat), "Importance")

    assert title(page) == NOTHING
    (plot,) = page.get("plotly_chart")
    labels = json.loads(plot.proto.spec)["data"][-1]["y"]
    assert all("(may be nothing)" in label for label in labels)


def test_of_a_search_that_learns_importance_holds_in_its_region(db: Database) -> None:
    tpe = {"kind": "tpe", "n_trials": 60}

    page = opened(searched(db, 60, sampler=tpe), "Importance")

    assert "matters most in the region searched: " in title(page)


def test_what_the_best_have_in_common_can_be_asked_from_300_trials_on(db: Database) -> None:
    few = opened(searched(db, 299), "Importance")
    many = opened(searched(db, 302), "Importance", an_method="Best 10 %")

    assert "an_method" not in {group.key for group in few.button_group}
    assert title(many) == "The best 10 % are alike in learning rate."
    many.button_group(key="an_method").set_value("Effects").run()
    assert title(many).startswith("Learning rate matters most: ")


def test_the_best_so_far_is_told_with_what_to_expect_of_it(db: Database) -> None:
    page = opened(searched(db, 60), "Best so far")

    assert title(page).startswith("Expected on new data 0.")
    assert "is selection luck" in title(page)
    (plot,) = page.get("plotly_chart")
    names = {line.get("name") for line in json.loads(plot.proto.spec)["data"]}
    assert {"best so far", "on new data", "best by luck alone", "default settings"} <= names
    assert "Tuning over the default: +0." in texts(page)


def test_gains_that_are_luck_are_warned_of(db: Database) -> None:
    page = opened(searched(db, 100, flat), "Best so far")

    assert [one.value for one in page.warning] == [OVERTUNING]


def test_without_folds_the_best_so_far_has_no_honest_score(db: Database) -> None:
    one_fit = {"method": "holdout", "score": "accuracy"}
    study_id = searched(db, 40, evaluation=one_fit)

    assert "is the best so far" in title(opened(study_id, "Best so far"))
    page = opened(study_id, "More trials")
    assert "One fold: a winner cannot be chosen without it." in texts(page)


def test_whether_more_trials_would_help_is_answered_with_its_number(db: Database) -> None:
    page = opened(searched(db, 60, flat), "More trials")

    assert "more trials would" in title(page).lower()
    assert "The last doubling of the trials gained " in title(page)
    assert "in the order they ran" not in texts(page)


def test_a_search_that_learns_is_followed_in_its_own_order(db: Database) -> None:
    tpe = {"kind": "tpe", "n_trials": 60}

    page = opened(searched(db, 60, sampler=tpe), "More trials")

    assert "in the order they ran" in texts(page)


def test_a_loss_is_answered_in_its_own_units(db: Database) -> None:
    loss = {"folds": 5, "score": "log_loss"}
    study_id = searched(db, 60, lambda settings: 1 - by_rate(settings), evaluation=loss)

    found = re.search(
        r"score (0\.\d+); .* between (0\.\d+)", title(opened(study_id, "What if"))
    )

    assert found is not None
    assert 0.15 < float(found[2]) <= float(found[1]) < 0.3
    shown = re.search(r"Expected on new data (0\.\d+)", title(opened(study_id, "Best so far")))
    assert shown is not None
    assert float(shown[1]) == pytest.approx(1 - 0.8, abs=0.02)  # the best there is


def rate(page: AppTest) -> Any:
    """Return the slider of the learning rate."""
    (slider,) = page.select_slider
    return slider


def test_a_setting_nobody_tried_is_foretold_and_its_nearest_trial_opens(db: Database) -> None:
    page = opened(searched(db, 200), "What if")
    at_the_leader = title(page)

    rate(page).set_value("0.0001").run()

    assert at_the_leader.startswith("Would probably score 0.")
    assert title(page).startswith("Would probably score 0.6")  # 0.8 - 0.03 * 2 ** 2 is 0.68
    page.button(key="what_if_near_0").click().run()
    assert page.query_params["trial"]
    assert '"learning_rate": 0.0001' in page.code[-1].value


def test_the_sliders_go_back_to_the_leader(db: Database) -> None:
    page = opened(searched(db, 200), "What if")
    start = rate(page).value

    rate(page).set_value("0.0001").run()
    page.button(key="what_if_reset").click().run()

    assert 0.003 < float(start) < 0.03
    assert rate(page).value == start


def test_a_list_may_hold_none_and_begins_where_the_leader_is(db: Database) -> None:
    limits = {"kind": "list", "values": [None, 1.0, 2.0]}
    space = {"learning_rate": SPACE["learning_rate"], "max_norm": limits}
    page = opened(searched(db, 60, space=space), "What if")

    (limit,) = [box for box in page.selectbox if box.label == "Weight limit (max-norm)"]
    assert limit.value == "off"  # every trial of this search has none
    assert title(page).startswith("Would probably score 0.")
    limit.set_value("2").run()
    assert title(page).startswith("Don't know: nothing near was tried. Trial ")


def test_where_nothing_near_was_tried_nothing_is_foretold(db: Database) -> None:
    page = opened(searched(db, 200, highest_rate=0.01), "What if")

    rate(page).set_value("1").run()

    assert title(page).startswith("Don't know: nothing near was tried. Trial ")


def test_a_running_search_keeps_its_picture_until_it_is_asked(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.complete(0)
    page = opened(written.id, "Best so far")

    written.complete(1)
    page.run()
    assert "Based on 1 of 12 trials" in texts(page)
    page.button(key="analysis_update").click().run()

    assert "Based on 2 of 12 trials" in texts(page)
