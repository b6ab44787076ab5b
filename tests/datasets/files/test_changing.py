"""What a person may change of what was recognised, how files are kept, and taken home again."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.datasets.files.every_file import make_good_files
from tests.datasets.files.make_files import GoodFile
from tuning.datasets.files.errors import FewRowsError, FileSizeError
from tuning.datasets.files.exporting import harmless, to_csv
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import COLUMN_TYPES, ColumnType, Options, Recognised
from tuning.datasets.files.reading import read
from tuning.datasets.files.storing import kept_unless_refused, shown_name, store

GOOD = {file.id: file for file in make_good_files()}


def read_bytes(content: bytes, folder: Path, wanted: Options | None = None) -> Recognised:
    path = folder / "content"
    path.write_bytes(content)
    return read(path, "team.csv", wanted, Limits()).recognised()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("comma", "comma, decimal point, UTF-8"),
        (
            "thousands-point",
            "semicolon, decimal comma, point for thousands, UTF-8",
        ),
        ("gzip-utf16", "semicolon, decimal point, UTF-16, gzip"),
        ("excel", "Excel, sheet Team"),
        ("json-lines-gzip", "JSON lines, gzip"),
        ("folders-gray", "one folder of images a class"),
    ],
    ids=["comma", "thousands-point", "gzip-utf16", "excel", "json-lines-gzip", "folders-gray"],
)
def test_what_was_recognised_is_said_in_words(name: str, words: str, tmp_path: Path) -> None:
    file: GoodFile = GOOD[name]

    assert read_bytes(file.content, tmp_path).options.words == words


def test_a_type_that_is_asked_for_makes_other_values_missing(tmp_path: Path) -> None:
    content = ("id,mark\n" + "7,good\n8,?\nx,9\n" * 20).encode()
    options = read_bytes(content, tmp_path).options

    changed = options.with_type("id", "number").with_type("mark", "text")
    found = read_bytes(content, tmp_path, changed)

    np.testing.assert_array_equal(found.table["id"], [7, 8, np.nan] * 20)
    assert found.table["mark"].tolist() == ["good", None, "9"] * 20
    assert found.notes == ("id: 20 values are no number and counted as missing.",)


@pytest.mark.parametrize("point", [".", ","])
@pytest.mark.parametrize("wanted", COLUMN_TYPES)
def test_a_column_without_a_value_is_missing_as_any_type(
    point: str, wanted: ColumnType, tmp_path: Path
) -> None:
    content = ("a;b;c\n" + f"1{point}5;;x\n2{point}5;;y\n" * 30).encode()
    first = read_bytes(content, tmp_path)

    found = read_bytes(content, tmp_path, first.options.with_type("b", wanted))

    assert first.table["a"].tolist() == [1.5, 2.5] * 30
    assert dict(first.options.types)["b"] == "number"
    assert dict(found.options.types)["b"] == wanted
    assert first.table["b"].isna().all()
    assert found.table["b"].isna().all()


@pytest.mark.parametrize(
    "values",
    [
        ["45.1%", "7%", "-3 %"],
        ["$1,234.50", "$7", "$ -3"],
        ["1.830,54 €", "7 €", "3,1 €"],
        ["(12)", "7", "(3.5)"],
    ],
    ids=["percent", "dollars", "euros", "brackets"],
)
def test_numbers_with_signs_are_text_and_the_signs_are_named(
    values: list[str], tmp_path: Path
) -> None:
    content = ("a\tb\n" + "".join(f"{value}\tx\n" for value in values) * 20).encode()

    found = read_bytes(content, tmp_path)

    assert dict(found.options.types)["a"] == "text"
    assert any("a was read as text: values such as" in note for note in found.notes)
    assert any("Take signs such as % and € away" in note for note in found.notes)


def test_words_are_not_taken_for_numbers_with_signs(tmp_path: Path) -> None:
    content = ("a\tb\n" + "A1\tx\nno 7 %\ty\n" * 30).encode()

    assert read_bytes(content, tmp_path).notes == ()


@pytest.mark.parametrize("written", ["parquet", "excel", "json"])
def test_dates_that_a_typed_file_holds_as_text_are_dates(written: str, tmp_path: Path) -> None:
    days = [f"2024-03-{day:02d}" for day in range(1, 29)] * 3
    table = pd.DataFrame({"day": days, "word": ["a", "b"] * 42, "n": range(84)})
    target = io.BytesIO()
    if written == "parquet":
        table.to_parquet(target)
    elif written == "excel":
        table.to_excel(target, index=False)
    else:
        table.to_json(target, orient="records", lines=True)

    found = read_bytes(target.getvalue(), tmp_path)

    assert dict(found.options.types) == {"day": "date", "word": "text", "n": "number"}
    assert found.table["day"].iloc[27] == pd.Timestamp("2024-03-28")


def test_zeros_in_front_are_dropped_only_if_asked(tmp_path: Path) -> None:
    file = GOOD["leading-zeros"]
    options = read_bytes(file.content, tmp_path).options

    found = read_bytes(file.content, tmp_path, options.with_type("zip", "number"))

    assert found.table["zip"].tolist() == list(range(60))


def test_yes_and_no_are_words_until_asked_for(tmp_path: Path) -> None:
    content = ("a,b\n" + "1,yes\n0,no\n1,maybe\n" * 20).encode()
    first = read_bytes(content, tmp_path)

    found = read_bytes(content, tmp_path, first.options.with_type("b", "yes or no"))

    assert first.options.types == (("a", "number"), ("b", "text"))
    assert found.table["b"].tolist() == [True, False, pd.NA] * 20
    assert found.notes == ("b: 20 values are no yes or no and counted as missing.",)


def test_days_and_months_change_places(tmp_path: Path) -> None:
    content = ("a,b\n" + "1,03/04/2024\n" * 60).encode()
    first = read_bytes(content, tmp_path)

    found = read_bytes(content, tmp_path, first.options.changed(day_first=False))

    assert first.table["b"].unique().tolist() == [pd.Timestamp("2024-04-03")]
    assert found.table["b"].unique().tolist() == [pd.Timestamp("2024-03-04")]


def test_another_decimal_sign_finds_the_types_anew(tmp_path: Path) -> None:
    content = ("a;b\n" + "1,234;x\n" * 60).encode()
    first = read_bytes(content, tmp_path)

    found = read_bytes(content, tmp_path, first.options.changed(decimal=".", thousands=","))

    assert first.table["a"].unique().tolist() == [1.234]
    assert found.table["a"].unique().tolist() == [1234]


def test_a_header_can_be_denied(tmp_path: Path) -> None:
    content = GOOD["header-of-words"].content
    options = read_bytes(content, tmp_path).options

    found = read_bytes(content, tmp_path, options.changed(header=False))

    assert found.table.iloc[0].tolist() == ["color", "shape"]
    assert found.notes == ("No header: columns were named column 1 to column 2.",)


@pytest.mark.parametrize(
    "start",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1"],  # noqa: RUF001
    ids=["equals", "plus", "minus", "at", "tab", "return", "wide-equals"],
)
def test_formulas_are_made_harmless(start: str) -> None:
    assert harmless(start) == f"'{start}"
    assert harmless(f"a{start}") == f"a{start}"


def test_an_exported_table_holds_no_formula() -> None:
    table = pd.DataFrame(
        {
            "size": [-1.5, np.nan],
            "=cmd": pd.Series(["=HYPERLINK(1)", None], dtype=object),
            "since": pd.to_datetime(["2024-01-02", "NaT"]),
        }
    )

    text = to_csv(table)

    assert text == "size,'=cmd,since\n-1.5,'=HYPERLINK(1),2024-01-02\n,,\n"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\team.csv", "team.csv"),
        ("a\x00b\u202ec\n.csv", "abc.csv"),
        ("..", "file"),
        ("/", "file"),
        ("x" * 300, "x" * 200),
    ],
    ids=["up", "drive", "invisible", "dots", "root", "long"],
)
def test_a_name_is_only_shown(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_file_is_kept_under_the_hash_of_its_content(tmp_path: Path) -> None:
    content = b"a,b\n1,2\n"

    stored = store(io.BytesIO(content), "../../team.csv", tmp_path / "kept")
    again = store(io.BytesIO(content), "copy.csv", tmp_path / "kept")

    sha256 = hashlib.sha256(content).hexdigest()
    assert (stored.sha256, stored.name, stored.is_new) == (sha256, "team.csv", True)
    assert (again.path, again.is_new) == (stored.path, False)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [sha256]
    assert stored.path.read_bytes() == content
    assert stored.n_bytes == len(content)


def test_a_file_that_is_too_large_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(FileSizeError) as error:
        store(io.BytesIO(bytes(2_000)), "large.csv", tmp_path, Limits(file_bytes=1_000))

    assert str(error.value) == (
        "'large.csv' is more than 0.001 MB; the most is 0.001 MB. Upload fewer rows."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_refused_file_leaves_nothing_unless_it_was_here_before(tmp_path: Path) -> None:
    content = b"a,b\n1,2\n"

    with (
        pytest.raises(FewRowsError),
        kept_unless_refused(io.BytesIO(content), "a.csv", tmp_path) as stored,
    ):
        read(stored.path, stored.name, None, Limits())
    assert list(tmp_path.iterdir()) == []

    kept = store(io.BytesIO(content), "a.csv", tmp_path)
    with (
        pytest.raises(FewRowsError),
        kept_unless_refused(io.BytesIO(content), "a.csv", tmp_path) as stored,
    ):
        read(stored.path, stored.name, None, Limits())
    assert list(tmp_path.iterdir()) == [kept.path]
