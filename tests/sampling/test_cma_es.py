"""CMA-ES: the proposals of Optuna's sampler, generation after generation."""

from __future__ import annotations

import math

import cmaes
import numpy as np
import optuna
import pytest

from tests.sampling.spaces import NUMBERS, make_spec
from tuning.optuna_space import contains, distributions, encode
from tuning.sampling.board import Board
from tuning.sampling.cma_es import population_size


@pytest.mark.parametrize(("n_parameters", "size"), [(1, 4), (2, 6), (3, 7), (10, 10)])
def test_a_generation_has_the_size_of_the_tutorial(n_parameters: int, size: int) -> None:
    assert population_size(n_parameters) == size


def test_generations_move_from_the_middle_to_where_scores_are_good() -> None:
    spec = make_spec("cmaes", NUMBERS, 140)
    space, board = distributions(spec), Board(spec)
    rates = []
    for start in range(0, 140, 7):
        tried = {number: board.propose(number) for number in range(start, start + 7)}
        for number, settings in tried.items():
            assert all(contains(space[n], encode(v)) for n, v in settings.items())
            distance = abs(math.log10(float(str(settings["learning_rate"]))) + 2)
            distance += abs(float(str(settings["momentum"])) - 0.2)
            board.finish(number, -distance)
            rates.append(math.log10(float(str(settings["learning_rate"]))))

    assert abs(np.mean(rates[:7]) + 3) < 1  # the middle of 1e-5 to 1e-1 on a log scale
    assert abs(np.mean(rates[-21:]) + 2) < 0.3


def test_generations_are_told_as_the_package_cmaes_wants_them() -> None:
    spec = make_spec("cmaes", NUMBERS, 40, seed=4)
    board = Board(spec)
    alone = cmaes.CMA(np.full(3, 0.5), 1 / 6, np.array([[0.0, 1.0]] * 3), population_size=7)
    generation = []
    for number in range(15):
        settings = board.propose(number)
        score = -abs(float(str(settings["momentum"])) - 0.2)
        board.finish(number, score)
        rate, momentum, neurons = (float(str(value)) for value in settings.values())
        place = [math.log10(rate * 1e5) / 4, momentum / 0.9, (neurons - 3.5) / 61]
        generation.append((np.array(place), -score))  # an accuracy; CMA-ES makes values small
        if len(generation) == 7:
            alone.tell(generation)
            generation = []

    ours = optuna.samplers.CmaEsSampler()._restore_optimizer(list(board._study.trials))

    assert ours is not None
    assert ours.generation == alone.generation == 2
    assert ours.mean == pytest.approx(alone.mean)
