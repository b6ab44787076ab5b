"""The arrays of a stack: whose row stands where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.training.stacked.small import make_fold, make_network, make_stack, make_trainings
from tuning.parameters import Value
from tuning.training.seeds import epoch_order
from tuning.training.stacked import slots
from tuning.training.stacked.slots import Orders, make_fits, make_layout, parts_of

_SETTINGS: Sequence[dict[str, Value]] = [{"batch_size": size} for size in (7, 16, 16, 50)]


@pytest.mark.parametrize("chunk_rows", [1, 300, 500, 2**20])
def test_every_fit_visits_its_own_rows_in_the_order_it_would_alone(
    monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    monkeypatch.setattr(slots, "_CHUNK_ROWS", chunk_rows)
    network = make_network("binary")
    folds = [make_fold("binary", fold, n_train=90 + 60 * fold) for fold in range(3)]
    stack = make_stack(make_trainings(_SETTINGS, n_folds=3), n_slots=14)
    parts = {key: folds[key[1]] for key in parts_of(stack)}
    layout, fits = make_layout(network, stack, parts), make_fits(network, stack, parts)

    picked = Orders(stack, fits, layout)(5)

    for slot in range(14):
        training = stack.trainings[min(slot, 11)]  # those to spare repeat the last one
        n_rows, size = len(folds[training.fold].train), training.params["batch_size"]
        assert isinstance(size, int)
        visited = picked[:, slot, :size].ravel()[:n_rows] - training.fold * layout.n_train
        assert np.array_equal(visited, epoch_order(training.seed, 5, n_rows))
