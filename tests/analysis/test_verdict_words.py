"""Every verdict, word by word."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.judged_scores import LEADS, TIES, make_info, make_race, make_scores, make_spec
from tuning.analysis.standings import Confirmed
from tuning.analysis.verdict import Facts, Judgement, judge
from tuning.analysis.verdict_words import (
    edge_sentence,
    expected_sentence,
    leader_score,
    verdict_document,
    verdict_sentence,
)
from tuning.parameters import Value
from tuning.spec import StudySpec

Rows = Sequence[Sequence[float]]
LOSSES = [[1 - score for score in row] for row in LEADS]
SIX = [*TIES, *([TIES[1]] * 5)]
# Shows 0.74375; winners chosen without a fold score 0.7125 on it: trust.md, section 4.
LUCKY = [[0.80, 0.70, 0.75, 0.71], [0.70, 0.80, 0.74, 0.72], [0.72, 0.71, 0.73, 0.815]]


def judged(rows: Rows, spec: StudySpec | None = None, **facts: Any) -> Judgement:
    spec = spec or make_spec()
    given: dict[str, Any] = {"is_running": False, "n_ended": len(rows), "n_failed": 0}
    return judge(spec, make_scores(spec, rows), Facts(**(given | facts)))


def sentence(
    rows: Rows,
    spec: StudySpec | None = None,
    settings: Mapping[str, Value] | None = None,
    **facts: Any,
) -> str:
    spec = spec or make_spec()
    return verdict_sentence(spec, judged(rows, spec, **facts), settings)


def test_a_leader_that_is_better_than_all_others() -> None:
    assert sentence(LEADS) == (
        "Trial 0 is better than all others: accuracy 0.810 ± 0.029, the next is 0.052 worse."
    )


def test_a_leader_of_losses() -> None:
    spec = make_spec(evaluation={"score": "rmse"})

    assert sentence(LOSSES, spec) == (
        "Trial 0 is better than all others: RMSE 0.190 ± 0.029, the next is 0.052 worse."
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (TIES, "but 1 trial ties with it."),
        (SIX, "but 6 trials tie with it."),
    ],
)
def test_a_leader_with_which_others_tie(rows: Rows, words: str) -> None:
    assert sentence(rows) == f"Trial 0 leads with accuracy 0.810 ± 0.029, {words}"


def test_the_cheapest_of_them_is_named_where_it_is_another_one() -> None:
    smaller, larger = {0: 100, 1: 20, 2: 5}, {0: 100, 1: 200, 2: 5}

    assert sentence(TIES, n_weights=smaller) == (
        "Trial 0 leads with accuracy 0.810 ± 0.029, but 1 trial ties with it. "
        + "Trial 1 is the cheapest of them."
    )
    assert "cheapest" not in sentence(TIES, n_weights=larger)


def test_default_settings_that_nothing_clearly_beats() -> None:
    spec = make_spec(include_default=True)

    assert sentence([TIES[1], TIES[0], TIES[2]], spec) == (
        "Nothing clearly beats the default settings (trial 0, accuracy 0.804 ± 0.021). "
        + "Keep them, or widen the search."
    )


@pytest.mark.parametrize(
    ("score", "rows", "words"),
    [
        (
            "accuracy",
            [[0.62, 0.63, 0.61, 0.64, 0.60], [0.55, 0.56, 0.54, 0.57, 0.53]],
            (
                "No trial clearly beats always guessing the most common class (0.600): "
                + "the best is trial 0 with accuracy "
            ),
        ),
        (
            "log_loss",
            [[0.66, 0.67, 0.68, 0.65, 0.69]],
            (
                "No trial clearly beats guessing by how common each class is (0.673): "
                + "the best is trial 0 with log loss 0.670 ± 0.029."
            ),
        ),
        (
            "roc_auc",
            [[0.51, 0.52, 0.50, 0.53, 0.49]],
            (
                "No trial clearly beats guessing (0.500): "
                + "the best is trial 0 with area under ROC 0.510 ± 0.029."
            ),
        ),
        (
            "r2",
            [[0.01, 0.02, 0.0, 0.03, -0.01]],
            (
                "No trial clearly beats always guessing the mean (0.000): "
                + "the best is trial 0 with R² 0.010 ± 0.029."
            ),
        ),
    ],
)
def test_a_search_that_found_nothing_better_than_guessing(
    score: str, rows: Rows, words: str
) -> None:
    said = sentence(rows, make_spec(evaluation={"score": score}), info=make_info())

    assert said.startswith(words)
    assert said.endswith(" Check the target column and scaling.")


def test_what_cannot_be_told_says_why() -> None:
    said = sentence([row[:3] for row in LEADS], make_spec(3))

    assert said == (
        "Trial 0 has the best score, accuracy 0.810. Whether it is better than the others "
        + "cannot be told: 3 fits a trial: it takes 5 to tell trials apart."
    )


@pytest.mark.parametrize(
    ("is_running", "words"),
    [(True, "No trial has a score yet."), (False, "No trial has a score.")],
)
def test_a_study_without_a_score(is_running: bool, words: str) -> None:
    assert sentence([], is_running=is_running) == words


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (LEADS, "Too early to call: trial 0 leads with accuracy 0.810 ± 0.029."),
        (
            TIES,
            "Too early to call: trial 0 leads, 1 other cannot be told apart from it yet.",
        ),
        (
            SIX,
            "Too early to call: trial 0 leads, 6 others cannot be told apart from it yet.",
        ),
        (
            [*LEADS, *([LEADS[2]] * 8)],
            "So far trial 0 is better than all others: accuracy 0.810 ± 0.029.",
        ),
    ],
)
def test_a_search_that_still_runs_says_so(rows: Rows, words: str) -> None:
    assert sentence(rows, is_running=True) == words


def test_an_edge_is_not_told_before_the_end() -> None:
    assert "allowed" not in sentence(LEADS, None, {"batch_size": 80}, is_running=True)


@pytest.mark.parametrize(
    ("race", "words"),
    [
        (
            make_race([0], [0, 1]),
            (
                "Trial 0 is better than all others: accuracy 0.810 ± 0.029. "
                + "Confirmed with 4 repeats: trial 0 stays ahead."
            ),
        ),
        (
            make_race([1], [0, 1]),
            (
                "Trial 1 is better than all others: accuracy 0.804 ± 0.021. "
                + "With 4 repeats trial 1 scores best, not trial 0, which led the search. "
                + "Confirmed with 4 repeats: trial 1 is ahead."
            ),
        ),
        (
            make_race([0, 1], [0, 1], kind="equal"),
            (
                "Trial 0 leads with accuracy 0.810 ± 0.029, but 1 trial ties with it. "
                + "Confirmed with 4 repeats: the 2 left in the race are practically equal."
            ),
        ),
        (
            make_race([1, 0], [0, 1], n_repeats=10, need_rows=23_871.0),
            (
                "Trial 1 leads with accuracy 0.804 ± 0.021, but 1 trial ties with it. "
                + "With 10 repeats trial 1 scores best, not trial 0, which led the search. "
                + "10 repeats could not separate the 2 left in the race; "
                + "about 24,000 rows could."
            ),
        ),
        (
            make_race([0, 1], [0, 1], n_repeats=10),
            (
                "Trial 0 leads with accuracy 0.810 ± 0.029, but 1 trial ties with it. "
                + "10 repeats could not separate the 2 left in the race."
            ),
        ),
        (
            make_race([0], [0, 1], kind="cannot tell", gaps={0: (0.0, 0.0, 0.0, 2)}),
            (
                "Trial 0 leads with accuracy 0.810 ± 0.029. "
                + "No other trial of the race has all its scores after 4 repeats."
            ),
        ),
    ],
)
def test_what_confirming_has_changed(race: Confirmed, words: str) -> None:
    assert sentence(TIES, confirmed=race) == words


@pytest.mark.parametrize(
    ("n_entered", "words"),
    [(2, "the other one in the race"), (3, "the 2 others in the race")],
)
def test_a_winner_of_the_race_is_not_said_to_beat_those_that_did_not_enter(
    n_entered: int, words: str
) -> None:
    rows = [TIES[0], TIES[1], TIES[1], TIES[1]]

    said = sentence(rows, confirmed=make_race([0], range(n_entered)))

    n_left = 4 - n_entered
    rest = "1 trial that ties was" if n_left == 1 else "2 trials that tie were"
    assert said == (
        f"Trial 0 is better than {words}: accuracy 0.810 ± 0.029. "
        + f"{rest} not trained again. Confirmed with 4 repeats: trial 0 stays ahead."
    )


EDGES = {
    "batch_size": {"kind": "list", "values": [10, 20, 40, 80]},
    "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
    "n_hidden": {"kind": "range", "low": 1, "high": 4},
    "dropout_rate": {"kind": "list", "values": [0.0, 0.2, 0.5]},
    "activation": {"kind": "list", "values": ["relu", "tanh", "elu"]},
    "max_norm": {"kind": "list", "values": [None, 2.0, 4.0]},
    "momentum": {"kind": "list", "values": [0.1, 0.5]},
}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("batch_size", 80, "Its batch size is the largest you allowed"),
        ("batch_size", 10, "Its batch size is the smallest you allowed"),
        ("batch_size", 20, ""),
        ("learning_rate", 0.1, "Its learning rate is the largest you allowed"),
        ("learning_rate", None, ""),
        ("n_hidden", 4, "Its hidden layers are the largest you allowed"),
        ("dropout_rate", 0.0, ""),  # there is nothing below
        ("dropout_rate", 0.5, "Its dropout rate is the largest you allowed"),
        ("activation", "elu", ""),
        ("max_norm", 4.0, ""),  # off is no number, so the list has no ends
        ("momentum", 0.5, ""),  # of two values each is an end
        ("n_neurons", 12, ""),
    ],
)
def test_a_value_on_the_edge_of_the_search_is_told(name: str, value: Value, words: str) -> None:
    spec = make_spec(space=EDGES, sampler={"kind": "random", "n_trials": 5})
    end = "; better values may lie beyond." if words else ""

    assert edge_sentence(spec, {name: value}) == words + end


def test_the_edge_follows_the_verdict_and_names_the_trial() -> None:
    said = sentence(TIES, None, {"batch_size": 80}, n_weights={0: 9, 1: 1})

    assert said.endswith(
        "Trial 1 is the cheapest of them. "
        + "The batch size of trial 0 is the largest you allowed; better values may lie beyond."
    )


def test_what_to_expect_says_how_much_was_luck() -> None:
    rows = [[score + 0.0002 for score in row] for row in LUCKY]
    grid, tpe = make_spec(4), make_spec(4, sampler={"kind": "tpe", "n_trials": 3})

    assert expected_sentence(judged(rows, grid)) == (
        "Expected on new data 0.713 ± 0.031 (search showed 0.744; 0.031 is selection luck)."
    )
    assert expected_sentence(judged(rows, tpe)) == (
        "Expected on new data about 0.697 ± 0.031 "
        + "(search showed 0.744; 0.047 is selection luck)."
    )


def test_the_luck_of_a_loss_is_told_in_its_own_units() -> None:
    rows = [[1.9998 - score for score in row] for row in LUCKY]
    spec = make_spec(4, evaluation={"score": "mae"})

    assert expected_sentence(judged(rows, spec)) == (
        "Expected on new data 1.287 ± 0.031 (search showed 1.256; 0.031 is selection luck)."
    )


def test_what_to_expect_may_not_be_known() -> None:
    spec = make_spec(evaluation={"method": "holdout"})

    assert expected_sentence(judged([[0.8], [0.7]], spec)) == (
        "What to expect on new data cannot be told: "
        + "one fold: a winner cannot be chosen without it."
    )


def test_a_score_has_its_interval_where_there_is_one() -> None:
    assert leader_score(judged(LEADS)) == "0.810 ± 0.029"
    assert leader_score(judged([row[:3] for row in LEADS], make_spec(3))) == "0.810"


def test_scripts_read_the_judgement_as_json() -> None:
    spec = make_spec(include_default=True)
    found = judged([LEADS[1], LEADS[0], LEADS[2]], spec, info=make_info())

    document = json.loads(json.dumps(verdict_document(spec, found), allow_nan=False))

    assert document["kind"] == "leads"
    assert document["sentence"] == verdict_sentence(spec, found)
    assert (document["leader"], document["tied"], document["cheapest_of_tied"]) == (1, [1], 1)
    assert document["score"] == pytest.approx(0.81)
    assert document["expected_on_new_data"]["score"] == pytest.approx(0.81)
    assert document["gain_over_default"]["gain"] == pytest.approx(0.052)
    assert document["gain_over_default"]["is_shown"]
    assert document["guessing"] == 0.6
    assert document["smallest_difference_that_matters"] == 0.01
    assert (document["confirmed"], document["reason"]) == (None, None)
    assert not document["is_running"]


def test_scripts_read_what_is_not_known_as_a_reason() -> None:
    spec = make_spec(evaluation={"method": "holdout"})

    document = verdict_document(spec, judged([[0.8], [0.7]], spec))

    assert document["half_width"] is None
    assert document["expected_on_new_data"] == (
        "One fold: a winner cannot be chosen without it."
    )
    assert document["best_by_luck_alone"] == (
        "One fold: the noise of a trial's score cannot be told."
    )
    assert document["gain_over_default"] is None


def test_scripts_read_of_a_study_without_scores_that_there_are_none() -> None:
    document = verdict_document(make_spec(), judged([]))

    assert json.loads(json.dumps(document, allow_nan=False))["score"] is None
    assert (document["kind"], document["leader"], document["tied"]) == ("none", None, [])


def test_the_best_by_luck_of_a_loss_is_told_in_its_own_units() -> None:
    spec = make_spec(evaluation={"score": "rmse"})

    luck = verdict_document(spec, judged(LOSSES, spec))["best_by_luck_alone"]

    assert 0 < luck < 1
    assert luck < sorted(math.fsum(row) / 5 for row in LOSSES)[1]


def test_a_race_is_part_of_what_scripts_read() -> None:
    spec = make_spec()
    found = judged(TIES, spec, confirmed=make_race([0, 1], [0, 1], need_rows=2400.0))

    document = json.loads(json.dumps(verdict_document(spec, found), allow_nan=False))

    assert document["confirmed"]["survivors"] == [0, 1]
    assert document["confirmed"]["need_rows"] == 2400.0
