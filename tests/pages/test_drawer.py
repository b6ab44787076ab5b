"""The trial drawer: how a trial stands, more repeats, and another trial beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from pages.parts.study.beside import interval_words
from pages.parts.study.drawer import gap_sentence, repeats_table, why_no_repeats
from storage.database import Database, database
from storage.results import FitRow, TrialRow
from storage.studies import STOPPED, StudyRow, get_study
from tests.judged_scores import LEADS, TIES, make_info, make_scores, make_spec
from tests.pages.driven_study import drive, driven_spec
from tests.pages.study_page import buttons, opened, texts
from tests.pages.written_study import WrittenStudy
from tuning.analysis.pair_words import compare_trials
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


def test_the_drawer_tells_the_gaps_to_leader_and_default(close: str) -> None:
    text = texts(opened(close, trial="3"))

    assert "Gap to trial 1, the leader: -0.05" in text
    assert ", worse." in text
    assert "Gap to the default settings (trial 0): +0.05" in text
    assert "fold 0: " in text
    assert "Too short to tell: 1 of 10 epochs. Train for 10 epochs or more." in text.replace(
        "**", ""
    )
    assert "The curve has fewer than 10 epochs." in text


def test_a_trial_is_given_ten_repeats_with_one_click(db: Database, close: str) -> None:
    page = opened(close, trial="3")

    page.button(key="drawer_repeats").click().run()

    row = get_study(db, close)
    assert json.loads(row.asked)["numbers"] == [3]
    assert row.state == "waiting"
    assert page.toast[0].value == "Trial 3 gets 10 repeats as soon as a core is free."
    assert page.button(key="drawer_repeats").disabled


def test_a_stopped_study_gives_no_repeats_and_says_why(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    written.complete(0)
    written.end(STOPPED)

    page = opened(written.id, trial="0")

    assert page.button(key="drawer_repeats").disabled
    assert "The study is stopped. It has to go on first." in texts(page)


def test_who_only_watches_has_no_button_for_repeats(close: str) -> None:
    assert "drawer_repeats" not in buttons(opened(close, trial="3", watch="1"))


def test_two_trials_are_compared_with_what_is_probable(close: str) -> None:
    page = opened(close, trial="4")
    before = {metric.label for metric in page.metric}
    assert "Better" not in before

    page.selectbox(key="drawer_against_4").set_value(3).run()

    shown = {metric.label: metric.value for metric in page.metric}
    assert (shown["Worse"], shown["Better"]) == ("99 %", "1 %")
    assert "Trial 3 is better than trial 4 on the same 5 fits." in texts(page)
    assert "Accuracy of trial 4 less that of trial 3: -0.15" in texts(page)


def test_the_smallest_difference_that_matters_can_be_changed(close: str) -> None:
    page = opened(close, trial="4")
    page.selectbox(key="drawer_against_4").set_value(3).run()
    assert page.number_input(key="drawer_rope_4").value == 0.01

    page.number_input(key="drawer_rope_4").set_value(0.3).run()

    assert "Trials 4 and 3 are practically equal" in texts(page)


def test_a_trial_with_further_repeats_shows_all_its_scores(db: Database) -> None:
    study_id = drive(db, CLOSE, driven_spec(confirm=True))

    page = opened(study_id, trial="1")

    table = page.dataframe[-1].value
    assert table["For"].tolist()[:2] == ["search", "confirming"]
    assert table.columns[2:].tolist() == [*(f"Fold {fold}" for fold in range(5)), "Mean"]


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


@pytest.mark.parametrize(
    ("rows", "number", "sentence"),
    [
        (TIES, 0, "It leads; 1 other may be as good."),
        ([*TIES[:2], TIES[1]], 0, "It leads; 2 others may be as good."),
        (LEADS, 0, "It leads."),
        ([*LEADS, [0.5] * 4 + [float("nan")]], 3,
         "It is not compared with the others: it lacks a fit."),
        ([[0.8] * 5], 0, "It leads."),
    ],
)  # fmt: skip
def test_a_trial_says_how_it_stands(
    rows: list[list[float]], number: int, sentence: str
) -> None:
    assert gap_sentence(found_of(rows), number) == sentence


def test_a_gap_is_told_with_its_tie() -> None:
    found = found_of(TIES)

    assert gap_sentence(found, 1).startswith("Gap to trial 0, the leader: -0.006 ± ")
    assert gap_sentence(found, 1).endswith(", tied.")
    assert gap_sentence(found, 2).endswith(", worse.")


def test_scores_are_listed_by_repeat_and_fold() -> None:
    spec = make_spec(2)
    fits = [FitRow(0, r, f, "COMPLETE", 0.5 + r / 10 + f / 100) for r in (0, 1) for f in (0, 1)]

    table = repeats_table(spec, [*fits, FitRow(0, 2, 0, "COMPLETE", 0.7)])

    assert table["Repeat"].tolist() == [0, 1, 2]
    assert table["For"].tolist() == ["search", "confirming", "confirming"]
    assert table["Fold 1"].tolist()[:2] == pytest.approx([0.51, 0.61])
    assert table["Mean"].tolist() == pytest.approx([0.505, 0.605, 0.7])


def test_an_interval_is_written_with_its_ends() -> None:
    spec = make_spec(n_repeats=2)
    low = [0.7] * 10
    high = [0.72, 0.71, 0.73, 0.70, 0.72, 0.71, 0.72, 0.73, 0.71, 0.70]
    scores = make_scores(spec, [low, high])
    found = judge(spec, scores, Facts(is_running=False, n_ended=2, n_failed=0))
    pair = compare_trials(scores, found, (1, 0), rope=0.01, spread=None)

    assert pair is not None
    assert interval_words(pair) == "+0.015, 95 % interval +0.001 to +0.029"  # trust.md 3


@pytest.fixture
def row(db: Database) -> StudyRow:
    """Give a finished study."""
    return replace(get_study(db, WrittenStudy.waiting(db).id), state="finished")


def test_repeats_are_refused_with_a_reason(row: StudyRow) -> None:
    spec, trial = make_spec(), TrialRow(3, "COMPLETE", {}, 0.5)

    def reason(n_repeats: int = 1, **changes: Any) -> str:
        return why_no_repeats(replace(row, **changes), spec, trial, n_repeats)

    assert reason() == ""
    assert reason(10) == "It has 10 repeats already."
    assert reason(state="paused", wish="") == "The study is paused. It has to go on first."
    assert reason(state="failed") == "The study has failed. It has to go on first."
    assert reason(state="training", wish="stop") == (
        "The study is about to end. It has to go on first."
    )
    asked = json.dumps({"numbers": [3]})
    assert reason(state="training", asked=asked) == (
        "It has been asked for, and comes after what is in training."
    )
    assert reason(asked=asked) == ""


def test_only_finished_trials_of_a_cross_validation_are_repeated(row: StudyRow) -> None:
    holdout = make_spec(evaluation={"method": "holdout"})
    trial = TrialRow(3, "COMPLETE", {}, 0.5)

    assert why_no_repeats(row, holdout, trial, 1) == (
        "Only cross-validation can be repeated, and this study has one split."
    )
    assert why_no_repeats(row, make_spec(), replace(trial, state="FAIL"), 0) == (
        "Only a trial with a score can be repeated."
    )
