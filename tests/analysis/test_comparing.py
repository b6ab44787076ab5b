"""Studies side by side: what may be compared, who is better, what each search has found."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from storage.results import TrialRow
from storage.studies import StudyRow
from tuning.analysis.comparable import item_of, judged_by, same_folds, same_rows, shared_scores
from tuning.analysis.compared_files import compared_csv, compared_json
from tuning.analysis.comparing import (
    Entry,
    best_so_far,
    fold_dots,
    gaps_to_first,
    overview,
    pairs_to_first,
    score_of,
)
from tuning.analysis.comparing_words import (
    OTHER_FOLDS,
    OTHER_ROWS,
    different_scores,
    search_finding,
    settings_table,
    verdicts,
    why_no_verdict,
)
from tuning.analysis.history import Scores
from tuning.analysis.pair_words import compare_trials
from tuning.analysis.pairs import study_spread
from tuning.analysis.study_scores import StudyScores
from tuning.analysis.verdict import Facts, judge
from tuning.spec import StudySpec

K = 5
FOLD_LUCK = np.array([0.02, -0.02, 0.01, -0.01, 0.0])
WIGGLE = np.array([[1, -1, 0, 1, -1], [-1, 1, 1, -1, 0], [0, 1, -1, 0, 0]]) * 0.002


def spec_of(**changes: Any) -> StudySpec:
    document: dict[str, Any] = {
        "name": "grid",
        "data": {"dataset": "breast-cancer"},
        "space": {"learning_rate": {"kind": "list", "values": [0.1, 0.01, 0.001]}},
        "evaluation": {"folds": K, "score": "accuracy"},
    }
    for name, value in changes.items():
        document[name] = (
            {**document.get(name, {}), **value} if isinstance(value, dict) else value
        )
    return StudySpec.parse(document)


def row_of(study_id: str, spec: StudySpec, n_trials: int, **changes: Any) -> StudyRow:
    fields: dict[str, Any] = dict.fromkeys(StudyRow.__dataclass_fields__)
    fields |= {
        "id": study_id, "name": study_id, "spec": spec.to_json(), "dataset": "breast-cancer",
        "sampler": spec.sampler.kind, "score_name": spec.evaluation.score, "state": "finished",
        "direction": spec.direction, "n_trials_done": n_trials, "n_trials_failed": 0,
        "n_fits_done": n_trials * K, "started_at": 100.0, "finished_at": 130.0,
        "rested_s": 0.0,
    }  # fmt: skip
    return StudyRow(**(fields | changes))


def entry_of(
    means: list[float],
    number: int,
    study_id: str = "a",
    spec: StudySpec | None = None,
    **changes: Any,
) -> Entry:
    """Return a trial of a study whose trials differ by their means and some luck a fold."""
    spec = spec or spec_of()
    sign = 1 if spec.direction == "maximize" else -1
    seed = sum(map(ord, study_id))
    values = np.stack(
        [mean + FOLD_LUCK + WIGGLE[(n + seed) % 3] for n, mean in enumerate(means)]
    )[:, np.newaxis, :]
    numbers = np.arange(len(means))
    scores = StudyScores(numbers, values, 1, sign, "share")
    found = judge(spec, scores, Facts(is_running=False, n_ended=len(means), n_failed=0))
    finished = Scores(
        numbers, values.mean(axis=(1, 2)), (100.0 + 10.0 * (numbers + 1)).astype(np.float64)
    )
    settings = {"learning_rate": 0.1, "epochs": 10}
    trial = TrialRow(number, "COMPLETE", settings, duration_s=2.0, n_weights=50)
    row = row_of(study_id, spec, len(means))
    entry = Entry(
        f"{study_id} trial {number}", row, trial, settings, spec, None, found, scores, finished,
        np.array([0.5, 0.7]),
    )  # fmt: skip
    return replace(entry, **changes)


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("pima-7f3k", ("pima-7f3k", None)),
        (" pima-7f3k:12 ", ("pima-7f3k", 12)),
        ("pima-7f3k:", None),
        ("pima-7f3k:x", None),
        ("pima-7f3k:-1", None),
        ("pima-7f3k:²", None),
        (":3", None),
        ("", None),
    ],
)
def test_an_address_names_studies_and_trials(
    text: str, item: tuple[str, int | None] | None
) -> None:
    assert item_of(text) == item


# What may be compared.


@pytest.mark.parametrize(
    "changes",
    [
        {"sampler": {"kind": "random", "n_trials": 2}},
        {"evaluation": {"repeats": 3}},
        {"evaluation": {"score": "log_loss"}},
        {"evaluation": {"early_stopping": {"rows": "inner"}}},
        {"name": "another", "confirm": True, "include_default": True},
        {"model": "dense", "max_minutes": 3},
    ],
)
def test_the_search_does_not_change_the_folds(changes: dict[str, Any]) -> None:
    assert same_folds(spec_of(), spec_of(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"data": {"dataset": "pima"}},
        {"data": {"test_fraction": 0.1}},
        {"data": {"split_seed": 1}},
        {"data": {"sample_fraction": 0.5}},
        {"data": {"digits": [1, 2]}},
        {"evaluation": {"early_stopping": {"rows": "separate"}}},
    ],
)
def test_other_rows_are_told(changes: dict[str, Any]) -> None:
    assert not same_rows(spec_of(), spec_of(**changes))
    entries = [entry_of([0.7], 0), entry_of([0.7], 0, "b", spec_of(**changes))]
    assert why_no_verdict(entries) == OTHER_ROWS


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 8},
        {"evaluation": {"folds": 4}},
        {"evaluation": {"shuffle": False}},
        {"evaluation": {"method": "holdout"}},
    ],
)
def test_other_folds_of_the_same_rows_are_told(changes: dict[str, Any]) -> None:
    assert same_rows(spec_of(), spec_of(**changes))
    entries = [entry_of([0.7], 0), entry_of([0.7], 0, "b", spec_of(**changes))]
    assert why_no_verdict(entries) == OTHER_FOLDS


def test_the_default_digits_are_two_and_seven() -> None:
    named = spec_of(data={"dataset": "mnist", "digits": [7, 2]})
    assert same_folds(spec_of(data={"dataset": "mnist"}), named)


def test_the_rows_of_equal_folds_are_equal_as_they_are_cut() -> None:
    """What `same_folds` promises is what the splits of real rows do."""
    from tuning.datasets.catalogue import load_dataset
    from tuning.datasets.splits import make_split

    dataset = load_dataset("breast-cancer", ())
    a, b, other = spec_of(), spec_of(evaluation={"repeats": 2, "score": "f1"}), spec_of(seed=8)
    cut = [make_split(dataset, spec).folds[:K] for spec in (a, b, other)]

    for mine, theirs in zip(cut[0], cut[1], strict=True):
        np.testing.assert_array_equal(mine.score_rows, theirs.score_rows)
    assert not np.array_equal(cut[0][0].score_rows, cut[2][0].score_rows)


def test_metrics_are_shared_within_classes_and_within_numbers() -> None:
    number = spec_of(data={"dataset": "california"}, evaluation={"score": "rmse"})
    loss = spec_of(evaluation={"score": "log_loss"})

    assert shared_scores([spec_of(), loss]) == ("accuracy", "log_loss", "roc_auc", "f1")
    assert shared_scores([number]) == ("rmse", "mse", "mae", "r2")
    assert shared_scores([spec_of(), number]) == ()
    assert different_scores([spec_of(), spec_of()]) == ""
    assert different_scores([spec_of(), loss, spec_of()]) == (
        "One is judged by accuracy, one by log loss. Choose a metric both have."
    )


def test_a_study_can_be_judged_by_another_score() -> None:
    by_loss = judged_by(spec_of(), "log_loss")
    assert (by_loss.evaluation.score, by_loss.direction) == ("log_loss", "minimize")
    assert judged_by(spec_of(), "accuracy") == spec_of()


# Who is better.


def test_a_study_that_is_clearly_better_beats_the_other_by_the_t_interval() -> None:
    entries = [entry_of([0.7, 0.69], 0), entry_of([0.8, 0.69], 0, "b")]

    [pair] = pairs_to_first(entries)

    assert pair is not None
    differences = entries[1].scores.values[0, 0] - entries[0].scores.values[0, 0]
    # Nadeau and Bengio: the variance of the mean over k folds is (1/k + 1/(k-1)) s².
    error = math.sqrt((1 / K + 1 / (K - 1)) * differences.var(ddof=1))
    half = stats.t.ppf(0.975, K - 1) * error
    assert pair.verdict == "a better"
    assert pair.difference == pytest.approx(differences.mean())
    assert pair.half_width == pytest.approx(half)
    [sentence] = verdicts(entries, [pair])
    shown = f"{differences.mean():.3f} ± {half:.3f}"  # ± 0.0046 supports three decimals
    assert sentence == f"b trial 0 beats a trial 0 by {shown} on the same 5 fits."


def test_the_order_of_two_does_not_change_who_is_better() -> None:
    a, b = entry_of([0.7, 0.69], 0), entry_of([0.8, 0.69], 0, "b")

    [there], [back] = pairs_to_first([a, b]), pairs_to_first([b, a])

    assert there is not None
    assert back is not None
    assert (there.verdict, back.verdict) == ("a better", "b better")
    assert there.difference == pytest.approx(-back.difference)
    assert verdicts([a, b], [there]) == verdicts([b, a], [back])


def test_a_lower_loss_is_better() -> None:
    spec = spec_of(evaluation={"score": "log_loss"})
    entries = [entry_of([0.5, 0.6], 0, spec=spec), entry_of([0.3, 0.6], 0, "b", spec)]

    [pair] = pairs_to_first(entries)

    assert pair is not None
    assert pair.verdict == "a better"
    assert pair.difference == pytest.approx(-0.2, abs=0.005)
    [sentence] = verdicts(entries, [pair])
    assert sentence.startswith("b trial 0 beats a trial 0 by 0.2")
    [gap] = gaps_to_first(entries, [pair]).to_dict("records")
    assert gap["low"] < gap["gap"] < gap["high"] < 0


def test_equal_settings_under_two_names_have_no_winner() -> None:
    entries = [entry_of([0.7, 0.69], 0), entry_of([0.7, 0.69], 0, "b")]

    [pair] = pairs_to_first(entries)

    assert pair is not None
    assert pair.verdict in {"cannot tell", "practically equal"}
    assert "beats" not in verdicts(entries, [pair])[0]


def test_the_best_of_many_must_pass_a_higher_bar_than_one_of_two() -> None:
    """All trials are counted, so that a long search does not win by its length."""
    rng = np.random.default_rng(5)
    n_wins = {"alone": 0, "best of 60": 0}
    for _ in range(40):
        noise = 0.7 + rng.normal(0, 0.02, (61, 1, K))
        for name, n_trials in (("alone", 1), ("best of 60", 60)):
            many = noise[1 : 1 + n_trials]
            best = int(many.mean(axis=(1, 2)).argmax())
            a, b = entry_of([0.7], 0), entry_of([0.7], 0, "b")
            a = replace(a, scores=replace(a.scores, values=noise[:1]))
            scores = replace(b.scores, values=many, numbers=np.arange(n_trials))
            b = replace(b, scores=scores, trial=replace(b.trial, number=best))
            [pair] = pairs_to_first([a, b])
            assert pair is not None
            n_wins[name] += pair.verdict == "a better"

    # At 5 % of 40 comparisons 2 are expected; 7 or more have a chance of 3 in 1,000.
    assert n_wins["alone"] < 7
    assert n_wins["best of 60"] < 7


def test_trials_of_one_study_are_compared_as_on_its_own_page() -> None:
    a, b = entry_of([0.7, 0.9, 0.5], 0), entry_of([0.7, 0.9, 0.5], 1)
    spread = study_spread(a.scores.searched())

    [pair] = pairs_to_first([a, b])
    own = compare_trials(a.scores, a.found, (1, 0), rope=a.found.rope, spread=spread)

    assert pair is not None
    assert own is not None
    assert (pair.comparison, pair.verdict) == (own.comparison, own.verdict)


def test_repeats_that_only_one_has_are_left_out() -> None:
    a, b = entry_of([0.7, 0.6], 0), entry_of([0.8, 0.6], 0, "b")
    more = np.concatenate([b.scores.values, b.scores.values + 0.1], axis=1)
    b_more = replace(b, scores=replace(b.scores, values=more, n_searched=2))

    [pair], [with_more] = pairs_to_first([a, b]), pairs_to_first([a, b_more])

    assert pair is not None
    assert with_more is not None
    assert with_more.n_fits == K
    assert with_more.difference == pytest.approx(pair.difference)


def test_a_trial_without_a_score_is_named() -> None:
    a, b = entry_of([0.7, 0.6], 0), entry_of([0.8, 0.6], 5, "b")

    pairs = pairs_to_first([a, b])

    assert pairs == [None]
    assert verdicts([a, b], pairs) == ["b trial 5 has no score to compare with a trial 0."]
    assert gaps_to_first([a, b], pairs).empty


def test_one_fit_tells_nothing() -> None:
    spec = spec_of(evaluation={"method": "holdout"})
    entries = []
    for study_id, score in (("a", 0.7), ("b", 0.9)):
        entry = entry_of([score], 0, study_id, spec)
        one = replace(entry.scores, values=entry.scores.values[:, :, :1])
        entries.append(replace(entry, scores=one))

    [pair] = pairs_to_first(entries)

    assert verdicts(entries, [pair]) == [
        "b trial 0 and a trial 0 cannot be told apart. Fits in common: 1, and it takes 5."
    ]
    score, half_width = score_of(entries[0])
    assert score == pytest.approx(0.7 + 0.02 - 0.002)
    assert math.isnan(half_width)


def test_a_running_study_is_only_spoken_of_so_far() -> None:
    a, b = entry_of([0.7, 0.69], 0), entry_of([0.8, 0.69], 0, "b")
    running = replace(b, found=replace(b.found, is_running=True))
    [pair] = pairs_to_first([a, b])
    assert verdicts([a, running], [pair])[0].startswith("So far, b trial 0 beats")


# Tables.


def test_the_best_so_far_is_told_by_trials_and_seconds() -> None:
    entry = entry_of([0.7, 0.6, 0.8], 2)
    late = replace(
        entry,
        finished=Scores(
            np.array([0, 1, 2]), np.array([0.7, 0.6, 0.8]), np.array([130.0, 110.0, 120.0])
        ),
    )

    table = best_so_far(late)

    assert table["trials"].tolist() == [1, 2, 3]
    assert table["seconds"].tolist() == [10.0, 20.0, 30.0]
    assert table["number"].tolist() == [1, 2, 0]
    assert table["best"].tolist() == [0.6, 0.8, 0.8]
    assert table["leader"].tolist() == [1, 2, 2]


def test_searches_are_compared_at_what_the_shortest_has_spent() -> None:
    tables = {
        "short": best_so_far(entry_of([0.7, 0.8], 0)),
        "long": best_so_far(entry_of([0.6, 0.75, 0.9], 0)),
    }

    assert search_finding(tables, "trials", "maximize") == (
        "After 2 trials short had the best score in the search, 0.800"
    )
    assert search_finding(tables, "seconds", "maximize") == (
        "After 20 s short had the best score in the search, 0.800"
    )
    loss = spec_of(evaluation={"score": "log_loss"})
    losses = {
        "short": best_so_far(entry_of([0.7, 0.8], 0, spec=loss)),
        "long": best_so_far(entry_of([0.6, 0.75, 0.1], 0, spec=loss)),
    }
    assert search_finding(losses, "trials", "minimize") == (
        "After 2 trials long had the best score in the search, 0.600"
    )
    alone = {"short": tables["short"]}
    assert search_finding(alone, "trials", "maximize") == "Best score so far by trials"


def test_every_fit_is_a_dot() -> None:
    table = fold_dots([entry_of([0.7, 0.6], 1)])

    assert table["fold"].tolist() == [0, 1, 2, 3, 4]
    assert table["score"].tolist() == pytest.approx(
        (0.6 + FOLD_LUCK + WIGGLE[(1 + 97) % 3]).tolist()
    )


def test_the_overview_holds_scores_and_costs() -> None:
    [line] = overview([entry_of([0.7, 0.6], 0)]).to_dict("records")

    assert line["score"] == pytest.approx((0.7 + FOLD_LUCK + WIGGLE[97 % 3]).mean())
    assert line["half_width"] > 0
    assert (line["n_trials"], line["n_fits"], line["seconds"]) == (2, 10, 30.0)
    assert (line["trial_s"], line["n_weights"]) == (2.0, 50)


def test_what_differs_is_told_in_words() -> None:
    random = spec_of(
        sampler={"kind": "random", "n_trials": 2},
        space={"learning_rate": {"kind": "log_range", "low": 0.0001, "high": 0.1}},
    )
    a = entry_of([0.7], 0)
    b = entry_of([0.7], 0, "b", random, settings={"learning_rate": 0.01, "momentum": 0.5})

    lines = {line[0]: list(line[1:]) for line in settings_table([a, b]).to_numpy().tolist()}

    assert lines["Sampler"] == ["grid", "random", False]
    assert lines["Learning rate"] == ["0.1", "0.01", False]
    assert lines["Learning rate: tried"] == [
        "0.1, 0.01, 0.001", "0.0001 to 0.1", False,
    ]  # fmt: skip
    assert lines["Momentum"] == ["–", "0.5", False]
    assert lines["Judged on"] == ["5 folds", "5 folds", True]
    assert lines["Rows sealed as test"] == ["20%", "20%", True]


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ((0.0012345678, 0.01), ["0.001235", "0.01"]),
        ((0.0012345678, 0.0012349), ["0.0012346", "0.0012349"]),
        ((0.0012345678, 0.0012345678), ["0.001235", "0.001235"]),
        ((0.1, None), ["0.1", "the optimizer's own"]),
    ],
)
def test_numbers_have_the_digits_that_tell_them_apart(
    rates: tuple[float | None, ...], told: list[str]
) -> None:
    entries = [
        entry_of([0.7], 0, f"study {place}", settings={"learning_rate": rate})
        for place, rate in enumerate(rates)
    ]

    table = settings_table(entries).set_index("setting")

    line = list(table.loc["Learning rate"])
    assert line == [*told, rates[0] == rates[1]]


# Files.


def test_the_files_hold_what_was_compared() -> None:
    entries = [entry_of([0.7, 0.69], 0), entry_of([0.8, 0.69], 0, "b")]
    pairs = pairs_to_first(entries)
    searches = {entry.row.id: best_so_far(entry) for entry in entries}

    lines = compared_csv(entries).decode().splitlines()
    document = json.loads(compared_json(entries, pairs, ["b wins"], searches))

    assert lines[0].split(",") == [
        "label", "study", "trial", "metric", "score", "half_width", "sampler", "n_trials",
        "n_fits", "seconds", "trial_s", "n_weights", "learning_rate", "epochs",
    ]  # fmt: skip
    assert lines[1].startswith("a trial 0,a,0,accuracy,0.7")
    assert len(lines) == 3
    assert document["verdict"] == ["b wins"]
    assert document["gaps_to_first"][0]["verdict"] == "better"
    assert [dot["fold"] for dot in document["entries"][0]["folds"]] == [0, 1, 2, 3, 4]
    assert document["entries"][1]["settings"] == {"learning_rate": 0.1, "epochs": 10}
    assert document["searches"]["a"][0]["trials"] == 1


def test_a_name_that_looks_like_a_formula_is_text_in_a_spreadsheet() -> None:
    entry = replace(entry_of([0.7], 0), label="=1+1 trial 0")
    assert compared_csv([entry]).decode().splitlines()[1].startswith("'=1+1 trial 0,")
