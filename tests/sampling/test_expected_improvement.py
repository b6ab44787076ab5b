"""The Gaussian process and the forest propose what scikit-optimize's minimizers would."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import skopt
from optuna.distributions import BaseDistribution

from tests.sampling.spaces import LAYERS, MIXED, make_spec
from tuning.optuna_space import contains, distributions, encode
from tuning.parameters import Value
from tuning.sampling.board import DEFAULT_RATES, Board
from tuning.sampling.expected_improvement import make_optimizer
from tuning.spec import StudySpec

SURROGATES = ("gp", "forest")

Settings = dict[str, Value]


def goodness(settings: Settings) -> float:
    """Return a score that is best at a momentum of 0.3 and a learning rate of 0.001."""
    score = -abs(float(str(settings.get("momentum", 0.3))) - 0.3)
    if "learning_rate" in settings:
        score -= abs(math.log10(float(str(settings["learning_rate"]))) + 3) / 10
    return score - 0.1 * (settings.get("activation") == "tanh")


def search(
    spec: StudySpec, size: int, score: Callable[[Settings], float | None] = goodness
) -> list[Settings]:
    """Search in rounds of one size on one board."""
    board = Board(spec)
    tried: list[Settings] = []
    for start in range(0, spec.n_trials, size):
        numbers = range(start, min(start + size, spec.n_trials))
        tried += [board.propose(number) for number in numbers]
        for number in numbers:
            board.finish(number, score(tried[number]))
    return tried


@pytest.mark.parametrize("kind", SURROGATES)
@pytest.mark.parametrize("space", [MIXED, LAYERS])
def test_proposals_lie_in_a_mixed_space(kind: str, space: dict[str, Any]) -> None:
    spec = make_spec(kind, space, 6, n_startup_trials=3)
    told: dict[str, BaseDistribution] = distributions(spec)

    tried = search(spec, 3)

    for settings in tried:
        assert set(settings) == set(told)
        assert all(contains(told[name], encode(v)) for name, v in settings.items())
    assert len({str(settings) for settings in tried}) == 6  # none twice, not even in a round


@pytest.mark.parametrize(
    ("kind", "direction"), [("gp", "maximize"), ("gp", "minimize"), ("forest", "minimize")]
)
def test_proposals_gather_where_scores_are_good(kind: str, direction: str) -> None:
    sign = 1 if direction == "maximize" else -1
    space = {"momentum": {"kind": "range", "low": 0.0, "high": 0.9}}
    spec = make_spec(kind, space, 13, n_startup_trials=5, evaluation={"direction": direction})

    tried = search(spec, 2, lambda settings: sign * goodness(settings))

    late = [float(str(settings["momentum"])) for settings in tried[7:]]
    assert sum(abs(momentum - 0.3) < 0.1 for momentum in late) >= 3  # by chance 1.3 of 6


def theirs(kind: str, points: list[list[Any]], values: list[float], seed: int) -> list[Any]:
    """Return what scikit-optimize's own minimizer evaluates after these points."""
    asked: dict[str, Any] = {
        "dimensions": [
            skopt.space.Real(1e-5, 1e-1, prior="log-uniform"),
            skopt.space.Integer(1, 4),
            skopt.space.Categorical([0, 1, 2]),
        ],
        "n_calls": 1,
        "n_initial_points": 0,
        "x0": points,
        "y0": values,
        "acq_func": "EI",
        "random_state": seed,
    }
    if kind == "gp":
        found = skopt.gp_minimize(lambda _point: 0.0, **asked)
    else:
        found = skopt.forest_minimize(lambda _point: 0.0, base_estimator="RF", **asked)
    proposed: list[Any] = found.x_iters[-1]
    return proposed


@pytest.mark.parametrize("kind", SURROGATES)
def test_a_proposal_is_the_one_that_scikit_optimizes_minimizer_makes(kind: str) -> None:
    activations = ["relu", "tanh", "elu"]
    space = {
        "learning_rate": {"kind": "log_range", "low": 1e-5, "high": 1e-1},
        "n_hidden": {"kind": "range", "low": 1, "high": 4},
        "activation": {"kind": "list", "values": activations},
    }
    spec = make_spec(kind, space, 20, n_startup_trials=8, seed=5)
    board, points, values = Board(spec), [], []
    for number in range(8):
        tried = board.propose(number)
        score = goodness(tried) + 0.01 * number
        board.finish(number, score)
        rate, layers, activation = tried.values()
        points.append([rate, layers, activations.index(str(activation))])
        values.append(-score)  # of an accuracy; scikit-optimize makes values small

    ours = board.propose(8)

    seed = int(np.random.SeedSequence([5, 8]).generate_state(1)[0]) % (2**31 - 1)
    rate, layers, place = theirs(kind, points, values, seed)
    assert ours["learning_rate"] == pytest.approx(rate, rel=1e-12)
    assert (ours["n_hidden"], ours["activation"]) == (layers, activations[place])


