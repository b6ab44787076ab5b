"""Loss curves of known classes: how many get their label, and how many a wrong one.

"Too noisy to tell" is no mistake: it says that nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import get_args

import numpy as np

from benchmarks.synthetic_curves import CurveClass, synthetic_curves
from benchmarks.trust_figures import Bounds, Figure, found, percent
from benchmarks.trust_studies import Generator, studies
from tuning.analysis.diagnosis import diagnose_many

CLASSES: tuple[CurveClass, ...] = get_args(CurveClass)
NOISES = (0.01, 0.03, 0.08, 0.15)
LENGTHS = (20, 50, 200)
_UNTOLD: CurveClass = "too noisy"
_N_BEFORE = 300

# Share with the right label, by noise: of 20, 50 and 200 epochs. Classes that are not here were
# right always (diverged), in 92 to 96 of 100 (not learning), and in 90 to 95 (too noisy).
_RIGHT: Mapping[float, Mapping[CurveClass, tuple[float, float, float]]] = {
    0.01: {
        "overfits": (1.0, 1.0, 1.0),
        "still improving": (1.0, 1.0, 1.0),
        "plateau": (1.0, 1.0, 1.0),
    },
    0.03: {
        "overfits": (1.0, 1.0, 1.0),
        "still improving": (0.50, 0.93, 1.0),
        "plateau": (0.64, 0.98, 1.0),
    },
    0.08: {
        "overfits": (0.90, 0.98, 1.0),
        "still improving": (0.09, 0.14, 0.81),
        "plateau": (0.15, 0.42, 0.96),
    },
    0.15: {
        "overfits": (0.65, 0.85, 1.0),
        "still improving": (0.05, 0.04, 0.19),
        "plateau": (0.10, 0.15, 0.54),
    },
}
_RIGHT_ALWAYS: Mapping[CurveClass, tuple[float, float]] = {
    "diverged": (1.0, 1.0),
    "not learning": (0.92, 0.96),
    "too noisy": (0.90, 0.95),
}


def found_before(kind: CurveClass, noise: float, n_epochs: int) -> Bounds:
    """Return the share of right labels in the simulations the rules were chosen by."""
    if kind in _RIGHT_ALWAYS:
        return found(*_RIGHT_ALWAYS[kind], n=_N_BEFORE)
    return found(_RIGHT[noise][kind][LENGTHS.index(n_epochs)], n=_N_BEFORE)


def labelled(
    kind: CurveClass, noise: float, n_epochs: int, n_curves: int, rng: Generator
) -> tuple[int, int]:
    """Count the curves of a class that get its label, and those that get a wrong one."""
    labels = diagnose_many(*synthetic_curves(kind, n_curves, n_epochs, noise, rng)).labels
    n_right = labels.count(kind)
    n_untold = 0 if kind == _UNTOLD else labels.count(_UNTOLD)
    return n_right, n_curves - n_right - n_untold


def figures(effort: float) -> Iterator[Figure]:
    """Measure all of it; an effort of 1 is the full form."""
    rng = np.random.default_rng(8)
    n_curves = studies(1000, effort)
    wrong: list[Figure] = []
    for kind in CLASSES:
        n_wrong = 0
        for noise in NOISES:
            for n_epochs in LENGTHS:
                n_right, n_off = labelled(kind, noise, n_epochs, n_curves, rng)
                n_wrong += n_off
                before = found_before(kind, noise, n_epochs)
                what, case = f"{kind}, {percent(noise, 0)} noise", f"{n_epochs} epochs"
                yield Figure(what, n_right, n_curves, None, before, case=case)
        n_all = n_curves * len(NOISES) * len(LENGTHS)
        wrong.append(Figure(f"a wrong label: {kind}, all noises and lengths", n_wrong, n_all))
    yield from wrong
