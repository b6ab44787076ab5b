"""What to search next: around the judged leaders, and in a grid itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest

from storage.database import Database
from storage.errors import UnfinishedError, UnknownStudyError
from storage.leases import claim_study, update_claimed
from storage.results import Batch, FitRow, TrialRow, write_batch
from storage.studies import FINISHED, TRAINING
from tuning.errors import SpecError
from tuning.extension import extend, extension_problems
from tuning.launch import launch
from tuning.parameters import Value
from tuning.refined import propose
from tuning.samplers import planned_settings
from tuning.setting import Choices, LogRange, grid_values
from tuning.spec import StudySpec

UNITS = {"n_neurons": {"kind": "list", "values": [8, 16, 32, 64]}}
RATES = {"learning_rate": {"kind": "log_range", "low": 1e-4, "high": 0.1}}


def make_spec(space: Mapping[str, Any], **changes: Any) -> StudySpec:
    return StudySpec.parse(
        {"name": "units", "data": {"dataset": "breast-cancer"}, "space": space} | changes
    )


def write(
    db: Database,
    spec: StudySpec,
    settings: Sequence[Mapping[str, Value]],
    means: Sequence[float],
    state: str = FINISHED,
) -> str:
    """Write trials that lie apart by far more than their folds do."""
    study_id = launch(db, spec)
    claim = claim_study(db, "worker", study_id)
    assert claim is not None
    noise = (0.001, -0.002, 0.0, 0.002, -0.001)
    trials, fits = [], []
    for number, (searched, mean) in enumerate(zip(settings, means, strict=True)):
        trials.append(TrialRow(number, "COMPLETE", dict(searched), mean, 0.002))
        for fold, off in enumerate(noise):
            shift = off * (1 + number % 3) / 2
            fits.append(FitRow(number, 0, fold, "COMPLETE", mean + shift))
    write_batch(db, claim, Batch(trials=trials, fits=fits))
    update_claimed(db, claim, state=state)
    return study_id


def grid_of(db: Database, means: Sequence[float], **changes: Any) -> str:
    spec = make_spec(UNITS, **changes)
    return write(db, spec, planned_settings(spec) or [], means)


def values_of(spec: StudySpec, name: str) -> tuple[Value, ...]:
    return grid_values(name, spec.searched[name]) or ()


def test_a_grid_is_refined_around_its_winner_on_the_edge(db: Database) -> None:
    # The worked case of the specification: units 8 … 64 in octaves, the winner at 64.
    study_id = grid_of(db, [0.6, 0.7, 0.8, 0.9])

    proposed = propose(db, study_id)

    spec = proposed.refinement.spec
    assert values_of(spec, "n_neurons") == (32, 45, 64, 91, 128, 181)
    assert list(proposed.refinement.sentences) == ["n_neurons"]
    assert proposed.stop is None
    assert spec.seed == 8  # other folds
    assert (spec.data, spec.model) == (make_spec(UNITS).data, make_spec(UNITS).model)


def test_the_study_itself_gets_the_finer_values_beside_its_own(db: Database) -> None:
    proposed = propose(db, grid_of(db, [0.6, 0.7, 0.8, 0.9]))

    assert proposed.extension is not None
    assert values_of(proposed.extension, "n_neurons") == (8, 16, 32, 45, 64, 91, 128, 181)
    assert proposed.n_more == 4
    old = StudySpec.parse(proposed.row.spec)
    assert extension_problems(old, proposed.extension) == []


def test_an_extension_keeps_every_trial_there_was(db: Database) -> None:
    study_id = grid_of(db, [0.6, 0.7, 0.8, 0.9])
    proposed = propose(db, study_id)
    assert proposed.extension is not None
    old = planned_settings(StudySpec.parse(proposed.row.spec)) or []

    extend(db, proposed.row, proposed.extension)

    planned = planned_settings(proposed.extension, old) or []
    assert planned[:4] == old
    assert [one["n_neurons"] for one in planned[4:]] == [45, 91, 128, 181]
    with pytest.raises(UnfinishedError):
        propose(db, study_id)


def test_values_that_differ_by_rounding_alone_are_one(db: Database) -> None:
    # Even steps on a log scale come back from it with a rounding error in the last digits.
    listed = [0.001, 0.001 * 10**0.5, 0.01, 0.01 * 10**0.5]
    spec = make_spec({"learning_rate": {"kind": "list", "values": listed}})
    study_id = write(db, spec, planned_settings(spec) or [], [0.7, 0.9, 0.7, 0.6])

    proposed = propose(db, study_id)

    assert proposed.extension is not None
    values = values_of(proposed.extension, "learning_rate")
    assert [value for value in listed if value not in values] == []
    numbers = [float(str(value)) for value in values]
    assert all(b / a > 1.01 for a, b in pairwise(numbers))


def test_a_search_that_draws_cannot_be_refined_in_place(db: Database) -> None:
    spec = make_spec(RATES, sampler={"kind": "random", "n_trials": 6})
    rates = [1e-4, 5e-4, 2e-3, 5e-3, 2e-2, 0.1]
    tried = [{"learning_rate": rate} for rate in rates]
    study_id = write(db, spec, tried, [0.6, 0.7, 0.9, 0.7, 0.65, 0.5])

    proposed = propose(db, study_id)

    setting = proposed.refinement.spec.searched["learning_rate"]
    assert proposed.extension is None
    assert proposed.n_more == 0
    assert isinstance(setting, LogRange)
    # The one best trial, and one old step on each side: a sixth of three decades.
    assert setting.low == pytest.approx(2e-3 / 10**0.5, rel=0.01)
    assert setting.high == pytest.approx(2e-3 * 10**0.5, rel=0.01)


def test_a_default_that_is_off_is_no_place_on_the_axis_of_a_range(db: Database) -> None:
    sampler = {"kind": "random", "n_trials": 4}
    spec = make_spec(RATES, sampler=sampler, include_default=True)
    tried: list[dict[str, Value]] = [
        {"learning_rate": rate} for rate in (None, 1e-3, 1e-2, 0.1)
    ]
    study_id = write(db, spec, tried, [0.9, 0.85, 0.7, 0.6])

    proposed = propose(db, study_id)

    assert isinstance(proposed.refinement.spec.searched["learning_rate"], LogRange)


def test_a_default_that_was_the_only_one_to_finish_leaves_nothing_to_refine(
    db: Database,
) -> None:
    spec = make_spec(RATES, sampler={"kind": "random", "n_trials": 4}, include_default=True)
    study_id = write(db, spec, [{"learning_rate": None}], [0.9])

    with pytest.raises(SpecError) as error:
        propose(db, study_id)

    assert str(error.value) == (
        f"No trial of study {study_id!r} has all its scores: there is nothing to refine."
    )


def test_the_extension_counts_a_default_that_becomes_a_cell_once(db: Database) -> None:
    # The default, 12 neurons, is no cell of 8, 16, 32, 64; between 8 and 16 lies 11.
    study_id = grid_of(db, [0.5, 0.9, 0.7, 0.65, 0.6], include_default=True)

    proposed = propose(db, study_id)

    assert proposed.extension is not None
    planned = planned_settings(
        proposed.extension, planned_settings(StudySpec.parse(proposed.row.spec)) or []
    )
    assert len(planned or []) == proposed.extension.n_trials == 5 + proposed.n_more


def test_refining_noise_is_told_to_be_of_no_use(db: Database) -> None:
    # Ties within a thousandth: less than the hundredth that matters of an accuracy.
    proposed = propose(db, grid_of(db, [0.9, 0.9004, 0.9002, 0.9001]))

    assert proposed.stop is not None
    assert proposed.stop.endswith(
        "less than the 0.01 that matters: refining further gains nothing."
    )


def test_a_parameter_of_words_keeps_its_order(db: Database) -> None:
    listed = {"activation": {"kind": "list", "values": ["tanh", "relu"]}, **UNITS}
    spec = make_spec(listed)
    settings = planned_settings(spec) or []
    scores = [0.6 + 0.01 * int(str(one["n_neurons"])) / 8 for one in settings]
    study_id = write(db, spec, settings, scores)

    proposed = propose(db, study_id)

    assert proposed.extension is not None
    assert proposed.extension.searched["activation"] == Choices(values=("tanh", "relu"))


def test_a_study_in_training_is_not_refined_yet(db: Database) -> None:
    spec = make_spec(UNITS)
    study_id = write(db, spec, planned_settings(spec) or [], [0.6, 0.7, 0.8, 0.9], TRAINING)

    with pytest.raises(UnfinishedError, match="is training, not finished"):
        propose(db, study_id)


def test_a_study_that_searches_nothing_has_nothing_to_refine(db: Database) -> None:
    study_id = write(db, make_spec({}), [{}], [0.8])

    with pytest.raises(SpecError) as error:
        propose(db, study_id)

    assert str(error.value) == (
        f"Study {study_id!r} searches nothing, so there is nothing to refine."
    )


def test_a_study_without_scores_has_nothing_to_refine(db: Database) -> None:
    study_id = write(db, make_spec(UNITS), [], [])

    with pytest.raises(SpecError, match="has all its scores: there is nothing to refine"):
        propose(db, study_id)


def test_a_study_that_is_gone_is_named(db: Database) -> None:
    with pytest.raises(UnknownStudyError, match="There is no study 'gone-1'"):
        propose(db, "gone-1")
