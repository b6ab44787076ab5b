"""A person's own table: how it is read, described, kept and turned into rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from storage.database import Database
from storage.datasets import delete_dataset, get_dataset, list_datasets
from tuning.datasets.catalogue import dataset_info, is_available, load_dataset
from tuning.datasets.info import Task
from tuning.datasets.scaling import Scaler
from tuning.datasets.tables import detect_format, read_table
from tuning.datasets.uploads import (
    UploadProfile,
    guess_target,
    profile_upload,
    recognise_task,
    save_upload,
    upload_path,
    uploaded,
)
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


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_every_usual_separator_is_found(separator: str) -> None:
    table = read_table(write_csv(churn(), separator), "churn.csv")

    assert list(table.columns) == ["tenure", "plan", "left"]
    assert table["tenure"].sum() == sum(i for i in range(N_ROWS) if i % 10)


def test_values_with_the_separator_inside_quotes_stay_whole() -> None:
    data = b"text,n\n" + b'"a, b; c",1.5\n' * N_ROWS

    table = read_table(data, "quotes.csv")

    assert table["text"].unique().tolist() == ["a, b; c"]


def test_decimal_commas_are_read_where_a_semicolon_separates() -> None:
    data = b"length;width\n" + b"1,5;2,25\n" * N_ROWS

    table = read_table(data, "german.csv")

    assert table.iloc[0].tolist() == [1.5, 2.25]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_accents_survive(encoding: str) -> None:
    data = ("größe,ok\n" + "é,1\nè,0\n" * N_ROWS).encode(encoding)

    table = read_table(data, "accents.csv")

    assert list(table.columns) == ["größe", "ok"]
    assert table["größe"].unique().tolist() == ["é", "è"]


@pytest.mark.parametrize(
    ("first_lines", "has_header"),
    [
        ("a,b,c\n1,2,3\n", True),
        ("6,148,1\n1,85,0\n", False),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", False),
        ("name,2019,2020\nx,1,2\n", False),
        ("rank,2019,2020\n1,5,2\n", True),
        ("?,3,4\n1,2,3\n", False),
        ("color,shape\nred,round\n", True),
    ],
)
def test_a_header_is_told_from_data(first_lines: str, has_header: bool) -> None:
    assert detect_format(first_lines.encode(), "x.csv").has_header is has_header


def test_columns_without_a_header_are_numbered_and_the_person_is_told() -> None:
    data = write_csv({"a": list(range(N_ROWS)), "b": [0, 1] * 30}, header=False)

    profile = profile_upload(data, "plain.csv")

    assert profile.inputs == ("c1",)
    assert profile.target == "c2"
    assert profile.n_rows == N_ROWS
    assert profile.notes == ("The file has no header row; columns were named c1 … c2.",)


@pytest.mark.parametrize(
    ("columns", "target"),
    [(["a", "b"], "b"), (["Outcome", "b"], "Outcome"), (["y", "class", "b"], "class")],
)
def test_the_target_is_guessed_by_its_name_or_place(columns: list[str], target: str) -> None:
    assert guess_target(pd.DataFrame(columns=columns)) == target


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
    assert recognise_task(pd.Series(values)) == task


def test_a_profile_counts_what_is_there() -> None:
    profile = profile_upload(write_csv(churn()), "churn.csv")

    tenure, plan = profile.columns
    assert (profile.target, profile.task, profile.n_rows) == ("left", "binary", 60)
    assert dict(zip(profile.class_names, profile.class_counts, strict=True)) == {
        "no": 45,
        "yes": 15,
    }
    assert (tenure.kind, tenure.missing, tenure.distinct) == ("number", 6, 54)
    assert (plan.kind, plan.missing, plan.levels) == ("choice", 9, ("basic", "max", "plus"))
    assert profile.inputs == ("tenure", "plan: basic", "plan: max", "plan: plus")
    assert profile.notes == (
        "tenure: 6 missing, filled with the middle value of the training rows.",
    )


def test_a_profile_survives_json() -> None:
    profile = profile_upload(write_csv(churn()), "churn.csv")

    assert UploadProfile.from_json(profile.to_json()) == profile


def test_columns_that_cannot_help_are_left_out_and_named() -> None:
    columns = churn(
        plan=["basic"] * N_ROWS,
        customer=[f"c{i}" for i in range(N_ROWS)],
        left=["" if i == 3 else i % 2 for i in range(N_ROWS)],
    )

    profile = profile_upload(write_csv(columns), "churn.csv", "left")

    assert profile.inputs == ("tenure",)
    assert profile.class_names == ("0", "1")
    assert profile.notes == (
        "1 row has no target and will be left out.",
        "tenure: 6 missing, filled with the middle value of the training rows.",
        "plan is the same in every row. It cannot help and is left out.",
        "customer has 59 different values in 59 rows. It cannot help and is left out.",
    )


def test_only_the_most_frequent_choices_become_inputs() -> None:
    cities = [f"city{i}" for i in range(55)] * 3 + ["city0", "city54"]
    columns: dict[str, list[object]] = {"city": [*cities], "y": [i * 0.5 for i in range(167)]}

    profile = profile_upload(write_csv(columns), "cities.csv")

    assert len(profile.inputs) == 50
    assert {"city: city0", "city: city54"} <= set(profile.inputs)
    assert profile.notes == ("city has 55 choices; the 50 most frequent are told apart.",)


def test_a_saved_upload_is_described_and_loaded_like_any_dataset(db: Database) -> None:
    info = save_upload(db, write_csv(churn()), "churn_2024.csv", "left")

    dataset = load_dataset(info.id)

    assert dataset_info(info.id) == info == dataset.info == uploaded(db)[0]
    assert (info.title, info.source, info.n_rows, info.n_inputs) == (
        "churn_2024",
        "upload",
        60,
        4,
    )
    assert info.about == "Uploaded as churn_2024.csv."
    assert is_available(info.id)
    assert dataset.features.dtype == dataset.targets.dtype == np.float32
    assert dataset.features[:3, 0].tolist()[1:] == [1, 2]
    assert np.isnan(dataset.features[[0, 10, 50], 0]).all()
    # basic, max, plus; the first row names no plan
    assert dataset.features[:4, 1:].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert dataset.targets.tolist() == [float(i % 4 == 0) for i in range(N_ROWS)]


def test_gaps_are_filled_inside_the_fold(db: Database) -> None:
    info = save_upload(db, write_csv(churn()), "churn.csv", "left")
    features = load_dataset(info.id).features

    scaler = Scaler.fit(features[1:10], scale=False)

    assert scaler.transform(features)[0, 0] == 5  # the median of 1 … 9


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
    assert upload_path(row) == home / "datasets" / "uploads" / f"{row.sha256}.csv"
    assert upload_path(row).read_bytes() == data
    assert [path.name for path in upload_path(row).parent.iterdir()] == [f"{row.sha256}.csv"]


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
    ("data", "reason"),
    [
        (b"", "is empty. Choose a file with 50 rows or more."),
        ("\u00a0\n\n".encode(), "is empty. Choose a file with 50 rows or more."),
        (b"PK\x03\x04\x00\x00", "is not a table. Save it as CSV and upload that."),
        (b"one\n" * 60, "has a single column. Upload a table with inputs and a target."),
        (b"a,b\n" + b"1,2\n" * 31, "has 31 rows; at least 50 are needed for folds."),
        (b"a,b\n1,2\n", "has 1 row; at least 50 are needed for folds."),
        (
            b"a,b\n" + b"1,2\n" * 60 + b"1,2,3\n",
            "has 3 values in line 62, but its header has 2. Check the separator.",
        ),
        (
            b"1,2\n" * 60 + b"1\n",
            "has 1 value in line 61, but its first row has 2. Check the separator.",
        ),
        (
            b"a,b\n" + b"x" * 200_000 + b",1\n" + b"1,2\n" * 60,
            "cannot be read as a table (field larger than field limit (131072)).",
        ),
        (
            b"a,a \n" + b"1,2\n" * 60,
            "has two columns named 'a'. Rename one of them.",
        ),
        (
            b",".join(b"c" for _ in range(1001)) + b"\n",
            "has 1,001 columns. Use at most 1,000.",
        ),
    ],
)
def test_a_file_that_is_no_usable_table_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UploadError) as error:
        read_table(data, "values.csv")

    assert str(error.value) == f"'values.csv' {reason}"


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
        profile_upload(write_csv(columns), "churn.csv", target, task)

    assert str(error.value) == f"'churn.csv' {reason}"


def test_inputs_that_cannot_help_are_refused() -> None:
    columns = churn(tenure=[1] * N_ROWS, plan=["basic"] * N_ROWS)

    with pytest.raises(UploadError) as error:
        profile_upload(write_csv(columns), "churn.csv")

    assert str(error.value) == "'churn.csv' has no column that could help to predict 'left'."


def test_too_many_choices_in_all_are_refused() -> None:
    choices = [f"v{i % 45}" for i in range(90)]
    columns = {f"x{i}": [*choices] for i in range(30)} | {"y": [i % 2 for i in range(90)]}

    with pytest.raises(UploadError) as error:
        profile_upload(write_csv(columns), "wide.csv")  # type: ignore[arg-type]

    assert str(error.value) == (
        "'wide.csv' becomes 1,350 inputs, one for each choice of a column. "
        + "Use at most 1,000: leave out columns with many choices."
    )
