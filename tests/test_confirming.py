"""The race of the leaders: what is trained for it, what it finds, and going on with it."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from storage.results import FitRow, TrialRow
from tests.judged_scores import make_spec
from tuning.analysis.moderated import dunnett
from tuning.analysis.race import LOOKS, enter_race, next_look
from tuning.analysis.standings import Confirmed
from tuning.confirm_plan import most_fits_of
from tuning.confirming import Asked, Confirming, FitCollector
from tuning.fits import make_trainings
from tuning.samplers import all_params
from tuning.spec import StudySpec
from tuning.training.interface import FitResult, Readout, Training

Block = NDArray[np.float64]
N_ROWS = 614


def noisy(
    shifts: Sequence[float], seed: int = 0, noise: float = 0.02, n_folds: int = 5
) -> Block:
    """Return ten repeats of trials that are better or worse by known amounts."""
    rng = np.random.default_rng(seed)
    folds = 0.7 + 0.02 * rng.normal(size=(10, n_folds))
    own = noise * rng.normal(size=(len(shifts), 10, n_folds))
    block: Block = np.array(shifts)[:, np.newaxis, np.newaxis] + folds + own
    return block


class Study:
    """A study whose fits score what a block of numbers says.

    Attributes
    ----------
    trained : list
        Trial, repeat and fold of every fit beyond the search, in order.
    phases : list of str
    """

    def __init__(self, block: Block, spec: StudySpec | None = None, failed: int = -1) -> None:
        self.block = block
        self.spec = spec or make_spec(block.shape[2])
        n_searched = self.spec.evaluation.repeats
        self.trials = {
            number: TrialRow(
                number,
                "FAIL" if number == failed else "COMPLETE",
                {"batch_size": 10 * (number + 1)},
            )
            for number in range(len(block))
        }
        self.fits = [
            self._row(number, repeat, fold)
            for number in self.trials
            for repeat in range(n_searched)
            for fold in range(block.shape[2])
        ]
        self.trained: list[tuple[int, int, int]] = []
        self.phases: list[str] = []
        self.stop_after: int | None = None

    def confirming(self) -> Confirming:
        """Return what a worker makes that takes the study up."""
        return Confirming(self.spec, self.trials, self.fits, N_ROWS, self._train)

    def _row(self, number: int, repeat: int, fold: int) -> FitRow:
        score = float(self.block[number, repeat, fold])
        return FitRow(number, repeat, fold, "COMPLETE", score)

    def _train(
        self, trainings: Sequence[Training], collector: FitCollector, phase: str
    ) -> None:
        self.phases.append(phase)
        for training in trainings:
            if collector.stopping([training]).all():
                continue
            for readout in training.readouts:
                place = (readout.number, training.repeat, training.fold)
                score = float(self.block[place])
                self.trained.append(place)
                collector.result(
                    training, readout, FitResult({self.spec.evaluation.score: score})
                )
                if len(self.trained) == self.stop_after:
                    collector.stop()
        self.fits += collector.take()[0]


def by_hand(block: Block, n_searched: int = 1, rope: float = 0.01) -> tuple[Any, int]:
    """Run the race over scores that are all there; return its end and its repeats."""
    race, n_repeats = enter_race(block[:, :n_searched], N_ROWS, rope=rope), n_searched
    while race.kind == "go on":
        n_repeats = race.repeats_wanted
        survivors = block[list(race.survivors), :n_repeats]
        race = next_look(survivors, race, N_ROWS, rope=rope)
    return race, n_repeats


def raced(study: Study) -> Confirmed:
    found = study.confirming().race()
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("shifts", [[0.0] * 4, [0.0, 0.02, 0.01, -0.05], [0.06, 0.0, 0.0]])
def test_a_race_decides_what_its_scores_decide(shifts: list[float], seed: int) -> None:
    block = noisy(shifts, seed)
    expected, n_repeats = by_hand(block)

    found = raced(Study(block))

    assert (found.kind, found.survivors) == (expected.kind, expected.survivors)
    assert (found.n_repeats, found.sentence) == (n_repeats, expected.sentence)
    assert found.entered[0] == found.first == int(block[:, 0].mean(axis=1).argmax())


def test_only_those_still_in_the_race_are_trained_and_only_as_far_as_it_looks() -> None:
    block = noisy([0.0, 0.0, -0.025, -0.3], seed=4, noise=0.01)
    block[2, 0] += 0.02
    race, wanted = enter_race(block[:, :1], N_ROWS, rope=0.01), []
    looks = [race.survivors]
    for before, after in itertools.pairwise((1, *LOOKS)):
        further = (race.survivors, range(before, after), range(5))
        wanted += list(itertools.product(*further))
        race = next_look(block[list(race.survivors), :after], race, N_ROWS, rope=0.01)
        looks.append(race.survivors)
    study = Study(block)

    found = raced(study)

    assert {len(look) for look in looks} == {3, 2}  # one leaves on the way, one never enters
    assert Counter(study.trained) == Counter(wanted)
    assert found.n_fits == len(wanted)
    assert found.survivors == looks[-1]
    assert study.phases == [
        f"Confirming the best {len(look)} with {n_repeats} repeats"
        for look, n_repeats in zip(looks, LOOKS, strict=False)
    ]
    (left,) = set(looks[0]) - set(looks[-1])
    assert found.gaps[left][1] > 0
    assert found.gaps[left][3] < 10
    assert {found.gaps[number][3] for number in found.survivors} == {10}


def test_default_settings_that_do_not_race_get_the_same_repeats_beside_it() -> None:
    spec = make_spec(include_default=True, confirm=True)
    block = noisy([-0.1, 0.0, 0.0, -0.3], noise=0.002)
    study = Study(block, spec)

    found = raced(study)

    assert set(found.entered) == {1, 2}
    assert found.n_repeats == 2
    assert set(study.trained) == set(itertools.product([0, 1, 2], [1], range(5)))
    assert found.n_fits == len(study.trained) <= most_fits_of(spec, 4)
    gap, low, high, n_repeats = found.gaps[0]
    ahead = (block[found.survivors[0], :2] - block[0, :2]).ravel()
    critical = max(dunnett(3, 9), stats.t.ppf(0.98, 9))  # one of 4 trials
    half = critical * math.sqrt((1 / 10 + 1 / 4) * ahead.var(ddof=1))
    assert gap == pytest.approx(ahead.mean())
    assert (high - low) / 2 == pytest.approx(half)
    assert low > 0
    assert n_repeats == 2


def test_default_settings_that_race_are_trained_once() -> None:
    spec = make_spec(include_default=True, confirm=True)
    study = Study(noisy([0.0, 0.0, -0.3], noise=0.002), spec)

    found = raced(study)

    assert set(found.entered) == {0, 1}
    assert Counter(study.trained) == Counter(itertools.product([0, 1], [1], range(5)))


def test_default_settings_that_failed_are_not_repeated() -> None:
    spec = make_spec(include_default=True, confirm=True)
    study = Study(noisy([0.0, 0.0, 0.0]), spec, failed=0)

    found = raced(study)

    assert {place[0] for place in study.trained} == {1, 2}
    assert 0 not in found.gaps


def test_a_leader_by_luck_loses_the_race() -> None:
    block = noisy([0.0, 0.0, 0.0], noise=0.003)
    block[0, 0] += 0.004
    block[0, 1:] -= 0.03
    study = Study(block)

    found = raced(study)

    assert found.first == 0
    assert found.survivors[0] != 0
    assert 0 not in found.survivors


@pytest.mark.parametrize("stop_after", [1, 7, 21, 33, 61])
def test_a_race_that_is_broken_off_goes_on_with_the_same_decisions(stop_after: int) -> None:
    block = noisy([0.0, 0.004, 0.002, 0.0], seed=2)
    whole = Study(block)
    expected = raced(whole)
    assert len(whole.trained) > 60
    study = Study(block)
    study.stop_after = stop_after

    assert study.confirming().race() is None
    assert len(study.trained) == stop_after
    found = raced(study)

    assert found == expected
    assert Counter(study.trained) == Counter(whole.trained)
    assert max(Counter(study.trained).values()) == 1


def test_a_race_that_is_over_is_found_again_without_training() -> None:
    study = Study(noisy([0.0, 0.0]))
    expected, n_trained = raced(study), len(study.trained)

    assert raced(study) == expected
    assert len(study.trained) == n_trained


def test_a_race_goes_by_losses_as_it_goes_by_scores() -> None:
    block = noisy([0.0, 0.02, 0.01, -0.05], 3)
    rope = {"rope": 0.01}
    mae = make_spec(evaluation={"score": "mae", **rope})

    found, expected = raced(Study(1 - block, mae)), raced(Study(block))

    assert (found.kind, found.survivors) == (expected.kind, expected.survivors)
    for number, gap in expected.gaps.items():
        assert found.gaps[number] == pytest.approx(gap)


def test_the_repeats_of_the_search_count() -> None:
    block = noisy([0.0, 0.0])
    study = Study(block, make_spec(n_repeats=3))

    found = raced(study)

    expected, n_repeats = by_hand(block, 3)
    assert (found.kind, found.n_repeats) == (expected.kind, n_repeats)
    assert min(repeat for _, repeat, _ in study.trained) == 3


def test_a_fit_that_fails_takes_its_trial_out_and_is_not_tried_again() -> None:
    block = noisy([0.0, 0.0, 0.0])
    block[1, 1, 2] = math.nan
    study = Study(block)

    found = raced(study)
    again = raced(study)

    assert again == found
    assert 1 in found.entered
    assert 1 not in found.survivors
    assert study.trained.count((1, 1, 2)) == 1
    assert max(repeat for number, repeat, _ in study.trained if number == 1) == 1
    assert [fit.state for fit in study.fits].count("FAIL") == 1


@pytest.mark.parametrize(
    ("block", "spec", "sentence"),
    [
        (
            noisy([0.0, 0.0, 0.0], n_folds=2),
            make_spec(2),
            "Cannot tell: with fewer than 3 folds repeats hardly help. Use 5 folds.",
        ),
        (
            noisy([0.0, 0.0], n_folds=1),
            make_spec(n_repeats=3, evaluation={"method": "holdout"}),
            "Cannot tell: with fewer than 3 folds repeats hardly help. Use 5 folds.",
        ),
        (
            noisy([0.0, 0.0], n_folds=1),
            make_spec(evaluation={"method": "test"}),
            "Cannot tell: with fewer than 3 folds repeats hardly help. Use 5 folds.",
        ),
        (
            noisy([0.0]),
            make_spec(),
            "Cannot tell: a race takes two trials that have all their scores.",
        ),
        (
            np.empty((0, 10, 5)),
            make_spec(),
            "Cannot tell: a race takes two trials that have all their scores.",
        ),
    ],
)
def test_where_no_race_can_help_none_is_run(
    block: Block, spec: StudySpec, sentence: str
) -> None:
    study = Study(block, spec)

    found = raced(study)

    assert study.trained == []
    assert (found.kind, found.survivors, found.gaps) == ("cannot tell", (), {})
    assert found.sentence == sentence


def test_what_a_race_has_found_is_kept_as_json() -> None:
    block = np.repeat(noisy([0.0]), 2, axis=0)  # equal to the last digit: no rows could help
    study = Study(block, make_spec(evaluation={"rope": 1e-9, "score": "mae"}))

    found = raced(study)

    assert Confirmed.of(json.loads(json.dumps(found.to_dict(), allow_nan=False))) == found


def test_a_trial_is_repeated_by_hand_up_to_ten_times_and_once() -> None:
    study = Study(noisy([0.0, 0.0, 0.0], n_folds=2))

    assert study.confirming().repeat([2])
    assert study.confirming().repeat([2, 1])

    counts = Counter(number for number, _, _ in study.trained)
    assert counts == {2: 18, 1: 18}
    assert max(Counter(study.trained).values()) == 1
    assert study.phases == ["Repeating trial 2", "Repeating trials 2, 1"]
    assert study.confirming().scores.n_repeats().tolist() == [1, 10, 10]


def test_repeats_by_hand_that_are_broken_off_say_so_and_go_on() -> None:
    study = Study(noisy([0.0, 0.0]))
    study.stop_after = 11

    assert not study.confirming().repeat([0])
    assert study.confirming().repeat([0])

    assert Counter(study.trained) == {(0, r, f): 1 for r in range(1, 10) for f in range(5)}


def test_trials_that_are_not_there_or_failed_are_not_repeated() -> None:
    study = Study(noisy([0.0, 0.0]), failed=1)

    assert study.confirming().repeat([1, 7])

    assert study.trained == []


def test_repeats_by_hand_do_not_change_what_a_race_decides() -> None:
    block = noisy([0.0, 0.004, 0.002, -0.2], seed=2)
    plain, repeated = Study(block), Study(block)
    repeated.confirming().repeat([1, 3])

    found, expected = raced(repeated), raced(plain)

    assert (found.kind, found.survivors, found.gaps) == (
        expected.kind,
        expected.survivors,
        expected.gaps,
    )


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("{}", Asked()),
        ('{"numbers": [3, 5], "race": true}', Asked((3, 5), race=True)),
        ('{"skip": true}', Asked(skip=True)),
        ('{"no_race": true}', Asked(no_race=True)),
        ('{"models": [2]}', Asked(models=(2,))),
    ],
)
def test_what_people_asked_for_is_read_from_the_row_of_the_study(
    text: str, asked: Asked
) -> None:
    assert Asked.parse(text) == asked


def collector_of(
    *places: tuple[int, int, int],
) -> tuple[FitCollector, Callable[[int, int], Training]]:
    spec = make_spec(3)
    settings = {n: all_params(spec, {"batch_size": 10}) | {"epochs": n + 1} for n in (0, 1)}
    trainings = {(t.repeat, t.fold): t for t in make_trainings(spec, settings, range(3))}
    collector = FitCollector(spec, places, trainings.values())
    return collector, lambda repeat, fold: trainings[repeat, fold]


def test_a_collector_hands_out_each_fit_once_and_counts_all() -> None:
    collector, training = collector_of((0, 1, 0), (1, 1, 0), (0, 1, 1))
    result = FitResult({"accuracy": 0.8})

    collector.result(training(1, 0), Readout(0, 1), result)
    first = collector.take()
    collector.result(training(1, 0), Readout(1, 2), result)

    assert [(fit.number, fit.repeat, fit.fold) for fit in first[0]] == [(0, 1, 0)]
    assert first[1] == 1
    assert [fit.number for fit in collector.take()[0]] == [1]
    assert collector.take() == ([], 2)
    assert collector.n_wanted == 3


def test_a_collector_keeps_neither_what_nobody_waits_for_nor_anything_twice() -> None:
    collector, training = collector_of((0, 1, 0))

    for score in (0.8, 0.9):
        collector.result(training(1, 0), Readout(0, 1), FitResult({"accuracy": score}))
    collector.result(training(1, 0), Readout(1, 2), FitResult({"accuracy": 0.7}))
    collector.result(training(2, 0), Readout(0, 1), FitResult({"accuracy": 0.6}))

    assert [fit.score for fit in collector.fits] == [0.8]


def test_a_collector_tells_how_long_the_rest_takes_by_its_epochs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [100.0]
    monkeypatch.setattr("tuning.confirming.time.perf_counter", lambda: clock[0])
    collector, training = collector_of((0, 1, 0), (1, 1, 0), (1, 1, 1))
    both, other = [training(1, 0), training(1, 1)], training(2, 2)
    values = np.zeros((2, 5), np.float32)

    clock[0] += 50.0  # what passes before the first epoch says nothing about the others
    collector.epoch([both[0], other], 0, values)  # nobody waits for the second
    assert collector.seconds_left() is None
    clock[0] += 6.0
    collector.epoch(both[1:], 0, values)
    assert collector.seconds_left() == pytest.approx(12.0)  # 2 of 4 epochs, the second in 6 s
    collector.epoch(both, 1, values)
    assert collector.seconds_left() == 0


def test_a_collector_counts_fits_that_ended_early_as_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr("tuning.confirming.time.perf_counter", lambda: clock[0])
    collector, training = collector_of((1, 1, 0), (1, 1, 1), (1, 2, 0), (1, 2, 1))

    collector.result(training(1, 0), Readout(1, 2), FitResult({"accuracy": 0.8}))
    assert collector.seconds_left() is None
    clock[0] = 4.0
    collector.result(training(1, 1), Readout(1, 2), FitResult({"accuracy": 0.8}))
    collector.result(training(2, 0), Readout(1, 2), FitResult({"accuracy": 0.8}))

    assert collector.seconds_left() == pytest.approx(2.0)  # two in 4 s, one is left


def test_a_collector_ends_trainings_that_nobody_waits_for() -> None:
    collector, training = collector_of((0, 1, 0), (1, 1, 1))
    both = [training(1, 0), training(1, 1), training(2, 2)]

    assert collector.stopping(both).tolist() == [False, False, True]
    collector.result(training(1, 0), Readout(0, 1), FitResult({"accuracy": 0.8}))
    assert collector.stopping(both).tolist() == [True, False, True]
    collector.stop()
    assert collector.stopping(both).tolist() == [True, True, True]


def test_a_collector_takes_a_score_that_cannot_be_computed_for_a_failure() -> None:
    collector, training = collector_of((0, 1, 0))

    collector.result(training(1, 0), Readout(0, 1), FitResult({"accuracy": math.nan}))

    assert [(fit.state, fit.score) for fit in collector.fits] == [("FAIL", None)]
