"""What the verdict is shown with: tiles, reasons, a word in lists, bars and the luck line."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from pages.parts.charts.certainty import LuckLine, leader_bars, with_certainty
from pages.parts.charts.curves import best_so_far
from pages.parts.home.studies_grid import studies_table
from pages.parts.study.facts import ended_toast, verdict_word
from pages.parts.study.verdict import icon, tiles
from pages.parts.study.why import n_looks, why
from storage.database import open_database
from storage.studies import StudyRow, get_study
from tests.pages.driven_study import (
    CLEAR,
    EQUAL,
    WITHOUT_DEFAULT,
    drive,
    driven_spec,
    noise,
)
from tuning.analysis.gain import Gain
from tuning.analysis.intervals import Interval
from tuning.analysis.standings import Confirmed
from tuning.analysis.verdict import Kind
from tuning.digits import with_error
from tuning.judging import Judged, judge_study

Judge = Callable[..., tuple[Judged, StudyRow]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """Give what is said of a finished study; equal ones are run once."""
    folder = tmp_path_factory.mktemp("judged")
    own = open_database(f"sqlite:///{folder / 'tuneboard.sqlite3'}")
    known: dict[str, tuple[Judged, StudyRow]] = {}

    def of(bases: tuple[float, ...], **changes: Any) -> tuple[Judged, StudyRow]:
        key = repr((bases, changes))
        if key not in known:
            study_id = drive(own, bases, driven_spec(**changes))
            known[key] = judge_study(own, study_id), get_study(own, study_id)
        return known[key]

    yield of
    own.close()


# Why.


def test_the_reasons_of_a_clear_winner_name_test_level_and_looks(judged: Judge) -> None:
    reasons = dict(why(*judged(CLEAR)))

    assert reasons["Test"].startswith(
        "A corrected t test on the same folds (Nadeau and Bengio): to be called better, "
        + "trial 4 must be ahead of every other trial by "
    )
    assert reasons["Level"] == (
        "4 % a look. Of 100 studies of two equally good trials, 5 or 6 are given a winner over "
        + "all looks together, at worst 10; of many equal trials hardly any."
    )
    assert reasons["Looks"] == "1, at the end of the search."
    assert reasons["Ties"] == (
        "0 of 5 other trials may be as good as trial 4, at 95 % for all of them together "
        + "(Dunnett)."
    )
    assert reasons["Confirming"] == (
        "Not confirmed: the leaders were not trained again on fresh repeats."
    )
    assert reasons["Worth having"] == (
        "Differences in accuracy below 0.01 do not matter in practice."
    )
    assert "Cannot tell" not in reasons


def test_the_reasons_tell_how_a_race_ended_and_what_it_cost(judged: Judge) -> None:
    reasons = dict(why(*judged(EQUAL, confirm=True)))

    assert reasons["Looks"] == "2: at the end of the search, and 1 while confirming."
    assert reasons["Confirming"] == (
        "Practically equal: take the cheapest of these 6. 6 trials entered, 30 fits spent. "
        + "Repeats separate trials; they do not take the luck out of the winner's score."
    )


def test_where_it_cannot_tell_the_reason_comes_first(judged: Judge) -> None:
    few = {"evaluation": {"folds": 3, "score": "accuracy"}}

    found, row = judged(EQUAL, **few)

    assert why(found, row)[0] == (
        "Cannot tell",
        "3 fits a trial: it takes 5 to tell trials apart.",
    )
    score, ties, gain, _ = tiles(found.found, row)
    assert (score.label, score.value) == ("Best score", with_error(*_own(found)))
    assert "3 fits a trial: an honest score takes 4." in score.help
    assert (ties.value, ties.note) == ("–", "cannot tell")
    assert (gain.value, gain.effect) == ("–", "none")
    assert gain.help == "3 fits a trial: a gain takes 5."


def _own(found: Judged) -> tuple[float, float]:
    assert found.found.score is not None
    return found.found.mean, found.found.score.half_width


@pytest.mark.parametrize(
    ("searched", "reached", "looks"), [(1, 10, 5), (1, 2, 2), (3, 10, 4), (5, 7, 2)]
)
def test_looks_are_counted_from_the_repeats_of_the_search(
    searched: int, reached: int, looks: int
) -> None:
    race = Confirmed("equal", (0, 1), (0, 1), reached, 0, "")

    assert n_looks(searched, race) == looks
    assert n_looks(searched, None) == 1


# Tiles.


def test_the_expected_score_stands_beside_the_one_that_was_shown(judged: Judge) -> None:
    found, row = judged(EQUAL)
    fits = np.array([[noise(n, 0, f) for f in range(5)] for n in range(6)]) + 0.9
    others = fits.sum(axis=1, keepdims=True) - fits
    crossed = fits[others.argmax(axis=0), np.arange(5)]  # winners by the other folds
    half = float(t.ppf(0.975, 4)) * math.sqrt((1 / 5 + 1 / 4) * crossed.var(ddof=1))
    shown = fits.mean(axis=1).max()

    tile = tiles(found.found, row)[0]

    assert tile.label == "Expected on new data"
    assert tile.value == with_error(crossed.mean(), half)
    assert tile.help.startswith(
        f"Expected on new data {tile.value} (search showed {shown:.3f}; "
        + f"{shown - crossed.mean():.3f} is selection luck)."
    )


def test_a_gain_has_a_direction_only_where_its_interval_excludes_nothing(
    judged: Judge,
) -> None:
    clear, clear_row = judged(CLEAR)
    equal, equal_row = judged(EQUAL)

    gained, unclear = tiles(clear.found, clear_row)[2], tiles(equal.found, equal_row)[2]

    assert (gained.effect, gained.note) == ("better", "better than the defaults")
    assert gained.value.startswith("+0.10")
    assert (unclear.effect, unclear.note) == ("none", "may be no gain")
    assert unclear.help.endswith(": not shown.")


@pytest.mark.parametrize(
    ("gain", "kind", "value", "note", "effect"),
    [
        ((0.018, -0.004, 0.040), "tied", "+0.018 ± 0.022", "may be no gain", "none"),
        ((0.018, 0.004, 0.032), "tied", "+0.018 ± 0.014", "better than the defaults", "better"),
        ((0.018, 0.004, 0.032), "default", "+0.018 ± 0.014", "trial 0 is still tied", "none"),
        (
            (-0.018, -0.032, -0.004),
            "tied",
            "-0.018 ± 0.014",
            "worse than the defaults",
            "worse",
        ),
    ],
)
def test_the_interval_of_a_gain_decides_what_is_said_of_it(
    judged: Judge,
    gain: tuple[float, float, float],
    kind: Kind,
    value: str,
    note: str,
    effect: str,
) -> None:
    found, row = judged(EQUAL)
    assert isinstance(found.found.gain, Gain)
    interval = Interval(*gain, df=4, method="", flag=None)
    gained = dataclasses.replace(found.found.gain, interval=interval)

    tile = tiles(dataclasses.replace(found.found, gain=gained, kind=kind), row)[2]

    assert (tile.value, tile.note, tile.effect) == (value, note, effect)


def test_without_the_default_settings_there_is_no_gain_to_tell(judged: Judge) -> None:
    found, row = judged(EQUAL, **WITHOUT_DEFAULT)

    tile = tiles(found.found, row)[2]

    assert (tile.value, tile.effect) == ("–", "none")
    assert tile.help.startswith("Trial 0 of this study is not the default settings")


def test_each_kind_of_verdict_has_an_icon_of_its_own(judged: Judge) -> None:
    found = judged(CLEAR)[0].found
    kinds: tuple[Kind, ...] = get_args(Kind)

    icons = {icon(dataclasses.replace(found, kind=kind)) for kind in kinds}

    assert len(icons) == len(kinds)
    early = dataclasses.replace(found, kind="tied", is_running=True)
    assert icon(early) == ":material/hourglass_top:"


# A word in lists.


@pytest.mark.parametrize(
    ("bases", "changes", "word"),
    [
        (CLEAR, {}, "leads"),
        (EQUAL, WITHOUT_DEFAULT, "tied with 5"),
        (EQUAL, {}, "not clearly better than defaults"),
        ((0.63,) * 6, {}, "not clearly better than guessing"),
        (EQUAL, {"evaluation": {"folds": 3, "score": "accuracy"}}, "cannot tell"),
    ],
)
def test_lists_name_the_kind_of_verdict(
    judged: Judge, bases: tuple[float, ...], changes: dict[str, Any], word: str
) -> None:
    row = judged(bases, **changes)[1]

    assert verdict_word(row) == word
    assert studies_table([row])["verdict"].tolist() == [word]
    assert ended_toast(row).endswith(f": {word}.")
    again = dataclasses.replace(row, state="training")
    assert studies_table([again])["verdict"].tolist() == ["–"]


# The chart of the best so far.


def test_only_trials_that_took_the_lead_have_bars() -> None:
    history = pd.DataFrame(
        {
            "finished": [1, 2, 3],
            "number": [0, 1, 2],
            "score": [0.5, 0.4, 0.6],
            "best": [0.5, 0.5, 0.6],
            "leader": [0, 0, 2],
        }
    )
    standings = pd.DataFrame(
        {"mean": [0.5, 0.4, 0.6], "half_width": [0.1, 0.1, math.nan]}, index=[0, 1, 2]
    )

    bars = leader_bars(history, standings)

    assert bars.to_dict("records") == [{"finished": 1, "number": 0, "low": 0.4, "high": 0.6}]
    option = with_certainty(best_so_far(history, "", ""), bars, LuckLine(0.55, "0.55"))
    bar, line = option["series"][-2:]
    assert bar["data"] == [[1.0, 0.4], [1.0, 0.6], [1.0, None]]
    assert line["data"] == [[1, 0.55], [3, 0.55]]
    assert line["endLabel"]["formatter"] == "luck 0.55"
