"""What follows from measurements: ratios, sums, scores, and what is still to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.results import (
    Measurement,
    Results,
    ResultsFileError,
    compare,
    compare_group,
    compare_scores,
    resumed,
)
from benchmarks.words import losses, noise_words, score_words, shown_ratio, shown_seconds

ABOUT: dict[str, Any] = {
    "date": "2026-01-31",
    "memory": "PSS",
    "machine": {"cpu": "Some CPU", "cores": 2, "memory_gb": 8, "system": "Linux x86_64"},
    "versions": {"python": "3.11.0", "keras": "3.15.1"},
}


def make_measurement(side: str, kind: Any, *names: str, **changes: Any) -> Measurement:
    seconds = {"cold": [5.0], "warm": [4.0, 2.0], "search": [16.0]}[kind]
    scores = {"0": 0.7, "1": 0.6} if side == "ours" else {"0": 0.65, "1": 0.66}
    values: dict[str, Any] = {
        "started_at": "2026-01-31T12:00:00+00:00",
        "process_s": {"cold": 10.0, "warm": 11.0, "search": 20.0}[kind],
        "peak_mb": 800.0 if side == "ours" else 500.0,
        "seconds": dict.fromkeys(names, seconds),
        "scores": dict.fromkeys(names, scores),
    }
    return Measurement(side, kind, names, **(values | changes))


def make_results(*names: str) -> Results:
    facts = {
        "group": "Some group", "title": "Some title", "n_trials": 2, "n_fits": 6,
        "score": "accuracy", "direction": "maximize", "cut": "",
    }  # fmt: skip
    results = Results("full", ABOUT, dict.fromkeys(names, facts))
    for name in names:
        results.add(make_measurement("ours", "cold", name))
        results.add(make_measurement("ours", "warm", name))
        results.add(make_measurement("optuna", "search", name))
    return results


def test_ratios_are_their_seconds_over_ours() -> None:
    row = compare(make_results("a"), "a", "optuna")

    assert row.cold_ratio == 20 / 10
    assert row.first_ratio == 16 / 4
    assert row.again_ratio == 16 / 2
    assert row.memory_ratio == 500 / 800


def test_a_group_is_one_process_of_ours_against_the_sum_of_theirs() -> None:
    results = make_results("a", "b")
    assert compare_group(results, "Some group", "optuna") is None

    results.add(make_measurement("ours", "cold", "a", "b", process_s=15.0))
    row = compare_group(results, "Some group", "optuna")

    assert row is not None
    assert row.n_fits == 12
    assert row.cold_ratio == (20 + 20) / 15
    assert row.first_ratio == (16 + 16) / (4 + 4)


def test_a_group_is_found_in_whatever_order_it_was_run() -> None:
    results = make_results("a", "b")

    results.add(make_measurement("ours", "cold", "b", "a"))

    assert compare_group(results, "Some group", "optuna") is not None


def test_a_side_that_failed_has_no_ratio_and_says_why() -> None:
    results = make_results("a")
    results.add(make_measurement("optuna", "search", "a", error="exit status 1: KeyError: 'x'"))

    row = compare(results, "a", "optuna")

    assert row.cold_ratio is None
    assert row.scores is None
    assert list(losses([row])) == [
        "Ours is slower: nothing to compare.",
        "Ours takes more memory: nothing to compare.",
        "Not measured, a: optuna, search: exit status 1: KeyError: 'x'.",
    ]


def test_losses_are_named() -> None:
    results = make_results("a")
    results.add(make_measurement("optuna", "search", "a", process_s=8.0))

    slower, larger = losses([compare(results, "a", "optuna")])

    assert slower == "Ours is slower: a cold (0.80×)."
    assert larger == "Ours takes more memory: a (800 against 500 MB)."


def test_scores_are_compared_trial_by_trial() -> None:
    ours = {"0": 0.9, "1": 0.8, "2": 0.7, "3": 0.6, "4": None}
    theirs = {"0": 0.5, "1": 0.9, "2": 0.8, "3": 0.7, "4": 0.1}

    found = compare_scores(ours, theirs, "maximize")

    assert found is not None
    assert found.n_compared == 4
    assert found.median == pytest.approx(0.1)  # of 0.4, 0.1, 0.1 and 0.1
    assert found.largest == pytest.approx(0.4)
    assert not found.ours_leads  # trial 0 is their fourth
    assert found.theirs_leads
    assert found.unscored == (1, 0)


def test_the_smallest_leads_where_scores_are_minimized() -> None:
    ours = {"0": 1.0, "1": 2.0, "2": 3.0, "3": 4.0}
    theirs = {"0": 1.1, "1": 0.9, "2": 1.2, "3": 0.5}

    found = compare_scores(ours, theirs, "minimize")

    assert found is not None
    assert found.ours_leads  # 1.1 is their third
    assert not found.theirs_leads  # trial 3 is our last


def test_scores_without_a_common_trial_are_not_compared() -> None:
    assert compare_scores({"0": None}, {"0": 0.5}, "maximize") is None


def test_scores_in_words() -> None:
    results = make_results("a")
    theirs = {"0": 0.5, "1": 0.9, "2": 0.8, "3": 0.7, "4": None}
    results.add(make_measurement("optuna", "search", "a", scores={"a": {"0": 0.8, "1": 0.64}}))
    results.add(make_measurement("keras-tuner", "search", "a", scores={"a": theirs}))
    ours = {"0": 0.9, "1": 0.8, "2": 0.7, "3": 0.6, "4": 0.5}
    results.add(make_measurement("ours", "warm", "a", scores={"a": ours}))

    # of two trials each is among the three best
    assert score_words(compare(results, "a", "optuna")) == (
        "a: mean scores differ by 0.1300 (median, n = 2), at most by 0.1600."
    )
    assert score_words(compare(results, "a", "keras-tuner")) == (
        "a: mean scores differ by 0.1000 (median, n = 4), at most by 0.4000; our best is not "
        + "among their 3 best, theirs is among our 3 best. "
        + "Without a score: 0 of ours, 1 of theirs."
    )
    assert list(noise_words(results, ["a"])) == [
        "a, keras-tuner against optuna: mean scores differ by 0.2800 (median, n = 2), "
        + "at most by 0.3000."
    ]


def test_a_file_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "build" / "results.json"
    results = make_results("a")

    results.write(path)

    assert Results.read(path) == results
    assert [entry.name for entry in path.parent.iterdir()] == ["results.json"]


def test_a_measurement_replaces_an_earlier_one_of_the_same() -> None:
    results = make_results("a")

    results.add(make_measurement("optuna", "search", "a", process_s=30.0))

    assert len(results.measurements) == 3
    assert compare(results, "a", "optuna").theirs_process_s == 30


@pytest.mark.parametrize(
    ("variant", "about", "problem"),
    [
        ("quick", {}, "holds results of the full recipes"),
        (
            "full",
            {"versions": {"keras": "4"}},
            "was measured with other versions of the libraries",
        ),
        ("full", {"machine": {}}, "was measured on another machine"),
    ],
)
def test_results_of_something_else_are_not_gone_on_with(
    tmp_path: Path, variant: str, about: dict[str, Any], problem: str
) -> None:
    path = tmp_path / "results.json"
    make_results("a").write(path)

    with pytest.raises(ResultsFileError) as error:
        resumed(path, variant, ABOUT | about)

    assert str(error.value) == f"{path} {problem}. Choose another --out."


def test_another_day_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    make_results("a").write(path)

    assert len(resumed(path, "full", ABOUT | {"date": "2026-02-01"}).measurements) == 3


def test_what_is_no_file_of_results_is_said(tmp_path: Path) -> None:
    with pytest.raises(ResultsFileError, match=r"holds no results \(FileNotFoundError"):
        Results.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [
        (None, "–"),
        (0.804, "0.80×"),
        (1.0, "1.0×"),
        (9.94, "9.9×"),
        (9.96, "10×"),
        (54.2, "54×"),
    ],
)
def test_ratios_as_shown(ratio: float | None, shown: str) -> None:
    assert shown_ratio(ratio) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "–"), (0.5, "0.5"), (12.34, "12.3"), (3234.6, "3,235")]
)
def test_seconds_as_shown(seconds: float | None, shown: str) -> None:
    assert shown_seconds(seconds) == shown
