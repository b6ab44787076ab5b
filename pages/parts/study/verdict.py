"""The verdict as the head of a study shows it: an icon, four tiles, numbers with their ±.

Everything comes from one judgement, so that sentence, tiles and charts never name two leaders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pages.parts.study.facts import SPREAD_HELP
from pages.parts.words import HELP
from storage.studies import StudyRow
from tuning.analysis.intervals import TOO_FEW_FOLDS, Interval
from tuning.analysis.verdict import Judgement
from tuning.analysis.verdict_words import expected_sentence, leader_score
from tuning.analysis.winner import HonestScore
from tuning.digits import decimals, with_error

Effect = Literal["better", "worse", "none"]

_UNKNOWN = "–"
_ICONS: Mapping[str, str] = {
    "leads": ":material/trophy:",
    "tied": ":material/balance:",
    "default": ":material/settings_backup_restore:",
    "guessing": ":material/casino:",
    "cannot tell": ":material/help:",
    "none": ":material/block:",
}
_EARLY = ":material/hourglass_top:"
_HONEST = (
    "The best of many scores is a little too good. Here each fold is scored by a winner that "
    + "was chosen without it."
)
_APPROXIMATE = "It is approximate: this search chose its trials after seeing scores."
_FEW_FITS = "So few fits also leave the ± uncertain."
_GAIN = "What the search has gained over trial 0 on the same folds; above 0 is better."
_NO_DEFAULT = (
    "Trial 0 of this study is not the default settings, so there is nothing to compare."
)


@dataclass(frozen=True)
class Tile:
    """One of the numbers below the verdict.

    Attributes
    ----------
    note : str
        Small print under the number; empty for none.
    effect : {"better", "worse", "none"}
        Only what is surely not chance has a direction.
    """

    label: str
    value: str
    note: str
    help: str
    effect: Effect = "none"


def icon(found: Judgement) -> str:
    """Return the icon of a verdict; while a study runs, only a clear one has its own."""
    if found.is_running and found.kind != "leads":
        return _EARLY
    return _ICONS[found.kind]


def tiles(found: Judgement, row: StudyRow) -> tuple[Tile, ...]:
    """Return the four numbers of a study: score, ties, gain, failed trials."""
    return _score(found), _ties(found), _gain(found), _failed(row)


def _score(found: Judgement) -> Tile:
    best = "Best so far" if found.is_running else "Best score"
    if found.leader is None:
        note = "after the first trial" if found.is_running else ""
        return Tile(best, _UNKNOWN, note, HELP["leader"])
    raw, expected = leader_score(found), found.expected
    if expected is None or isinstance(found.honest, str):
        note = f"trial {found.leader}"
        return Tile(best, raw, note, f"{SPREAD_HELP} {found.honest}")
    return Tile(
        "Expected on new data",
        with_error(expected.mean, expected.half_width),
        f"best {raw}",
        _expected_help(found, found.honest),
    )


def _expected_help(found: Judgement, honest: HonestScore) -> str:
    parts = [expected_sentence(found), _HONEST]
    if honest.is_adaptive:
        parts.append(_APPROXIMATE)
    if honest.interval.flag == TOO_FEW_FOLDS:
        parts.append(_FEW_FITS)
    return " ".join(parts)


def _ties(found: Judgement) -> Tile:
    if found.leader is None:
        return Tile("Tied with the leader", _UNKNOWN, "", HELP["tied"])
    label = f"Tied with trial {found.leader}"
    if found.reason is not None and not found.is_running:
        return Tile(label, _UNKNOWN, "cannot tell", f"{HELP['tied']} {found.reason}")
    n_others = int((found.table["tie"] != "not compared").sum()) - 1
    value = f"{found.n_tied:,} of {n_others:,}"
    return Tile(label, value, _cheapest(found), f"{HELP['tied']} Of all other trials.")


def _cheapest(found: Judgement) -> str:
    if not found.n_tied or found.cheapest is None:
        return ""
    if found.cheapest == found.leader:
        return "none is cheaper"
    return f"cheapest: trial {found.cheapest}"


def _gain(found: Judgement) -> Tile:
    label, gain = "Gain over defaults", found.gain
    if gain is None:
        return Tile(label, _UNKNOWN, "", _GAIN if found.leader is None else _NO_DEFAULT)
    if isinstance(gain, str):
        return Tile(
            label, _UNKNOWN, "cannot tell yet" if found.is_running else "cannot tell", gain
        )
    effect, note = _effect(found, gain.interval)
    return Tile(label, _signed(gain.interval), note, f"{_GAIN} {gain.sentence}", effect)


def _effect(found: Judgement, gain: Interval) -> tuple[Effect, str]:
    if gain.low > 0 and found.kind == "default":
        return "none", "trial 0 is still tied"
    if gain.low > 0:
        return "better", "better than the defaults"
    if gain.high < 0:
        return "worse", "worse than the defaults"
    return "none", "may be no gain"


def _signed(interval: Interval) -> str:
    places = decimals(interval.half_width)
    return f"{interval.mean:+,.{places}f} ± {interval.half_width:,.{places}f}"


def _failed(row: StudyRow) -> Tile:
    return Tile(
        "Failed",
        f"{row.n_trials_failed:,}",
        f"{row.n_trials_done:,} of {row.n_trials_planned:,} trials done",
        "Trials that ended with an error. The Log says why.",
    )
