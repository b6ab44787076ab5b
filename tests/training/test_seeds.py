"""Randomness comes from study, parameters, repeat and fold, and never from epochs."""

from __future__ import annotations

import hashlib

import numpy as np

from tuning.parameters import Value
from tuning.training.seeds import (
    REFIT,
    epoch_order,
    epoch_orders,
    fit_seed,
    part_seed,
    splitmix64,
)

PARAMS: dict[str, Value] = {"batch_size": 10, "dense_layer_sizes": (32, 16), "max_norm": None}


def test_a_fit_s_seed_is_the_hash_of_what_it_depends_on() -> None:
    text = (
        b'[7, [["batch_size", 10], ["dense_layer_sizes", [32, 16]], ["max_norm", null]], 1, 2]'
    )
    expected = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")

    assert fit_seed(7, PARAMS, 1, 2) == expected


def test_epochs_and_the_order_of_parameters_do_not_matter() -> None:
    seed = fit_seed(7, PARAMS, 0, 0)

    assert fit_seed(7, PARAMS | {"epochs": 50}, 0, 0) == seed
    assert fit_seed(7, dict(reversed(PARAMS.items())), 0, 0) == seed


def test_what_is_done_to_the_rows_leaves_the_network_s_draws_alone() -> None:
    seed = fit_seed(7, PARAMS, 0, 0)
    prepared: dict[str, Value] = {"scaling": "robust", "imputation": "mean"}

    assert fit_seed(7, PARAMS | prepared, 0, 0) == seed
    assert fit_seed(7, PARAMS | {"class_weight": "balanced"}, 0, 0) == seed


def test_everything_else_matters() -> None:
    seeds = {
        fit_seed(7, PARAMS, 0, 0),
        fit_seed(8, PARAMS, 0, 0),
        fit_seed(7, PARAMS | {"batch_size": 20}, 0, 0),
        fit_seed(7, PARAMS, 1, 0),
        fit_seed(7, PARAMS, 0, 1),
        fit_seed(7, PARAMS, 0, REFIT),
    }

    assert len(seeds) == 6


def test_seeds_are_small_enough_for_those_who_take_them() -> None:
    fits = [fit_seed(7, PARAMS, 0, fold) for fold in range(200)]
    parts = [part_seed(seed, "dense_0") for seed in fits]

    assert all(0 <= seed < 2**32 for seed in fits)
    assert all(0 <= seed < 2**31 for seed in parts)
    assert len(set(parts)) == 200


def test_the_parts_of_a_fit_have_seeds_of_their_own() -> None:
    parts = {part_seed(1, "dense_0"), part_seed(1, "dense_1"), part_seed(2, "dense_0")}

    assert len(parts) == 3
    assert part_seed(1, "dense_0") == part_seed(1, "dense_0")


def test_each_epoch_visits_every_row_once_in_its_own_order() -> None:
    orders = [epoch_order(3, epoch, 100) for epoch in range(3)]

    for order in orders:
        assert sorted(order.tolist()) == list(range(100))
    assert not np.array_equal(orders[0], orders[1])
    assert np.array_equal(orders[2], epoch_order(3, 2, 100))
    assert not np.array_equal(orders[0], epoch_order(4, 0, 100))


def test_splitmix64_gives_the_published_first_outputs_of_its_seed() -> None:
    outputs = splitmix64(np.array([1234567], np.uint64), 5)

    assert outputs.tolist() == [
        [
            6457827717110365317,
            3203168211198807973,
            9817491932198370423,
            4593380528125082431,
            16408922859458223821,
        ]
    ]


def test_orders_of_many_fits_are_those_of_each_alone() -> None:
    seeds, n_rows = np.array([3, 2**32 - 1, 0, 3]), np.array([100, 7, 64, 1])

    orders = epoch_orders(seeds, 5, n_rows)

    assert orders.shape == (4, 100)
    for own, seed, count in zip(orders, seeds.tolist(), n_rows.tolist(), strict=True):
        assert sorted(own[:count].tolist()) == list(range(count))
        assert np.array_equal(own[:count], epoch_order(seed, 5, count))


def test_every_place_of_an_order_is_equally_likely() -> None:
    n_fits, n_rows = 4000, 5
    first = np.concatenate(
        [epoch_orders(np.arange(n_fits), e, np.full(n_fits, n_rows))[:, 0] for e in range(5)]
    )

    counts = np.bincount(first, minlength=n_rows)
    expected = len(first) / n_rows
    # chi-square with 4 degrees of freedom: above 18.5 once in a thousand
    assert ((counts - expected) ** 2 / expected).sum() < 18.5
