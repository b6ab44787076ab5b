"""From coarse to fine: the next study's search space, around the trials that may be the best.

Not around the winner alone: under noise the winner is often a few steps off. The next study is
adaptive, for it was chosen after seeing scores, and it needs new folds and the trials to keep.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuning.analysis.intervals import Array
from tuning.analysis.refined_ranges import Tried, refined
from tuning.analysis.winner import best_row, complete_rows
from tuning.parameters import Value
from tuning.sampler_spec import HandTrial, SamplerSpec
from tuning.setting import Fixed, Setting, grid_values, n_values
from tuning.spec import MOST_FITS, MOST_TRIALS, StudySpec

_FEWEST_BEST = 3
_SHARE_OF_BEST = 0.1  # of the finished trials
_SUFFIX = ", refined"
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Standing:
    """How the trials of a study stand; rows are trials.

    Attributes
    ----------
    finished : ndarray of int
        Rows with every score.
    tied : ndarray of bool, shape (n_trials,)
        Whether a row cannot be told from the best.
    best : ndarray of int
        Rows to refine around: tied, and among the best tenth or the best three.
    winner : int
        Row with the best mean.
    spread : float
        Between the best and the worst mean of `best`, in units of the score.
    """

    finished: NDArray[np.intp]
    tied: NDArray[np.bool_]
    best: NDArray[np.intp]
    winner: int
    spread: float


@dataclass(frozen=True)
class Refinement:
    """A finer study.

    Attributes
    ----------
    spec : StudySpec
        With other folds than the study it comes from. It tries the default settings and those
        of the old winner as well.
    sentences : dict
        What happens to each searched parameter and why, by name.
    note : str
        What changes besides; empty if nothing does.
    """

    spec: StudySpec
    sentences: dict[str, str]
    note: str

    @property
    def settings(self) -> dict[str, Setting]:
        """The new search space."""
        return self.spec.space

    @property
    def n_trials(self) -> int:
        """Trials the new search will run, the default's and the old winner's included."""
        return self.spec.n_trials


def make_standing(scores: Array, tied: NDArray[np.bool_]) -> Standing:
    """Find the trials to refine around.

    Parameters
    ----------
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Larger is better; NaN where missing. At least one row is complete.
    tied : ndarray of bool, shape (n_trials,)
        The 95% confidence set for the best.
    """
    finished, winner = complete_rows(scores), best_row(scores)
    means = scores[finished].mean(axis=(1, 2))
    n_best = max(_FEWEST_BEST, math.ceil(_SHARE_OF_BEST * len(finished)))
    top = finished[np.argsort(-means, kind="stable")[:n_best]]
    best = np.union1d(top[tied[top]], [winner]).astype(np.intp)
    spread = float(np.ptp(scores[best].mean(axis=(1, 2))))
    return Standing(finished, tied, best, winner, spread)


def why_stop(standing: Standing, rope: float, standard_error: float) -> str | None:
    """Say why refining further is not worth it; None if it may be.

    A single best trial says nothing about the spread around it, so it is no reason to stop.

    Parameters
    ----------
    rope : float
        A difference that does not matter, in units of the score.
    standard_error : float
        Of the difference of two trials.
    """
    if len(standing.best) < 2:
        return None
    best = f"The {len(standing.best)} best trials differ by {standing.spread:.3g}"
    if standing.spread < rope:
        return f"{best}, less than the {rope:g} that matters: refining further gains nothing."
    if standing.spread < standard_error:
        return (
            f"{best}, less than chance alone, {standard_error:.3g}: "
            + "refining further would follow noise."
        )
    return None


def refine(
    spec: StudySpec,
    settings: Sequence[Mapping[str, Value]],
    standing: Standing,
    *,
    greyed: Collection[str] = (),
    n_rows: int | None = None,
) -> Refinement:
    """Make the next, finer study.

    Parameters
    ----------
    settings : sequence of mapping
        The searched values of each row.
    standing : Standing
        Of `make_standing`.
    greyed : collection of str
        Names of parameters that the scores were not shown to depend on.
    n_rows : int, optional
        Training rows of a fold; no batch is larger.
    """
    finished = standing.finished
    tied, near = standing.tied[finished], np.isin(finished, standing.best)
    is_grid = spec.sampler.kind == "grid"
    space, sentences = dict(spec.space), {}
    for name, setting in spec.searched.items():
        values = tuple(settings[row][name] for row in finished)
        winner = settings[standing.winner][name]
        tried = Tried(name, setting, values, tied, near, winner, n_rows)
        found = refined(tried, is_grid=is_grid, is_flat=name in greyed)
        space[name], sentences[name] = found.setting, found.sentence
    sampler, note = _sampler(spec, space)
    changes = {
        "name": _name(spec.name),
        "recipe": None,
        "space": {name: setting.model_dump() for name, setting in space.items()},
        "sampler": sampler.model_dump(),
        "by_hand": (),
        "include_default": any(not isinstance(setting, Fixed) for setting in space.values()),
        "is_refined": True,
        "seed": (spec.seed + 1) % 2**32,
    }
    winning = {**spec.fixed, **settings[standing.winner]}
    finer = with_trial(StudySpec.parse(spec.model_dump() | changes), winning)
    return Refinement(finer, sentences, note)


def with_trial(spec: StudySpec, params: Mapping[str, Value]) -> StudySpec:
    """Return a study that tries these settings too, before those its sampler chooses.

    The study stays as it is where it tries them anyway: as its default settings, by hand, or
    as one of the cells of which it tries all. So it does where a parameter it searches is not
    given, and where there is no room for one more trial.

    Parameters
    ----------
    params : mapping
        Values by name; those of parameters that the study does not search are not needed.
    """
    searched = spec.searched
    if not searched or not set(searched) <= set(params):
        return spec
    settings = {name: params[name] for name in searched}
    if spec.include_default and settings == spec.default_settings:
        return spec
    if any(trial.settings == settings for trial in spec.by_hand):
        return spec
    if _tries_every_cell(spec) and all(
        settings[name] in (grid_values(name, setting) or ())
        for name, setting in searched.items()
    ):
        return spec
    if (spec.n_trials + 1) * spec.n_fits_per_trial > MOST_FITS:
        return spec
    trial = HandTrial(number=spec.n_given, settings=settings)
    by_hand = [one.model_dump() for one in (*spec.by_hand, trial)]
    return StudySpec.parse(spec.model_dump() | {"by_hand": by_hand})


def _tries_every_cell(spec: StudySpec) -> bool:
    cells = spec.n_cells
    if cells is None or spec.sampler.learns:
        return False
    beside = spec.include_default and not spec.has_default_cell
    return spec.sampler.kind == "grid" or spec.n_searched - beside >= cells


def _sampler(spec: StudySpec, space: Mapping[str, Setting]) -> tuple[SamplerSpec, str]:
    """Return the sampler of the new space, and what to say if it is another one."""
    searched = {name: s for name, s in space.items() if not isinstance(s, Fixed)}
    if not searched:
        return SamplerSpec(), "Nothing is left to search: one trial confirms the setting."
    if spec.sampler.kind != "grid":
        return spec.sampler, ""
    n_cells = math.prod(n_values(name, setting) or 1 for name, setting in searched.items())
    most = min(MOST_TRIALS, MOST_FITS // spec.n_fits_per_trial)
    if n_cells < most:  # and one more with the default settings
        return spec.sampler, ""
    n_trials = spec.n_trials
    return (
        SamplerSpec(kind="random", n_trials=n_trials),
        f"{n_cells:,} cells are too many for a grid: {n_trials:,} of them are drawn.",
    )


def _name(name: str) -> str:
    room = _LONGEST_NAME - len(_SUFFIX)
    return name if name.endswith(_SUFFIX) else f"{name[:room]}{_SUFFIX}"
