"""Costs of trainings: newest first, by model and trainer, and never more than a bound."""

from __future__ import annotations

import sqlalchemy as sa

from storage.database import Database
from storage.results import StackTiming, Timing
from storage.schema import stack_timing, timing
from storage.timings import (
    PastEstimate,
    add_past_estimate,
    add_stack_timings,
    add_timings,
    read_past_estimates,
    read_stack_timings,
    read_timings,
)

KEPT = 2000


def make_timing(seconds: float, model: str = "dense", trainer: str = "keras") -> Timing:
    return Timing(model, trainer, n_steps=100, n_epochs=10, work=1e6, seconds=seconds)


def test_timings_come_back_newest_first_by_model_and_trainer(db: Database) -> None:
    add_timings(db, [make_timing(1.0), make_timing(2.0, model="convolutional")])
    add_timings(db, [make_timing(3.0), make_timing(4.0, trainer="stacked")])

    assert read_timings(db, "dense", "keras") == [make_timing(3.0), make_timing(1.0)]
    assert read_timings(db, "dense", "keras", limit=1) == [make_timing(3.0)]
    assert read_timings(db, "dense", "other") == []


def test_the_oldest_beyond_two_thousand_go(db: Database) -> None:
    add_timings(db, [make_timing(float(number)) for number in range(KEPT)])
    add_timings(db, [make_timing(float(KEPT + number)) for number in range(5)])

    with db.read() as connection:
        seconds = list(connection.scalars(sa.select(timing.c.seconds).order_by(timing.c.id)))

    assert seconds == [float(number) for number in range(5, KEPT + 5)]


def test_what_stacks_cost_comes_back_newest_first(db: Database) -> None:
    first, second = StackTiming(1.0, 0.5, 1.2), StackTiming(2.0, 0.5, 2.1)
    add_stack_timings(db, [first])
    add_stack_timings(db, [second])

    assert read_stack_timings(db) == [second, first]
    assert read_stack_timings(db, limit=1) == [second]
    assert read_timings(db, "dense", "stacked") == []


def test_the_oldest_costs_of_stacks_go_too(db: Database) -> None:
    add_stack_timings(db, [StackTiming(1.0, 1.0, float(n)) for n in range(KEPT + 3)])

    with db.read() as connection:
        query = sa.select(stack_timing.c.seconds).order_by(stack_timing.c.id)
        seconds = list(connection.scalars(query))

    assert seconds == [float(number) for number in range(3, KEPT + 3)]


def test_adding_nothing_writes_nothing(db: Database) -> None:
    add_timings(db, [])
    add_stack_timings(db, [])

    assert read_timings(db, "dense", "keras") == []
    assert read_stack_timings(db) == []


def test_how_estimates_turned_out_is_kept_newest_first(each_db: Database) -> None:
    first, second = PastEstimate(1.0, 2.0, 4.0, 3.0), PastEstimate(10.0, 20.0, 40.0, 55.0)

    add_past_estimate(each_db, first)
    add_past_estimate(each_db, second)

    assert read_past_estimates(each_db) == [second, first]
    assert read_past_estimates(each_db, limit=1) == [second]
