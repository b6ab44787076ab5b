"""Two trials of a study side by side: the difference, what is probable, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tuning.analysis.pairs import Comparison, Verdict, compare, verdict_beside_leader
from tuning.analysis.study_scores import StudyScores
from tuning.analysis.ties import Ranking
from tuning.analysis.verdict import Judgement
from tuning.digits import decimals

_SURE = 0.95


@dataclass(frozen=True)
class Pair:
    """Trial a against trial b, in units of the score.

    Attributes
    ----------
    comparison : Comparison
        Larger is better.
    verdict : str
        That of the comparison, but for the leader: it was chosen by these scores.
    n_fits : int
        That both have.
    rope : float
        Smallest difference that matters.
    sign : int
        1 where a larger score is better, otherwise -1.
    """

    a: int
    b: int
    comparison: Comparison
    verdict: Verdict
    n_fits: int
    rope: float
    sign: int

    @property
    def difference(self) -> float:
        """Score of a less that of b."""
        return self.sign * self.comparison.difference

    @property
    def half_width(self) -> float:
        """Half of the interval of the difference; NaN where there is none."""
        return (self.comparison.high - self.comparison.low) / 2

    @property
    def interval(self) -> str:
        """The difference with its ±, and always with a sign: +0.019 ± 0.011."""
        return signed_with_error(self.difference, self.half_width)

    @property
    def sentence(self) -> str:
        """What may be said of the two."""
        if self.comparison.reason is not None:
            return self.comparison.reason
        fits = f"the same {self.n_fits:,} fits"
        if self.verdict == "practically equal":
            return (
                f"Trials {self.a} and {self.b} are practically equal: almost surely they "
                + f"differ by no more than {self.rope:.4g}."
            )
        if self.verdict == "cannot tell":
            return (
                f"Whether trial {self.a} is better than trial {self.b} cannot be told from "
                + f"{fits}.{self._of_leader()}"
            )
        better, other = (self.a, self.b) if self.verdict == "a better" else (self.b, self.a)
        return f"Trial {better} is better than trial {other} on {fits}."

    def _of_leader(self) -> str:
        """Say why a high probability is not enough."""
        if max(self.comparison.p_a, self.comparison.p_b) < _SURE:
            return ""
        return (
            " One of them leads because of these scores, which makes it look better than it is."
        )


def compare_trials(
    scores: StudyScores,
    found: Judgement,
    pair: tuple[int, int],
    *,
    rope: float,
    spread: float | None,
    test_ratio: float | None = None,
) -> Pair | None:
    """Compare two trials of a study on the repeats that both have.

    Parameters
    ----------
    pair : (int, int)
        Numbers of the trials.
    spread : float or None
        Of `tuning.analysis.pairs.study_spread` over the search.
    test_ratio : float or None
        See `tuning.analysis.study_scores.split_ratio`.

    Returns
    -------
    Pair or None
        None where one of them has no score.
    """
    rows, ranking = scores.rows_of(pair), found.ranking
    if len(rows) < 2 or ranking is None:
        return None
    now = _as_raced(ranking, scores, found)
    n_repeats = max(int(scores.n_repeats()[rows].min()), scores.n_searched)
    a, b = scores.repeated(rows, n_repeats)
    comparison = compare(a, b, rope=rope, spread=spread, test_ratio=test_ratio)
    return Pair(
        a=pair[0],
        b=pair[1],
        comparison=comparison,
        verdict=verdict_beside_leader(comparison, now, *rows),
        n_fits=int((np.isfinite(a) & np.isfinite(b)).sum()),
        rope=rope,
        sign=scores.sign,
    )


def _as_raced(ranking: Ranking, scores: StudyScores, found: Judgement) -> Ranking:
    """Return the ranking of the search as the race of its leaders has left it."""
    ties = found.table["tie"].reindex(scores.numbers)
    leader = scores.rows_of([] if found.leader is None else [found.leader])
    return replace(
        ranking,
        leader=leader[0] if leader else None,
        is_compared=(ties != "not compared").to_numpy(),
        tied=ties.isin(("leader", "tied")).to_numpy(),
        can_tell=found.reason is None,
    )


def signed_with_error(difference: float, half_width: float) -> str:
    """Write a difference with its sign and, where it has one, its ±."""
    if not np.isfinite(half_width):
        return f"{difference:+.3f}"
    digits = decimals(half_width)
    return f"{difference:+,.{digits}f} ± {half_width:,.{digits}f}"
