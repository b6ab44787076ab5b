"""The page of figures: written from results, in its place, losses included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

import benchmarks.report
from benchmarks.marked import marks, replaced
from benchmarks.report import MARK, report
from benchmarks.results import Measurement, Results

SCORES: dict[str, dict[str, float | None]] = {"a": {"0": 0.7}}
RESULTS = Results(
    "full",
    {
        "date": "2026-01-31",
        "memory": "PSS",
        "machine": {"cpu": "Some CPU", "cores": 2, "memory_gb": 8, "system": "Linux x86_64"},
        "versions": {"python": "3.11.0", "keras": "3.15.1"},
    },
    {
        "a": {
            "group": "Some group", "title": "Some title", "n_trials": 2, "n_fits": 1234,
            "score": "accuracy", "direction": "maximize", "cut": "",
        }
    },
    [
        Measurement("ours", "cold", ("a",), "", 10.0, 800.4, {"a": [9.0]}, SCORES),
        Measurement("ours", "warm", ("a",), "", 20.0, 700.0, {"a": [5.0, 2.0]}, SCORES),
        Measurement("optuna", "search", ("a",), "", 8.0, 500.0, {"a": [6.0]}, SCORES),
    ],
)  # fmt: skip


def test_the_table_has_every_figure() -> None:
    lines = report(RESULTS).splitlines()

    assert "### Some group" in lines
    assert "#### Ours and plain Optuna" in lines
    assert "#### Ours and KerasTuner" not in lines
    assert (
        "| a | 1,234 | 10 | 5 | 2 | 8 | 6 | 0.80× | 1.2× | 3.0× | 800 | 500 |" in lines
    )  # 8/10, 6/5, 6/2


def test_losses_stand_under_the_table() -> None:
    lines = report(RESULTS).splitlines()

    assert "- Ours is slower: a cold (0.80×)." in lines
    assert "- Ours takes more memory: a (800 against 500 MB)." in lines


def test_machine_and_versions_are_named() -> None:
    first = report(RESULTS).splitlines()[0]

    assert first == (
        "Begun on 2026-01-31 on 2 cores of Some CPU, 8 GB of memory, Linux x86_64. "
        + "python 3.11.0, keras 3.15.1."
    )


def test_a_quick_run_is_not_taken_for_the_recipes() -> None:
    facts = {**RESULTS.recipes["a"], "cut": "the first 2 draws; 2 of 10 trials"}
    quick = Results("quick", RESULTS.about, {"a": facts}, RESULTS.measurements)

    text = report(quick)

    assert "**These are the cut recipes of a quick run, not the recipes themselves.**" in text
    assert "- a was cut for both sides: the first 2 draws; 2 of 10 trials." in text


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    file, page = tmp_path / "results.json", tmp_path / "page.md"
    RESULTS.write(file)
    page.write_text("".join(marks(MARK)))

    ended = run_report(str(file), "--page", str(page))

    assert ended.exit_code == 0
    assert report(RESULTS) in page.read_text()
    assert run_report(str(tmp_path / "none.json"), "--page", str(page)).exit_code == 1


def test_the_page_of_the_project_has_its_marks() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"

    assert "new figures" in replaced(page, MARK, "new figures")


def run_report(*arguments: str) -> Any:
    app = typer.Typer()
    app.command()(benchmarks.report.main)
    return CliRunner().invoke(app, arguments)
