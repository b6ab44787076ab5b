"""How many cores there are to train on; without TensorFlow, so that pages count alike."""

from __future__ import annotations

import os


def n_usable_cores() -> int:
    """Return the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
