"""Trials that a person enters: checked, numbered, and refused with a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest

from storage.database import Database
from storage.errors import UnfinishedError
from storage.leases import claim_study, update_claimed
from storage.results import Batch, TrialRow, write_batch
from storage.studies import Claim, events, get_study
from storage.wishes import read_stages
from tuning.by_hand import read_values, try_by_hand
from tuning.errors import SpecError
from tuning.extension import extend, parse_stages
from tuning.launch import launch
from tuning.samplers import planned_settings, round_sizes
from tuning.spec import StudySpec

GRID: dict[str, Any] = {
    "n_neurons": {"kind": "list", "values": [4, 8]},
    "momentum": {"kind": "list", "values": [0.0, 0.5]},
}
RANGE: dict[str, Any] = {"momentum": {"kind": "range", "low": 0.1, "high": 0.5}}


def make_spec(space: dict[str, Any] = GRID, **changes: Any) -> StudySpec:
    fixed = {"epochs": {"kind": "fixed", "value": 3}}
    document = {"name": "by hand", "data": {"dataset": "pima"}, "space": space | fixed}
    return StudySpec.parse(document | changes)


def started(db: Database, spec: StudySpec, state: str = "training") -> Claim:
    study_id = launch(db, spec)
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    update_claimed(db, claim, state=state)
    return claim


def stored(db: Database, study_id: str) -> StudySpec:
    return StudySpec.parse(get_study(db, study_id).spec)


def refusal(db: Database, study_id: str, **values: Any) -> str:
    with pytest.raises(SpecError) as error:
        try_by_hand(db, study_id, values)
    return str(error.value)


@pytest.mark.parametrize("state", ["training", "finished"])
def test_a_trial_joins_a_study_behind_those_it_has(db: Database, state: str) -> None:
    study_id = started(db, make_spec(), state).study_id

    entered = try_by_hand(db, study_id, {"n_neurons": 16, "momentum": 0.5})

    row, spec = get_study(db, study_id), stored(db, study_id)
    stages = parse_stages(read_stages(db, study_id))
    assert (entered.number, entered.settings) == (4, {"n_neurons": 16, "momentum": 0.5})
    assert (row.n_trials_planned, row.n_fits_planned) == (5, 25)
    assert row.state == ("training" if state == "training" else "waiting")
    assert (planned_settings(spec, stages.settings) or [])[4] == entered.settings
    assert round_sizes(spec, stages.ends) == [4, 1]
    assert spec.hand_numbers == {4}
    assert events(db, study_id)[-1]["text"] == "Somebody entered trial 4 by hand."


def test_values_outside_the_search_space_are_tried_and_said_to_be(db: Database) -> None:
    study_id = started(db, make_spec()).study_id

    entered = try_by_hand(db, study_id, {"n_neurons": 8, "momentum": 0.9})

    assert entered.notes == (
        "Momentum: 0.9 lies outside the search space (0, 0.5). It is trained all the same; "
        + "a sampler does not learn from it.",
    )


def test_what_is_not_set_comes_from_the_trial_that_is_named(db: Database) -> None:
    claim = started(db, make_spec())
    tried = TrialRow(2, "COMPLETE", {"n_neurons": 8, "momentum": 0.0}, 0.7)
    write_batch(db, claim, Batch(trials=[tried]))

    entered = try_by_hand(db, claim.study_id, {"momentum": 0.7}, like=2)

    assert entered.settings == {"n_neurons": 8, "momentum": 0.7}


def test_each_trial_by_hand_has_a_number_and_a_round_of_its_own(db: Database) -> None:
    sampler = {"kind": "tpe", "n_trials": 30}
    study_id = started(db, make_spec(RANGE, sampler=sampler)).study_id

    numbers = [try_by_hand(db, study_id, {"momentum": m}).number for m in (0.7, 0.8)]

    spec, stages = stored(db, study_id), parse_stages(read_stages(db, study_id))
    alone = round_sizes(make_spec(RANGE, sampler=sampler))
    assert numbers == [30, 31]
    assert round_sizes(spec, stages.ends) == [*alone, 1, 1]


@pytest.mark.parametrize("kind", ["random", "qmc"])
def test_an_extension_keeps_trials_by_hand_where_they_are(db: Database, kind: str) -> None:
    old = make_spec(RANGE, sampler={"kind": kind, "n_trials": 4})
    study_id = started(db, old, "finished").study_id
    try_by_hand(db, study_id, {"momentum": 0.7})
    update_claimed(db, claim_of(db, study_id), state="finished")
    before = planned_settings(stored(db, study_id)) or []

    document = json.loads(get_study(db, study_id).spec)
    document["sampler"]["n_trials"] = 8
    extend(db, get_study(db, study_id), StudySpec.parse(document))

    stages = parse_stages(read_stages(db, study_id))
    planned = planned_settings(stored(db, study_id), stages.settings) or []
    assert planned[:5] == before
    assert planned[4] == {"momentum": 0.7}
    assert len({settings["momentum"] for settings in planned}) == 9


def claim_of(db: Database, study_id: str) -> Claim:
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    return claim


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"n_neurons": 8},
            "Momentum: a value is needed. Set it, or name a trial to take it from.",
        ),
        (
            {"n_neurons": 8, "momentum": 0.7, "epochs": 9},
            "Epochs: it is not searched here, so it stays as it is. Set n_neurons, momentum.",
        ),
        (
            {"n_neurons": 8, "momentum": 1.5},
            "Momentum: 1.5 is too large. Use 0 up to, but not including, 1.",
        ),
        (
            {"n_neurons": 8, "momentum": 0.5},
            "Trial 3 has these settings. Ask for more repeats of it instead.",
        ),
    ],
)
def test_settings_that_cannot_be_a_new_trial_are_refused(
    db: Database, values: dict[str, Any], sentence: str
) -> None:
    study_id = started(db, make_spec()).study_id

    assert refusal(db, study_id, **values) == sentence
    assert stored(db, study_id) == make_spec()


def test_settings_that_the_data_has_too_few_rows_for_are_refused(db: Database) -> None:
    space = {"batch_size": {"kind": "list", "values": [10, 20]}}
    study_id = started(db, make_spec(space)).study_id

    sentence = refusal(db, study_id, batch_size=1000)

    # 768 rows, a fifth sealed: 614; four of five folds train on 491
    assert sentence == (
        "Batch size: 1,000 is more than the 491 training rows of a fold. Use 491 or less."
    )


def test_a_trial_to_copy_from_must_be_there(db: Database) -> None:
    study_id = started(db, make_spec()).study_id

    with pytest.raises(SpecError) as error:
        try_by_hand(db, study_id, {"momentum": 0.7}, like=77)

    assert str(error.value) == "There is no trial 77 to take parameters from."


def test_a_study_that_is_paused_has_to_go_on_first(db: Database) -> None:
    study_id = started(db, make_spec(), "paused").study_id

    with pytest.raises(UnfinishedError):
        try_by_hand(db, study_id, {"n_neurons": 16, "momentum": 0.5})


def test_values_are_read_as_a_person_types_them() -> None:
    typed = ["lr=1e-2", "dense_layer_sizes=32-16", "max_norm = off", "init=uniform"]

    assert read_values(typed) == {
        "learning_rate": 0.01,
        "dense_layer_sizes": (32, 16),
        "max_norm": None,
        "kernel_initializer": "random_uniform",
    }


def test_what_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(SpecError) as error:
        read_values(["neuron=5", "momentum=2"])

    first, second = error.value.problems
    assert first.startswith(
        "--set 'neuron=5' names no parameter. Write name=value with one of: batch_size, "
    )
    assert second == "Momentum: 2 is too large. Use 0 up to, but not including, 1."
