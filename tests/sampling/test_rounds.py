"""Rounds of trials: broken off and taken up again, and trials entered meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from storage.results import TrialRow
from tests.sampling.spaces import LAYERS, MIXED, NUMBERS, make_spec
from tuning import samplers
from tuning.sampling.board import make_board
from tuning.sampling.rounds import Rounds, Stages
from tuning.spec import StudySpec

Rows = dict[int, TrialRow]


def ended(number: int, params: dict[str, Any]) -> TrialRow:
    """Return a trial that is over: one in seven fails, one is pruned, the others score."""
    state = {3: "FAIL", 5: "PRUNED"}.get(number % 7, "COMPLETE")
    score = -abs(float(params["momentum"]) - 0.3) if state == "COMPLETE" else None
    return TrialRow(number, state, params, score)


def train(
    spec: StudySpec, finished: Rows | None = None, stop_before: int = -1
) -> tuple[Rows, list[list[int]]]:
    """Train what is missing until a trial's turn comes; return all trials, and the rounds."""
    board, rows = make_board(spec), dict(finished or {})
    rounds = Rounds(board, rows)
    given: list[list[int]] = []
    while (chosen := rounds.next(spec, Stages())) is not None:
        missing = [number for number in chosen if number not in rows]
        given.append(missing)
        for number in missing:
            if number == stop_before:
                return rows, given
            rows[number] = ended(number, chosen[number])
            if board is not None:
                board.finish(number, rows[number].score, pruned=rows[number].state == "PRUNED")
    return rows, given


@pytest.mark.parametrize("stop_before", [2, 6])
@pytest.mark.parametrize(
    ("kind", "space"),
    [("gp", LAYERS), ("forest", LAYERS), ("cmaes", NUMBERS), ("qmc", MIXED), ("random", MIXED)],
)
def test_a_search_that_was_broken_off_tries_what_it_would_have_tried(
    kind: str, space: dict[str, Any], stop_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samplers, "_ROUNDS", 3)  # so that few trials have rounds of several
    spec = make_spec(kind, space, 11, n_startup_trials=4, include_default=True)
    expected, rounds = train(spec)

    before, _ = train(spec, stop_before=stop_before)
    after, later = train(spec, before)

    assert sorted(before) == list(range(stop_before))
    assert after == expected
    assert [n for numbers in later for n in numbers] == list(range(stop_before, 11))
    assert [len(numbers) for numbers in rounds] == {
        "gp": [5, 2, 2, 2],
        "forest": [5, 2, 2, 2],
        "cmaes": [8, 3],
        "qmc": [11],
        "random": [11],
    }[kind]


@pytest.mark.parametrize("kind", ["random", "qmc", "tpe", "gp", "cmaes"])
def test_trials_entered_by_hand_come_in_their_place_with_their_settings(kind: str) -> None:
    alone = make_spec(kind, NUMBERS, 8, n_startup_trials=4)
    place = {"learning_rate": 0.5, "momentum": 0.1, "n_neurons": 70}
    by_hand = [{"number": 2, "settings": place}]
    spec = make_spec(kind, NUMBERS, 8, n_startup_trials=4, by_hand=by_hand)

    tried, _ = train(spec)

    assert tried[2].params == place
    assert sorted(tried) == list(range(9))
    others = [row.params for number, row in tried.items() if number != 2]
    if kind in ("random", "qmc"):  # which do not learn, and so do what they did
        assert others == [row.params for row in train(alone)[0].values()]


def test_a_trial_entered_while_others_are_trained_is_a_round_behind_them() -> None:
    space = {"momentum": {"kind": "list", "values": [0.1, 0.2, 0.3]}}
    spec = StudySpec.parse({"name": "s", "data": {"dataset": "pima"}, "space": space})
    rows: Rows = {}
    rounds = Rounds(None, rows)
    first = rounds.next(spec, Stages()) or {}
    by_hand = [{"number": 3, "settings": {"momentum": 0.7}}]
    larger = StudySpec.parse(spec.model_dump() | {"by_hand": by_hand})
    rows |= {number: ended(number, settings) for number, settings in first.items()}

    then = rounds.next(larger, Stages((3,)))

    assert sorted(first) == [0, 1, 2]
    assert then == {3: {"momentum": 0.7}}
    assert rounds.next(larger, Stages((3,))) is None
