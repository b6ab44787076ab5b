"""What is said of a study and its dataset before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tuning.checks import n_training_rows, study_problems, study_warnings
from tuning.datasets.catalogue import catalogue, dataset_info
from tuning.datasets.info import DatasetInfo
from tuning.spec import StudySpec

PIMA = catalogue()["pima"]
CALIFORNIA = catalogue()["california"]
MNIST = catalogue()["mnist"]
DIGITS = catalogue()["digits"]
NOT_SEALED = {"test_fraction": 0}


def make_spec(**parts: Any) -> StudySpec:
    data = {"dataset": "any"} | parts.pop("data", {})
    return StudySpec.parse({"name": "test", "data": data} | parts)


def choices(*values: object) -> dict[str, object]:
    return {"kind": "list", "values": list(values)}


def test_a_study_that_fits_its_dataset_has_no_problems() -> None:
    assert study_problems(make_spec(), PIMA) == []
    assert study_problems(make_spec(model="convolutional"), MNIST) == []
    assert study_problems(make_spec(evaluation={"score": "rmse"}), CALIFORNIA) == []
    assert study_warnings(make_spec(), PIMA) == []


@pytest.mark.parametrize(
    ("parts", "info", "sentence"),
    [
        (
            {"evaluation": {"score": "accuracy"}},
            CALIFORNIA,
            "Score: accuracy needs classes, but house value is a number. "
            + "Choose one of: rmse, mse, mae, r2.",
        ),
        (
            {"evaluation": {"score": "rmse"}},
            PIMA,
            "Score: rmse needs a number, but diabetes is one of 2 classes. "
            + "Choose one of: accuracy, log_loss, roc_auc, f1.",
        ),
        (
            {"model": "convolutional"},
            PIMA,
            "Convolutional networks need images, but Pima diabetes is a table. Use dense.",
        ),
        (
            {"model": "convolutional", "space": {"kernel_size": choices(3, 5)}},
            DIGITS,
            "Kernel size: 2 convolutions of 5 × 5 and pooling by 2 leave nothing of an "
            + "image of 8 × 8. Use a smaller kernel size, fewer filter layers or a smaller "
            + "pool size.",
        ),
        (
            {
                "data": NOT_SEALED,
                "space": {"batch_size": choices(10, 2000)},
                "evaluation": {"folds": 3},
            },
            PIMA,
            "Batch size: 2,000 is more than the 512 training rows of a fold. Use 512 or less.",
        ),
        (
            {"data": NOT_SEALED},
            replace(PIMA, class_counts=(764, 4)),
            "Folds: Only 4 rows say 'yes'. Use at most 4 folds.",
        ),
        (
            {"data": {"digits": [2, 7]}},
            PIMA,
            "Digits: Pima diabetes has none to choose. Leave digits out.",
        ),
        (
            {"data": NOT_SEALED, "evaluation": {"method": "test"}},
            PIMA,
            "Evaluation: Pima diabetes has no test rows to score on. "
            + "Set the test fraction to 0.2, for example, or use folds.",
        ),
        (
            {"data": {"sample_fraction": 0.01}, "space": {"batch_size": choices(2)}},
            PIMA,
            "Rows: a fit would train on 4 rows. At least 10 are needed: use more of the rows.",
        ),
    ],
)
def test_each_problem_is_one_sentence(
    parts: dict[str, Any], info: DatasetInfo, sentence: str
) -> None:
    assert study_problems(make_spec(**parts), info) == [sentence]


def test_all_problems_are_told_at_once() -> None:
    spec = make_spec(
        data={"digits": [2, 7]},
        model="convolutional",
        space={"batch_size": choices(60_000)},
        evaluation={"score": "f1"},
    )

    problems = study_problems(spec, CALIFORNIA)

    starts = [problem.split(" ")[0] for problem in problems]
    assert starts == ["Digits:", "Score:", "Convolutional", "Batch"]


@pytest.mark.parametrize(
    ("kernel", "pool", "fits"), [(3, 4, True), (3, 5, False), (4, 2, True), (4, 3, False)]
)
def test_an_image_must_be_left_after_kernels_and_pooling(
    kernel: int, pool: int, fits: bool
) -> None:
    # 8 × 8 after two kernels: 4 × 4 for 3 × 3, 2 × 2 for 4 × 4
    space = {"kernel_size": choices(kernel), "pool_size": choices(pool)}

    problems = study_problems(make_spec(model="convolutional", space=space), DIGITS)

    assert (problems == []) is fits


def test_the_largest_value_of_a_range_counts() -> None:
    space = {"batch_size": {"kind": "log_range", "low": 16, "high": 4096, "points": 3}}

    problems = study_problems(make_spec(space=space), PIMA)

    assert problems == [
        "Batch size: 4,096 is more than the 491 training rows of a fold. Use 491 or less."
    ]


def test_training_rows_of_the_published_experiments() -> None:
    pima = make_spec(data=NOT_SEALED, evaluation={"folds": 3})
    california = make_spec(
        data={"test_fraction": 0.25},
        evaluation={
            "folds": 3,
            "score": "mse",
            "early_stopping": {"rows": "separate", "fraction": 0.25},
        },
    )
    mnist = make_spec(evaluation={"method": "test"})

    assert n_training_rows(pima, PIMA) == 512
    assert n_training_rows(california, CALIFORNIA) == 7_740
    assert n_training_rows(mnist, MNIST) == 12_223


def test_rows_watched_inside_a_fold_are_not_trained_on() -> None:
    spec = make_spec(
        data=NOT_SEALED, evaluation={"folds": 3, "early_stopping": {"fraction": 0.25}}
    )

    assert n_training_rows(spec, PIMA) == 384


@pytest.mark.parametrize(
    ("parts", "info", "sentence"),
    [
        (
            {"space": {"momentum": choices(0.0, 0.9)}},
            PIMA,
            "Momentum only matters for SGD and RMSprop.",
        ),
        (
            {"data": NOT_SEALED},
            PIMA,
            "Without sealed rows the best score will look better than it is.",
        ),
        (
            {},
            replace(PIMA, class_counts=(700, 68)),
            "91% of rows are 'no'; accuracy rewards always saying 'no'. "
            + "F1 or ROC AUC is safer.",
        ),
    ],
)
def test_each_warning_is_one_sentence(
    parts: dict[str, Any], info: DatasetInfo, sentence: str
) -> None:
    assert study_warnings(make_spec(**parts), info) == [sentence]


@pytest.mark.parametrize(
    ("parts", "info"),
    [
        ({"space": {"momentum": choices(0.9), "optimizer": choices("sgd", "rmsprop")}}, PIMA),
        ({"space": {"momentum": choices(0.0), "optimizer": choices("adam")}}, PIMA),
        ({"data": NOT_SEALED}, MNIST),
        ({"data": {"digits": list(range(10))}}, dataset_info("mnist", tuple(range(10)))),
        ({"evaluation": {"score": "f1"}}, replace(PIMA, class_counts=(700, 68))),
        ({"evaluation": {"score": "rmse"}}, CALIFORNIA),
    ],
)
def test_nothing_is_warned_of_without_a_reason(
    parts: dict[str, Any], info: DatasetInfo
) -> None:
    assert study_warnings(make_spec(**parts), info) == []


def test_class_weights_for_a_number_are_warned_of() -> None:
    space = {"class_weight": choices(None, "balanced")}
    sentence = "Class weights: house value is a number, so all rows count the same."

    assert study_warnings(make_spec(space=space), CALIFORNIA) == [sentence]
    assert study_warnings(make_spec(space=space), PIMA) == []
    assert study_warnings(make_spec(), CALIFORNIA) == []
