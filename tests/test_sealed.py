"""The sealed test: its rows, its scores and their intervals, and who else has opened it."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from storage.database import Database, database
from storage.leases import update_claimed
from storage.schema import study as study_table
from storage.studies import FINISHED, StudyRow, get_study, opened_unscored
from storage.wishes import open_test
from tests.judged_scores import make_info, make_spec
from tests.pages.written_study import WrittenStudy, grid_spec
from tuning.analysis.areas import roc_ends
from tuning.datasets.catalogue import dataset_info, load_dataset
from tuning.datasets.info import Task
from tuning.errors import NoBestModelError
from tuning.execution.interface import BestModel, Leader, StopSignal, Work
from tuning.export.files import model_trial, save_best_model
from tuning.sealed import (
    Opened,
    n_sealed,
    opened_test,
    other_openings,
    sealed_document,
    sealed_rows,
    sealed_sentence,
    shares_rows,
)
from tuning.sealed_outputs import outputs_path, read_outputs
from tuning.sealed_scoring import score_opened, score_test
from tuning.spec import StudySpec
from tuning.training.interface import Reporter, Training

Floats = NDArray[np.float32]


def opened(task: Task, targets: Sequence[float], outputs: Sequence[Any]) -> Opened:
    """Return the opened test of some rows, once it has been through JSON."""
    columns = np.array(outputs, np.float32).reshape(len(targets), -1)
    document = sealed_document(task, np.array(targets, np.float32), columns)
    stored = json.loads(json.dumps({"confusion": []} | document, allow_nan=False))
    return Opened(at=1.0, **stored)


def make_row(db: Database, spec: StudySpec | None = None, **changes: Any) -> StudyRow:
    written = WrittenStudy.waiting(db, spec)
    with db.write() as connection:
        chosen = study_table.update().where(study_table.c.id == written.id)
        connection.execute(chosen.values(state=FINISHED, **changes))
    return get_study(db, written.id)


def spec_of(**changes: Any) -> StudySpec:
    data = {"dataset": "breast-cancer"} | changes
    return StudySpec.parse(grid_spec().model_dump(mode="json") | {"data": data})


# Which rows are sealed.


@pytest.mark.parametrize(
    ("data", "evaluation", "info", "n_rows"),
    [
        ({}, {}, {}, 25),
        ({"test_fraction": 0.0}, {}, {}, 0),
        ({"test_fraction": 0.3}, {}, {}, 38),
        ({}, {"method": "holdout"}, {}, 25),
        ({}, {"method": "test"}, {}, 0),
        ({"test_fraction": 0.0}, {}, {"n_test_rows": 40}, 40),
        ({}, {"method": "test"}, {"n_test_rows": 40}, 0),
    ],
)
def test_rows_are_sealed_unless_every_trial_is_scored_on_them(
    data: dict[str, Any], evaluation: dict[str, Any], info: dict[str, Any], n_rows: int
) -> None:
    spec = make_spec(data={"dataset": "pima"} | data, evaluation=evaluation)

    assert n_sealed(spec, make_info(**info)) == n_rows


def test_the_sealed_rows_are_those_that_scikit_learn_splits_off() -> None:
    spec, dataset = grid_spec(), load_dataset("breast-cancer", ())

    features, targets = sealed_rows(spec, dataset)

    _, expected, _, classes = train_test_split(
        dataset.features, dataset.targets, test_size=0.2, random_state=42,
        stratify=dataset.targets,
    )  # fmt: skip
    assert np.array_equal(features, expected)
    assert np.array_equal(targets, classes)
    assert len(targets) == n_sealed(spec, dataset.info)


# What is kept of an opened test.


def test_of_two_classes_every_score_and_the_confusion_are_kept() -> None:
    targets, outputs = [0, 0, 0, 1, 1, 1, 1], [0.1, 0.6, 0.2, 0.9, 0.4, 0.7, 0.8]

    found = opened("binary", targets, outputs)

    said = np.array(outputs) > 0.5
    assert found.n_rows == 7
    assert found.confusion == metrics.confusion_matrix(targets, said).tolist()
    assert found.scores["accuracy"] == pytest.approx(5 / 7)
    assert found.scores["log_loss"] == pytest.approx(metrics.log_loss(targets, outputs))
    assert found.scores["roc_auc"] == pytest.approx(metrics.roc_auc_score(targets, outputs))
    of_truth = np.where(targets, outputs, 1 - np.array(outputs))
    assert found.row_variances == {
        "log_loss": pytest.approx(np.var(-np.log(of_truth), ddof=1), rel=1e-5)
    }


def test_of_several_classes_the_most_likely_one_is_said() -> None:
    targets = [0, 1, 2, 2, 3]
    outputs = np.full((5, 4), 0.1)
    outputs[[0, 1, 2, 3, 4], [0, 2, 2, 2, 0]] = 0.7

    found = opened("multiclass", targets, outputs.ravel().tolist())

    expected = metrics.confusion_matrix(targets, [0, 2, 2, 2, 0])
    assert found.confusion == expected.tolist()
    assert found.scores["accuracy"] == pytest.approx(3 / 5)


def test_a_class_that_no_sealed_row_has_keeps_its_place() -> None:
    outputs = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]]

    assert opened("multiclass", [0, 1], outputs).confusion == [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 0],
    ]


def test_of_numbers_there_is_no_confusion() -> None:
    found = opened("regression", [1.0, 2.0, 4.0], [1.5, 2.0, 3.0])

    assert found.confusion == []
    assert found.scores["rmse"] == pytest.approx(math.sqrt((0.25 + 0 + 1) / 3))
    assert found.row_variances["mae"] == pytest.approx(np.var([0.5, 0.0, 1.0], ddof=1))
    assert found.row_variances["mse"] == pytest.approx(np.var([0.25, 0.0, 1.0], ddof=1))


def test_a_score_that_the_rows_do_not_give_is_left_out() -> None:
    found = opened("binary", [1, 1, 1], [0.9, 0.8, 0.7])

    assert "roc_auc" not in found.scores
    assert found.interval("roc_auc") is None
    assert sealed_sentence(found, "roc_auc", 0.8) == (
        "The 3 sealed rows do not give this score."
    )


def test_one_row_tells_no_interval_of_a_loss() -> None:
    found = opened("regression", [1.0], [1.5])

    assert found.row_variances == {}
    assert found.interval("rmse") is None
    assert sealed_sentence(found, "rmse", None) == "0.500 on 1 sealed rows."


# Intervals.


def test_accuracy_has_wilson_s_interval() -> None:
    found = Opened(1.0, 154, {"accuracy": 109 / 154}, {}, [])

    interval = found.interval("accuracy")

    expected = stats.binomtest(109, 154).proportion_ci(method="wilson")
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_an_area_under_roc_has_the_interval_of_the_rows_of_both_classes() -> None:
    found = Opened(1.0, 154, {"roc_auc": 0.82}, {}, [[80, 20], [14, 40]])

    once, again = found.interval("roc_auc"), found.interval("roc_auc", n_openings=2)

    assert once is not None
    assert again is not None
    assert (once.low, once.high) == roc_ends(0.82, 54, 100)
    assert (again.low, again.high, again.label) == (
        *roc_ends(0.82, 54, 100, level=0.975),
        "opened 2 times",
    )
    assert sealed_sentence(found, "roc_auc", 0.85).startswith(
        "0.82 on 154 sealed rows (95 % interval 0.74 to 0.88)."
    )


def test_a_mean_has_a_normal_interval_by_the_variance_of_its_rows() -> None:
    errors = np.abs(np.array([0.5, 0.1, 0.9, 0.3, 0.4]))
    found = opened("regression", [0.0] * 5, errors.tolist())

    interval = found.interval("mae")

    half = stats.norm.ppf(0.975) * errors.std(ddof=1) / math.sqrt(5)
    assert interval is not None
    assert interval.low == pytest.approx(errors.mean() - half)
    assert interval.high == pytest.approx(errors.mean() + half)


def test_the_root_of_a_mean_has_the_roots_of_its_ends() -> None:
    errors = np.array([1.0, 2.0, 3.0, 2.0])
    found = opened("regression", [0.0] * 4, errors.tolist())

    interval = found.interval("rmse")

    squares = errors**2
    half = stats.norm.ppf(0.975) * squares.std(ddof=1) / 2
    assert interval is not None
    assert interval.score == pytest.approx(math.sqrt(squares.mean()))
    assert interval.low == pytest.approx(math.sqrt(squares.mean() - half))
    assert interval.high == pytest.approx(math.sqrt(squares.mean() + half))


@pytest.mark.parametrize("score", ["mae", "mse", "rmse"])
def test_no_loss_is_said_to_be_below_nothing(score: str) -> None:
    found = opened("regression", [0.0] * 4, [0.0, 0.0, 0.0, 3.0]).interval(score)

    assert found is not None
    assert found.low == 0.0


@pytest.mark.parametrize("score", ["roc_auc", "f1", "r2", "no such score"])
def test_scores_whose_rows_do_not_tell_an_interval_have_none(score: str) -> None:
    scores = {"roc_auc": 0.8, "f1": 0.7, "r2": 0.5}

    assert Opened(1.0, 50, scores, {}, []).interval(score) is None


def test_an_interval_is_wider_where_the_rows_were_opened_before() -> None:
    found = Opened(1.0, 154, {"accuracy": 109 / 154}, {}, [])

    interval = found.interval("accuracy", n_openings=2)

    expected = stats.binomtest(109, 154).proportion_ci(0.975, method="wilson")
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.label == "opened 2 times"


# Words.


def test_what_the_sealed_rows_gave_stands_beside_what_was_promised() -> None:
    found = Opened(1.0, 154, {"accuracy": 109 / 154}, {}, [])

    assert sealed_sentence(found, "accuracy", 0.7171) == (
        "0.71 on 154 sealed rows (95 % interval 0.63 to 0.77). The search promised 0.72."
    )


def test_a_second_look_at_the_same_rows_says_so() -> None:
    found = Opened(1.0, 1540, {"accuracy": 1090 / 1540}, {}, [])

    assert sealed_sentence(found, "accuracy", 0.7171, n_openings=3) == (
        "0.708 on 1,540 sealed rows (98.3 % interval 0.679 to 0.735; opened 3 times). "
        + "The search promised 0.717."
    )


def test_a_score_without_an_interval_has_three_digits() -> None:
    found = Opened(1.0, 50, {"roc_auc": 0.81234}, {}, [])

    assert sealed_sentence(found, "roc_auc", None) == "0.812 on 50 sealed rows."


def test_large_losses_have_no_digits_behind_the_point() -> None:
    found = Opened(1.0, 2500, {"mae": 51_234.5}, {"mae": 4e9}, [])

    assert sealed_sentence(found, "mae", 50_000.0) == (
        "51,235 on 2,500 sealed rows (95 % interval 48,755 to 53,714). "
        + "The search promised 50,000."
    ).replace("51,235", f"{51_234.5:,.0f}")


# What is stored.


def test_a_sealed_study_has_no_opened_test(db: Database) -> None:
    assert opened_test(make_row(db)) is None


def test_an_opened_test_has_no_scores_before_they_are_computed(db: Database) -> None:
    found = opened_test(make_row(db, test_opened_at=5.0))

    assert found == Opened(5.0, 0, {}, {}, [])


def test_an_opened_test_is_read_as_it_was_scored(db: Database) -> None:
    document = sealed_document("binary", np.ones(3, np.float32), np.ones((3, 1), np.float32))
    document |= {"trial": 4, "promised": 0.8}

    found = opened_test(make_row(db, test_opened_at=5.0, test=json.dumps(document)))

    assert found is not None
    assert (found.at, found.n_rows, found.trial, found.promised) == (5.0, 3, 4, 0.8)
    assert found.scores["accuracy"] == 1.0
    assert found.confusion == [[0, 0], [0, 3]]


# Who else has opened these rows.


@pytest.mark.parametrize(
    ("one", "other", "info", "shared"),
    [
        ({}, {}, {}, True),
        ({}, {"split_seed": 7}, {}, False),
        ({}, {"test_fraction": 0.3}, {}, True),
        ({}, {"test_fraction": 0.0}, {}, False),
        ({}, {"split_seed": 7}, {"n_test_rows": 40}, True),
        ({"digits": [2, 7]}, {"digits": [3, 8]}, {"n_test_rows": 40}, False),
        ({"digits": [2, 7]}, {"digits": [2, 8]}, {"n_test_rows": 40}, True),
    ],
)
def test_studies_share_sealed_rows_by_the_seed_of_their_split(
    one: dict[str, Any], other: dict[str, Any], info: dict[str, Any], shared: bool
) -> None:
    specs = [make_spec(data={"dataset": "pima"} | data) for data in (one, other)]

    assert shares_rows(specs[0], specs[1], make_info(**info)) is shared
    assert shares_rows(specs[1], specs[0], make_info(**info)) is shared


def test_a_study_that_scores_its_trials_on_the_test_rows_opens_nothing() -> None:
    on_test = make_spec(evaluation={"method": "test"})

    assert not shares_rows(make_spec(), on_test, make_info())


def test_other_openings_are_told_in_their_order_and_not_ones_own(db: Database) -> None:
    info = dataset_info("breast-cancer")
    own = make_row(db, spec_of(), test_opened_at=5.0)
    later = make_row(db, spec_of(), test_opened_at=9.0)
    earlier = make_row(db, spec_of(test_fraction=0.1), test_opened_at=2.0)
    make_row(db, spec_of(split_seed=1), test_opened_at=3.0)
    make_row(db, spec_of())
    make_row(db, make_spec(), test_opened_at=4.0)

    found = other_openings(db, own.id, spec_of(), info)

    assert [row.id for row in found] == [earlier.id, later.id]


# Scoring.


@dataclass
class Sklearn:
    """A place that only predicts, with models of scikit-learn.

    Attributes
    ----------
    n_predicted : int
        Calls so far.
    """

    n_cores: int = 1
    n_predicted: int = 0

    def train(self, _work: Work, _trainings: Sequence[Training], _reporter: Reporter) -> None:
        """Train nothing."""

    def best_model(self, _w: Work, _leader: Leader, _signal: StopSignal) -> BestModel | None:
        """Train nothing."""

    def predict(self, content: bytes, features: Floats) -> Floats:
        """Return the probability of the second class."""
        self.n_predicted += 1
        model: Pipeline = pickle.loads(content)
        shares: Floats = model.predict_proba(features)[:, 1:].astype(np.float32)
        return shares


def saved(home: Path, study_id: str, trial: int | None = 0) -> Pipeline:
    """Fit a model to the rows a study searches with, and save it as the study's."""
    dataset = load_dataset("breast-cancer", ())
    rows, _, classes, _ = train_test_split(
        dataset.features, dataset.targets, test_size=0.2, random_state=42,
        stratify=dataset.targets,
    )  # fmt: skip
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, classes)
    facts = {} if trial is None else {"trial": trial}
    save_best_model(home, study_id, BestModel(pickle.dumps(model), facts))
    return model


