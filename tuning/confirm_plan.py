"""What confirming the leaders of a study may cost, known before the study starts.

How many enter the race and when it ends follows from scores; the most it can be does not.
"""

from __future__ import annotations

from tuning.analysis.race import LOOKS, MOST_ENTRANTS, extra_fits
from tuning.spec import StudySpec

_FEWEST_TRIALS, _FEWEST_FOLDS = 2, 3  # of a race; below, it decides nothing


def most_extra_fits(spec: StudySpec) -> int:
    """Return how many fits confirming may add; 0 where the study is not to confirm."""
    if not spec.confirm or why_no_race(spec):
        return 0
    return most_fits_of(spec, spec.n_trials)


def most_fits_of(spec: StudySpec, n_trials: int) -> int:
    """Return how many fits a race of the leaders of some trials may add.

    The default settings come along where they are not among the leaders.
    """
    n_trained = min(n_trials, MOST_ENTRANTS + spec.include_default)
    return extra_fits(n_trained, spec.evaluation.repeats, spec.evaluation.n_folds)


def race_as_search(spec: StudySpec) -> StudySpec:
    """Return a search that trains as much as the longest race of this study's leaders.

    Which trials lead is not known before; any are taken. Its time can be estimated as that of
    every search.
    """
    n_trained = min(spec.n_trials, MOST_ENTRANTS + spec.include_default)
    document = spec.model_dump()
    document["evaluation"] |= {"repeats": LOOKS[-1] - spec.evaluation.repeats, "shuffle": True}
    if spec.sampler.kind != "grid" or spec.n_trials > n_trained:
        document["sampler"] = {"kind": "random", "n_trials": n_trained}
    alone = {"by_hand": (), "include_default": False, "confirm": False, "pruner": {}}
    return StudySpec.parse({**document, **alone})


def why_no_race(spec: StudySpec) -> str:
    """Say why no race of this study's leaders could tell more; empty where one may."""
    evaluation = spec.evaluation
    if spec.n_trials < _FEWEST_TRIALS:
        return "Confirming compares trials: it needs at least 2."
    if evaluation.n_folds < _FEWEST_FOLDS:
        return (
            f"Confirming needs at least {_FEWEST_FOLDS} folds: "
            + "with fewer, more repeats hardly help."
        )
    if evaluation.repeats >= LOOKS[-1]:
        return (
            f"Confirming goes up to {LOOKS[-1]} repeats, and each trial has "
            + f"{evaluation.repeats} already."
        )
    return ""
