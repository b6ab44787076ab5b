"""The judgement of a stored study, the same for pages, commands and exports."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from storage.database import Database
from storage.errors import UnknownStudyError
from storage.leases import update_claimed
from storage.reading import Trials, read_news
from storage.results import Batch, FitRow, write_batch
from storage.schema import study as study_table
from storage.studies import PAUSED, STOPPED
from tests.judged_scores import make_race
from tests.pages.written_study import N_FOLDS, WrittenStudy, fold_score, grid_spec
from tuning.judging import complete, judge_study, known_info
from tuning.spec import StudySpec


@pytest.fixture
def study(db: Database) -> WrittenStudy:
    """Give a study of twelve trials in training, six of which are finished."""
    written = WrittenStudy.waiting(db)
    written.train()
    for number in range(6):
        written.complete(number)
    return written


def write_repeats(study: WrittenStudy, numbers: list[int], shift: float) -> None:
    """Write three further repeats of some trials, as confirming does."""
    assert study.claim is not None
    fits = [
        FitRow(number, repeat, fold, "COMPLETE", fold_score(number, fold) + shift)
        for number in numbers
        for repeat in (1, 2, 3)
        for fold in range(N_FOLDS)
    ]
    write_batch(study.db, study.claim, Batch(fits=fits))


def test_a_study_is_judged_by_what_is_stored_of_it(study: WrittenStudy) -> None:
    study.end()

    judged = judge_study(study.db, study.id)

    assert judged.found.leader == 0
    assert judged.found.mean == pytest.approx(0.90)
    assert judged.found.table["mean"].tolist() == pytest.approx(
        [0.90 - 0.01 * number for number in range(6)]
    )
    assert judged.sentence == (
        "Trial 0 has the best score, accuracy 0.90 ± 0.05. "  # trust.md, section 1: ± 0.0453
        + "Whether it is better than the others cannot be told: "
        + "3 fits a trial: it takes 5 to tell trials apart."
    )
    assert judged.document["sentence"] == judged.sentence
    assert judged.settings == {"batch_size": 10, "epochs": 10}


@pytest.mark.parametrize("state", ["training", PAUSED])
def test_a_study_that_may_go_on_is_judged_for_now(study: WrittenStudy, state: str) -> None:
    assert study.claim is not None
    update_claimed(study.db, study.claim, state=state)

    judged = judge_study(study.db, study.id)

    assert judged.found.is_running
    assert judged.sentence.startswith("Too early to call: trial 0 leads")


def test_a_stopped_study_is_judged_by_what_ran(study: WrittenStudy) -> None:
    study.end(STOPPED, "Stopped by a person.")

    assert not judge_study(study.db, study.id).found.is_running


def test_a_verdict_says_where_confirming_was_skipped(study: WrittenStudy) -> None:
    study.end()
    before = judge_study(study.db, study.id).sentence
    with study.db.write() as connection:
        connection.execute(study_table.update().values(asked='{"skip": true}'))

    skipped = judge_study(study.db, study.id).sentence

    assert "Not confirmed: that was skipped." in skipped
    assert skipped.replace(" Not confirmed: that was skipped.", "") == before


def test_a_study_is_judged_as_over_a_moment_before_it_is(study: WrittenStudy) -> None:
    running = judge_study(study.db, study.id, is_over=True)
    study.end()

    assert running.document == judge_study(study.db, study.id).document


def test_failed_trials_are_counted(db: Database) -> None:
    written = WrittenStudy.waiting(db)
    written.train()
    for number in range(4):
        written.complete(number)
    assert written.claim is not None
    write_repeats(written, [0, 1, 2, 3], 0.0)
    written.fail(4, "Loss became NaN.")
    race = make_race([0], [0, 1])
    update_claimed(db, written.claim, confirm=json.dumps(race.to_dict()))
    written.end()

    found = judge_study(db, written.id).found

    assert found.reason == "More than 10% of the trials failed."
    assert found.table.index.tolist() == [0, 1, 2, 3]


def test_what_confirming_found_decides_who_leads(study: WrittenStudy) -> None:
    write_repeats(study, [0, 1], shift=-0.02)
    assert study.claim is not None
    race = make_race([1], [0, 1])
    update_claimed(study.db, study.claim, confirm=json.dumps(race.to_dict()))
    study.end()

    judged = judge_study(study.db, study.id)

    assert (judged.found.kind, judged.found.leader) == ("leads", 1)
    assert judged.found.mean == pytest.approx(0.89 - 0.75 * 0.02)
    assert judged.settings == {"batch_size": 10, "epochs": 20}
    assert judged.document["confirmed"]["survivors"] == (1,)


def test_a_study_without_a_finished_trial_has_no_settings(db: Database) -> None:
    judged = judge_study(db, WrittenStudy.waiting(db).id)

    assert judged.settings == {}
    assert judged.sentence == "No trial has a score yet."
    assert judged.document["leader"] is None


def test_a_study_whose_dataset_was_deleted_is_judged_without_its_rows(
    study: WrittenStudy,
) -> None:
    study.end()
    spec = study.spec.model_dump(mode="json")
    spec["data"]["dataset"] = "deleted-long-ago"
    assert study.claim is not None
    update_claimed(study.db, study.claim, spec=StudySpec.parse(spec).to_json())

    judged = judge_study(study.db, study.id)

    assert known_info(StudySpec.parse(spec)) is None
    assert judged.found.guess is None
    assert judged.found.score is None  # three fits, and no rows to tell their variance by
    assert "accuracy 0.900." in judged.sentence


def test_only_trials_with_a_score_are_complete(study: WrittenStudy) -> None:
    study.fail(6, "Loss became NaN.")
    study.run(7, n_epochs=3)

    assert complete(Trials(read_news(study.db, study.id).lines)) == [0, 1, 2, 3, 4, 5]


def test_a_study_that_is_not_there_says_so(db: Database) -> None:
    with pytest.raises(UnknownStudyError):
        judge_study(db, "pima-9999")


def test_the_size_and_the_time_of_trials_tell_the_cheapest(db: Database) -> None:
    written = WrittenStudy(db, grid_spec(), WrittenStudy.waiting(db).id)
    written.train()
    for number in range(3):
        written.complete(number)
    assert written.claim is not None
    rows = [
        replace(row, n_weights=weights, duration_s=seconds)
        for row, weights, seconds in zip(
            Trials(read_news(db, written.id).lines).in_state("COMPLETE"),
            (30, 20, 20),
            (1.0, 3.0, 2.0),
            strict=True,
        )
    ]
    fits = [
        FitRow(number, repeat, fold, "COMPLETE", 0.8 + 0.01 * fold)
        for number in range(3)
        for repeat in range(4)
        for fold in range(N_FOLDS)
    ]
    write_batch(db, written.claim, Batch(trials=rows, fits=fits))
    race = make_race([0, 1, 2], [0, 1, 2])
    update_claimed(db, written.claim, confirm=json.dumps(race.to_dict()))
    written.end()

    assert judge_study(db, written.id).found.cheapest == 2
