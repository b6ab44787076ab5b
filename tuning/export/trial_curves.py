"""What TensorBoard and MLflow are told of a trial: its curves and its score, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tuning.analysis.curves import ACCURACY, LOSS, MAE, Array, CurveBook, column_means
from tuning.spec import NUMBER_SCORES, StudySpec


def score_tag(spec: StudySpec) -> str:
    """Return what the score of a trial is called among its scalars."""
    return f"score/{spec.evaluation.score}"


def trial_curves(spec: StudySpec, book: CurveBook, number: int) -> Mapping[str, Array]:
    """Return the means over a trial's fits by epoch, under the names of their measures."""
    metric = MAE if spec.evaluation.score in NUMBER_SCORES else ACCURACY
    found: dict[str, Array] = {}
    for measure, name in ((LOSS, "loss"), (metric, metric.label.lower())):
        found[f"{name}/validation"] = book.mean(number, measure)
        found[f"{name}/training"] = column_means(book.folds(number, measure, training=True))
    return found
