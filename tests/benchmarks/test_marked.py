"""Text between marks is replaced, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.marked import marks, replace
from benchmarks.results import ResultsFileError

BEGIN, END = marks("figures")


def test_only_the_text_between_the_marks_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    replace(page, "figures", "new")

    assert page.read_text() == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


@pytest.mark.parametrize(
    "text", ["no marks", f"{BEGIN} only", f"{END} {BEGIN}", "".join(marks("x"))]
)
def test_a_page_without_marks_is_left_alone(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)

    with pytest.raises(ResultsFileError) as error:
        replace(page, "figures", "new")

    assert str(error.value) == f"{page} has no marks of 'figures'. Add {BEGIN} and {END}."
    assert page.read_text() == text


@pytest.mark.parametrize(
    ("name", "page"),
    [("benchmarks", "benchmarks"), ("pages", "benchmarks"), ("recipes", "recipes"),
     ("samplers", "samplers"), ("trust, curves", "trust")],
)  # fmt: skip
def test_the_pages_of_the_project_have_their_marks(name: str, page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / f"{page}.md").read_text("utf-8")

    begin, end = marks(name)
    assert 0 <= text.find(begin) < text.find(end)
