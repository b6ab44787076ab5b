"""One verdict on every screen: while a study trains, confirms and is over, and what follows."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from scipy.stats import t
from streamlit.testing.v1 import AppTest

from pages.parts.home.studies_grid import studies_table
from pages.parts.running import progress, study_badge
from pages.parts.study.facts import status_sentence
from storage.database import Database, database
from storage.studies import StudyRow, get_study
from tests.pages.driven_study import (
    CLEAR,
    EQUAL,
    N_FOLDS,
    WITHOUT_DEFAULT,
    drive,
    driven_spec,
    noise,
)
from tests.pages.study_page import buttons, charts, notes, opened, texts
from tests.pages.written_study import WrittenStudy
from tuning.digits import with_error
from tuning.judging import judge_study

N_ROWS = 569  # of breast-cancer; none is sealed here


@pytest.fixture
def db(home: Path) -> Database:
    """Give the database that pages open, in a data folder of its own."""
    assert home.is_dir()
    st.cache_data.clear()
    st.cache_resource.clear()
    return database()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what the driver's own thread writes."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def leader_of(page: AppTest) -> tuple[int, str]:
    """Return who leads and with what score, by the title of the live chart."""
    title = charts(page)[0]["title"]["text"].replace("\n", " ")
    found = re.fullmatch(r"Trial (\d+) leads: accuracy (.+)", title)
    assert found is not None, title
    return int(found[1]), found[2]


def by_hand(bases: tuple[float, ...], number: int, n_repeats: int = 1) -> tuple[float, float]:
    """Return mean and half of the 95 % interval by the formula of trust.md, section 1."""
    fits = [bases[number] + noise(number, r, f) for r in range(n_repeats) for f in range(5)]
    mean, spread, n = float(np.mean(fits)), float(np.var(fits, ddof=1)), len(fits)
    share = (N_ROWS * mean + 1) / (N_ROWS + 2)
    of_rows = share * (1 - share) / (N_ROWS / N_FOLDS)
    df = 10 + n - 1
    variance = (10 * of_rows + (n - 1) * spread) / df
    factor = 1 / n + 1 / (N_FOLDS - 1)
    return mean, float(t.ppf(0.975, df)) * math.sqrt(factor * variance)


def gain_color(page: AppTest) -> str:
    [metric] = [metric for metric in page.metric if metric.label == "Gain over defaults"]
    return str(metric.proto.MetricColor.Name(metric.proto.color))


# The same leader and the same numbers, wherever a study is named.


@pytest.mark.parametrize(("bases", "leader"), [(EQUAL, 1), (CLEAR, 4)])
def test_a_finished_study_has_one_leader_and_one_score_on_every_screen(
    db: Database, bases: tuple[float, ...], leader: int
) -> None:
    study_id = drive(db, bases, driven_spec(**WITHOUT_DEFAULT))
    score = with_error(*by_hand(bases, leader))

    page = opened(study_id, tab="Live")

    row = get_study(db, study_id)
    assert leader_of(page) == (leader, score)
    assert f"Trial {leader}" in texts(page)
    assert f"accuracy {score}" in texts(page)
    assert notes(page)["Expected on new data"] == f"best {score}"
    assert gain_color(page) == "GRAY"
    assert f"Tied with trial {leader}" in notes(page)
    assert row.best_number == leader
    assert studies_table([row])["best"].tolist() == [score]


def test_while_it_trains_head_chart_and_list_name_the_same_leader(db: Database) -> None:
    seen: list[tuple[tuple[int, str], str, StudyRow]] = []

    def look(study_id: str, when: str) -> None:
        if when == "search":
            wait_until(lambda: get_study(db, study_id).n_trials_done == 3)
            page = opened(study_id, tab="Live")
            seen.append((leader_of(page), texts(page), get_study(db, study_id)))

    drive(db, EQUAL, driven_spec(), look)

    [(leader, sentences, row)] = seen
    score = with_error(*by_hand(EQUAL, 1))
    assert leader == (1, score)
    assert (row.best_number, studies_table([row])["best"].tolist()) == (1, [score])
    assert "Too early to call: trial 1 leads, 2 others cannot be told apart" in sentences


def test_a_race_moves_the_leader_on_every_screen(db: Database) -> None:
    study_id = drive(db, EQUAL, driven_spec(confirm=True))
    row = get_study(db, study_id)
    score = with_error(*by_hand(EQUAL, 0, n_repeats=2))

    page = opened(study_id, tab="Live")

    assert leader_of(page) == (0, score)
    assert notes(page)["Expected on new data"] == f"best {score}"
    assert (row.best_number, studies_table([row])["best"].tolist()) == (0, [score])
    assert "Curves are of the search, without the repeats after it." in texts(page)
    assert "**Accuracy of each fold in the search**" in texts(
        opened(study_id, tab="Best model")
    )


# Confirming.


def test_confirming_is_a_state_that_people_see_and_can_skip(db: Database) -> None:
    seen: list[tuple[AppTest, StudyRow]] = []

    def look(study_id: str, when: str) -> None:
        if when == "confirm" and not seen:
            wait_until(lambda: "30 of 30" in get_study(db, study_id).phase)
            page = opened(study_id, tab="Live")
            page.button(key="study_skip").click().run()
            seen.append((page, get_study(db, study_id)))

    study_id = drive(db, EQUAL, driven_spec(confirm=True), look)

    [(page, row)] = seen
    assert ":blue-badge[:material/fact_check: Confirming]" in texts(page)
    assert "Confirming ends after the current epoch" in texts(page)
    assert page.button(key="study_skip").disabled
    assert "Looks: One at the end of the search, and while confirming at 2, 4, 7 and 10" in (
        texts(page).replace("*", "")
    )
    assert json.loads(row.asked)["skip"]
    assert study_badge(row).word == "Confirming"
    assert studies_table([row])["state"].tolist() == [["Confirming"]]
    assert get_study(db, study_id).state == "finished"


def test_the_progress_of_confirming_is_that_of_its_round(db: Database) -> None:
    row = training(db, "Confirming the best 5 with 4 repeats: 40 of 50 fits")

    assert progress(row) == 0.8
    assert status_sentence(row, 0, "UTC") == row.phase
    timed = dataclasses.replace(row, seconds_left=4.0)
    assert status_sentence(timed, 0, "UTC") == f"{row.phase} · about 4 s (3–6 s) for these"
    assert progress(training(db, "Confirming the best 5 with 4 repeats")) == 0.0
    assert study_badge(training(db, "Repeating trial 3: 1 of 45 fits")).word == "Confirming"
    assert study_badge(training(db, "Training")).word == "Training"
    stopping = dataclasses.replace(row, wish="stop")
    assert study_badge(stopping).word == "Stopping"


def test_before_confirming_the_progress_says_that_it_comes(db: Database) -> None:
    row = dataclasses.replace(training(db, "Training"), n_fits_done=31, seconds_left=4.0)

    assert status_sentence(row, 0, "UTC", confirms=True) == (
        "31 of 36 fits · then confirming · about 4 s (3–6 s) left"
    )


def training(db: Database, phase: str) -> StudyRow:
    row = get_study(db, WrittenStudy.waiting(db).id)
    return dataclasses.replace(row, state="training", phase=phase)


# What may follow.


def test_a_finished_study_can_have_its_leaders_confirmed_once(db: Database) -> None:
    study_id = drive(db, EQUAL, driven_spec())
    page = opened(study_id)
    [confirm] = [button for button in page.button if button.key == "study_confirm"]
    # 6 trials from 1 to 10 repeats of 5 folds
    assert confirm.help == ("Trains the best trials again on fresh repeats: at most 270 fits.")

    confirm.click().run()

    row = get_study(db, study_id)
    assert (row.state, json.loads(row.asked)["race"]) == ("waiting", True)
    assert "study_confirm" not in buttons(page)


def test_confirming_is_not_offered_where_it_was_done_or_cannot_help(db: Database) -> None:
    confirmed = drive(db, EQUAL, driven_spec(confirm=True))
    two_folds = driven_spec(evaluation={"folds": 2, "score": "accuracy"})

    assert "study_confirm" not in buttons(opened(confirmed))
    assert "study_confirm" not in buttons(opened(drive(db, EQUAL, two_folds)))


def test_the_next_step_leads_to_a_finer_search_and_to_more_trials(db: Database) -> None:
    study_id = drive(db, EQUAL, driven_spec())

    page = opened(study_id)

    links = {node.proto.label: node.proto.query_string for node in page.get("page_link")}
    assert links["Zoom in on the best region"] == f"from={study_id}&refine=1"
    assert "study_extend" in buttons(page)
    assert "study_next" not in buttons(opened(study_id, watch="1"))
    assert "study_extend" not in buttons(opened(study_id, watch="1"))


# Why.


def test_the_reasons_lead_to_the_gaps(db: Database) -> None:
    page = opened(drive(db, EQUAL, driven_spec()), tab="Live")

    page.button(key="study_gaps").click().run()

    assert page.session_state["tab"] == "Results"


def test_the_live_tab_draws_what_luck_alone_would_have_shown(db: Database) -> None:
    study_id = drive(db, CLEAR, driven_spec())
    luck = judge_study(db, study_id).found.luck
    assert not isinstance(luck, str)

    page = opened(study_id, tab="Live")

    assert "Curves are of the search" not in texts(page)
    names = [one["name"] for one in charts(page)[2]["series"]]
    assert names == ["score", "best so far", "interval", "best by luck alone"]
    assert f"Dotted: best by luck alone, {luck.expected:.3f}." in texts(page)
    assert gain_color(page) == "GREEN"
