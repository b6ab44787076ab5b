"""What an extension may change, and which trials it adds."""

from __future__ import annotations

from typing import Any

import pytest

from storage.database import Database
from storage.errors import StudyBusyError
from storage.leases import claim_study, update_claimed
from storage.studies import get_study
from storage.wishes import read_stages
from tuning.errors import SpecError
from tuning.extension import extend, extension_problems, parse_stages
from tuning.launch import launch
from tuning.samplers import planned_settings, round_sizes
from tuning.sampling.rounds import Stages
from tuning.spec import StudySpec


def make_spec(kind: str = "grid", n_trials: int | None = None, **space: Any) -> StudySpec:
    default = {"n_neurons": {"kind": "list", "values": [4, 8]}}
    sampler = {"kind": kind} | ({} if n_trials is None else {"n_trials": n_trials})
    return StudySpec.parse(
        {
            "name": "to be extended",
            "data": {"dataset": "pima"},
            "space": (space or default) | {"epochs": {"kind": "fixed", "value": 3}},
            "sampler": sampler,
        }
    )


def neurons(*values: int) -> dict[str, Any]:
    return {"n_neurons": {"kind": "list", "values": list(values)}}


def between(low: float, high: float) -> dict[str, Any]:
    return {"learning_rate": {"kind": "log_range", "low": low, "high": high}}


def finished(db: Database, spec: StudySpec) -> str:
    study_id = launch(db, spec)
    claim = claim_study(db, "test", study_id)
    assert claim is not None
    update_claimed(db, claim, state="finished")
    return study_id


def test_a_wider_grid_keeps_the_old_cells_and_adds_the_new_ones_behind_them() -> None:
    old, new = make_spec(**neurons(8, 4)), make_spec(**neurons(2, 4, 8, 16))

    planned = planned_settings(new, planned_settings(old) or ())

    assert planned == [{"n_neurons": n} for n in (8, 4, 2, 16)]


def test_more_random_trials_keep_the_old_ones_and_repeat_none() -> None:
    old = make_spec("random", 6, **neurons(*range(1, 13)))
    new = make_spec("random", 12, **neurons(*range(1, 13)))
    first = planned_settings(old)
    assert first is not None

    planned = planned_settings(new, first)

    assert planned is not None
    assert planned[:6] == first
    assert {settings["n_neurons"] for settings in planned} == set(range(1, 13))
    assert len(planned) == 12


def test_more_draws_from_a_range_are_the_same_each_time_and_other_than_the_first() -> None:
    old, new = (make_spec("random", n, **between(1e-4, 1e-1)) for n in (5, 9))
    first = planned_settings(old)
    assert first is not None

    planned, again = planned_settings(new, first), planned_settings(new, first)

    assert planned is not None
    assert planned == again
    assert len({settings["learning_rate"] for settings in planned}) == 9


def test_rounds_end_where_a_study_was_extended() -> None:
    grid, tpe = make_spec(**neurons(1, 2, 3, 4, 5)), make_spec("tpe", 50, **neurons(1, 2))

    assert round_sizes(grid, [2]) == [2, 3]
    assert round_sizes(tpe, [30]) == [
        *round_sizes(make_spec("tpe", 30, **neurons(1, 2))),
        *[2] * 10,
    ]
    assert sum(round_sizes(tpe, [5])) == 50


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            make_spec(**neurons(4, 8)),
            make_spec(**neurons(4, 16, 32)),
            "Neurons: an extension keeps every value there was. Only add to them.",
        ),
        (
            make_spec("random", 5, **between(1e-3, 1e-1)),
            make_spec("random", 9, **between(1e-2, 1e-1)),
            "Learning rate: an extension keeps every value there was. Only add to them.",
        ),
        (
            make_spec("random", 5, **between(1e-3, 1e-1)),
            make_spec("random", 5, **between(1e-4, 1e-1)),
            "5 trials are not more than the 5 there are. Ask for more trials, or add values.",
        ),
        (
            make_spec("random", 5, **between(1e-3, 1e-1)),
            make_spec("tpe", 9, **between(1e-3, 1e-1)),
            "An extension keeps the sampler, random. Clone it to change that.",
        ),
        (
            make_spec("random", 5, **between(1e-3, 1e-1)),
            make_spec("random", 9, **between(1e-3, 1e-1), **neurons(1, 2)),
            (
                "An extension searches the same parameters (Learning rate). "
                + "Clone it to change that."
            ),
        ),
    ],
)
def test_what_an_extension_cannot_change_is_told(
    old: StudySpec, new: StudySpec, sentence: str
) -> None:
    assert extension_problems(old, new) == [sentence]


def test_every_other_part_of_a_study_stays() -> None:
    old = make_spec("random", 5, **between(1e-3, 1e-1))
    more = {"sampler": {"kind": "random", "n_trials": 9}, "seed": 8, "evaluation": {"folds": 4}}
    new = StudySpec.parse(old.model_dump(mode="json") | more)

    assert extension_problems(old, new) == [
        "An extension keeps the evaluation of its study. Clone it to change that.",
        "An extension keeps the seed of its study. Clone it to change that.",
    ]


def test_an_extended_study_waits_again_with_what_it_was_asked_for_before(db: Database) -> None:
    old = make_spec(**neurons(4, 8))
    study_id = finished(db, old)

    extend(db, get_study(db, study_id), make_spec(**neurons(4, 8, 16)))

    row = get_study(db, study_id)
    assert (row.state, row.n_trials_planned, row.n_fits_planned) == ("waiting", 3, 15)
    assert parse_stages(read_stages(db, study_id)) == Stages(
        (2,), ({"n_neurons": 4}, {"n_neurons": 8})
    )
    assert StudySpec.parse(row.spec) == make_spec(**neurons(4, 8, 16))


def test_a_study_extended_twice_remembers_both(db: Database) -> None:
    study_id = finished(db, make_spec("tpe", 5, **neurons(4, 8)))
    for n_trials in (8, 12):
        extend(db, get_study(db, study_id), make_spec("tpe", n_trials, **neurons(4, 8)))
        claim = claim_study(db, "test", study_id)
        assert claim is not None
        update_claimed(db, claim, state="paused")

    assert parse_stages(read_stages(db, study_id)) == Stages((5, 8))


def test_a_study_in_training_is_not_extended(db: Database) -> None:
    spec = make_spec(**neurons(4, 8))
    study_id = launch(db, spec)

    with pytest.raises(StudyBusyError) as error:
        extend(db, get_study(db, study_id), make_spec(**neurons(4, 8, 16)))

    assert str(error.value) == (
        f"Study {study_id!r} is waiting or in training, so it cannot be extended now. "
        + "Pause it, then try again."
    )
    assert StudySpec.parse(get_study(db, study_id).spec) == spec


def test_a_wrong_extension_changes_nothing(db: Database) -> None:
    study_id = finished(db, make_spec(**neurons(4, 8)))

    with pytest.raises(SpecError):
        extend(db, get_study(db, study_id), make_spec(**neurons(4, 16, 32)))

    assert get_study(db, study_id).state == "finished"
