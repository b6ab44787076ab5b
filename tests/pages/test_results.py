"""The Results tab, opened through the frame on real studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts.study.results_snapshot import Snapshot, news
from storage.database import Database, database
from storage.notes import set_star, write_tags
from tests.judged_scores import LEADS, TIES, make_info, make_race, make_scores, make_spec
from tests.pages.driven_study import drive, driven_spec
from tests.pages.study_page import buttons, charts, opened, texts
from tests.pages.written_study import WrittenStudy
from tuning.analysis.grid import Grid
from tuning.analysis.verdict import Facts, Judgement, judge

CLOSE = [0.80, 0.90, 0.899, 0.85, 0.70, 0.60]  # what each trial scores but for luck


@pytest.fixture
def db(home: Path) -> Database:
    """Give the database that pages open, in a data folder of its own."""
    assert home.is_dir()
    st.cache_data.clear()
    st.cache_resource.clear()
    return database()


@pytest.fixture
def close(db: Database) -> str:
    """Give a finished study of six trials: two share the first rank, trial 0 is default."""
    return drive(db, CLOSE, driven_spec())


@pytest.fixture
def finished(db: Database) -> WrittenStudy:
    """Give a finished study of twelve trials, the last of which failed."""
    written = WrittenStudy.waiting(db)
    written.train()
    for number in range(11):
        written.complete(number)
    written.fail(11, "Loss became NaN at epoch 4.")
    written.end()
    return written


def grid(page: AppTest) -> pd.DataFrame:
    """Return the grid of results."""
    table: pd.DataFrame = page.dataframe[-1].value
    return table


def gaps(page: AppTest) -> dict[str, Any]:
    """Return the gap chart."""
    (option,) = charts(page)
    return option


# The grid and the gap chart.


def test_the_grid_is_in_the_order_of_the_ranks(close: str) -> None:
    table = grid(opened(close, tab="Results"))

    assert table["number"].tolist() == ["1", "2", "3", "0", "4", "5"]
    assert table["rank"].tolist() == ["1–2", "1–2", "3", "4", "5", "6"]
    assert table["tie"].tolist() == ["leader", "tied", "worse", "worse", "worse", "worse"]
    assert table["gap"].iloc[0] == 0
    assert table["gap"].iloc[2] == pytest.approx(-0.05, abs=0.01)
    assert (table["half_width"] > 0).all()
    assert table["n_repeats"].tolist() == [1] * 6
    assert table["diagnosis"].tolist() == ["too short"] * 6


def test_default_settings_outside_the_list_are_shown_in_words(close: str) -> None:
    table = grid(opened(close, tab="Results"))

    rates = dict(zip(table["number"], table["learning_rate"], strict=True))
    assert rates["0"] == "the optimizer's own"
    assert rates["2"] == "0.003"


def test_the_chart_says_how_many_cannot_be_told_from_the_leader(close: str) -> None:
    option = gaps(opened(close, tab="Results"))

    assert option["title"]["text"] == "1 trial cannot be told apart from trial 1"
    assert option["yAxis"]["data"] == [
        "trial 1, leader",
        "trial 2",
        "trial 3",
        "trial 0, default",
        "trial 4",
        "trial 5",
    ]
    marks = option["series"][1]["data"]
    hollow = [row["value"][1] for row in marks if row["itemStyle"]["color"] == "transparent"]
    assert hollow == ["trial 2"]
    shapes = {row["value"][1]: row["symbol"] for row in marks}
    assert shapes.pop("trial 1, leader").startswith("path://")
    assert shapes.pop("trial 0, default") == "diamond"
    assert set(shapes.values()) == {"circle"}


def test_the_numbers_behind_the_chart_are_there_when_asked_for(close: str) -> None:
    page = opened(close, tab="Results")
    n_tables = len(page.dataframe)

    page.session_state["gap_numbers"] = True  # a click on the expander
    page.run()

    assert len(page.dataframe) == n_tables + 1
    assert page.dataframe[0].value["number"].tolist() == [1, 2, 3, 0, 4, 5]


def test_only_ties_leaves_those_that_may_be_the_best(close: str) -> None:
    page = opened(close, tab="Results")

    page.toggle(key="results_ties").set_value(True).run()

    assert grid(page)["number"].tolist() == ["1", "2"]


def test_a_confirmed_study_shows_repeats_and_who_survived(db: Database) -> None:
    study_id = drive(db, CLOSE, driven_spec(confirm=True))

    table = grid(opened(study_id, tab="Results"))

    repeats = dict(zip(table["number"], table["n_repeats"], strict=True))
    assert repeats["1"] > 1
    assert repeats["5"] == 1
    ties = dict(zip(table["number"], table["tie"], strict=True))
    assert ties["1"] == "leader"
    assert ties["2"] in {"tied, confirmed", "worse"}


def test_too_few_fits_are_said_above_the_chart(finished: WrittenStudy) -> None:
    option = gaps(opened(finished.id, tab="Results"))

    assert option["title"]["text"].replace("\n", " ") == (
        "Cannot tell who is best. 3 fits a trial: it takes 5 to tell trials apart"
    )


def test_trials_are_sorted_and_filtered_by_diagnosis(finished: WrittenStudy) -> None:
    page = opened(finished.id, sort="Diagnosis")
    words = grid(page)["diagnosis"].tolist()
    assert words[-1] == ""  # the failed one has no curve
    assert set(words[:-1]) == {"still improving"}

    page.multiselect(key="filter_diagnosis_label").set_value(["still improving"]).run()
    assert len(grid(page)) == 11
    page.multiselect(key="filter_diagnosis_label").set_value(["plateau"]).run()
    assert "No trial matches." in texts(page)
    page.button(key="results_clear").click().run()
    assert len(grid(page)) == 12


def test_the_diagnoses_of_the_listed_trials_are_counted(
    finished: WrittenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened(finished.id, tab="Results")
    assert "Diagnoses: 11 still improving." in texts(page)

    page.multiselect(key="filter_batch_size").set_value([10]).run()
    n_listed = sum(word != "" for word in grid(page)["diagnosis"])
    assert f"Diagnoses: {n_listed} still improving." in texts(page)

    monkeypatch.setattr("pages.parts.study.results._MOST_COUNTED", 5)
    page = opened(finished.id, tab="Results")
    assert page.button(key="results_count").label == "Count the diagnoses of 12 trials"
    page.button(key="results_count").click().run()
    assert "Diagnoses: 11 still improving." in texts(page)


def test_each_filter_has_a_button_that_takes_it_away(finished: WrittenStudy) -> None:
    page = opened(finished.id, tab="Results")
    assert not {key for key in buttons(page) if key.startswith("chip_")}

    page.multiselect(key="filter_batch_size").set_value([10, 20]).run()
    page.multiselect(key="filter_epochs").set_value([20]).run()
    assert grid(page)["number"].tolist() == ["1", "3"]
    assert page.button(key="chip_filter_batch_size").label == "Batch size 10, 20"

    page.button(key="chip_filter_batch_size").click().run()
    assert len(grid(page)) == 6
    assert page.multiselect(key="filter_batch_size").value == []
    assert {key for key in buttons(page) if key.startswith("chip_")} == {"chip_filter_epochs"}


def test_tags_and_stars_of_trials_are_shown_and_filtered_by(finished: WrittenStudy) -> None:
    assert "marks" not in shown_columns(opened(finished.id, tab="Results"))
    write_tags(finished.db, finished.id, 3, ["slow", "odd"])
    set_star(finished.db, finished.id, 5, is_starred=True)

    page = opened(finished.id, tab="Results")
    marks = dict(zip(grid(page)["number"], grid(page)["marks"], strict=True))
    assert (marks["3"], marks["5"], marks["0"]) == ("slow, odd", "★", "")

    page.multiselect(key="filter_tags").set_value(["odd"]).run()
    assert grid(page)["number"].tolist() == ["3"]
    page.multiselect(key="filter_tags").set_value([]).run()
    page.toggle(key="filter_starred").set_value(True).run()
    assert grid(page)["number"].tolist() == ["5"]
    page.button(key="chip_filter_starred").click().run()
    assert len(grid(page)) == 12


def shown_columns(page: AppTest) -> list[str]:
    return list(page.dataframe[-1].proto.column_order)


def test_columns_are_chosen_and_fixed_settings_are_hidden_at_first(
    finished: WrittenStudy,
) -> None:
    page = opened(finished.id, tab="Results")
    before = shown_columns(page)
    assert before[:4] == ["rank", "number", "state", "score"]
    assert {"curve", "best_epoch", "batch_size", "fold 0"} <= set(before)
    assert "optimizer" not in before
    assert grid(page)["best_epoch"].iloc[0] == 10  # losses of this study fall to the end

    page.button_group(key=f"columns_0_{finished.id}").set_value(["score", "optimizer"]).run()

    assert shown_columns(page) == ["rank", "number", "score", "optimizer"]
    assert set(grid(page)["optimizer"]) == {"adam"}


def test_trials_are_sorted_by_their_best_epoch(finished: WrittenStudy) -> None:
    epochs = grid(opened(finished.id, sort="Best epoch"))["best_epoch"].tolist()

    assert epochs[:11] == sorted(epochs[:11])
    assert {epochs[0], epochs[10]} == {10, 20}


def test_a_failed_trial_is_not_compared(finished: WrittenStudy) -> None:
    table = grid(opened(finished.id, tab="Results"))

    assert table["rank"].iloc[-1] == "–"
    assert table["tie"].iloc[-1] == "not compared"


# What needs no screen.


def found_of(rows: list[list[float]], **facts: Any) -> Judgement:
    """Judge made-up scores."""
    spec = make_spec()
    scores = make_scores(spec, rows, facts.pop("more", None))
    given: dict[str, Any] = {
        "is_running": False,
        "n_ended": len(rows),
        "n_failed": 0,
        "info": make_info(),
    }
    return judge(spec, scores, Facts(**(given | facts)))


def test_news_count_trials_and_tell_a_change_of_leader() -> None:
    snapshot = Snapshot(0, Grid(pd.DataFrame()), found_of(LEADS), frozenset({0, 1, 2}))
    changed = found_of([*LEADS, [0.95] * 5])

    assert news(snapshot, frozenset({0, 1, 2}), found_of(LEADS)) == ""
    assert news(snapshot, frozenset(range(4)), found_of([*LEADS, [0.1] * 5])) == "1 new trial"
    assert news(snapshot, frozenset(range(4)), changed) == "1 new trial · the leader changed"


def test_news_tell_that_the_leaders_have_more_repeats() -> None:
    snapshot = Snapshot(0, Grid(pd.DataFrame()), found_of(TIES), frozenset({0, 1, 2}))
    more = {0: [[0.8] * 5] * 3, 1: [[0.8] * 5] * 3}
    race = make_race([1, 0], [0, 1])

    ended = frozenset({0, 1, 2})
    assert news(snapshot, ended, found_of(TIES, more=more)) == "new repeats of the leaders"
    raced = found_of(TIES, more=more, confirmed=race)
    assert news(snapshot, ended, raced) == "new repeats of the leaders · the leader changed"
