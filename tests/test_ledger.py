"""What a study's trainings tell, and what becomes of it in the batches that are written."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

from storage.results import Batch, FitRow, TrialRow
from tuning.ledger import Ledger
from tuning.sampling.board import Board, make_board
from tuning.spec import StudySpec
from tuning.training.interface import FitResult, Readout, Training

N_WEIGHTS = 121


def make_spec(**changes: Any) -> StudySpec:
    document = {
        "name": "s",
        "data": {"dataset": "pima"},
        "space": {"epochs": {"kind": "list", "values": [2, 4]}},
        "evaluation": {"folds": 2, "score": "accuracy"},
    }
    return StudySpec.parse(document | changes)


def make_ledger(spec: StudySpec | None = None, finished: Sequence[TrialRow] = ()) -> Ledger:
    spec = spec or make_spec()
    return Ledger(spec, finished, make_board(spec), lead_of)


def lead_of(leader: TrialRow | None) -> dict[str, object]:
    number, score = (None, None) if leader is None else (leader.number, leader.score)
    return {"best_number": number, "best_score": score}


def make_training(*epochs: int, fold: int = 0, first: int = 0, repeat: int = 0) -> Training:
    """Return a training that trials `first`, `first` + 1, … read at these epochs."""
    readouts = tuple(Readout(first + i, n) for i, n in enumerate(epochs))
    return Training({"batch_size": 10}, repeat, fold, 1, readouts)


def enter(ledger: Ledger, *trainings: Training) -> None:
    """Open every trial of some trainings, and plan these: one second an epoch."""
    for number in sorted({r.number for t in trainings for r in t.readouts}):
        ledger.open_trial(number, {"epochs": number}, N_WEIGHTS)
    ledger.plan({(t.readouts[0].number, t.repeat, t.fold): t.n_epochs for t in trainings})


def row(epoch: int, accuracy: float = 0.5) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array([1.0, 0.5, 0.9, accuracy, epoch], np.float32)


def train(ledger: Ledger, training: Training, *scores: float, duration_s: float = 1.0) -> None:
    """Run a training to its end; each readout gets a score."""
    left = list(zip(training.readouts, scores, strict=True))
    for epoch in range(training.n_epochs):
        ledger.epoch([training], epoch, row(epoch)[None])
        while left and left[0][0].n_epochs == epoch + 1:
            readout, score = left.pop(0)
            result = FitResult({"accuracy": score}, epoch + 1, None, duration_s, "keras")
            ledger.result(training, readout, result)


def fail(ledger: Ledger, training: Training, reason: str) -> None:
    for readout in training.readouts:
        ledger.result(training, readout, FitResult(n_epochs=1, duration_s=0.5, error=reason))


def last_states(batch: Batch) -> tuple[dict[int, str], dict[tuple[int, int, int], str]]:
    """Return the state a batch leaves each trial and each fit in."""
    trials = {trial.number: trial.state for trial in batch.trials}
    fits = {(fit.number, fit.repeat, fit.fold): fit.state for fit in batch.fits}
    return trials, fits


def test_nothing_happened_makes_an_empty_batch() -> None:
    ledger = make_ledger()
    enter(ledger, make_training(2))

    assert not ledger.take()


def test_the_first_epoch_starts_trial_and_fit_and_later_ones_only_add_to_the_curve() -> None:
    ledger, training = make_ledger(), make_training(4)
    enter(ledger, training)

    ledger.epoch([training], 0, row(0)[None])
    first = ledger.take()
    ledger.epoch([training], 1, row(1)[None])
    ledger.epoch([training], 2, row(2)[None])
    second = ledger.take()

    assert [(t.number, t.state, t.n_weights) for t in first.trials] == [(0, "RUNNING", 121)]
    assert first.fits == [FitRow(0, 0, 0, "RUNNING")]
    assert (second.trials, second.fits) == ([], [])
    assert [(p.first_epoch, p.values[:, 4].tolist()) for p in first.pieces + second.pieces] == [
        (0, [0.0]),
        (1, [1.0, 2.0]),
    ]


def test_a_trial_is_complete_after_its_last_fold_with_mean_and_standard_deviation() -> None:
    ledger = make_ledger()
    folds = [make_training(2, fold=fold) for fold in range(2)]
    enter(ledger, *folds)

    train(ledger, folds[0], 0.6, duration_s=1.0)
    halfway = ledger.take()
    train(ledger, folds[1], 0.8, duration_s=2.0)
    batch = ledger.take()

    assert last_states(halfway) == ({0: "RUNNING"}, {(0, 0, 0): "COMPLETE"})
    trial = batch.trials[-1]
    assert (trial.number, trial.state, trial.params) == (0, "COMPLETE", {"epochs": 0})
    assert trial.score == pytest.approx(fmean([0.6, 0.8]))
    assert trial.spread == pytest.approx(stdev([0.6, 0.8]))
    assert (trial.n_epochs, trial.duration_s) == (2, 3.0)
    assert trial.finished_at == pytest.approx(time.time(), abs=10)
    fit = batch.fits[-1]
    assert (fit.score, fit.metrics, fit.n_epochs, fit.trainer) == (
        0.8,
        {"accuracy": 0.8},
        2,
        "keras",
    )


def test_a_trial_of_one_fit_has_no_spread() -> None:
    ledger = make_ledger(make_spec(evaluation={"method": "holdout"}))
    training = make_training(2)
    enter(ledger, training)

    train(ledger, training, 0.6)

    assert ledger.finished[0].score == 0.6
    assert ledger.finished[0].spread is None


def test_trials_that_share_a_training_get_its_epochs_up_to_their_own() -> None:
    ledger = make_ledger()
    folds = [make_training(2, 4, fold=fold) for fold in range(2)]
    enter(ledger, *folds)

    train(ledger, folds[0], 0.6, 0.7)
    train(ledger, folds[1], 0.6, 0.9)
    batch = ledger.take()

    epochs = {(p.number, p.fold): p.values[:, 4].tolist() for p in batch.pieces}
    assert epochs == {
        (0, 0): [0.0, 1.0],
        (0, 1): [0.0, 1.0],
        (1, 0): [0.0, 1.0, 2.0, 3.0],
        (1, 1): [0.0, 1.0, 2.0, 3.0],
    }
    scores = {number: trial.score for number, trial in ledger.finished.items()}
    assert scores == pytest.approx({0: 0.6, 1: 0.8})


def block(
    *rows_: np.ndarray[Any, np.dtype[np.float32]],
) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.stack(rows_)


def curves(batch: Batch) -> dict[tuple[int, int], list[float]]:
    """Return the accuracies of each curve by trial and fold; a fit must have one piece."""
    found = {(p.number, p.fold): p.values[:, 3].tolist() for p in batch.pieces}
    assert len(found) == len(batch.pieces)
    return found


def test_trainings_side_by_side_get_a_curve_each_though_the_trainer_reuses_its_array() -> None:
    ledger = make_ledger()
    trainings = [make_training(2, fold=0), make_training(2, fold=1), make_training(2, first=1)]
    enter(ledger, *trainings)

    values = block(row(0, 0.25), row(0, 0.5), row(0, 0.75))
    ledger.epoch(trainings, 0, values)
    values += 1
    ledger.epoch(trainings, 1, values)
    values += 1

    assert curves(ledger.take()) == {
        (0, 0): [0.25, 1.25],
        (0, 1): [0.5, 1.5],
        (1, 0): [0.75, 1.75],
    }


def test_a_training_whose_neighbour_leaves_goes_on_with_the_same_curve() -> None:
    ledger = make_ledger()
    trainings = [make_training(3, first=number) for number in range(2)]
    enter(ledger, *trainings)

    ledger.epoch(trainings, 0, block(row(0, 0.25), row(0, 0.5)))
    ledger.epoch(trainings[1:], 1, block(row(1, 0.75)))
    ledger.epoch(trainings[1:], 2, block(row(2, 1.0)))

    assert curves(ledger.take()) == {(0, 0): [0.25], (1, 0): [0.5, 0.75, 1.0]}


def test_what_a_trial_told_before_it_died_is_kept_and_what_it_tells_later_is_not() -> None:
    ledger = make_ledger()
    folds = [make_training(4, fold=fold) for fold in range(2)]
    enter(ledger, *folds)

    for epoch in range(4):
        ledger.epoch(folds, epoch, block(row(epoch), row(epoch)))
        if epoch == 1:
            fail(ledger, folds[0], "Failed.")

    assert curves(ledger.take()) == {(0, 0): [0.5, 0.5], (0, 1): [0.5, 0.5]}


def test_two_threads_lose_no_epoch_and_no_result_while_a_third_takes() -> None:
    n_trials, n_epochs = 40, 50
    ledger = make_ledger()
    trainings = [
        make_training(n_epochs, first=number, fold=fold)
        for number in range(n_trials)
        for fold in range(2)
    ]
    enter(ledger, *trainings)

    def run(own: list[Training]) -> None:
        for epoch in range(n_epochs):
            ledger.epoch(own, epoch, block(*[row(epoch)] * len(own)))
            assert not ledger.stopping(own).any()
        for training in own:
            result = FitResult({"accuracy": 0.5}, n_epochs)
            ledger.result(training, training.readouts[0], result)

    threads = [threading.Thread(target=run, args=(trainings[part::2],)) for part in range(2)]
    for thread in threads:
        thread.start()
    batches = [ledger.take()]
    while any(thread.is_alive() for thread in threads):
        batches.append(ledger.take())
    batches.append(ledger.take())

    told: dict[tuple[int, int], list[float]] = {}
    for piece in (piece for batch in batches for piece in batch.pieces):
        told.setdefault((piece.number, piece.fold), []).extend(piece.values[:, 4].tolist())
    assert set(told) == {(number, fold) for number in range(n_trials) for fold in range(2)}
    assert all(epochs == list(range(n_epochs)) for epochs in told.values())
    assert {trial.state for trial in ledger.finished.values()} == {"COMPLETE"}
    assert len(ledger.finished) == n_trials
    last = [batch.study for batch in batches if batch][-1]
    assert last["n_fits_done"] == 2 * n_trials


def test_a_failing_fit_fails_its_trial_and_ends_the_other_folds() -> None:
    ledger = make_ledger()
    folds = [make_training(2, fold=fold) for fold in range(2)]
    enter(ledger, *folds)
    assert not ledger.stopping([folds[1]])

    ledger.epoch([folds[0]], 0, row(0)[None])
    fail(ledger, folds[0], "Loss became NaN at epoch 1.")
    batch = ledger.take()

    assert ledger.stopping([folds[1]])
    assert last_states(batch) == ({0: "FAIL"}, {(0, 0, 0): "FAIL"})
    trial = batch.trials[-1]
    assert (trial.score, trial.message) == (None, "Loss became NaN at epoch 1.")
    assert (batch.study["n_trials_done"], batch.study["n_trials_failed"]) == (1, 1)
    assert batch.study["n_fits_done"] == 2
    assert batch.study["best_number"] is None


def test_what_a_dead_trial_still_tells_is_dropped() -> None:
    ledger = make_ledger()
    folds = [make_training(2, fold=fold) for fold in range(2)]
    enter(ledger, *folds)
    fail(ledger, folds[0], "Failed.")
    ledger.take()

    train(ledger, folds[1], 0.9)

    assert not ledger.take()
    assert ledger.finished[0].score is None


def test_fits_side_by_side_do_not_stay_running_when_their_trial_fails() -> None:
    ledger = make_ledger()
    folds = [make_training(2, fold=fold) for fold in range(2)]
    enter(ledger, *folds)
    for training in folds:
        ledger.epoch([training], 0, row(0)[None])

    fail(ledger, folds[0], "Failed.")

    assert last_states(ledger.take())[1] == {(0, 0, 0): "FAIL", (0, 0, 1): "WAITING"}


def test_a_score_that_is_no_number_fails_the_trial_with_the_reason() -> None:
    spec = make_spec(evaluation={"folds": 2, "score": "roc_auc"})
    ledger, training = make_ledger(spec), make_training(2)
    enter(ledger, training)

    metrics = {"accuracy": 1.0, "roc_auc": float("nan")}
    ledger.result(training, training.readouts[0], FitResult(metrics, 2))

    assert ledger.finished[0].state == "FAIL"
    assert ledger.finished[0].message == (
        "The score roc_auc could not be computed: the fold's rows hold a single class. "
        + "Use fewer folds or another score."
    )


def test_a_training_goes_on_while_a_longer_trial_still_reads_it() -> None:
    ledger = make_ledger()
    folds = [make_training(2, 4, fold=fold) for fold in range(2)]
    enter(ledger, *folds)

    for epoch in range(2):
        ledger.epoch([folds[0]], epoch, row(epoch)[None])
    ledger.result(folds[0], folds[0].readouts[0], FitResult({"accuracy": 0.5}, 2))

    assert not ledger.stopping([folds[0]])


def test_a_training_ends_when_the_only_trial_left_has_its_result_already() -> None:
    ledger = make_ledger()
    folds = [make_training(2, 4, fold=fold) for fold in range(2)]
    enter(ledger, *folds)
    ledger.result(folds[0], folds[0].readouts[0], FitResult({"accuracy": 0.5}, 2))

    ledger.result(folds[0], folds[0].readouts[1], FitResult(error="Failed."))

    assert ledger.stopping([folds[0]])
    assert not ledger.stopping([folds[1]])


def pruning_ledger() -> Ledger:
    space = {
        "batch_size": {"kind": "list", "values": [1, 2, 3]},
        "epochs": {"kind": "fixed", "value": 4},
    }
    pruner = {"kind": "median", "n_startup_trials": 2, "n_warmup_steps": 1}
    spec = make_spec(space=space, pruner=pruner, evaluation={"method": "holdout"})
    board = make_board(spec)
    assert board is not None
    for number in range(3):
        board.place(number, {"batch_size": number + 1})
    return Ledger(spec, (), board, lead_of)


def test_the_pruner_cuts_a_hopeless_trial_and_its_fit_says_where() -> None:
    ledger = pruning_ledger()
    trainings = [make_training(4, first=number) for number in range(3)]
    enter(ledger, *trainings)
    for number, training in enumerate(trainings[:2]):
        for epoch in range(4):
            ledger.epoch([training], epoch, row(epoch, accuracy=0.8)[None])
        result = FitResult({"accuracy": 0.8 + number / 100}, 4)
        ledger.result(training, training.readouts[0], result)

    for epoch in range(2):
        ledger.epoch([trainings[2]], epoch, row(epoch, accuracy=0.1)[None])
    batch = ledger.take()

    assert ledger.stopping([trainings[2]])
    trial = ledger.finished[2]
    assert (trial.state, trial.score) == ("PRUNED", None)
    assert trial.message == "Cut by the pruner at epoch 2."
    assert batch.fits[-1] == FitRow(2, 0, 0, "PRUNED", n_epochs=2, message=trial.message)
    assert [ledger.finished[number].state for number in range(2)] == ["COMPLETE", "COMPLETE"]
    assert (batch.study["n_trials_done"], batch.study["n_trials_failed"]) == (3, 0)


class NotedBoard(Board):
    """A board that keeps what its pruner was told: trial, epoch, value."""

    def __init__(self, spec: StudySpec) -> None:
        super().__init__(spec)
        self.told: list[tuple[int, int, float]] = []

    def report(self, number: int, epoch: int, value: float) -> bool:
        self.told.append((number, epoch, value))
        return super().report(number, epoch, value)


def folds_ledger(n_good: int = 2) -> tuple[Ledger, NotedBoard]:
    """Make a ledger of two folds whose pruner knows two trials with an accuracy of 0.5."""
    space = {
        "batch_size": {"kind": "list", "values": [1, 2, 3, 4]},
        "epochs": {"kind": "fixed", "value": 4},
    }
    pruner = {"kind": "median", "n_startup_trials": n_good, "n_warmup_steps": 1}
    spec = make_spec(space=space, pruner=pruner)
    board = NotedBoard(spec)
    ledger = Ledger(spec, (), board, lead_of)
    for number in range(n_good):
        board.place(number, {"batch_size": number + 1})
        folds = [make_training(4, first=number, fold=fold) for fold in range(2)]
        enter(ledger, *folds)
        for fold in folds:
            train(ledger, fold, 0.5)
    ledger.take()
    board.told.clear()
    return ledger, board


def enter_folds(ledger: Ledger, board: Board, number: int = 2) -> list[Training]:
    board.place(number, {"batch_size": number + 1})
    folds = [make_training(4, first=number, fold=fold) for fold in range(2)]
    enter(ledger, *folds)
    return folds


def test_the_pruner_is_told_the_mean_of_folds_that_run_side_by_side_and_cuts_them_all() -> None:
    ledger, board = folds_ledger()
    folds = enter_folds(ledger, board)

    ledger.epoch(folds, 0, block(row(0, 0.25), row(0, 0.5)))
    before = ledger.stopping(folds).tolist()
    ledger.epoch(folds, 1, block(row(1, 0.25), row(1, 0.5)))
    batch = ledger.take()

    assert board.told == [(2, 0, 0.375), (2, 1, 0.375)]
    assert before == [False, False]
    assert ledger.stopping(folds).tolist() == [True, True]
    trial = ledger.finished[2]
    message = "Cut by the pruner at epoch 2."
    assert (trial.state, trial.n_epochs, trial.message) == ("PRUNED", 2, message)
    assert batch.fits[-2:] == [
        FitRow(2, 0, fold, "PRUNED", n_epochs=2, message=message) for fold in range(2)
    ]


def test_one_weak_fold_does_not_cut_a_trial_whose_mean_is_good() -> None:
    ledger, board = folds_ledger()
    folds = enter_folds(ledger, board)

    for epoch in range(4):
        ledger.epoch(folds, epoch, block(row(epoch, 0.0), row(epoch, 1.25)))

    assert [value for _, _, value in board.told] == [0.625] * 4
    assert not ledger.stopping(folds).any()


def test_folds_one_after_another_are_compared_in_the_last_and_the_first_stays_complete() -> (
    None
):
    ledger, board = folds_ledger()
    folds = enter_folds(ledger, board)

    for epoch in range(4):
        ledger.epoch(folds[:1], epoch, row(epoch, 0.25)[None])
    ledger.result(folds[0], folds[0].readouts[0], FitResult({"accuracy": 0.25}, 4))
    told_early = list(board.told)
    for epoch in range(2):
        ledger.epoch(folds[1:], epoch, row(epoch, 0.25)[None])

    assert told_early == []
    assert board.told == [(2, 0, 0.25), (2, 1, 0.25)]
    assert last_states(ledger.take()) == (
        {2: "PRUNED"},
        {(2, 0, 0): "COMPLETE", (2, 0, 1): "PRUNED"},
    )
    assert ledger.finished[2].n_epochs == fmean([4, 2])


def test_a_fold_ahead_of_the_others_is_cut_where_it_is() -> None:
    ledger, board = folds_ledger()
    folds = enter_folds(ledger, board)

    for epoch in range(3):
        ledger.epoch(folds[:1], epoch, row(epoch, 0.25)[None])
    for epoch in range(2):
        ledger.epoch(folds[1:], epoch, row(epoch, 0.25)[None])
    batch = ledger.take()

    cut = {fit.fold: fit.n_epochs for fit in batch.fits if fit.state == "PRUNED"}
    assert cut == {0: 3, 1: 2}
    assert {place: len(curve) for place, curve in curves(batch).items()} == {
        (2, 0): 3,
        (2, 1): 2,
    }


def test_an_epoch_with_a_value_that_is_no_number_is_not_compared() -> None:
    ledger, board = folds_ledger()
    folds = enter_folds(ledger, board)

    ledger.epoch(folds, 0, block(row(0, float("nan")), row(0, 0.25)))
    ledger.epoch(folds, 1, block(row(1, float("inf")), row(1, float("-inf"))))

    assert board.told == []
    assert not ledger.stopping(folds).any()


def test_trials_that_share_a_training_are_compared_up_to_their_own_epochs() -> None:
    space = {"epochs": {"kind": "list", "values": [2, 4]}}
    spec = make_spec(space=space, pruner={"kind": "median"})
    board = NotedBoard(spec)
    ledger = Ledger(spec, (), board, lead_of)
    for number, epochs in enumerate((2, 4)):
        board.place(number, {"epochs": epochs})
    folds = [make_training(2, 4, fold=fold) for fold in range(2)]
    enter(ledger, *folds)

    for epoch in range(4):
        ledger.epoch(folds, epoch, block(row(epoch, 0.25), row(epoch, 0.75)))

    assert board.told == [
        (0, 0, 0.5), (1, 0, 0.5), (0, 1, 0.5), (1, 1, 0.5), (1, 2, 0.5), (1, 3, 0.5)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("direction", "scores", "leader"),
    [
        ("maximize", [0.7, 0.9, 0.8], 1),
        ("minimize", [0.7, 0.9, 0.8], 0),
        ("maximize", [0.7, 0.9, 0.9], 1),
        ("minimize", [0.9, 0.7, 0.7], 1),
        ("maximize", [None, -1.0, None], 1),
        ("maximize", [None, None], None),
    ],
)
def test_the_leader_has_the_best_score_and_of_equals_the_lowest_number(
    direction: str, scores: list[float | None], leader: int | None
) -> None:
    evaluation = {"folds": 2, "score": "accuracy", "direction": direction}
    rows = [
        TrialRow(number, "FAIL" if score is None else "COMPLETE", {}, score)
        for number, score in enumerate(scores)
    ]

    best = make_ledger(make_spec(evaluation=evaluation), rows[::-1]).leader()

    assert (None if best is None else best.number) == leader


def test_the_leader_changes_with_each_better_trial_and_only_then() -> None:
    ledger = make_ledger(make_spec(evaluation={"method": "holdout"}))

    leaders = []
    for number, score in enumerate([0.5, 0.4, 0.7, 0.7, 0.9]):
        training = make_training(1, first=number)
        enter(ledger, training)
        train(ledger, training, score)
        leaders.append(ledger.take().study["best_number"])

    assert leaders == [0, 0, 2, 2, 4]


def test_the_summary_counts_trials_fits_and_names_the_leader() -> None:
    first = TrialRow(0, "COMPLETE", {}, 0.6, 0.1)
    ledger = make_ledger(finished=[first])
    training = make_training(2, first=1)
    enter(ledger, training)

    train(ledger, training, 0.9)

    summary = ledger.take().study
    assert (summary["n_trials_done"], summary["n_trials_failed"]) == (1, 0)
    assert summary["n_fits_done"] == 2 + 1
    assert (summary["best_number"], summary["best_score"]) == (0, 0.6)


def seconds_left(ledger: Ledger, training: Training, epoch: int) -> float:
    ledger.epoch([training], epoch, row(epoch)[None])
    left = ledger.take().study["seconds_left"]
    assert isinstance(left, float)
    return left


def test_the_time_left_is_as_long_as_it_took_when_half_is_done_and_a_third_later() -> None:
    before = time.perf_counter()
    ledger, training = (
        make_ledger(make_spec(evaluation={"method": "holdout"})),
        make_training(4, 4),
    )
    created = time.perf_counter()
    enter(ledger, training)
    ledger.epoch([training], 0, row(0)[None])
    time.sleep(0.1)

    asked = time.perf_counter()
    at_half = seconds_left(ledger, training, 1)
    answered = time.perf_counter()

    assert asked - created <= at_half <= answered - before
    at_three_quarters = seconds_left(ledger, training, 2)
    assert at_three_quarters <= (time.perf_counter() - before) / 3
    assert at_three_quarters < at_half


def test_time_left_is_unknown_before_the_first_epoch_and_none_after_the_last() -> None:
    ledger = make_ledger(make_spec(evaluation={"method": "holdout"}))
    trainings = [make_training(2), make_training(2, first=1)]
    enter(ledger, *trainings)

    fail(ledger, trainings[0], "Failed.")
    unknown = ledger.take().study["seconds_left"]
    ledger.stopping([trainings[0]])
    train(ledger, trainings[1], 0.5)

    assert unknown is None
    assert ledger.take().study["seconds_left"] == 0


def test_a_training_that_stops_early_counts_as_done() -> None:
    before = time.perf_counter()
    ledger = make_ledger(make_spec(evaluation={"method": "holdout"}))
    created = time.perf_counter()
    trainings = [make_training(4, first=number) for number in range(2)]
    enter(ledger, *trainings)
    ledger.epoch(trainings[:1], 0, row(0)[None])

    ledger.result(trainings[0], trainings[0].readouts[0], FitResult({"accuracy": 0.5}, 1))

    asked = time.perf_counter()
    left = ledger.take().study["seconds_left"]
    assert isinstance(left, float)
    assert asked - created <= left <= time.perf_counter() - before


def holdout_ledger() -> Ledger:
    """Return the ledger of a single trial with a single fit."""
    space = {"epochs": {"kind": "fixed", "value": 4}}
    return make_ledger(make_spec(space=space, evaluation={"method": "holdout"}))


def forecast(ledger: Ledger, *trainings: Training, start_s: float, seconds: float) -> None:
    """Open every trial of some trainings, and forecast each in seconds."""
    for number in sorted({r.number for t in trainings for r in t.readouts}):
        ledger.open_trial(number, {"epochs": number}, N_WEIGHTS)
    keys = [training.key for training in trainings]
    ledger.plan(dict.fromkeys(keys, seconds), dict.fromkeys(keys, start_s))


def test_a_forecast_is_told_at_once_and_counts_down_while_it_compiles() -> None:
    ledger, training = holdout_ledger(), make_training(4)
    forecast(ledger, training, start_s=50.0, seconds=90.0)

    first = ledger.take()
    again = ledger.take()

    assert not again  # nothing new
    assert 85 < float(str(first.study["seconds_left"])) <= 90


def test_a_start_that_takes_longer_than_forecast_leaves_the_epochs() -> None:
    ledger, training = holdout_ledger(), make_training(4)
    forecast(ledger, training, start_s=0.01, seconds=40.01)
    time.sleep(0.02)

    assert ledger.take().study["seconds_left"] == pytest.approx(40.0)


def test_the_first_epochs_stand_for_the_start_and_move_a_forecast_little() -> None:
    ledger, training = holdout_ledger(), make_training(4)
    forecast(ledger, training, start_s=50.0, seconds=90.0)

    left = seconds_left(ledger, training, 0)

    # 60 of 90 s are done after the first epoch. That no time has passed shows in a pace that
    # is 2 in 62 of what was forecast, where those 2 s are what the forecast is trusted for.
    assert left == pytest.approx(30 * 2 / 62, rel=0.1)


def test_all_is_done_after_the_last_epoch_whatever_was_forecast() -> None:
    ledger = holdout_ledger()
    trainings = [make_training(2), make_training(2, first=1)]
    forecast(ledger, *trainings, start_s=5.0, seconds=10.0)

    train(ledger, trainings[0], 0.5)
    halfway = ledger.take().study["seconds_left"]
    fail(ledger, trainings[1], "Failed.")
    ledger.stopping([trainings[1]])

    assert halfway == pytest.approx(10 * 2 / 12, rel=0.1)
    assert ledger.take().study["seconds_left"] == 0


def test_epochs_done_are_those_told() -> None:
    ledger = holdout_ledger()
    trainings = [make_training(4), make_training(4, first=1)]
    enter(ledger, *trainings)
    ledger.epoch(trainings[:1], 0, row(0)[None])
    ledger.epoch(trainings[:1], 1, row(1)[None])

    assert ledger.epochs_done(trainings) == {(0, 0, 0): 2, (1, 0, 0): 0}


def test_trials_that_tpe_has_not_chosen_yet_count_as_time_left() -> None:
    sampler = {"kind": "tpe", "n_trials": 10}
    ledger = Ledger(
        make_spec(sampler=sampler, evaluation={"method": "holdout"}),
        (),
        None,
        lead_of,
    )
    created = time.perf_counter()
    training = make_training(2)
    enter(ledger, training)
    time.sleep(0.05)

    train(ledger, training, 0.5)

    asked = time.perf_counter()
    left = ledger.take().study["seconds_left"]
    assert isinstance(left, float)
    assert left >= 9 * (asked - created)


def test_stop_ends_every_training() -> None:
    ledger, training = make_ledger(), make_training(2)
    enter(ledger, training)
    before = ledger.stopped

    ledger.stop()

    assert (before, ledger.stopped) == (False, True)
    assert ledger.stopping([training])


def test_closing_marks_what_had_started_as_not_finished_and_keeps_the_rest() -> None:
    ledger = make_ledger()
    done = [make_training(2, fold=fold) for fold in range(2)]
    begun, untouched = make_training(2, first=1), make_training(2, first=2)
    enter(ledger, *done, begun, untouched)
    for training in done:
        train(ledger, training, 0.5)
    ledger.epoch([begun], 0, row(0)[None])
    ledger.take()

    ledger.close("Stopped before it was finished.")
    batch = ledger.take()

    assert last_states(batch) == ({1: "WAITING"}, {(1, 0, 0): "WAITING"})
    assert batch.trials[0].message == "Stopped before it was finished."
    assert set(ledger.finished) == {0}
    assert batch.study["n_trials_done"] == 1