@pytest.mark.parametrize("kind", SURROGATES)
def test_a_round_is_that_of_a_constant_liar_who_tells_the_best_score(kind: str) -> None:
    space = {"momentum": {"kind": "range", "low": 0.0, "high": 0.9}}
    spec = make_spec(kind, space, 20, n_startup_trials=5, seed=3)
    board, points, values = Board(spec), [], []
    for number in range(5):
        points.append([float(str(board.propose(number)["momentum"]))])
        values.append(-goodness({"momentum": points[-1][0]}))
        board.finish(number, -values[-1])

    proposed = [float(str(board.propose(number)["momentum"])) for number in (5, 6, 7)]

    for number, own in enumerate(proposed, 5):
        seed = int(np.random.SeedSequence([3, number]).generate_state(1)[0]) % (2**31 - 1)
        liar = make_optimizer(kind, [skopt.space.Real(0.0, 0.9)], seed)  # type: ignore[arg-type]
        lies = [[before] for before in proposed[: number - 5]]
        liar.tell(points + lies, values + [min(values)] * len(lies))
        assert own == pytest.approx(liar.ask()[0], rel=1e-12)
    assert len(set(proposed)) == 3


@pytest.mark.parametrize("kind", SURROGATES)
def test_failed_trials_are_left_out_and_do_not_count_as_draws(kind: str) -> None:
    space = {"momentum": {"kind": "range", "low": 0.0, "high": 0.9}}
    spec = make_spec(kind, space, 20, n_startup_trials=4)
    failing, sound = Board(spec), Board(spec)
    for number in range(4):
        for board in (failing, sound):
            board.propose(number)
            board.finish(number, None if board is failing else 0.1 * number)

    drawn = [float(str(failing.propose(n)["momentum"])) for n in range(4, 8)]
    sound.propose(4)

    space_of_one = skopt.Space([skopt.space.Real(0.0, 0.9)])
    for number, own in enumerate(drawn, 4):
        seed = int(np.random.SeedSequence([7, number]).generate_state(1)[0]) % (2**31 - 1)
        assert own == pytest.approx(space_of_one.rvs(random_state=seed)[0][0])


@pytest.mark.parametrize("kind", SURROGATES)
def test_every_cell_tried_or_every_score_equal_still_gives_a_proposal(kind: str) -> None:
    space = {
        "batch_size": {"kind": "list", "values": [8, 16]},
        "n_hidden": {"kind": "fixed", "value": 2},
    }
    spec = make_spec(kind, space, 8, n_startup_trials=2)

    tried = search(spec, 1, lambda _settings: 0.5)

    assert {settings["batch_size"] for settings in tried} == {8, 16}


def test_default_settings_are_the_first_point_and_no_draw() -> None:
    """Only with them the second proposal is a model's, as with `x0` of `gp_minimize`."""
    space = {"learning_rate": {"kind": "log_range", "low": 1e-5, "high": 1e-1}}
    spec = make_spec("gp", space, 9, n_startup_trials=1, include_default=True)
    board = Board(spec)
    board.place(0, {"learning_rate": None})  # Adam's own: 0.001
    board.finish(0, 0.9)
    drawn = float(str(board.propose(1)["learning_rate"]))
    board.finish(1, 0.5)

    ours = float(str(board.propose(2)["learning_rate"]))

    seed = int(np.random.SeedSequence([7, 2]).generate_state(1)[0]) % (2**31 - 1)
    rate = skopt.space.Real(1e-5, 1e-1, prior="log-uniform")
    optimizer = make_optimizer("gp", [rate], seed)
    optimizer.tell([[0.001], [drawn]], [-0.9, -0.5])
    assert ours == pytest.approx(optimizer.ask()[0], rel=1e-12)


def test_a_learning_rate_that_is_off_counts_as_the_one_of_keras() -> None:
    for name, rate in DEFAULT_RATES.items():
        assert float(keras.optimizers.get(name).learning_rate) == pytest.approx(rate)


@pytest.mark.slow
def test_pages_do_not_import_scikit_optimize() -> None:
    program = (
        "import sys, pages.new_study, pages.study, tuning.sampling.board; "
        + "print(sorted({'skopt', 'cmaes'} & set(sys.modules)))"
    )

    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert found.stdout == "[]\n"
