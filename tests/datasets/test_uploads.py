"""A person's own table: what is guessed of it, how it is kept and turned into rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.database import Database
from storage.datasets import delete_dataset, get_dataset, list_datasets
from tests.upload_files import receive, save_upload, table_of
from tuning.datasets.catalogue import dataset_info, is_available, load_dataset
from tuning.datasets.info import Task
from tuning.datasets.uploads.checks import check_choices
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.guessing import guess_choices, guess_target, recognise_task
from tuning.datasets.uploads.keeping import uploaded
from tuning.datasets.uploads.learning import Learned
from tuning.datasets.uploads.places import upload_path
from tuning.datasets.uploads.summary import summarise
from tuning.errors import UploadError

N_ROWS = 60
PLANS = ("basic", "plus", "max")


def write_csv(
    columns: dict[str, list[object]], separator: str = ",", *, header: bool = True
) -> bytes:
    lines = [separator.join(columns)] if header else []
    lines += [separator.join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines).encode()


def churn(**changes: list[object]) -> dict[str, list[object]]:
    """Make a small table: a number with gaps, a choice with gaps, a target of two words."""
    columns: dict[str, list[object]] = {
        "tenure": [i if i % 10 else "" for i in range(N_ROWS)],
        "plan": [PLANS[i % 3] if i % 7 else "" for i in range(N_ROWS)],
        "left": ["yes" if i % 4 == 0 else "no" for i in range(N_ROWS)],
    }
    return columns | changes


def learn_from(
    data: bytes, file_name: str, target: str | None = None, task: Task | None = None
) -> tuple[Choices, Learned]:
    file = receive(data, file_name)
    choices = guess_choices(file.table, target, task)
    return choices, check_choices(file.table, choices, file_name)


def test_columns_without_a_header_are_numbered_and_the_person_is_told() -> None:
    data = write_csv({"a": [3 * i for i in range(N_ROWS)], "b": [0, 1] * 30}, header=False)

    choices, learned = learn_from(data, "plain.csv")

    assert learned.columns == ("column 1",)
    assert choices.target == "column 2"
    assert learned.n_rows == N_ROWS
    assert receive(data, "plain.csv").notes == (
        "No header: columns were named column 1 to column 2.",
    )


@pytest.mark.parametrize(
    ("columns", "target"),
    [(["a", "b"], "b"), (["Outcome", "b"], "Outcome"), (["y", "class", "b"], "class")],
)
def test_the_target_is_guessed_by_its_name_or_place(columns: list[str], target: str) -> None:
    assert guess_target(table_of({name: [] for name in columns})) == target


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1, 1, 0], "binary"),
        (["yes", "no", "yes", None], "binary"),
        ([True, False, True, True], "binary"),
        ([1.5, 2.5, 1.5, 2.5], "binary"),
        ([1, 2, 3, 1], "multiclass"),
        ([1.0, 2.0, 3.0, np.nan], "multiclass"),
        (["a", "b", "c", "a"], "multiclass"),
        (list(range(20)), "multiclass"),
        (list(range(21)), "regression"),
        ([0.5, 1.0, 2.0, 3.0], "regression"),
    ],
)
def test_the_task_is_recognised(values: list[object], task: Task) -> None:
    assert recognise_task(table_of({"y": values}), "y") == task


def test_a_guess_says_what_is_there() -> None:
    table = receive(write_csv(churn()), "churn.csv").table
    choices, learned = learn_from(write_csv(churn()), "churn.csv")

    tenure, plan = (summarise(table, name) for name in ("tenure", "plan"))
    assert (choices.target, choices.task, learned.n_rows) == ("left", "binary", 60)
    assert dict(zip(learned.class_names, learned.class_counts, strict=True)) == {
        "no": 45,
        "yes": 15,
    }
    assert (tenure.type, tenure.missing, tenure.distinct) == ("number", 6, 54)
    assert (plan.type, plan.missing, set(plan.words)) == ("text", 9, set(PLANS))
    assert learned.inputs[1].levels == ("basic", "max", "plus")
    assert learned.columns == (
        "tenure",
        "tenure is missing",
        "plan: basic",
        "plan: max",
        "plan: plus",
    )


def test_what_was_learned_survives_json() -> None:
    _, learned = learn_from(write_csv(churn()), "churn.csv")

    assert Learned.from_json(learned.to_json()) == learned


def test_columns_that_cannot_help_are_left_out() -> None:
    columns = churn(
        plan=["basic"] * N_ROWS,
        customer=[f"c{i}" for i in range(N_ROWS)],
        left=["" if i == 3 else i % 2 for i in range(N_ROWS)],
    )

    choices, learned = learn_from(write_csv(columns), "churn.csv", "left")

    assert [column.name for column in choices.of_role("out")] == ["plan", "customer"]
    assert learned.columns == ("tenure", "tenure is missing")
    assert learned.class_names == ("0", "1")
    assert learned.notes == ("1 row has no target and will be left out.",)


def test_only_the_most_frequent_choices_are_told_apart() -> None:
    cities = [f"city{i}" for i in range(55)] * 3 + ["city0", "city54"]
    columns: dict[str, list[object]] = {"city": [*cities], "y": [i * 0.5 for i in range(167)]}

    _, learned = learn_from(write_csv(columns), "cities.csv")

    assert len(learned.columns) == 21
    assert {"city: city0", "city: city54"} <= set(learned.columns)
    assert learned.columns[-1] == "city: other"


def test_a_saved_upload_is_described_and_loaded_like_any_dataset(db: Database) -> None:
    info = save_upload(db, write_csv(churn()), "churn_2024.csv", "left")

    dataset = load_dataset(info.id)

    assert dataset_info(info.id) == info == dataset.info == uploaded(db)[0]
    assert (info.title, info.source, info.n_rows, info.n_inputs) == (
        "churn_2024",
        "upload",
        60,
        5,
    )
    assert info.about == "Uploaded as churn_2024.csv."
    assert is_available(info.id)
    assert dataset.features.dtype == dataset.targets.dtype == np.float32
    assert dataset.features[:3, 0].tolist()[1:] == [1, 2]
    assert np.isnan(dataset.features[[0, 10, 50], 0]).all()
    assert [column.levels for column in info.table] == [(), ("basic", "max", "plus")]
    assert np.isnan(dataset.features[0, 1])  # the first row names no plan
    assert dataset.features[1:4, 1].tolist() == [2, 1, 0]
    assert dataset.targets.tolist() == [float(i % 4 == 0) for i in range(N_ROWS)]


def test_rows_without_a_target_are_dropped(db: Database) -> None:
    columns = churn(left=["" if i < 5 else i * 1.5 for i in range(N_ROWS)])

    info = save_upload(db, write_csv(columns), "churn.csv", "left")

    assert info.task == "regression"
    assert load_dataset(info.id).targets.tolist() == [i * 1.5 for i in range(5, N_ROWS)]


def test_whole_number_classes_keep_their_names_beside_gaps(db: Database) -> None:
    columns = churn(left=["" if i == 0 else i % 3 + 1 for i in range(N_ROWS)])

    info = save_upload(db, write_csv(columns), "churn.csv", "left")

    assert info.class_names == ("1", "2", "3")
    assert load_dataset(info.id).targets[:3].tolist() == [1, 2, 0]


def test_numbers_too_large_for_float32_count_as_missing(db: Database) -> None:
    columns = churn(tenure=[1e300, "inf", *range(58)])

    info = save_upload(db, write_csv(columns), "churn.csv", "left")

    tenure = load_dataset(info.id).features[:, 0]
    assert np.isnan(tenure[:2]).all()
    assert np.isfinite(tenure[2:]).all()


def test_the_same_file_and_target_is_the_same_dataset(db: Database) -> None:
    data = write_csv(churn())

    first = save_upload(db, data, "churn.csv", "left")
    again = save_upload(db, data, "copy.csv", "left", name="Copy")
    other = save_upload(db, data, "churn.csv", "plan")

    assert again == first
    assert other.id != first.id
    assert len(list_datasets(db)) == 2


def test_an_upload_is_kept_under_the_hash_of_its_content(db: Database, home: Path) -> None:
    data = write_csv(churn())

    info = save_upload(db, data, "../../churn.csv", "left")

    row = get_dataset(db, info.id)
    assert upload_path(row) == home / "datasets" / "uploads" / row.sha256
    assert upload_path(row).read_bytes() == data
    assert [path.name for path in upload_path(row).parent.iterdir()] == [row.sha256]


def test_a_lost_file_is_told(db: Database) -> None:
    info = save_upload(db, write_csv(churn()), "churn.csv", "left")
    path = upload_path(get_dataset(db, info.id))
    path.unlink()

    with pytest.raises(UploadError) as error:
        load_dataset(info.id)

    assert not is_available(info.id)
    assert str(error.value) == (
        f"'churn.csv' is no longer at {path}. Delete it and upload it again."
    )


def test_a_deleted_upload_is_unknown(db: Database) -> None:
    info = save_upload(db, write_csv(churn()), "churn.csv", "left")
    delete_dataset(db, info.id)

    with pytest.raises(KeyError, match="There is no dataset"):
        dataset_info(info.id)


@pytest.mark.parametrize(
    ("target", "task", "values", "reason"),
    [
        ("gone", None, None, "has no column 'gone'. Its columns are: tenure, plan, left."),
        ("left", None, ["no"] * 60, "has always 'no' in 'left'; there is nothing to learn."),
        (
            "left",
            None,
            ["yes"] * 20 + [""] * 40,
            "has a target in 20 rows; at least 50 are needed for folds.",
        ),
        (
            "left",
            None,
            [f"w{i % 30}" for i in range(60)],
            "has 30 different values in 'left'; classes are at most 20. "
            + "Choose another column.",
        ),
        (
            "left",
            "multiclass",
            list(range(60)),
            "has 60 different values in 'left'; classes are at most 20. "
            + "Choose 'number', or another column.",
        ),
        (
            "left",
            "regression",
            None,
            "has words in 'left', so it is not a number. Choose classes.",
        ),
        (
            "left",
            "binary",
            [i % 3 for i in range(60)],
            "has 3 different values in 'left', so it is not yes or no. "
            + "Choose 'one of several'.",
        ),
    ],
)
def test_a_target_that_cannot_be_learned_is_refused(
    target: str, task: Task | None, values: list[object] | None, reason: str
) -> None:
    columns = churn() if values is None else churn(left=values)

    with pytest.raises(UploadError) as error:
        learn_from(write_csv(columns), "churn.csv", target, task)

    assert str(error.value) == f"'churn.csv' {reason}"


def test_texts_are_named_where_nothing_else_is_there() -> None:
    table: dict[str, list[object]] = {
        "review": [f"row {i} is fine" for i in range(N_ROWS)],
        "left": ["no", "yes"] * (N_ROWS // 2),
    }

    with pytest.raises(UploadError) as error:
        learn_from(write_csv(table), "reviews.csv", "left")

    assert str(error.value) == (
        "'reviews.csv' has no column that could help to predict 'left'. 'review' holds a text "
        + "of its own in most rows, which a network here cannot read: turn it into numbers or "
        + "into few different words, and upload the file again."
    )


def test_inputs_that_cannot_help_are_refused() -> None:
    columns = churn(tenure=[1] * N_ROWS, plan=["basic"] * N_ROWS)

    with pytest.raises(UploadError) as error:
        learn_from(write_csv(columns), "churn.csv", "left")

    assert str(error.value) == "'churn.csv' has no column that could help to predict 'left'."


def test_too_many_choices_in_all_are_refused() -> None:
    choices = [f"v{i % 20}" for i in range(90)]
    columns = {f"x{i}": [*choices] for i in range(51)} | {"y": [i % 2 for i in range(90)]}

    with pytest.raises(UploadError) as error:
        learn_from(write_csv(columns), "wide.csv")  # type: ignore[arg-type]

    assert str(error.value) == (
        "'wide.csv' becomes 1,020 inputs, one for each choice of a column. "
        + "Use at most 1,000: leave out columns with many choices."
    )
