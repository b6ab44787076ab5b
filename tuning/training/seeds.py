"""Where a fit's randomness comes from: study seed, trial parameters, repeat and fold only.

`epochs` is left out: 10, 50 and 100 epochs with one seed are one training, read three times.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tuning.parameters import Value

REFIT = -1  # the fold of the training on all rows that makes the model to take home


def fit_seed(study_seed: int, params: Mapping[str, Value], repeat: int, fold: int) -> int:
    """Return the seed of one fit, below 2**32."""
    settings = {name: value for name, value in params.items() if name != "epochs"}
    text = json.dumps([study_seed, sorted(settings.items()), repeat, fold])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def part_seed(seed: int, part: str) -> int:
    """Return the seed of one part of a fit, such as one layer's starting weights."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{part}".encode()).digest()[:4], "big") >> 1


def epoch_order(seed: int, epoch: int, n_rows: int) -> NDArray[np.intp]:
    """Return the order in which an epoch (from 0) visits its training rows."""
    return np.random.default_rng([seed, epoch]).permutation(n_rows)
