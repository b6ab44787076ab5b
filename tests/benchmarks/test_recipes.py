"""The table of recipes: one that runs, and figures that were worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.recipes import best_of_theirs, table
from tuning.recipes import RECIPES

OWN: dict[str, Any] = {
    "seconds": 12.34,
    "n_trials": 8,
    "n_failed": 0,
    "score": 0.7201,
    "std": 0.0123,
}


def test_a_recipe_is_a_line_with_its_source_theirs_and_ours() -> None:
    rows = [{"mean": 0.7, "std": 0.05}, {"mean": 0.71, "std": 0.02}]

    text = table({"pima-init": OWN}, {"pima-init": {"secs": 181.2, "rows": rows}})

    assert text.splitlines()[2:3] == [
        "| pima-init | 8 | accuracy | 0.72 | 0.710 ± 0.020 | 0.720 ± 0.012 | 181 | 12.3 |"
    ]


def test_what_nobody_measured_is_a_dash_and_failures_are_counted() -> None:
    alone = OWN | {"n_failed": 1, "std": None, "score": 0.98642, "seconds": 100.4}

    text = table({"mnist27-activation": alone}, {})

    assert text.splitlines()[2:3] == [
        "| mnist27-activation | 8, 1 failed | accuracy | – | – | 0.9864 | – | 100 |"
    ]


def test_a_squared_error_becomes_its_root_with_the_deviation_of_that() -> None:
    grid = {"secs": 9.0, "rows": [{"mean": -0.36, "std": 0.012}, {"mean": -0.49, "std": 0.0}]}

    assert best_of_theirs(grid, "rmse") == pytest.approx((0.6, 0.01, 9.0))


def test_lines_come_in_the_order_of_the_recipes() -> None:
    names = list(RECIPES)[:3]

    *lines, empty, lacks = table(dict.fromkeys(reversed(names), OWN), {}).splitlines()[2:]

    assert (empty, lacks) == ("", f"Not measured yet: {', '.join(list(RECIPES)[3:])}.")
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == names


def test_a_whole_table_lacks_nothing() -> None:
    assert "Not measured yet" not in table(dict.fromkeys(RECIPES, OWN), {})
