"""Is the winner real? One judgement of a study, for every page, export and command alike.

From the scores of its fits follow who leads, who is tied with the leader, what the leader will
probably score on new data, and one sentence. Nothing here is drawn or stored.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from tuning.analysis.gain import Gain, gain_over_default
from tuning.analysis.intervals import Interval
from tuning.analysis.standings import (
    COLUMNS,
    Confirmed,
    leader_of,
    own_interval,
    standings,
    usable,
)
from tuning.analysis.study_scores import (
    StudyScores,
    guessing_score,
    rope_of,
    split_ratio,
)
from tuning.analysis.ties import Ranking, rank, withhold
from tuning.analysis.winner import HonestScore, Luck, best_by_luck, honest_score
from tuning.datasets.info import DatasetInfo
from tuning.datasets.splits import count_rows
from tuning.digits import DIGITS_ALONE, common_decimals, decimals, digits_of_score, with_error
from tuning.spec import StudySpec

Kind = Literal["none", "leads", "tied", "default", "guessing", "cannot tell"]

SAME_ROWS = "Every fit is scored on the same test rows, and their luck cannot be told."
MANY_FAILED = "More than 10% of the trials failed."
_MOST_FAILED = 0.1


@dataclass(frozen=True)
class Facts:
    """What is known of a study beside its scores.

    Attributes
    ----------
    is_running : bool
        Whether more trials may come.
    n_ended, n_failed : int
        Trials that ended, and those of them that failed.
    is_extended : bool
        Whether trials were added after the scores of others were known.
    confirmed : Confirmed or None
        What the race of the leaders has found, if there was one.
    is_skipped : bool
        Whether somebody asked to end without one.
    n_weights, seconds : mapping
        Size and training time of trials by number, to tell the cheapest of those tied.
    """

    is_running: bool
    n_ended: int
    n_failed: int
    is_extended: bool = False
    info: DatasetInfo | None = None
    confirmed: Confirmed | None = None
    is_skipped: bool = False
    n_weights: Mapping[int, int] = field(default_factory=dict)
    seconds: Mapping[int, float] = field(default_factory=dict)


_SAME = 1e-9  # relative; a trial's score in the search and over all its repeats


def _with_all(score: float, mean: float, half_width: float) -> str:
    if not math.isfinite(mean):
        return with_error(score)
    told = with_error(mean, half_width)
    if math.isclose(score, mean, rel_tol=_SAME):
        return told
    return f"{score:.{digits_of_score(half_width)}f}, with all repeats {told}"


@dataclass(frozen=True)
class Judgement:
    """What may be said of a study.

    Attributes
    ----------
    kind : str
        Which of the verdicts it is.
    leader : int or None
        Number of the trial that leads.
    score : Interval or None
        Of the leader, over all its repeats, in units of the score; None where there is none.
    mean : float
        Of the leader; NaN without one.
    n_tied : int
        Trials that cannot be told from the leader, the leader not counted.
    cheapest : int or None
        The one of all these, the leader among them, with the fewest weights; of several, the
        one trained fastest.
    table : DataFrame
        By number: mean and half_width over all repeats of the trial (NaN where there is no
        interval), gap, gap_low and gap_high (ahead is positive: the leader minus the trial,
        larger is better), rank, tie, n_repeats.
    reason : str or None
        Why it cannot be told who is best.
    rope : float
        Smallest difference that matters.
    is_skipped : bool
        Whether the leaders did not race because somebody asked for that.
    """

    kind: Kind
    leader: int | None
    score: Interval | None
    mean: float
    n_tied: int
    cheapest: int | None
    table: pd.DataFrame
    honest: HonestScore | str
    gain: Gain | str | None
    luck: Luck | str
    guess: float | None
    rope: float
    reason: str | None
    is_running: bool
    confirmed: Confirmed | None
    ranking: Ranking | None
    sign: int
    is_skipped: bool = False

    @property
    def n_digits(self) -> int:
        """Decimals of what many trials make together, as a mean: those of the middle ±."""
        if self.table.empty:
            return DIGITS_ALONE
        return common_decimals(self.table["half_width"].to_list())

    def digits_of(self, numbers: Iterable[int]) -> int:
        """Return the decimals of the scores of some trials: as many as each ± supports."""
        widths = self.table.reindex(list(numbers))["half_width"].dropna()
        return min((decimals(width) for width in widths), default=DIGITS_ALONE)

    def texts_of(self, numbers: Sequence[int], scores: Sequence[float]) -> list[str]:
        """Write scores of the search, each with the ± of its trial.

        That of a trial which was trained again stands beside its score over all repeats, which
        the ± belongs to.
        """
        lines = self.table.reindex(list(numbers))[["mean", "half_width"]].to_numpy()
        return [
            _with_all(score, mean, half_width)
            for score, (mean, half_width) in zip(scores, lines, strict=True)
        ]

    @property
    def best_first(self) -> list[int]:
        """The trials that have a score, the leader first; ties by their gap to it.

        A trial that has a score but lacks a fit comes last.
        """
        table = self.table
        if table.empty:
            return []
        order = np.lexsort(
            (
                table.index.to_numpy(),
                table["gap"].fillna(np.inf).to_numpy(float),
                table["rank"].replace(0, len(table) + 1).to_numpy(float),
                (table["tie"] != "leader").to_numpy(),
            )
        )
        return [int(number) for number in table.index[order]]

    @property
    def expected(self) -> Interval | None:
        """What the leader will probably score on new data, in units of the score.

        Never better than what it has shown over all its repeats. None where `honest` says why.
        """
        if isinstance(self.honest, str):
            return None
        interval = self.honest.interval
        excess = max(interval.mean - self.sign * self.mean, 0.0)
        mean, low, high = (
            self.sign * (end - excess) for end in (interval.mean, interval.low, interval.high)
        )
        low, high = min(low, high), max(low, high)
        return dataclasses.replace(interval, mean=mean, low=low, high=high)


def judge(spec: StudySpec, scores: StudyScores, facts: Facts) -> Judgement:
    """Judge a study by all that is known of it now."""
    rope = rope_of(spec, scores)
    guess = guessing_score(spec, facts.info)
    if not len(scores.numbers):
        return _nothing(facts, guess, scores.sign)
    searched = scores.searched()
    rows = None if facts.info is None else count_rows(spec, facts.info).search
    ratio = split_ratio(spec, facts.info)
    failed = facts.n_failed / facts.n_ended if facts.n_ended else 0.0
    ranking = rank(
        searched,
        rows,
        is_running=facts.is_running,
        share_failed=failed,
        rope=rope,
        test_ratio=ratio,
    )
    if spec.evaluation.method == "test" and ranking.can_tell:
        ranking = withhold(ranking, SAME_ROWS)
    confirmed = usable(facts.confirmed, scores)
    table = standings(scores, ranking, confirmed, rows, ratio)
    leader = leader_of(scores, ranking, confirmed)
    if leader is None:
        return _nothing(facts, guess, scores.sign)
    is_adaptive = facts.is_extended or spec.is_refined or spec.sampler.learns
    own = own_interval(scores, leader, rows, ratio)
    tied = table.index[table["tie"].isin(("leader", "tied"))]
    told = ranking.reason
    if confirmed is not None:
        told = MANY_FAILED if failed > _MOST_FAILED else None
    honest = honest_score(searched, kind=scores.kind, is_adaptive=is_adaptive)
    gain = None
    if spec.include_default and scores.numbers[0] == 0:
        gain = gain_over_default(
            searched, 0, is_adaptive=is_adaptive, is_running=facts.is_running
        )
    found = Judgement(
        kind="cannot tell",
        leader=leader,
        score=own,
        mean=float(table["mean"].loc[leader]),
        n_tied=len(tied) - 1,
        cheapest=_cheapest(tied.tolist(), leader, facts),
        table=table,
        honest=honest,
        gain=gain,
        luck=best_by_luck(searched),
        guess=guess,
        rope=rope,
        reason=told,
        is_running=facts.is_running,
        confirmed=confirmed,
        ranking=ranking,
        sign=scores.sign,
        is_skipped=facts.is_skipped and confirmed is None,
    )
    return dataclasses.replace(found, kind=_kind(spec, found))


def score_of_trial(
    spec: StudySpec, scores: StudyScores, number: int, info: DatasetInfo
) -> Interval | None:
    """Return the score of a trial over all its repeats, with its interval."""
    rows = count_rows(spec, info).search
    return own_interval(scores, number, rows, split_ratio(spec, info))


def _nothing(facts: Facts, guess: float | None, sign: int) -> Judgement:
    reason = "No trial has a score yet." if facts.is_running else "No trial has a score."
    return Judgement(
        kind="none",
        leader=None,
        score=None,
        mean=math.nan,
        n_tied=0,
        cheapest=None,
        table=pd.DataFrame(columns=list(COLUMNS)),
        honest=reason,
        gain=None,
        luck=reason,
        guess=guess,
        rope=0.0,
        reason=reason,
        is_running=facts.is_running,
        confirmed=None,
        ranking=None,
        sign=sign,
    )


def _cheapest(tied: list[int], leader: int, facts: Facts) -> int | None:
    """Return the smallest of the tied trials; of several, the one trained fastest.

    Where all of them cost the same, that is the leader.
    """
    return min(
        tied,
        key=lambda n: (
            facts.n_weights.get(n, math.inf),
            facts.seconds.get(n, math.inf),
            n != leader,
            n,
        ),
        default=None,
    )


def _kind(spec: StudySpec, found: Judgement) -> Kind:
    if not _beats_guessing(found):
        return "guessing"
    if found.reason is not None:
        return "cannot tell"
    if spec.include_default and _keeps_up(found, 0):
        return "default"
    race = found.confirmed
    if race is not None:
        return "leads" if race.kind == "winner" else "tied"
    return "leads" if found.ranking is not None and found.ranking.badge else "tied"


def _keeps_up(found: Judgement, default: int) -> bool:
    """Tell whether nothing is clearly better than the default settings.

    A gain over them is one question asked once, and may be shown where one trial among many
    cannot be excluded as the best. A race that the default settings survived knows more.
    """
    if default not in found.table.index:
        return False
    tie = found.table["tie"].loc[default]
    if tie != "tied":
        return bool(tie == "leader")
    if found.confirmed is not None and default in found.confirmed.survivors:
        return True
    return not (isinstance(found.gain, Gain) and found.gain.beats_default)


def _beats_guessing(found: Judgement) -> bool:
    """Tell whether the leader is clearly better than guessing, or nothing can be said.

    By what it will score on new data, if that is known: its own score is the best of many.
    """
    if found.guess is None:
        return True
    bounds = found.expected or found.score
    low = found.sign * found.mean
    if bounds is not None:
        low = min(found.sign * bounds.low, found.sign * bounds.high)
    return low > found.sign * found.guess
