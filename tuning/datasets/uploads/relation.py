"""How well one column alone foretells the target, as one number from 0 to 1."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import sklearn
from numpy.typing import NDArray
from scipy.stats import ConstantInputWarning, rankdata, spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.naive_bayes import CategoricalNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tuning.datasets.info import Task
from tuning.datasets.uploads.table import TypedTable

Model: TypeAlias = DecisionTreeClassifier | DecisionTreeRegressor | CategoricalNB | Pipeline
MOST_ROWS = 3_000
_MOST_CELLS = 300_000
_FEWEST_ROWS = 500
_FOLDS = 3
_FEWEST_OF_A_CLASS = _FOLDS
_TREE = {"max_depth": 6, "min_samples_leaf": 5, "random_state": 0}


@dataclass(frozen=True)
class Relations:
    """How well each column alone foretells the target.

    Attributes
    ----------
    name : {"area under ROC", "R²"}
        What the numbers are.
    values : dict
        From 0 to 1 by column; a column that tells nothing has 0.5 under ROC and 0 as R².
    n_rows : int
        Rows they were computed from, a sample of a larger table.
    """

    name: str
    values: dict[str, float]
    n_rows: int


def relate(table: TypedTable, target: str, task: Task, names: Sequence[str]) -> Relations:
    """Score each column by what a small model predicts from it alone, cross-validated.

    Numbers and dates go through a tree of depth 6; text through the frequencies of the classes
    with each word (naive Bayes) or the mean of the target with it (ridge). For numbers that
    foretell a number the squared rank correlation counts where it is higher: a tree of 64
    leaves cannot follow a straight line over decades.

    Parameters
    ----------
    names : sequence of str
        Columns to score.
    """
    is_number = task == "regression"
    rows = _sample(table, target, len(names), is_number=is_number)
    scorer = _Scorer(_target(table, target, rows, is_number=is_number), is_number)
    values = {name: scorer.score(table, name, rows) for name in names} if len(rows) else {}
    known = {name: value for name, value in values.items() if value is not None}
    return Relations("R²" if is_number else "area under ROC", known, len(rows))


def _target(
    table: TypedTable, target: str, rows: NDArray[np.intp], *, is_number: bool
) -> NDArray[np.float64]:
    if is_number:
        return table.numbers(target)[rows]
    return np.unique(table.coded(target).codes[rows], return_inverse=True)[1].astype(np.float64)


def _sample(
    table: TypedTable, target: str, n_columns: int, *, is_number: bool
) -> NDArray[np.intp]:
    """Return rows that have a target, and classes that every fold can have."""
    if is_number and table.type_of(target) == "text":
        return np.empty(0, np.intp)
    rows = np.flatnonzero(table.is_there(target))
    most = max(_FEWEST_ROWS, min(MOST_ROWS, _MOST_CELLS // max(n_columns, 1)))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    if is_number:
        return rows if len(rows) >= 2 * _FOLDS else rows[:0]
    codes = table.coded(target).codes[rows]
    counts = np.bincount(codes)
    rows = rows[counts[codes] >= _FEWEST_OF_A_CLASS]
    return rows if np.count_nonzero(counts >= _FEWEST_OF_A_CLASS) > 1 else rows[:0]


class _Scorer:
    """One target and its folds, for every column the same."""

    def __init__(self, targets: NDArray[np.float64], is_number: bool) -> None:
        self._targets = targets
        self._is_number = is_number
        self._n_classes = len(np.unique(targets))
        folds = KFold if is_number else StratifiedKFold
        self._folds = list(
            folds(_FOLDS, shuffle=True, random_state=0).split(targets, targets)
            if len(targets)
            else ()
        )

    def score(self, table: TypedTable, name: str, rows: NDArray[np.intp]) -> float | None:
        """Return the score of one column; None where it has no value."""
        if table.type_of(name) == "text":
            codes = np.unique(table.coded(name).codes[rows], return_inverse=True)[1]
            return self._of(codes[:, np.newaxis], self._for_words(int(codes.max()) + 1))
        numbers = table.numbers(name)[rows]
        if np.isnan(numbers).all():
            return None
        tree = DecisionTreeRegressor if self._is_number else DecisionTreeClassifier
        score = self._of(numbers[:, np.newaxis].astype(np.float32), tree(**_TREE))
        return max(score, self._rank_score(numbers)) if self._is_number else score

    def _for_words(self, n_words: int) -> Model:
        if self._is_number:
            return make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge())
        return CategoricalNB(min_categories=n_words)

    def _of(self, inputs: NDArray[np.generic], model: Model) -> float:
        if (inputs == inputs[0]).all():
            return 0.0 if self._is_number else 0.5
        with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
            told = self._predict(inputs, model)
            if self._is_number:
                return max(0.0, float(r2_score(self._targets, told)))
            if told.shape[1] == 2:
                return max(0.5, _area(self._targets, told[:, 1]))
            return max(0.5, float(roc_auc_score(self._targets, told, multi_class="ovr")))

    def _predict(self, inputs: NDArray[np.generic], model: Model) -> NDArray[np.float64]:
        """Predict each fold by a model of the others.

        As `cross_val_predict` does, whose checks take longer than a fit to one column.
        """
        told = np.empty(len(inputs) if self._is_number else (len(inputs), self._n_classes))
        for train, test in self._folds:
            model.fit(inputs[train], self._targets[train])
            predict = model.predict if self._is_number else model.predict_proba
            told[test] = predict(inputs[test])
        return told

    def _rank_score(self, numbers: NDArray[np.float64]) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConstantInputWarning)
            told = spearmanr(numbers, self._targets, nan_policy="omit")
        return float(np.nan_to_num(told.statistic)) ** 2


def _area(targets: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    """Return the area under ROC of two classes, by the ranks of the second (Mann and Whitney).

    As `roc_auc_score`, whose checks take longer than the fits to a thousand columns.
    """
    is_second = targets == targets.max()
    n_second = int(np.count_nonzero(is_second))
    n_pairs = n_second * (len(targets) - n_second)
    above = float(rankdata(scores)[is_second].sum()) - n_second * (n_second + 1) / 2
    return above / n_pairs
