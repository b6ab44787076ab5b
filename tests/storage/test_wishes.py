"""Wishes about repeats, the sealed test and extensions, over SQLite and PostgreSQL."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storage.database import Database
from storage.errors import StudyBusyError, UnfinishedError, UnknownStudyError
from storage.leases import claim_study, update_claimed
from storage.schema import study
from storage.studies import (
    FAILED,
    FINAL_STATES,
    FINISHED,
    PAUSED,
    PREPARING,
    STOPPED,
    TRAINING,
    WAITING,
    Claim,
    NewStudy,
    create_study,
    events,
    get_study,
    keep_test,
    opened_tests,
    opened_unscored,
    study_version,
)
from storage.wishes import (
    Extension,
    ask_for_model,
    ask_to_confirm,
    ask_to_skip_confirming,
    enter_by_hand,
    extend_study,
    open_test,
    resume,
)


def asked(db: Database, study_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(get_study(db, study_id).asked)
    return found


def last_event(db: Database, study_id: str) -> tuple[str, str]:
    newest = events(db, study_id)[-1]
    return newest["kind"], newest["text"]


@pytest.fixture
def finished(db: Database, claim: Claim) -> str:
    """Give the id of a study that is finished."""
    update_claimed(db, claim, state=FINISHED, started_at=1.0)
    return claim.study_id


# More repeats.


def test_a_finished_study_goes_on_for_the_trials_somebody_chose(
    db: Database, finished: str
) -> None:
    version = study_version(db, finished) or 0

    ask_to_confirm(db, finished, [7, 3])

    row = get_study(db, finished)
    assert (row.state, row.wish, row.finished_at, row.lease_until) == (WAITING, "", None, 0.0)
    assert row.started_at == 1.0
    assert row.version > version
    assert asked(db, finished) == {"numbers": [3, 7], "race": False, "skip": False}
    assert last_event(db, finished) == ("confirm", "Somebody asked for more repeats.")
    assert claim_study(db, "worker-2", finished) is not None


def test_further_wishes_add_to_the_first(db: Database, finished: str) -> None:
    ask_to_confirm(db, finished, [7])
    ask_to_confirm(db, finished, race=True)
    ask_to_confirm(db, finished, [3, 7])

    assert asked(db, finished) == {"numbers": [3, 7], "race": True, "skip": False}


@pytest.mark.parametrize("state", [WAITING, PREPARING, TRAINING])
def test_a_study_that_is_under_way_stays_where_it_is(
    db: Database, claim: Claim, state: str
) -> None:
    update_claimed(db, claim, state=state)
    before = get_study(db, claim.study_id)

    ask_to_confirm(db, claim.study_id, [1])

    row = get_study(db, claim.study_id)
    assert (row.state, row.lease_until) == (state, before.lease_until)
    assert asked(db, claim.study_id)["numbers"] == [1]


@pytest.mark.parametrize("state", [STOPPED, FAILED, PAUSED])
def test_a_study_that_rests_has_to_go_on_first(db: Database, claim: Claim, state: str) -> None:
    update_claimed(db, claim, state=state)
    before = get_study(db, claim.study_id)

    with pytest.raises(UnfinishedError) as error:
        ask_to_confirm(db, claim.study_id, [1])

    assert str(error.value) == (
        f"Study {claim.study_id!r} is {state}, not finished. "
        + "Let it finish first, then try again."
    )
    assert get_study(db, claim.study_id) == before


def test_wishes_of_two_people_at_once_are_both_kept(db: Database, finished: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: ask_to_confirm(db, finished, [n]), range(8)))

    assert asked(db, finished)["numbers"] == list(range(8))


# The model of a trial.


def test_a_finished_study_goes_on_for_models_that_are_wanted(
    db: Database, finished: str
) -> None:
    ask_to_confirm(db, finished, [3])
    ask_for_model(db, finished, 7)
    ask_for_model(db, finished, 2)
    ask_for_model(db, finished, 7)

    row = get_study(db, finished)
    assert (row.state, row.wish, row.lease_until) == (WAITING, "", 0.0)
    assert asked(db, finished)["models"] == [2, 7]
    assert asked(db, finished)["numbers"] == [3]
    assert last_event(db, finished) == ("model", "Somebody asked for trial 7's model.")


def test_a_study_that_was_stopped_trains_no_model(db: Database, claim: Claim) -> None:
    update_claimed(db, claim, state=STOPPED)

    with pytest.raises(UnfinishedError):
        ask_for_model(db, claim.study_id, 1)

    assert asked(db, claim.study_id) == {}


# What is not work.


def test_the_time_a_study_rests_is_not_counted(
    db: Database, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "time", lambda: now)
    update_claimed(db, claim, state=TRAINING, started_at=now)
    now = 1010.0
    update_claimed(db, claim, state=PAUSED)
    now = 1100.0
    paused = get_study(db, claim.study_id).seconds
    resume(db, claim.study_id)
    now = 1105.0
    going_on = get_study(db, claim.study_id).seconds
    again = claim_study(db, "worker-2", claim.study_id)
    assert again is not None
    update_claimed(db, again, state=FINISHED)
    now = 2000.0
    ask_to_confirm(db, claim.study_id, [1])
    now = 2001.0

    assert (paused, going_on) == (10.0, 15.0)
    assert get_study(db, claim.study_id).seconds == 16.0


def test_a_verdict_holds_while_a_model_is_trained_and_not_while_leaders_are_repeated(
    db: Database, claim: Claim
) -> None:
    update_claimed(db, claim, state=FINISHED, verdict='{"kind": "leads"}')

    ask_for_model(db, claim.study_id, 1)
    of_model = get_study(db, claim.study_id)
    again = claim_study(db, "worker-2", claim.study_id)
    assert again is not None
    update_claimed(db, again, state=FINISHED)
    ask_to_confirm(db, claim.study_id, [1])

    assert (of_model.state, of_model.is_judged) == (WAITING, True)
    assert not get_study(db, claim.study_id).is_judged


# No more of them.


def test_confirming_is_skipped_and_may_be_asked_for_again(db: Database, claim: Claim) -> None:
    update_claimed(db, claim, state=TRAINING)
    ask_to_confirm(db, claim.study_id, [2], race=True)

    ask_to_skip_confirming(db, claim.study_id)

    assert asked(db, claim.study_id) == {"numbers": [2], "race": True, "skip": True}
    assert last_event(db, claim.study_id) == (
        "confirm",
        "Somebody asked to skip confirming.",
    )
    ask_to_confirm(db, claim.study_id, race=True)
    assert asked(db, claim.study_id)["skip"] is False


@pytest.mark.parametrize("state", FINAL_STATES)
def test_what_has_ended_has_nothing_to_skip(db: Database, claim: Claim, state: str) -> None:
    update_claimed(db, claim, state=state)
    before = get_study(db, claim.study_id)

    ask_to_skip_confirming(db, claim.study_id)

    assert get_study(db, claim.study_id) == before


@pytest.mark.parametrize("wish", [ask_to_confirm, ask_to_skip_confirming, open_test])
def test_a_wish_for_a_study_that_is_not_there_says_so(db: Database, wish: Any) -> None:
    with pytest.raises(UnknownStudyError):
        wish(db, "pima-9999")


# The sealed test.


def test_a_test_is_opened_once_and_its_time_is_kept(db: Database, finished: str) -> None:
    before = time.time()

    at = open_test(db, finished)
    again = open_test(db, finished)

    assert before <= at <= time.time()
    assert again == pytest.approx(at)
    row = get_study(db, finished)
    assert row.test_opened_at == pytest.approx(at)
    assert (row.state, row.test) == (FINISHED, "{}")
    opened = [entry for entry in events(db, finished) if entry["kind"] == "test"]
    assert [entry["text"] for entry in opened] == ["Somebody opened the sealed test."]


def test_two_people_who_open_a_test_at_once_open_it_once(db: Database, finished: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        times = list(threads.map(lambda _: open_test(db, finished), range(8)))

    assert max(times) == pytest.approx(min(times), abs=1e-6)
    assert [entry["kind"] for entry in events(db, finished)].count("test") == 1


@pytest.mark.parametrize("state", [WAITING, PREPARING, TRAINING, PAUSED, STOPPED, FAILED])
def test_only_a_finished_study_opens_its_test(db: Database, claim: Claim, state: str) -> None:
    update_claimed(db, claim, state=state)

    with pytest.raises(UnfinishedError):
        open_test(db, claim.study_id)

    assert get_study(db, claim.study_id).test_opened_at is None


def test_a_test_that_was_opened_waits_for_its_scores_until_they_are_there(
    db: Database, finished: str, new_study: NewStudy
) -> None:
    create_study(db, new_study)
    assert opened_unscored(db) == []

    open_test(db, finished)

    assert opened_unscored(db) == [finished]
    version = study_version(db, finished) or 0
    keep_test(db, finished, '{"n_rows": 3}')
    assert opened_unscored(db) == []
    assert (study_version(db, finished) or 0) > version


def test_the_scores_of_a_test_are_written_once(db: Database, finished: str) -> None:
    open_test(db, finished)
    keep_test(db, finished, '{"n_rows": 3}')

    keep_test(db, finished, '{"n_rows": 4}')

    assert get_study(db, finished).test == '{"n_rows": 3}'


def test_the_opened_tests_of_a_dataset_are_listed_in_the_order_of_their_opening(
    db: Database, new_study: NewStudy
) -> None:
    ids = [create_study(db, new_study) for _ in range(3)]
    with db.write() as connection:
        for study_id, at in zip(ids, (9.0, None, 2.0), strict=True):
            chosen = study.update().where(study.c.id == study_id)
            connection.execute(chosen.values(test_opened_at=at))

    assert [row.id for row in opened_tests(db, "pima")] == [ids[2], ids[0]]
    assert opened_tests(db, "breast-cancer") == []


# Extensions.


def test_an_extension_keeps_its_race_and_lets_go_of_its_verdict(
    db: Database, claim: Claim
) -> None:
    update_claimed(
        db, claim, state=FINISHED, confirm='{"kind": "winner"}', verdict='{"kind": "leads"}'
    )
    with db.write() as connection:
        wishes = json.dumps({"numbers": [3], "race": True, "skip": True})
        connection.execute(study.update().values(asked=wishes))

    extend_study(db, get_study(db, claim.study_id), Extension("{}", "[]", 30, 90))

    row = get_study(db, claim.study_id)
    assert (row.state, row.confirm, row.verdict) == (WAITING, '{"kind": "winner"}', "{}")
    assert (row.n_trials_planned, row.n_fits_planned) == (30, 90)
    assert asked(db, claim.study_id) == {"numbers": [3], "race": True, "skip": False}


def test_an_extension_leaves_the_opened_test_as_it_is(db: Database, finished: str) -> None:
    open_test(db, finished)
    keep_test(db, finished, '{"n_rows": 3}')
    before = get_study(db, finished)

    extend_study(db, before, Extension("{}", "[]", 30, 90))

    row = get_study(db, finished)
    assert (row.test_opened_at, row.test) == (before.test_opened_at, before.test)


def test_a_refused_extension_changes_nothing(db: Database, claim: Claim) -> None:
    update_claimed(db, claim, state=TRAINING, confirm='{"kind": "winner"}')
    before = get_study(db, claim.study_id)

    with pytest.raises(StudyBusyError):
        extend_study(db, before, Extension("{}", "[]", 30, 90))

    assert get_study(db, claim.study_id) == before


# Trials entered by hand.

ONE_MORE = Extension("{}", '{"ends": [4], "settings": []}', 5, 10)


def test_a_trial_by_hand_lets_a_finished_study_go_on(db: Database, finished: str) -> None:
    assert enter_by_hand(db, get_study(db, finished), ONE_MORE)

    row = get_study(db, finished)
    assert (row.state, row.n_trials_planned, row.n_fits_planned) == (WAITING, 5, 10)
    assert (row.spec, row.verdict, row.confirm, row.is_extended) == ("{}", "{}", "{}", True)
    assert last_event(db, finished) == ("hand", "Somebody entered trial 4 by hand.")


def test_a_trial_by_hand_waits_for_the_worker_of_a_study_in_training(
    db: Database, claim: Claim
) -> None:
    update_claimed(db, claim, state=TRAINING)

    assert enter_by_hand(db, get_study(db, claim.study_id), ONE_MORE)

    row = get_study(db, claim.study_id)
    assert (row.state, row.spec, row.n_trials_planned) == (TRAINING, "{}", 5)
    assert row.lease_until > 0


def test_of_two_trials_entered_at_once_the_later_is_told_to_read_again(
    db: Database, finished: str
) -> None:
    row = get_study(db, finished)
    enter_by_hand(db, row, Extension('{"one": 1}', "[]", 5, 10))

    assert not enter_by_hand(db, row, ONE_MORE)

    assert get_study(db, finished).spec == '{"one": 1}'


@pytest.mark.parametrize("state", [PAUSED, STOPPED, FAILED])
def test_no_trial_is_entered_into_a_study_that_rests(
    db: Database, claim: Claim, state: str
) -> None:
    update_claimed(db, claim, state=state)

    with pytest.raises(UnfinishedError):
        enter_by_hand(db, get_study(db, claim.study_id), ONE_MORE)