@pytest.fixture
def study(home: Path) -> WrittenStudy:
    """Give a finished study of four trials, in a data folder of its own."""
    assert home.is_dir()
    written = WrittenStudy.waiting(database())
    written.train()
    for number in range(4):
        written.complete(number)
    written.end()
    return written


def test_an_opened_test_is_scored_by_the_saved_model_once(
    study: WrittenStudy, home: Path
) -> None:
    model, executor = saved(home, study.id), Sklearn()
    open_test(study.db, study.id)

    assert score_opened(study.db, executor) == [study.id]
    assert score_opened(study.db, executor) == []

    found = opened_test(get_study(study.db, study.id))
    features, targets = sealed_rows(study.spec, load_dataset("breast-cancer", ()))
    assert executor.n_predicted == 1
    assert found is not None
    assert found.scores["accuracy"] == pytest.approx(model.score(features, targets))
    assert found.n_rows == 114
    assert np.sum(found.confusion) == 114


def test_a_study_that_nobody_opened_is_not_scored(study: WrittenStudy, home: Path) -> None:
    saved(home, study.id)
    executor = Sklearn()

    assert score_opened(study.db, executor) == []
    assert executor.n_predicted == 0
    assert get_study(study.db, study.id).test == "{}"


@pytest.mark.parametrize(
    ("trial", "promised"), [(0, 0.90), (2, 0.88), (None, None), (99, None)]
)
def test_what_the_search_promised_of_the_model_is_kept_with_its_scores(
    study: WrittenStudy, home: Path, trial: int | None, promised: float | None
) -> None:
    saved(home, study.id, trial)
    open_test(study.db, study.id)

    score_test(study.db, study.id, Sklearn())

    found = opened_test(get_study(study.db, study.id))
    assert found is not None
    assert found.trial == trial
    assert found.promised == (promised and pytest.approx(promised))


