"""Sobol points against Optuna's own sampler, and how evenly they lie."""

from __future__ import annotations

import itertools

import numpy as np
import optuna
import pytest
from scipy import stats

from tests.sampling.spaces import LAYERS, MIXED, make_spec
from tuning.optuna_space import contains, distributions, encode
from tuning.samplers import planned_settings
from tuning.sampling.sobol import cell_of, sobol_settings
from tuning.spec import StudySpec


def planned(spec: StudySpec) -> list[dict[str, object]]:
    return [dict(settings) for settings in planned_settings(spec) or ()]


@pytest.mark.filterwarnings("ignore:QMCSampler is experimental")
@pytest.mark.parametrize("space", [MIXED, LAYERS])
def test_points_are_those_of_optunas_sampler_where_none_comes_twice(
    space: dict[str, object],
) -> None:
    spec = make_spec("qmc", space, 64, seed=11)
    sampler = optuna.samplers.QMCSampler(scramble=True, seed=11)
    study = optuna.create_study(sampler=sampler)
    expected = []
    for _ in range(64):
        point = sampler.sample_relative(
            study, study.ask()._cached_frozen_trial, distributions(spec)
        )
        expected.append(point)

    ours = [{name: encode(v) for name, v in s.items()} for s in sobol_settings(spec, 64)]

    assert len({str(point) for point in expected}) == 64
    for own, other in zip(ours, expected, strict=True):
        assert own.keys() == other.keys()
        for name, value in own.items():
            same = pytest.approx(other[name]) if isinstance(value, float) else other[name]
            assert value == same


def test_every_point_lies_in_the_search_space() -> None:
    spec = make_spec("qmc", MIXED, 256)
    space = distributions(spec)

    for settings in planned(spec):
        assert all(contains(space[n], encode(v)) for n, v in settings.items())  # type: ignore[arg-type]


def test_points_lie_more_evenly_than_random_draws() -> None:
    space = {
        "momentum": {"kind": "range", "low": 0.0, "high": 0.9},
        "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.9},
    }
    found = {}
    for kind in ("qmc", "random"):
        points = np.array(
            [list(s.values()) for s in planned(make_spec(kind, space, 128))], float
        )
        found[kind] = stats.qmc.discrepancy(points / 0.9)

    assert found["qmc"] < found["random"] / 5


def test_each_of_few_cells_comes_once() -> None:
    space = {
        "batch_size": {"kind": "list", "values": [8, 16, 32]},
        "epochs": {"kind": "range", "low": 1, "high": 7},
    }

    cells = [(s["batch_size"], s["epochs"]) for s in planned(make_spec("qmc", space, 50))]

    assert sorted(cells) == sorted(itertools.product([8, 16, 32], range(1, 8)))


def test_a_longer_search_goes_on_where_the_shorter_one_ended() -> None:
    short, long = (make_spec("qmc", MIXED, n, include_default=True) for n in (20, 50))

    first = planned_settings(short)
    assert first is not None
    extended = planned_settings(long, first)

    assert extended is not None
    assert extended == planned_settings(long)
    assert extended[:20] == first
    assert len({cell_of(settings) for settings in extended}) == 50
