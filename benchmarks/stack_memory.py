"""How much memory a stack takes, beside what `tuning.training.plan` reckons with.

``python -m benchmarks.stack_memory`` trains stacks that need much memory for one reason or
another, each in a process of its own, on made-up rows. What a process held at most while it
trained the stack, less what it held before, stands beside `stack_bytes`; before comes a stack
of the same layout with as few slots and rows as possible, so that code and libraries are there.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.stack_cost import (
    Case,
    make_folds,
    make_network,
    make_stack,
    measure,
    prepare,
)
from tuning.training.plan import STACK_BYTES, Rows, stack_bytes

CASES = {
    "much of everything": Case(64, 32, (256, 256), n_train=20_000, n_score=10_000),
    "weights, Adam": Case(6, 32, (1024, 1024)),
    "weights, Nadam": Case(6, 32, (1024, 1024), "nadam"),
    "weights, SGD": Case(6, 32, (1024, 1024), "sgd"),
    "weights, many slots": Case(96, 32, (256, 256)),
    "large batches": Case(12, 1024, (512, 512), n_train=4096),
    "large batches, dropout": Case(6, 1024, (512, 512), dropout_rate=0.2, n_train=4096),
    "many rows": Case(6, 1024, (16,), n_train=300_000, n_score=150_000),
    "many rows, many slots": Case(120, 256, (16,), n_train=40_000, n_score=20_000),
    "many folds": Case(30, 256, (16,), n_train=40_000, n_score=20_000, n_folds=30),
}


def bytes_reckoned(case: Case) -> int:
    """Return what the plan reckons with for a stack."""
    return stack_bytes(make_network(case), make_stack(case), Rows(case.n_train, case.n_score))


def bytes_taken(case: Case) -> int:
    """Train a stack in this process; return how far its memory rose."""
    with tempfile.TemporaryDirectory(prefix="stack-memory-") as home:
        prepare(home)
        little = replace(case, n_slots=case.n_folds, n_train=case.batch_size, n_score=1)
        measure(little, make_folds(little))
        folds = make_folds(case)
        before = _held("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the most it held counts from here
        measure(case, folds)
        return _held("VmHWM") - before


def _held(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def main() -> None:
    """Train every case, and print what it took."""
    print(f"a stack may have {STACK_BYTES / 1e6:,.0f} MB of arrays")
    for name, case in CASES.items():
        with multiprocessing.get_context("spawn").Pool(1) as process:
            taken = process.apply(bytes_taken, (case,))
        reckoned = bytes_reckoned(case)
        print(
            f"{name}: reckoned {reckoned / 1e6:,.0f} MB, taken {taken / 1e6:,.0f} MB, "
            + f"taken/reckoned {taken / reckoned:.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
