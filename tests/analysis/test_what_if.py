"""What if: the interval holds as often as it says, and nothing near is said to be nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tuning.analysis.what_if import WhatIf, limits_of, make_what_if
from tuning.spec import StudySpec

Array = NDArray[np.float64]
Surface = Callable[[Sequence[dict[str, Any]]], Array]

SPEC = StudySpec.parse(
    {
        "name": "x",
        "data": {"dataset": "digits"},
        "space": {
            "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1.0},
            "dropout_rate": {"kind": "range", "low": 0.0, "high": 0.8},
            "activation": {"kind": "list", "values": ["relu", "tanh", "elu"]},
            "n_neurons": {"kind": "list", "values": [4, 8, 16, 32, 64]},
        },
        "sampler": {"kind": "random", "n_trials": 100},
    }
)


def draw(n_trials: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "learning_rate": float(10 ** rng.uniform(-4, 0)),
            "dropout_rate": float(rng.uniform(0, 0.8)),
            "activation": str(rng.choice(["relu", "tanh", "elu"])),
            "n_neurons": int(rng.choice([4, 8, 16, 32, 64])),
        }
        for _ in range(n_trials)
    ]


def column(settings: Sequence[dict[str, Any]], name: str) -> Array:
    return np.array([chosen[name] for chosen in settings], dtype=np.float64)


def bowl(settings: Sequence[dict[str, Any]]) -> Array:
    """Score smoothly, best at a learning rate of 0.01."""
    rate, dropout = (
        np.log10(column(settings, "learning_rate")),
        column(settings, "dropout_rate"),
    )
    return (
        0.8
        - 0.05 * (rate + 2) ** 2
        - 0.1 * dropout
        + 0.01 * np.log2(column(settings, "n_neurons"))
    )


def cliff(settings: Sequence[dict[str, Any]]) -> Array:
    """Score badly beyond a learning rate that only ReLU does not stand."""
    rate, dropout = (
        np.log10(column(settings, "learning_rate")),
        column(settings, "dropout_rate"),
    )
    is_relu = np.array([chosen["activation"] == "relu" for chosen in settings])
    slope = np.where((rate > -1) & is_relu, 0.3, 0.8 - 0.03 * np.abs(rate + 2.5))
    return slope + 0.05 * np.sin(6 * dropout)


def even(settings: Sequence[dict[str, Any]]) -> Array:
    return np.full(len(settings), 0.01)


def uneven(settings: Sequence[dict[str, Any]]) -> Array:
    """Scatter more where more is dropped."""
    return 0.005 + 0.05 * column(settings, "dropout_rate")


def learn(settings: Sequence[dict[str, Any]], means: Array, **options: Any) -> WhatIf:
    found = make_what_if(SPEC, settings, means[:, None, None], **options)
    assert isinstance(found, WhatIf)
    return found


@pytest.mark.parametrize(("surface", "noise"), [(bowl, even), (cliff, uneven)])
@pytest.mark.parametrize(("n_trials", "n_studies"), [(30, 5), (100, 5), (1000, 2)])
def test_new_trials_score_within_the_intervals_as_often_as_they_say(
    surface: Surface, noise: Surface, n_trials: int, n_studies: int
) -> None:
    rng = np.random.default_rng(n_trials)
    hits: list[tuple[bool, ...]] = []
    widths: list[float] = []
    for _ in range(n_studies):
        tried, new = draw(n_trials, rng), draw(80, rng)
        scores = surface(tried) + noise(tried) * rng.normal(size=n_trials)
        truth = surface(new) + noise(new) * rng.normal(size=80)
        what_if = learn(tried, scores)
        for chosen, score in zip(new, truth, strict=True):
            found = what_if.predict(chosen)
            if found.is_known:
                within = (found.within_90, found.within_95)
                hits.append(tuple(low <= score <= high for low, high in within))
                widths.append((found.within_90[1] - found.within_90[0]) / scores.std())

    share_90, share_95 = np.mean(hits, axis=0)
    # Trials of one study share its trees: less exact than as many independent ones.
    assert share_90 >= 0.9 - 0.045
    assert share_95 >= 0.95 - 0.035
    assert np.mean(widths) < {30: 4.0, 100: 2.2, 1000: 1.2}[n_trials]  # 3.3 without learning


def test_a_fresh_draw_is_nearly_always_near() -> None:
    rng = np.random.default_rng(7)
    tried, new = draw(200, rng), draw(200, rng)

    what_if = learn(tried, bowl(tried))

    n_unknown = sum(not what_if.predict(chosen).is_known for chosen in new)
    assert 1 <= n_unknown <= 25  # 5 % of 200 on average


def test_where_nothing_near_was_tried_there_is_no_telling() -> None:
    rng = np.random.default_rng(8)
    tried = [chosen for chosen in draw(300, rng) if chosen["learning_rate"] < 1e-2]
    asked: dict[str, Any] = {
        "learning_rate": 1.0,
        "dropout_rate": 0.4,
        "activation": "relu",
        "n_neurons": 16,
    }

    found = learn(tried, bowl(tried)).predict(asked)

    assert not found.is_known
    assert math.isnan(found.score)
    assert np.isnan([found.within_90, found.within_95]).all()
    closest = found.nearest[0].number
    assert found.sentence == (
        f"Don't know: nothing near was tried. Trial {closest} comes nearest."
    )


def test_a_category_that_was_never_tried_is_not_known() -> None:
    rng = np.random.default_rng(9)
    tried = [chosen for chosen in draw(300, rng) if chosen["activation"] != "elu"]
    what_if = learn(tried, bowl(tried))

    assert what_if.predict(tried[0]).is_known
    assert not what_if.predict(tried[0] | {"activation": "elu"}).is_known
    assert not what_if.predict(tried[0] | {"activation": "gelu"}).is_known


def test_nearest_are_the_tried_trials_by_distance_with_their_numbers() -> None:
    tried = draw(60, np.random.default_rng(1))
    scores = bowl(tried)
    states = ["COMPLETE"] * 60
    states[0] = "PRUNED"

    found = learn(tried, scores, states=states).predict(tried[5] | {"n_neurons": 64})
    itself = learn(tried, scores, states=states).predict(tried[5])
    pruned = learn(tried, scores, states=states).predict(tried[0])

    assert (itself.nearest[0].number, itself.nearest[0].distance) == (5, 0.0)
    assert itself.nearest[0].score == pytest.approx(scores[5])
    distances = [near.distance for near in found.nearest]
    assert distances == sorted(distances)
    assert len(distances) == 3
    assert 0 not in [near.number for near in pruned.nearest]


def test_trials_keep_their_own_numbers() -> None:
    tried = draw(60, np.random.default_rng(1))
    numbers = range(100, 160)

    found = learn(tried, bowl(tried), numbers=numbers).predict(tried[5])

    assert found.nearest[0].number == 105


@pytest.mark.parametrize(
    ("score", "limits"),
    [
        ("accuracy", (0.0, 1.0)),
        ("roc_auc", (0.0, 1.0)),
        ("r2", (-math.inf, 1.0)),
        ("log_loss", (-math.inf, 0.0)),
        ("rmse", (-math.inf, 0.0)),
    ],
)
def test_scores_end_where_they_must(score: str, limits: tuple[float, float]) -> None:
    assert limits_of(score) == limits


def test_every_cell_of_a_grid_is_near_also_one_that_failed() -> None:
    tried = [
        {"learning_rate": rate, "dropout_rate": 0.1 * n, "activation": word, "n_neurons": 8}
        for rate in (1e-3, 1e-2, 1e-1)
        for n in range(8)
        for word in ("relu", "tanh")
    ]
    what_if = learn(tried[1:], bowl(tried[1:]))

    assert all(what_if.predict(chosen).is_known for chosen in tried)


def test_an_interval_ends_where_scores_end() -> None:
    tried = draw(50, np.random.default_rng(2))
    scores = np.clip(np.random.default_rng(3).normal(0.95, 0.1, 50), 0, 1)

    found = learn(tried, scores, limits=(0.0, 1.0)).predict(tried[0])

    assert found.within_95[1] == 1.0
    assert found.within_95[0] <= found.within_90[0] <= found.score
    assert found.score <= found.within_90[1] <= found.within_95[1]


def test_too_few_trials_are_counted() -> None:
    tried = draw(29, np.random.default_rng(0))

    assert make_what_if(SPEC, tried, np.zeros((29, 1, 1))) == (
        "Needs 30 trials in the space; 29 have finished."
    )


def test_ten_thousand_trials_are_learned_in_a_second_and_asked_in_a_moment() -> None:
    tried = draw(10_000, np.random.default_rng(0))
    scores = bowl(tried)
    learn(tried[:50], scores[:50])  # imports scikit-learn

    started = time.process_time()
    what_if = learn(tried, scores)
    learned = time.process_time()
    for chosen in tried[:20]:
        what_if.predict(chosen)

    assert learned - started < 2
    assert (time.process_time() - learned) / 20 < 0.05
