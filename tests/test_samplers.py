"""Settings to try: every cell, draws without repeats, TPE's proposals, and who is pruned."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from scipy import stats

from tuning.optuna_space import decode, distributions, encode
from tuning.parameters import Value
from tuning.samplers import (
    all_params,
    families,
    planned_settings,
    round_sizes,
    sample_settings,
)
from tuning.sampling.board import Board, make_board
from tuning.spec import StudySpec

LOG_RATE = {"kind": "log_range", "low": 3e-4, "high": 3e-2}


def make_spec(space: dict[str, Any], kind: str = "grid", **changes: Any) -> StudySpec:
    sampler = {"kind": kind} if kind == "grid" else {"kind": kind, "n_trials": 10}
    document = {"name": "s", "data": {"dataset": "pima"}, "space": space, "sampler": sampler}
    return StudySpec.parse(document | changes)


def values(*listed: Any) -> dict[str, Any]:
    return {"kind": "list", "values": list(listed)}


def settings_of(spec: StudySpec) -> list[dict[str, Value]]:
    planned = planned_settings(spec)
    assert planned is not None
    return planned


def random_spec(space: dict[str, Any], n_trials: int, seed: int = 7) -> StudySpec:
    return make_spec(
        space, "random", sampler={"kind": "random", "n_trials": n_trials}, seed=seed
    )


def test_a_grid_is_every_cell_in_order_with_the_last_parameter_fastest() -> None:
    spec = make_spec({"batch_size": values(10, 20), "epochs": values(5, 50, 100)})

    pairs = [(s["batch_size"], s["epochs"]) for s in settings_of(spec)]

    assert pairs == list(itertools.product([10, 20], [5, 50, 100]))


def test_random_draws_no_cell_twice() -> None:
    spec = random_spec(
        {"batch_size": values(*range(1, 31)), "epochs": values(*range(1, 21))}, 500
    )

    cells = [tuple(s.values()) for s in settings_of(spec)]

    assert len(cells) == len(set(cells)) == 500


@pytest.mark.parametrize("n_trials", [6, 20])
def test_random_draws_every_cell_where_there_are_no_more(n_trials: int) -> None:
    space = {"batch_size": values(10, 20), "epochs": values(5, 50, 100)}
    spec = random_spec(space, n_trials)

    cells = {tuple(s.values()) for s in settings_of(spec)}

    assert cells == set(itertools.product([10, 20], [5, 50, 100]))
    assert len(settings_of(spec)) == spec.n_trials == 6


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    space = {"learning_rate": LOG_RATE, "n_hidden": {"kind": "range", "low": 0, "high": 3}}

    assert settings_of(random_spec(space, 10)) == settings_of(random_spec(space, 10))
    assert settings_of(random_spec(space, 10)) != settings_of(random_spec(space, 10, seed=8))


def test_a_longer_random_search_begins_as_the_shorter_one() -> None:
    space = {"learning_rate": LOG_RATE}

    assert settings_of(random_spec(space, 20))[:10] == settings_of(random_spec(space, 10))


def test_log_draws_are_inside_and_even_on_a_log_scale() -> None:
    settings = settings_of(random_spec({"learning_rate": LOG_RATE}, 400))

    rates = np.array([s["learning_rate"] for s in settings], float)

    assert ((rates >= 3e-4) & (rates <= 3e-2)).all()
    share = np.log(rates / 3e-4) / math.log(100)
    assert stats.kstest(share, "uniform").pvalue > 0.01
    assert stats.kstest((rates - 3e-4) / 0.0297, "uniform").pvalue < 1e-6


def test_range_draws_are_inside_and_even() -> None:
    space = {"momentum": {"kind": "range", "low": 0.2, "high": 0.6}}

    drawn = np.array([s["momentum"] for s in settings_of(random_spec(space, 400))], float)

    assert stats.kstest((drawn - 0.2) / 0.4, "uniform").pvalue > 0.01


def test_whole_numbers_stay_whole_and_reach_both_ends() -> None:
    space = {
        "n_hidden": {"kind": "range", "low": 0, "high": 3},
        "n_neurons": {"kind": "log_range", "low": 4, "high": 64},
        "learning_rate": LOG_RATE,
    }

    settings = settings_of(random_spec(space, 200))

    assert {type(s["n_neurons"]) for s in settings} == {int}
    assert {s["n_hidden"] for s in settings} == {0, 1, 2, 3}
    assert all(4 <= int(str(s["n_neurons"])) <= 64 for s in settings)


def test_a_step_is_kept_exactly() -> None:
    space = {
        "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.3, "step": 0.1},
        "learning_rate": LOG_RATE,
    }

    drawn = {s["dropout_rate"] for s in settings_of(random_spec(space, 100))}

    assert drawn == {0.0, 0.1, 0.2, 0.3}


@pytest.mark.parametrize("step", [None, 2])
def test_a_range_of_more_values_than_a_grid_may_have_is_drawn_from(step: int | None) -> None:
    space = {"batch_size": {"kind": "range", "low": 2, "high": 65_536, "step": step}}

    drawn = [s["batch_size"] for s in settings_of(random_spec(space, 50))]

    assert all(isinstance(size, int) and 2 <= size <= 65_536 for size in drawn)
    assert max(int(str(size)) for size in drawn) > 30_000
    assert step is None or not any(int(str(size)) % 2 for size in drawn)


def test_a_sample_for_an_estimate_has_no_more_settings_than_there_are_cells() -> None:
    spec = make_spec({"epochs": values(5, 50)}, "tpe")

    assert len(sample_settings(spec, 64)) == 2


def test_tpe_plans_nothing_beforehand() -> None:
    assert planned_settings(make_spec({"epochs": values(5, 50)}, "tpe")) is None


def test_all_params_joins_searched_and_fixed_values() -> None:
    space = {"epochs": values(5, 50), "batch_size": {"kind": "fixed", "value": 64}}

    params = all_params(make_spec(space), {"epochs": 50})

    assert (params["epochs"], params["batch_size"], params["activation"]) == (50, 64, "relu")


@pytest.mark.parametrize(
    ("name", "setting", "expected"),
    [
        ("learning_rate", LOG_RATE, FloatDistribution(3e-4, 3e-2, log=True)),
        ("n_neurons", LOG_RATE | {"low": 4, "high": 64}, IntDistribution(4, 64, log=True)),
        (
            "n_neurons",
            {"kind": "range", "low": 5, "high": 25, "step": 10},
            IntDistribution(5, 25, step=10),
        ),
        ("momentum", {"kind": "range", "low": 0, "high": 0.5}, FloatDistribution(0, 0.5)),
        (
            "dropout_rate",
            {"kind": "range", "low": 0, "high": 0.5, "points": 3},
            CategoricalDistribution((0.0, 0.25, 0.5)),
        ),
        (
            "dense_layer_sizes",
            values([32], [32, 16]),
            CategoricalDistribution(("32", "32-16")),
        ),
        ("max_norm", values(None, 3), CategoricalDistribution((None, 3.0))),
    ],
)
def test_settings_become_optunas_distributions(
    name: str, setting: dict[str, Any], expected: BaseDistribution
) -> None:
    assert distributions(make_spec({name: setting}, "tpe")) == {name: expected}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dense_layer_sizes", (32,)),
        ("dense_layer_sizes", (64, 32)),
        ("dense_layer_sizes", None),
        ("learning_rate", 0.001),
        ("max_norm", None),
        ("epochs", 5),
        ("activation", "tanh"),
    ],
)
def test_a_value_survives_optuna_and_back(name: str, value: Value) -> None:
    assert decode(name, encode(value)) == value


def test_draws_fit_the_distributions_that_optuna_is_told() -> None:
    space = {
        "learning_rate": LOG_RATE,
        "batch_size": {"kind": "log_range", "low": 4, "high": 64},
        "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.9, "step": 0.1},
        "dense_layer_sizes": values([32], None),
    }
    spec = random_spec(space, 100)

    told = distributions(spec)

    for settings in settings_of(spec):
        for name, value in settings.items():
            assert told[name]._contains(told[name].to_internal_repr(encode(value)))


def test_tpe_proposes_inside_the_space_and_gathers_where_scores_are_good() -> None:
    space = {
        "learning_rate": {"kind": "log_range", "low": 1e-5, "high": 1e-1},
        "dense_layer_sizes": values([8], [64, 32]),
    }
    board = Board(make_spec(space, "tpe"))
    proposals = []

    for number in range(60):
        proposed = board.propose(number)
        proposals.append(proposed)
        distance = abs(math.log10(float(str(proposed["learning_rate"]))) + 3)
        board.finish(number, 1.0 - distance - (proposed["dense_layer_sizes"] == (8,)))

    assert all(1e-5 <= float(str(p["learning_rate"])) <= 1e-1 for p in proposals)
    assert {p["dense_layer_sizes"] for p in proposals} == {(8,), (64, 32)}
    late = proposals[40:]
    near = [p for p in late if 3e-4 < float(str(p["learning_rate"])) < 3e-3]
    assert len(near) >= 10  # by chance a quarter of 20
    assert sum(p["dense_layer_sizes"] == (64, 32) for p in late) >= 15


def test_tpe_learns_from_trials_that_were_placed_after_a_restart() -> None:
    spec = make_spec({"momentum": {"kind": "range", "low": 0.0, "high": 0.9}}, "tpe")
    board = Board(spec)
    for number in range(40):
        momentum = (number * 0.9 / 40 * 7) % 0.9
        board.place(number, {"momentum": momentum})
        board.finish(number, -abs(momentum - 0.2))

    proposed = []
    for number in range(40, 60):
        proposed.append(float(str(board.propose(number)["momentum"])))
        board.finish(number, -abs(proposed[-1] - 0.2))

    assert sum(abs(momentum - 0.2) < 0.15 for momentum in proposed) >= 15


def test_a_failed_trial_does_not_stop_the_proposals() -> None:
    board = Board(make_spec({"epochs": values(5, 50)}, "tpe"))

    for number in range(15):
        board.propose(number)
        board.finish(number, None)

    assert board.propose(15)["epochs"] in {5, 50}


def pruning_board(score: str = "accuracy") -> Board:
    """Make a board with four finished trials, whose epochs rise (or fall) by tenths."""
    pruner = {"kind": "median", "n_startup_trials": 4, "n_warmup_steps": 2}
    spec = make_spec(
        {"batch_size": values(*range(1, 9))},
        "grid",
        pruner=pruner,
        evaluation={"score": score},
    )
    board = make_board(spec)
    assert board is not None
    for number in range(4):
        board.place(number, {"batch_size": number + 1})
        for step in range(5):
            assert not board.report(number, step, 0.5 + 0.1 * step)
        board.finish(number, 0.9)
    return board


def pruned_at(board: Board, number: int, curve: list[float]) -> int | None:
    board.place(number, {"batch_size": number + 1})
    for step, value in enumerate(curve):
        if board.report(number, step, value):
            board.finish(number, None, pruned=True)
            return step
    board.finish(number, curve[-1])
    return None


def test_the_median_pruner_cuts_a_bad_trial_after_its_warm_up_and_no_good_one() -> None:
    board = pruning_board()

    assert pruned_at(board, 4, [0.1, 0.1, 0.1, 0.1, 0.1]) == 2
    assert pruned_at(board, 5, [0.5, 0.7, 0.8, 0.85, 0.95]) is None


def test_where_less_is_better_the_larger_curve_is_cut() -> None:
    board = pruning_board("log_loss")

    assert pruned_at(board, 4, [2.0, 2.0, 2.0]) == 2
    assert pruned_at(board, 5, [0.4, 0.3, 0.2]) is None


def test_successive_halving_keeps_the_best_third_at_each_of_its_epochs() -> None:
    pruner = {"kind": "successive_halving", "n_warmup_steps": 1, "reduction_factor": 3}
    spec = make_spec({"batch_size": values(*range(1, 9))}, "grid", pruner=pruner)
    board = make_board(spec)
    assert board is not None
    for number in range(4):
        board.place(number, {"batch_size": number + 1})

    at_first = [board.report(number, 0, 0.5) for number in range(4)]
    at_second = [board.report(n, 1, v) for n, v in enumerate((0.6, 0.5, 0.7, 0.4))]

    # the rung is at 1; who comes later must be the best of those that were there
    assert at_first == [False] * 4
    assert at_second == [False, True, False, True]


@pytest.mark.parametrize(
    ("sampler", "pruner", "sizes"),
    [
        ({"kind": "grid"}, "none", [100]),
        ({"kind": "random", "n_trials": 90}, "none", [90]),
        ({"kind": "tpe", "n_trials": 8}, "none", [8]),
        ({"kind": "tpe", "n_trials": 13, "n_startup_trials": 5}, "none", [5, *[1] * 8]),
        ({"kind": "tpe", "n_trials": 40}, "none", [10, *[3] * 10]),
        ({"kind": "tpe", "n_trials": 95}, "none", [10, *[8] * 10, 5]),
        ({"kind": "tpe", "n_trials": 95}, "median", [10, *[8] * 10, 5]),
        ({"kind": "tpe", "n_trials": 1000}, "none", [10, *[16] * 61, 14]),
        ({"kind": "qmc", "n_trials": 64}, "none", [64]),
        ({"kind": "gp", "n_trials": 40}, "none", [10, *[3] * 10]),
        ({"kind": "forest", "n_trials": 40}, "median", [10, *[3] * 10]),
        ({"kind": "grid"}, "median", [4, *[9] * 10, 6]),
        ({"kind": "random", "n_trials": 24}, "successive_halving", [4, *[2] * 10]),
    ],
)
def test_a_search_that_learns_is_trained_in_rounds_and_any_other_at_once(
    sampler: dict[str, Any], pruner: str, sizes: list[int]
) -> None:
    space = {"batch_size": values(*range(1, 11)), "epochs": values(*range(1, 11))}
    spec = make_spec(space, sampler=sampler, pruner={"kind": pruner, "n_startup_trials": 4})

    assert round_sizes(spec) == sizes
    assert sum(sizes) == spec.n_trials


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        ("tpe", [10, *[3] * 10]),  # the default settings are one of the first ten
        ("gp", [11, *[2] * 14, 1]),  # 10 draws beside x0, as `gp_minimize` counts them
        ("forest", [11, *[2] * 14, 1]),
        ("cmaes", [7, *[6] * 5, 3]),  # generations of 4 + ⌊3 ln 2⌋
    ],
)
def test_default_settings_come_on_top_of_the_first_draws_where_those_are_counted(
    kind: str, sizes: list[int]
) -> None:
    space = {
        "batch_size": {"kind": "range", "low": 8, "high": 64},
        "epochs": {"kind": "range", "low": 10, "high": 90},
    }
    spec = make_spec(space, sampler={"kind": kind, "n_trials": 40}, include_default=True)

    assert round_sizes(spec) == sizes


def test_a_pruner_without_startup_trials_begins_with_a_round() -> None:
    pruner = {"kind": "median", "n_startup_trials": 0}
    spec = make_spec({"batch_size": values(*range(1, 31))}, "grid", pruner=pruner)

    assert round_sizes(spec) == [3] * 10


def test_a_round_that_tpe_proposes_is_the_same_in_whatever_order_the_last_one_ended() -> None:
    spec = make_spec({"momentum": {"kind": "range", "low": 0.0, "high": 0.9}}, "tpe")
    rounds = []
    for order in (range(10), reversed(range(10))):
        board = Board(spec)
        first = [float(str(board.propose(number)["momentum"])) for number in range(10)]
        for number in order:
            board.finish(number, -abs(first[number] - 0.2))
        rounds.append([board.propose(number) for number in range(10, 14)])

    assert rounds[0] == rounds[1]
    assert len({str(settings) for settings in rounds[0]}) == 4


@pytest.mark.parametrize(
    ("kind", "pruner", "needed"),
    [
        ("grid", "none", False),
        ("random", "none", False),
        ("tpe", "none", True),
        ("gp", "none", True),
        ("forest", "none", True),
        ("qmc", "none", False),
        ("grid", "median", True),
        ("random", "successive_halving", True),
    ],
)
def test_a_board_is_made_only_where_something_reads_it(
    kind: str, pruner: str, needed: bool
) -> None:
    spec = make_spec({"epochs": values(5, 50)}, kind, pruner={"kind": pruner})

    assert (make_board(spec) is not None) == needed


def test_trials_that_differ_only_in_epochs_are_one_family_by_rising_epochs() -> None:
    trials: dict[int, dict[str, Value]] = {
        0: {"batch_size": 10, "epochs": 100},
        1: {"batch_size": 20, "epochs": 50},
        2: {"batch_size": 10, "epochs": 10},
        3: {"epochs": 10, "batch_size": 20},
        4: {"batch_size": 10, "epochs": 10},
    }

    numbers = [[number for number, _ in family] for family in families(trials)]

    assert numbers == [[2, 4, 0], [3, 1]]


def test_layer_sizes_keep_families_apart() -> None:
    trials: dict[int, dict[str, Value]] = {
        0: {"dense_layer_sizes": (8,), "max_norm": None, "epochs": 5},
        1: {"dense_layer_sizes": (8, 8), "max_norm": None, "epochs": 5},
        2: {"dense_layer_sizes": (8,), "max_norm": 1.0, "epochs": 5},
    }

    assert len(families(trials)) == 3