def test_a_study_without_a_model_cannot_be_scored_and_does_not_hold_up_others(
    study: WrittenStudy, home: Path
) -> None:
    without = WrittenStudy.waiting(study.db)
    without.train()
    without.end()
    saved(home, study.id)
    open_test(study.db, without.id)
    open_test(study.db, study.id)

    with pytest.raises(NoBestModelError) as error:
        score_opened(study.db, Sklearn())

    assert without.id in str(error.value)
    assert opened_unscored(study.db) == [without.id]


def test_scores_that_are_there_stay(study: WrittenStudy, home: Path) -> None:
    saved(home, study.id)
    open_test(study.db, study.id)
    score_test(study.db, study.id, Sklearn())
    before = get_study(study.db, study.id).test

    saved(home, study.id, trial=3)
    score_test(study.db, study.id, Sklearn())

    assert get_study(study.db, study.id).test == before


def test_outputs_are_kept_with_the_scores_and_stay_with_them(
    study: WrittenStudy, home: Path
) -> None:
    model = saved(home, study.id)
    path = outputs_path(home / "models" / study.id / "model.keras")
    assert read_outputs(path) is None
    open_test(study.db, study.id)
    score_test(study.db, study.id, Sklearn())

    kept = read_outputs(path)
    before = path.read_bytes()
    saved(home, study.id, trial=3)
    score_test(study.db, study.id, Sklearn())

    assert kept is not None
    _, targets = sealed_rows(study.spec, load_dataset("breast-cancer", ()))
    assert kept.targets.tolist() == targets.tolist()
    features, _ = sealed_rows(study.spec, load_dataset("breast-cancer", ()))
    assert kept.outputs[:, -1] == pytest.approx(model.predict_proba(features)[:, 1], abs=1e-6)
    assert path.read_bytes() == before


def test_a_study_tells_everybody_who_watches_that_it_was_scored(
    study: WrittenStudy, home: Path
) -> None:
    saved(home, study.id)
    open_test(study.db, study.id)
    version = get_study(study.db, study.id).version

    score_test(study.db, study.id, Sklearn())

    assert get_study(study.db, study.id).version > version


def test_a_file_that_nothing_is_told_of_has_no_trial(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    assert model_trial(path) is None

    path.with_suffix(".json").write_text("{")
    assert model_trial(path) is None

    path.with_suffix(".json").write_text('{"trial": 7}')
    assert model_trial(path) == 7


def test_a_study_that_goes_on_keeps_the_test_it_opened(study: WrittenStudy, home: Path) -> None:
    saved(home, study.id)
    open_test(study.db, study.id)
    score_test(study.db, study.id, Sklearn())
    assert study.claim is not None

    update_claimed(study.db, study.claim, state="training")

    found = opened_test(get_study(study.db, study.id))
    assert found is not None
    assert found.scores
