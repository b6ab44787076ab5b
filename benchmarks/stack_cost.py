"""What a stack costs on this machine: the constants of `tuning.training.plan`.

``python -m benchmarks.stack_cost`` times compiling and an epoch of
`tuning.training.stacked.program.Program` over slots, batch sizes, widths, depths, optimizers
and dropout, on made-up rows, and fits the constants to that. What a worker has kept compiled is
not read, so every compile is a real one. Run it on an idle machine.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from tuning.datasets.info import DatasetInfo
from tuning.parameters import Layers, Value, defaults_of
from tuning.training import plan
from tuning.training.interface import FoldData, Network, Readout, Rows, Training
from tuning.training.seeds import fit_seed

N_INPUTS, N_TRAIN, N_SCORE, N_FOLDS = 8, 512, 256, 3
_EPOCHS = 6  # of which the fastest counts
_BACKWARD = 3  # a training step costs about three forward passes

_COMPILE = ("COMPILE_S", "COMPILE_LAYER_S")
_EPOCH = (
    *("EPOCH_S", "STEP_LAYER_S", "SLOT_LAYER_S"),
    *("WEIGHT_S", "PRODUCT_S", "DRAW_S"),
)


@dataclass(frozen=True)
class Case:
    """A stack to time: fits that differ only in their seeds."""

    n_slots: int
    batch_size: int
    widths: Layers
    optimizer: str = "adam"
    dropout_rate: float = 0.0
    n_train: int = N_TRAIN
    n_score: int = N_SCORE
    n_folds: int = N_FOLDS

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Inputs and units of each layer with weights."""
        sizes = (N_INPUTS, *self.widths, 1)
        return list(itertools.pairwise(sizes))

    @property
    def compile_parts(self) -> list[float]:
        """How often each constant of compiling counts."""
        return [1.0, float(len(self.edges))]

    @property
    def epoch_parts(self) -> list[float]:
        """How often each constant of an epoch counts, as in `tuning.training.plan`."""
        n_steps, slots = -(-self.n_train // self.batch_size), self.n_slots
        products = sum(inputs * units for inputs, units in self.edges)
        n_weights = products + sum(units for _, units in self.edges)
        seen = _BACKWARD * n_steps * self.batch_size + self.n_score
        draws = self.batch_size * sum(self.widths) if self.dropout_rate else 0
        steps_of_layers = n_steps * len(self.edges)
        parts = (1, steps_of_layers, slots * steps_of_layers, slots * n_steps * n_weights)
        return [*map(float, (*parts, slots * seen * products, slots * n_steps * draws))]


@dataclass(frozen=True)
class Seconds:
    """What a case took: tracing and compiling, and an epoch after that."""

    compiling: float
    epoch: float


def cases() -> Iterator[Case]:
    """Return the stacks to time: small and large ones, and a few of other kinds."""
    for n_slots in (3, 24, 96):
        for batch_size in (10, 64):
            for widths in ((), (12,), (100,), (32, 32), (64, 64, 64)):
                yield Case(n_slots, batch_size, widths)
    yield from (Case(8, 32, (256, 256)), Case(3, 32, (512,)), Case(192, 10, (12,)))
    for optimizer in ("sgd", "rmsprop", "nadam", "adadelta"):
        yield Case(96, 10, (12,), optimizer)
    for n_slots, batch_size, widths in ((24, 10, (60,)), (96, 10, (12,)), (96, 64, (32, 32))):
        yield Case(n_slots, batch_size, widths, dropout_rate=0.2)


def make_folds(case: Case) -> list[FoldData]:
    """Make rows of every fold."""
    return [_make_fold(case, fold) for fold in range(case.n_folds)]


def _make_fold(case: Case, fold: int) -> FoldData:
    """Make rows of two classes that a line parts."""
    rng, n_train = np.random.default_rng(fold), case.n_train
    features = rng.normal(size=(n_train + case.n_score, N_INPUTS)).astype(np.float32)
    targets = (features.sum(axis=1) > 0).astype(np.float32)
    return FoldData(
        Rows(features[:n_train], targets[:n_train]), Rows(features[n_train:], targets[n_train:])
    )


def make_trainings(case: Case) -> tuple[Training, ...]:
    """Make one training for each slot; trials share their folds."""
    params: dict[str, Value] = {
        **defaults_of("dense"),
        "batch_size": case.batch_size,
        "optimizer": case.optimizer,
        "dropout_rate": case.dropout_rate,
        "n_hidden": len(case.widths),
        "dense_layer_sizes": case.widths or None,
    }
    del params["epochs"]
    places = [divmod(slot, case.n_folds) for slot in range(case.n_slots)]
    return tuple(
        Training(
            params, 0, fold, fit_seed(number, params, 0, fold), (Readout(number, _EPOCHS),)
        )
        for number, fold in places
    )


def make_network(case: Case) -> Network:
    """Describe what is trained, and the made-up rows."""
    info = DatasetInfo(
        id="made-up", title="Made up", task="binary", source="bundled",
        n_rows=case.n_train + case.n_score, n_inputs=N_INPUTS, target="target", about="",
        class_names=("no", "yes"),
    )  # fmt: skip
    return Network("dense", info, None)


def make_stack(case: Case) -> plan.Stack:
    """Make the stack, without what it would take."""
    return plan.Stack(make_trainings(case), case.widths, case.n_slots, 0.0, 0.0)


def measure(case: Case, folds: Sequence[FoldData]) -> Seconds:
    """Compile a stack and train a few epochs."""
    from tuning.training.stacked.program import Program
    from tuning.training.stacked.slots import (
        Orders,
        make_fits,
        make_layout,
        make_rows,
        make_state,
        parts_of,
    )

    network, stack = make_network(case), make_stack(case)
    parts = {key: folds[key[1]] for key in parts_of(stack)}
    layout = make_layout(network, stack, parts)
    program, fits = Program(layout), make_fits(network, stack, parts)
    rows, state = make_rows(list(parts.values())), make_state(layout, stack)
    orders, seconds = Orders(stack, fits, layout), []
    for epoch in range(_EPOCHS + 1):
        started = time.perf_counter()
        state, told = program.epoch(rows, fits, state, orders(epoch))
        told.outputs.numpy()
        seconds.append(time.perf_counter() - started)
    fastest = min(seconds[1:])
    return Seconds(max(seconds[0] - fastest, 0.0), fastest)


def fitted(parts: Sequence[Sequence[float]], seconds: Sequence[float]) -> NDArray[np.float64]:
    """Fit what each part costs, none less than nothing, so that relative errors are least."""
    taken = np.array(seconds)
    figures: NDArray[np.float64] = nnls(np.array(parts) / taken[:, None], np.ones(len(taken)))[
        0
    ]
    return figures


def describe(
    names: Sequence[str], parts: Sequence[Sequence[float]], seconds: Sequence[float]
) -> Iterator[str]:
    """Say what was fitted beside what the plan has, and how well each of the two does."""
    figures = fitted(parts, seconds)
    present = np.array([getattr(plan, name) for name in names])
    for name, figure, old in zip(names, figures, present, strict=True):
        yield f"{name} = {figure:.3g}  (the plan has {old:.3g})"
    for word, own in (("fitted", figures), ("of the plan", present)):
        ratios = np.array(parts) @ own / np.array(seconds)
        off = np.exp(np.abs(np.log(np.maximum(ratios, 1e-9))))
        yield (
            f"  {word}: predicted/measured {ratios.min():.2f} to {ratios.max():.2f}, "
            + f"median {np.median(ratios):.2f}; four of five within {np.quantile(off, 0.8):.2f}"
        )


def prepare(home: str) -> None:
    """Load TensorFlow as a worker does, with a data folder that has nothing compiled."""
    os.environ["TUNEBOARD_HOME"] = home
    from tuning.worker import prepare_tensorflow

    prepare_tensorflow()


def report(measured: Mapping[Case, Seconds]) -> Iterator[str]:
    """Return the constants that suit what was measured, line by line."""
    compiling = [seconds.compiling for seconds in measured.values()]
    yield from describe(_COMPILE, [case.compile_parts for case in measured], compiling)
    epochs = [seconds.epoch for seconds in measured.values()]
    yield from describe(_EPOCH, [case.epoch_parts for case in measured], epochs)


def main() -> None:
    """Measure every case, and print the constants."""
    with tempfile.TemporaryDirectory(prefix="stack-cost-") as home:
        prepare(home)
        first = Case(3, 10, (7,))  # it pays for loading
        measure(first, make_folds(first))
        measured = {}
        for case in cases():
            took = measured[case] = measure(case, make_folds(case))
            print(
                f"{case}: {took.compiling:.3f} s, {took.epoch * 1e3:.2f} ms an epoch",
                flush=True,
            )
    print("\n".join(report(measured)))


if __name__ == "__main__":
    main()
