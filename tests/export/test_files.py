"""Tables and documents as spreadsheets and scripts read them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from storage.database import Database
from storage.errors import UnknownStudyError
from storage.leases import claim_study, update_claimed
from storage.results import Batch, FitRow, TrialRow, write_batch
from storage.studies import FINISHED
from tuning.execution.interface import BestModel
from tuning.export.files import (
    best_model_path,
    fits_csv,
    model_folder,
    model_trial,
    save_best_model,
    save_trial_model,
    study_document,
    study_json,
    trial_model_path,
    trials_csv,
)
from tuning.launch import launch
from tuning.spec import StudySpec

SPEC = StudySpec.parse(
    {
        "name": "layers",
        "data": {"dataset": "breast-cancer"},
        "space": {
            "dense_layer_sizes": {"kind": "list", "values": [[8], [16, 8]]},
            "activation": {"kind": "list", "values": ["relu"]},
        },
        "evaluation": {"folds": 2},
    }
)


# Scores .7 and .8 on 455 rows: p = 342.25 / 457, v = (10 p(1 - p) / 227.5 + .005) / 11,
# c = 1/2 + 1, and t(.975, 11) = 2.2009852.
_P = 342.25 / 457
HALF_WIDTH = 2.2009852 * (1.5 * (10 * _P * (1 - _P) / 227.5 + 0.005) / 11) ** 0.5


@pytest.fixture
def study_id(db: Database) -> str:
    """Give a finished study of a complete and a failed trial."""
    study_id = launch(db, SPEC)
    claim = claim_study(db, "worker", study_id)
    assert claim is not None
    layers = [{"dense_layer_sizes": sizes, "activation": "relu"} for sizes in ([8], [16, 8])]
    trials = [
        TrialRow(0, "COMPLETE", layers[0], 0.75, 0.05, 9.5, 1.5, 257, finished_at=2.0),
        TrialRow(1, "FAIL", layers[1], message="=1+1"),
    ]
    fits = [
        FitRow(0, 0, 0, "COMPLETE", 0.7, {"accuracy": 0.7, "f1": 0.6}, 9, 4, 0.5, "keras"),
        FitRow(0, 0, 1, "COMPLETE", 0.8, {"accuracy": 0.8}, 10, None, 1.0, "keras"),
        FitRow(1, 0, 0, "FAIL", message="=1+1"),
    ]
    best = {"best_number": 0, "best_score": 0.75, "best_half_width": 0.05}
    write_batch(db, claim, Batch(trials=trials, fits=fits, study=best))
    update_claimed(db, claim, state=FINISHED, started_at=1.0)
    return study_id


def read(table: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.decode())))


def test_the_table_of_trials_has_a_column_for_every_parameter_and_fold(
    db: Database, study_id: str
) -> None:
    complete, failed = read(trials_csv(db, study_id))
    half_width = complete["half_width"]

    assert float(half_width) == pytest.approx(HALF_WIDTH)
    assert complete == {
        "number": "0",
        "state": "COMPLETE",
        "dense_layer_sizes": "8",
        "activation": "relu",
        "rank": "1",
        "score": "0.75",
        "half_width": half_width,
        "gap": "0.0",
        "tie": "leader",
        "n_repeats": "1",
        "search_score": "0.75",
        "search_std": "0.05",
        "score_repeat0_fold0": "0.7",
        "score_repeat0_fold1": "0.8",
        "n_epochs": "9.5",
        "duration_s": "1.5",
        "n_weights": "257",
        "message": "",
    }
    assert failed["dense_layer_sizes"] == "16-8"
    assert (failed["score"], failed["score_repeat0_fold1"]) == ("", "")
    assert (failed["rank"], failed["tie"], failed["n_repeats"]) == ("", "", "")


def test_repeats_of_confirming_stay_apart_from_the_scores_of_the_search(
    db: Database, study_id: str
) -> None:
    claim = claim_study(db, "worker", launch(db, SPEC))
    assert claim is not None
    fits = [
        FitRow(n, repeat, fold, "COMPLETE", 0.7 + n / 10 + repeat / 100, trainer="keras")
        for n, repeats in ((0, 1), (1, 2))
        for repeat in range(repeats)
        for fold in (0, 1)
    ]
    params = {"dense_layer_sizes": [8], "activation": "relu"}
    trials = [TrialRow(n, "COMPLETE", params, 0.7 + n / 10) for n in (0, 1)]
    write_batch(db, claim, Batch(trials=trials, fits=fits))

    worse, better = study_document(db, claim.study_id)["trials"]

    assert better["fold_scores"] == pytest.approx([0.8, 0.8])
    assert better["confirm_scores"] == pytest.approx([0.81, 0.81])
    assert (better["score"], better["search_score"]) == pytest.approx((0.805, 0.8))
    assert (better["n_repeats"], worse["n_repeats"]) == (2, 1)
    assert worse["confirm_scores"] == []
    assert worse["gap"] == pytest.approx(-0.1)  # on the folds that both have


def test_the_verdict_comes_with_the_document(db: Database, study_id: str) -> None:
    verdict = json.loads(study_json(db, study_id))["verdict"]

    assert verdict["leader"] == 0
    assert verdict["score"] == 0.75
    assert verdict["half_width"] == pytest.approx(HALF_WIDTH)
    assert verdict["sentence"].startswith("Trial 0 has the best score, accuracy 0.75 ± 0.09.")


def test_text_that_a_spreadsheet_would_run_is_disarmed(db: Database, study_id: str) -> None:
    assert read(trials_csv(db, study_id))[1]["message"] == "'=1+1"
    assert read(fits_csv(db, study_id))[2]["message"] == "'=1+1"


def test_only_chosen_trials_are_written(db: Database, study_id: str) -> None:
    assert [row["number"] for row in read(trials_csv(db, study_id, [1, 7]))] == ["1"]


def test_the_table_of_fits_has_a_column_for_every_score(db: Database, study_id: str) -> None:
    rows = read(fits_csv(db, study_id))

    assert [(row["number"], row["fold"], row["accuracy"], row["f1"]) for row in rows] == [
        ("0", "0", "0.7", "0.6"),
        ("0", "1", "0.8", ""),
        ("1", "0", "", ""),
    ]
    assert (rows[0]["n_epochs"], rows[0]["best_epoch"], rows[1]["best_epoch"]) == ("9", "4", "")


def test_a_study_without_trials_has_empty_tables(db: Database) -> None:
    study_id = launch(db, SPEC)

    assert read(trials_csv(db, study_id)) == []
    assert read(fits_csv(db, study_id)) == []
    assert study_document(db, study_id)["best"] is None


def test_the_document_holds_study_spec_trials_and_best(db: Database, study_id: str) -> None:
    document = json.loads(study_json(db, study_id))

    assert document["study"]["state"] == "finished"
    assert StudySpec.parse(document["spec"]) == SPEC
    assert document["trials"][0] == {
        "number": 0,
        "state": "COMPLETE",
        "params": {"dense_layer_sizes": [8], "activation": "relu"},
        "rank": 1,
        "score": 0.75,
        "half_width": pytest.approx(HALF_WIDTH),
        "gap": 0.0,
        "tie": "leader",
        "n_repeats": 1,
        "search_score": 0.75,
        "search_std": 0.05,
        "fold_scores": [0.7, 0.8],
        "confirm_scores": [],
        "n_epochs": 9.5,
        "duration_s": 1.5,
        "n_weights": 257,
        "trainer": "keras",
        "message": "",
        "by_hand": False,
        "note": "",
        "tags": [],
        "is_starred": False,
    }
    assert document["best"] == document["trials"][0]
    assert document["seconds"] > 0


def test_a_study_that_is_not_there_is_named(db: Database) -> None:
    with pytest.raises(UnknownStudyError):
        study_document(db, "layers-9999")


def test_the_best_model_is_found_once_it_is_saved(tmp_path: Path) -> None:
    assert best_model_path(tmp_path, "layers-2345") is None
    folder = model_folder(tmp_path, "layers-2345")
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"model")

    assert best_model_path(tmp_path, "layers-2345") == folder / "model.keras"


def test_each_trial_has_a_model_of_its_own_and_the_leader_has_the_study_s(
    tmp_path: Path,
) -> None:
    save_best_model(tmp_path, "s-1", BestModel(b"leader", {"trial": 4}))
    save_trial_model(tmp_path, "s-1", 2, BestModel(b"other", {"trial": 2}))

    found = {n: trial_model_path(tmp_path, "s-1", n) for n in (2, 3, 4)}

    assert found[3] is None
    assert [path.read_bytes() for path in (found[2], found[4]) if path] == [b"other", b"leader"]
    assert found[2] is not None
    assert model_trial(found[2]) == 2
    assert found[4] == best_model_path(tmp_path, "s-1")
