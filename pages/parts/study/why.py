"""Why a verdict is what it is: the test and its level, looks, ties, the race of the leaders.

Only words; what they tell was computed with the verdict.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from pages.parts.show import plural
from pages.parts.study.facts import SCORES, is_confirming
from storage.studies import StudyRow
from tuning.analysis.race import LOOKS
from tuning.analysis.standings import Confirmed
from tuning.analysis.ties import BADGE_LEVEL
from tuning.analysis.verdict import Judgement
from tuning.digits import DIGITS_ALONE
from tuning.judging import Judged

Reason = tuple[str, str]  # what it is about, and a sentence or two

_LEVEL = (
    f"{100 * (1 - BADGE_LEVEL):.0f} % a look. Of 100 studies of two equally good trials, 5 or "
    + "6 are given a winner over all looks together, at worst 10; of many equal trials hardly "
    + "any."
)
_STILL_HERE = "Repeats separate trials; they do not take the luck out of the winner's score."


def why(judged: Judged, row: StudyRow) -> tuple[Reason, ...]:
    """Return what lies behind the verdict of a study, by topic."""
    found = judged.found
    if found.leader is None:
        return (("Cannot tell", found.reason or "No trial has a score."),)
    return tuple(_reasons(judged, found, row))


def n_looks(searched_repeats: int, race: Confirmed | None) -> int:
    """Count the looks at which a winner may have been named.

    Parameters
    ----------
    searched_repeats : int
        Repeats that every trial has from the search.
    """
    if race is None:
        return 1
    return 1 + sum(searched_repeats < look <= race.n_repeats for look in LOOKS)


def _reasons(judged: Judged, found: Judgement, row: StudyRow) -> Iterator[Reason]:
    is_racing = is_confirming(row)
    if found.reason and not is_racing:
        yield "Cannot tell", found.reason
    yield "Test", _test(found)
    yield "Level", _LEVEL
    yield "Looks", _looks_to_come(judged) if is_racing else _looks(judged, found)
    yield "Ties", _ties(found)
    yield "Confirming", f"{row.phase}." if is_racing else _confirming(judged, found, row)
    score = SCORES[judged.spec.evaluation.score]
    rope = f"{found.rope:.{DIGITS_ALONE}g}"
    yield "Worth having", f"Differences in {score} below {rope} do not matter in practice."


def _test(found: Judgement) -> str:
    text = (
        "A corrected t test on the same folds (Nadeau and Bengio): to be called better, "
        + f"trial {found.leader} must be ahead of every other trial"
    )
    critical = math.nan if found.ranking is None else found.ranking.crit_badge
    if math.isnan(critical) or found.confirmed is not None:  # each look of a race has its own
        return f"{text}."
    return f"{text} by {critical:.1f} standard errors of their difference."


def _looks(judged: Judged, found: Judgement) -> str:
    if found.is_running:
        return (
            "The study still runs. The level holds for the look at its end, not for this one."
        )
    looks = n_looks(judged.spec.evaluation.repeats, found.confirmed)
    if looks == 1:
        return "1, at the end of the search."
    return f"{looks}: at the end of the search, and {looks - 1} while confirming."


def _looks_to_come(judged: Judged) -> str:
    later = [str(look) for look in LOOKS if look > judged.spec.evaluation.repeats]
    repeats = " and ".join(filter(None, [", ".join(later[:-1]), *later[-1:]]))
    return f"One at the end of the search, and while confirming at {repeats} repeats."


def _ties(found: Judgement) -> str:
    n_others = int((found.table["tie"] != "not compared").sum()) - 1
    left_out = len(found.table) - n_others - 1
    text = (
        f"{found.n_tied:,} of {plural(n_others, 'other trial')} may be as good as trial "
        + f"{found.leader}, at 95 % for all of them together (Dunnett)."
    )
    if left_out:
        text += f" {plural(left_out, 'trial')} without all fits could not be compared."
    return text


def _confirming(judged: Judged, found: Judgement, row: StudyRow) -> str:
    race = Confirmed.of(json.loads(row.confirm))
    if race is None and found.is_running and judged.spec.confirm:
        return "Not yet: the leaders are trained again when the search is over."
    if race is None:
        return "Not confirmed: the leaders were not trained again on fresh repeats."
    if found.confirmed is None:
        return race.sentence
    entered = plural(len(race.entered), "trial")
    fits = plural(race.n_fits, "fit")
    return f"{race.sentence} {entered} entered, {fits} spent. {_STILL_HERE}"
