"""Who leads a study, and with what score, as lists of studies show it at every moment.

It stands in the study's row, written together with the fits it follows from, so that a list
says what the study's own page says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from storage.results import TrialRow
from tuning.analysis.study_scores import FitLine, ScoreBook, half_width_of
from tuning.analysis.verdict import score_of_trial
from tuning.datasets.info import DatasetInfo
from tuning.spec import StudySpec

LeadOf = Callable[[TrialRow | None], Mapping[str, Any]]


class Lead:
    """Gives the columns of a study's row that name its leader.

    Parameters
    ----------
    fits : iterable of FitLine
        Those of trials that have more repeats than the search gave them; others may be among
        them.
    """

    def __init__(
        self, spec: StudySpec, info: DatasetInfo, fits: Iterable[FitLine] = ()
    ) -> None:
        self._spec, self._info = spec, info
        self._book = ScoreBook(spec)
        self.take(fits)

    def take(self, fits: Iterable[FitLine]) -> None:
        """Take in fits that are new."""
        self._book.take(fits)

    def of(self, leader: TrialRow | None) -> Mapping[str, Any]:
        """Return number, score and half the width of its interval; None where nobody leads.

        The score of a trial is that over all repeats it has all folds of.
        """
        if leader is None or leader.score is None:
            return dict.fromkeys(("best_number", "best_score", "best_half_width"))
        score, half_width = self._further(leader.number) or (
            leader.score,
            half_width_of(self._spec, self._info, leader.score, leader.spread),
        )
        return {
            "best_number": leader.number,
            "best_score": score,
            "best_half_width": half_width,
        }

    def _further(self, number: int) -> tuple[float, float | None] | None:
        """Return score and half width of a trial with more repeats than the search gave it."""
        scores = self._book.scores([number])
        counts = scores.n_repeats()
        if not len(counts) or counts[0] <= scores.n_searched:
            return None
        interval = score_of_trial(self._spec, scores, number, self._info)
        mean = float(scores.values[0, : counts[0]].mean())
        return mean, None if interval is None else interval.half_width
