"""Which parameters matter: Optuna's importances of a study's finished trials.

PED-ANOVA asks what sets the best tenth of the trials apart; fANOVA, how much of all difference
in the scores each parameter explains by itself. Shares add up to 1 even where scores are pure
noise: `common_in_best` says what chance would give, `tuning.analysis.effects` how sure it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import optuna
import pandas as pd
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.importance import (
    BaseImportanceEvaluator,
    FanovaImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)

from storage.results import TrialRow
from tuning.analysis.chance import LEVEL, groups_of, holm, p_value, permutations
from tuning.analysis.effects import capital, finished_rows, in_sentence
from tuning.analysis.encoding import Settings, make_axes, places_of
from tuning.analysis.tables import finished, score_of, settings_of
from tuning.parameters import PARAMETERS
from tuning.samplers import distributions, encode
from tuning.spec import StudySpec

Array = NDArray[np.float64]
Method = Literal["PED-ANOVA", "fANOVA"]
METHODS: tuple[Method, ...] = ("PED-ANOVA", "fANOVA")

MOST_TRIALS: Mapping[Method, int] = {"PED-ANOVA": 10_000, "fANOVA": 300}  # about 3 s at most
_FEWEST_TRIALS = 10
_FEWEST_FOR_BEST = 300  # with 100, even a decisive parameter is seen in one study of seven
_BEST_SHARE = 0.1
_HARDLY = 0.1  # a share below this is little more than noise
_CLEARLY = 1.5  # times the next one


@dataclass(frozen=True)
class Importance:
    """How much each searched parameter matters.

    Attributes
    ----------
    table : DataFrame
        Columns name, label, share; most important first, shares add up to 1.
    sentence : str
        The finding.
    n_trials : int
        Finished trials it is computed from.
    """

    table: pd.DataFrame
    sentence: str
    n_trials: int


def importance(spec: StudySpec, trials: Iterable[TrialRow], method: Method) -> Importance | str:
    """Compute the importances, or say why they cannot be had yet.

    Of more than `MOST_TRIALS` finished trials, so many are taken evenly over the search.
    """
    scored = _thinned(finished(trials), MOST_TRIALS[method])
    reason = _reason_against(spec, scored)
    if reason:
        return reason
    try:
        shares = get_param_importances(
            _as_optuna(spec, scored, method), evaluator=_evaluator(method)
        )
    except RuntimeError:  # fANOVA, where no tree of its forest found anything to split by
        return "The scores do not follow the settings closely enough to tell importances."
    if not sum(shares.values()):
        return "No setting stands out: the scores vary, but not with any one of them."
    table = pd.DataFrame(
        [(name, PARAMETERS[name].label, share) for name, share in shares.items()],
        columns=["name", "label", "share"],
    ).sort_values("share", ascending=False, kind="stable", ignore_index=True)
    return Importance(table, importance_finding(table), len(scored))


def _thinned(scored: list[TrialRow], most: int) -> list[TrialRow]:
    if len(scored) <= most:
        return scored
    places = np.linspace(0, len(scored) - 1, most).round().astype(int)
    return [scored[place] for place in places]


def _reason_against(spec: StudySpec, scored: Sequence[TrialRow]) -> str:
    if len(spec.searched) < 2:
        names = [PARAMETERS[name].label.lower() for name in spec.searched]
        only = f"Only {names[0]} is searched" if names else "Nothing is searched"
        return f"{only}, so there is nothing to compare it with."
    if len(scored) < _FEWEST_TRIALS:
        return f"Importance needs {_FEWEST_TRIALS} finished trials; {len(scored)} so far."
    scores = np.array([score_of(row) for row in scored])
    if np.ptp(scores) <= 1e-12 * max(1.0, float(np.abs(scores).max())):
        return f"All {len(scored)} finished trials have the same score: no setting matters."
    return ""


def _as_optuna(spec: StudySpec, scored: Sequence[TrialRow], method: Method) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # each study would log its birth
    space, codes = _space(spec, method)
    study = optuna.create_study(
        direction=spec.direction, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    for row in scored:
        values = {name: encode(value) for name, value in settings_of(row).items()}
        for name, places in codes.items():
            values[name] = places[values[name]]
        trial = optuna.trial.create_trial(
            params=values, distributions=space, value=score_of(row)
        )
        study.add_trial(trial)
    return study


def _space(
    spec: StudySpec, method: Method
) -> tuple[dict[str, BaseDistribution], dict[str, dict[Any, int]]]:
    """Return the search space, and for fANOVA the place of each listed value in its list.

    Optuna's fANOVA takes time that doubles with each value of a category (hours for a list of
    25). Places in the list are split by its trees as well, at no such cost.
    """
    space = distributions(spec)
    codes: dict[str, dict[Any, int]] = {}
    if method == "fANOVA":
        for name, distribution in space.items():
            if isinstance(distribution, CategoricalDistribution):
                codes[name] = {v: place for place, v in enumerate(distribution.choices)}
                space[name] = IntDistribution(0, len(distribution.choices) - 1)
    return space, codes


def _evaluator(method: Method) -> BaseImportanceEvaluator:
    if method == "fANOVA":
        return FanovaImportanceEvaluator(seed=0)
    return PedAnovaImportanceEvaluator()


def importance_finding(table: pd.DataFrame) -> str:
    """Say in one sentence what matters most, and what hardly."""
    labels = [in_sentence(label) for label in table["label"]]
    shares = table["share"].to_numpy()
    if shares[0] < _CLEARLY * shares[1]:
        return f"{capital(labels[0])} and {labels[1]} matter most"
    verb = "matter" if labels[0].endswith("s") else "matters"
    most = f"{capital(labels[0])} {verb} most"
    return f"{most}; {labels[-1]} hardly" if shares[-1] < _HARDLY else most


def common_in_best(
    spec: StudySpec, settings: Sequence[Settings], scores: Array, states: Sequence[str] = ()
) -> pd.DataFrame | str:
    """Compute what the best tenth of the trials have in common, beyond chance; or why not.

    The divergence is that of PED-ANOVA [1]_ over bins; chance is the mean over trials picked
    by permuted scores instead of their own.

    Parameters
    ----------
    settings : sequence of mapping
        The searched values of each trial.
    scores : ndarray of shape (n_trials, n_repeats, n_folds)
        Larger is better; NaN where a score is missing.
    states : sequence of str, optional
        Of each trial, as Optuna names them; all are complete where it is left out.

    Returns
    -------
    DataFrame or str
        Columns name, label, divergence, chance, p_value (after Holm) and is_grey; the largest
        divergence beyond chance first.

    References
    ----------
    .. [1] Watanabe, Bansal and Hutter, PED-ANOVA (IJCAI 2023).
    """
    kept = finished_rows(scores, states)
    if not spec.searched:
        return "Nothing is searched, so the best trials have nothing in common."
    if len(kept) < _FEWEST_FOR_BEST:
        return f"Needs {_FEWEST_FOR_BEST} trials; {len(kept)} have finished so far."
    tried = [settings[row] for row in kept]
    means = scores[kept].mean(axis=(1, 2))
    n_best = math.ceil(_BEST_SHARE * len(kept))
    axes = make_axes(spec, tried)
    best = _best_first(means[None, :])[:, :n_best]
    by_chance = _best_first(permutations(means, len(axes)))[:, :n_best]
    rows = []
    for axis, column in zip(axes, places_of(axes, tried).T, strict=True):
        groups = groups_of(column, is_category=axis.is_category)
        counts = np.bincount(groups)
        own = float(divergence(groups[best], counts)[0])
        chances = divergence(groups[by_chance], counts)
        rows.append((axis.name, axis.label, own, chances.mean(), p_value(own, chances)))
    table = pd.DataFrame(rows, columns=["name", "label", "divergence", "chance", "p_value"])
    table["p_value"] = holm(table["p_value"].to_numpy())
    table["is_grey"] = table["p_value"] > LEVEL
    order = (table["chance"] - table["divergence"]).argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _best_first(scores: Array) -> NDArray[np.intp]:
    return np.argsort(-scores, axis=1, kind="stable")


def divergence(best: NDArray[np.intp], counts: NDArray[np.intp]) -> Array:
    """Return Pearson's divergence of the groups of the best trials from those of all.

    Parameters
    ----------
    best : ndarray of shape (n_lists, n_best)
        Groups of the best trials, in one or many lists.
    counts : ndarray of shape (n_groups,)
        Trials of each group. One is added to every count, so that none is empty.
    """
    n_lists, n_groups = len(best), len(counts)
    cells = best + n_groups * np.arange(n_lists)[:, None]
    found = np.bincount(cells.ravel(), minlength=n_lists * n_groups).reshape(n_lists, -1)
    of_best = (found + 1) / (best.shape[1] + n_groups)
    of_all = (counts + 1) / (counts.sum() + n_groups)
    values: Array = (of_all * (of_best / of_all - 1) ** 2).sum(axis=1)
    return values
