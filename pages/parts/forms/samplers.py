"""What the New study page says of each sampler: when to choose it, and what one may regret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tuning.setting import Choices
from tuning.spec import StudySpec

SAMPLER_HELP: Mapping[str, str] = {
    "grid": "Every combination. For a few short lists, up to some hundred trials.",
    "random": (
        "Draws at random; good with many parameters of any kind, and a fair yardstick for "
        + "the others."
    ),
    "tpe": (
        "Learns which values do well (tree of Parzen estimators). For 20 to 1,000 trials and "
        + "parameters of any kind."
    ),
    "gp": (
        "Fits a smooth surface and tries the most promising point. For 20 to 300 expensive "
        + "trials and mostly numbers."
    ),
    "forest": (
        "The same idea with a random forest. For 20 to 1,000 trials, and better than a smooth "
        + "surface with many choices."
    ),
    "qmc": (
        "Spreads points evenly over the space (Sobol). Learns nothing; for a first look at "
        + "numbers, most even at 32, 64, 128 trials."
    ),
    "cmaes": (
        "Moves a cloud of points towards better scores. For 100 trials or more that search "
        + "ranges of numbers only."
    ),
}
WITH_STARTUP = ("tpe", "gp", "forest")
_MANY_CELLS = 500
_FEW_TRIALS = {"tpe": 20, "gp": 20, "forest": 20, "cmaes": 50}
_LONG_FOR_GP = 300
_MANY_CHOICES = 10


def sampler_warnings(spec: StudySpec) -> Iterator[str]:
    """Yield what a person may regret about the sampler, a sentence each."""
    kind = spec.sampler.kind
    if kind == "grid" and spec.n_trials > _MANY_CELLS:
        yield f"{spec.n_trials:,} trials: Random finds nearly as good a point with far fewer."
    few = _FEW_TRIALS.get(kind, 0)
    if spec.n_trials < few:
        yield f"Below {few} trials {_NAMES[kind]} is about as good as Random."
    if kind == "gp" and spec.n_trials > _LONG_FOR_GP:
        yield f"Gets slow beyond {_LONG_FOR_GP}."
    if kind == "gp" and _n_choices(spec) > _MANY_CHOICES:
        yield "Forest copes better with choices."


_NAMES: Mapping[str, str] = {
    "tpe": "TPE",
    "gp": "a Gaussian process",
    "forest": "a forest",
    "cmaes": "CMA-ES",
}


def _n_choices(spec: StudySpec) -> int:
    """Count the values of all lists; each is a dimension of its own to a smooth surface."""
    lists = [s for s in spec.searched.values() if isinstance(s, Choices)]
    return sum(len(setting.values) for setting in lists)
