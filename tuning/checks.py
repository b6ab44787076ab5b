"""What can only be said of a study once its dataset is known; no row is read for it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tuning.datasets.dividing import groups_problem, smallest_class_problem
from tuning.datasets.info import DatasetInfo
from tuning.datasets.splits import RowCounts, count_rows
from tuning.parameters import PARAMETERS, Value
from tuning.setting import Choices, Fixed
from tuning.spec import CLASS_SCORES, NUMBER_SCORES, StudySpec

FEWEST_TRAINING_ROWS = 10  # below, a fold says nothing about the settings
_MOMENTUM_OPTIMIZERS = ("sgd", "rmsprop")
_RARE_SHARE = 0.1


def study_problems(spec: StudySpec, info: DatasetInfo) -> list[str]:
    """Return why a study cannot run on a dataset, a sentence each; none if it can."""
    counts = count_rows(spec, info)
    return [
        *_digit_problems(spec, info),
        *_score_problems(spec, info),
        *_image_problems(spec, info),
        *_row_problems(spec, info, counts),
        *_group_problems(spec, info, counts),
        *_batch_problems(spec, info),
    ]


def study_warnings(spec: StudySpec, info: DatasetInfo) -> list[str]:
    """Return what a person may regret about a study that can run, a sentence each."""
    return [
        *_momentum_warnings(spec),
        *_weight_warnings(spec, info),
        *_time_warnings(spec, info),
        *_seal_warnings(spec, info),
        *_rare_warnings(spec, info),
    ]


def n_training_rows(spec: StudySpec, info: DatasetInfo) -> int:
    """Return the rows a fit trains on, in the fold that has the fewest.

    Rows that early stopping sets aside inside the fold are not counted.
    """
    train = count_rows(spec, info).train
    return train - rows_aside(spec, train)


def rows_aside(spec: StudySpec, n_rows: int) -> int:
    """Return how many rows of a fold early stopping sets aside inside it."""
    stopping = spec.evaluation.early_stopping
    if stopping is None or stopping.rows == "separate":
        return 0
    return math.ceil(n_rows * stopping.fraction)


def _digit_problems(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    if spec.data.digits and not info.digits:
        yield f"Digits: {info.title} has none to choose. Leave digits out."


def _score_problems(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    score = spec.evaluation.score
    if info.task == "regression" and score in CLASS_SCORES:
        choices = ", ".join(NUMBER_SCORES)
        yield (
            f"Score: {score} needs classes, but {info.target} is a number. "
            + f"Choose one of: {choices}."
        )
    if info.task != "regression" and score in NUMBER_SCORES:
        choices = ", ".join(CLASS_SCORES)
        yield (
            f"Score: {score} needs a number, but {info.target} is one of "
            + f"{len(info.class_names)} classes. Choose one of: {choices}."
        )


def _image_problems(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    if spec.model != "convolutional":
        return
    if info.image_shape is None:
        yield f"Convolutional networks need images, but {info.title} is a table. Use dense."
        return
    height, width, _ = info.image_shape
    n_layers = max(
        len(filters) for filters in _values(spec, "filters") if isinstance(filters, tuple)
    )
    kernel, pool = _largest(spec, "kernel_size"), _largest(spec, "pool_size")
    left = min(height, width) - n_layers * (kernel - 1)
    if left < pool:
        yield (
            f"Kernel size: {n_layers} convolutions of {kernel} × {kernel} and pooling by "
            + f"{pool} leave nothing of an image of {height} × {width}. "
            + "Use a smaller kernel size, fewer filter layers or a smaller pool size."
        )


def _row_problems(spec: StudySpec, info: DatasetInfo, counts: RowCounts) -> Iterator[str]:
    evaluation = spec.evaluation
    if evaluation.method == "test" and not counts.test:
        yield (
            f"Evaluation: {info.title} has no test rows to score on. "
            + "Set the test fraction to 0.2, for example, or use folds."
        )
    train = n_training_rows(spec, info)
    if train < FEWEST_TRAINING_ROWS:
        yield (
            f"Rows: a fit would train on {train} rows. At least {FEWEST_TRAINING_ROWS} are "
            + "needed: use more of the rows."
        )
    elif (
        evaluation.method == "kfold" and info.task != "regression" and info.belonging != "time"
    ):
        # Stratified parts keep the mix of classes, give or take a row.
        share = counts.search / info.n_rows
        class_counts = [round(count * share) for count in info.class_counts]
        problem = smallest_class_problem(info.class_names, class_counts, evaluation.folds)
        if problem is not None:
            yield f"Folds: {problem}"


def _group_problems(spec: StudySpec, info: DatasetInfo, counts: RowCounts) -> Iterator[str]:
    if info.belonging != "groups" or not info.n_groups:
        return
    left = info.n_groups
    for n_rows in (counts.test - info.n_test_rows, counts.watch):
        if n_rows > 0:  # at least one whole group goes there
            left -= max(1, round(info.n_groups * n_rows / info.n_rows))
    needed = spec.evaluation.folds if spec.evaluation.method == "kfold" else 2
    problem = groups_problem(max(left, 0), needed)
    if problem is not None and spec.evaluation.method != "test":
        yield f"Folds: {problem}"


def _batch_problems(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    rows, largest = n_training_rows(spec, info), _largest(spec, "batch_size")
    if largest > rows:
        yield (
            f"Batch size: {largest:,} is more than the {rows:,} training rows of a fold. "
            + f"Use {rows:,} or less."
        )


def _momentum_warnings(spec: StudySpec) -> Iterator[str]:
    others = set(_values(spec, "optimizer")) - set(_MOMENTUM_OPTIMIZERS)
    if others and any(_values(spec, "momentum")):
        yield "Momentum only matters for SGD and RMSprop."


def _weight_warnings(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    if info.task == "regression" and any(_values(spec, "class_weight")):
        yield f"Class weights: {info.target} is a number, so all rows count the same."


def _time_warnings(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    if info.belonging == "time" and spec.evaluation.repeats > 1:
        yield "Repeats: folds follow time, so repeats differ only in their starting weights."


def _seal_warnings(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    if not count_rows(spec, info).test:
        yield "Without sealed rows the best score will look better than it is."


def _rare_warnings(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    if spec.evaluation.score != "accuracy" or not info.class_counts:
        return
    rarest = min(info.class_counts) / sum(info.class_counts)
    count, name = max(zip(info.class_counts, info.class_names, strict=True))
    share = count / sum(info.class_counts)
    if rarest < _RARE_SHARE and share > 0.5:
        yield (
            f"{share:.0%} of rows are {name!r}; accuracy rewards always saying {name!r}. "
            + "F1 or ROC AUC is safer."
        )


def _values(spec: StudySpec, name: str) -> tuple[Value, ...]:
    """Return the values a parameter can take; of a range, its two ends."""
    setting = spec.space.get(name)
    if setting is None:
        return (PARAMETERS[name].default,)
    if isinstance(setting, Fixed):
        return (setting.value,)
    if isinstance(setting, Choices):
        return setting.values
    return (setting.low, setting.high)


def _largest(spec: StudySpec, name: str) -> int:
    return max(int(value) for value in _values(spec, name) if isinstance(value, (int, float)))
