"""What samplers know of a trial beside its parameters: its own seed, and who chose it.

A seed for each trial makes a proposal depend on the seed of the study, the trial's number and
the scores known by then, and on nothing that a restart would lose.
"""

from __future__ import annotations

import numpy as np
from optuna.trial import FrozenTrial

GIVEN = "given"  # user attribute of a trial whose settings no sampler chose
PLACED = "placed"  # user attribute of a trial that came with its settings


def trial_seed(seed: int, number: int) -> int:
    """Return the seed of a trial, below 2**32."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def is_given(trial: FrozenTrial) -> bool:
    """Tell whether a trial has the default settings or some that a person entered."""
    return bool(trial.user_attrs.get(GIVEN, False))


def is_placed(trial: FrozenTrial) -> bool:
    """Tell whether a trial's settings were known before the sampler was asked."""
    return bool(trial.user_attrs.get(PLACED, False))
