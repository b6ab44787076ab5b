"""Studies and trials side by side: what differs, how each search went, who is better.

Scores of different studies are compared where both have the same rows in the same folds, and
nowhere else. All trials of all these studies are then one set: a leader of a long search was
chosen from more than one of a short search, and the correction counts them all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from storage.results import TrialRow
from storage.studies import StudyRow
from tuning.analysis.history import Scores, history
from tuning.analysis.intervals import Array
from tuning.analysis.pair_words import Pair, compare_trials
from tuning.analysis.pairs import compare, study_spread, verdict_beside_leader
from tuning.analysis.standings import own_interval
from tuning.analysis.study_scores import StudyScores, rope_of, split_ratio
from tuning.analysis.ties import Ranking, rank, withhold
from tuning.analysis.verdict import SAME_ROWS, Judgement
from tuning.datasets.info import DatasetInfo
from tuning.datasets.splits import count_rows
from tuning.parameters import Value
from tuning.spec import StudySpec

FEWEST, MOST = 2, 6


@dataclass(frozen=True)
class Entry:
    """A trial that is put beside others, with the study it is from.

    Attributes
    ----------
    label : str
        How charts and sentences call it.
    trial : TrialRow
        That of the address, or the leader.
    settings : mapping
        Every setting of the trial, searched or fixed.
    spec : StudySpec
        With the score that all are judged by.
    found : Judgement
        Of its study.
    scores : StudyScores
        Of its study, by the score that all are judged by.
    finished : Scores
        Of the search of its study, by the same score.
    curve : ndarray of shape (n_epochs,)
        Mean over the fits of the trial.
    """

    label: str
    row: StudyRow
    trial: TrialRow
    settings: Mapping[str, Value]
    spec: StudySpec
    info: DatasetInfo | None
    found: Judgement
    scores: StudyScores
    finished: Scores
    curve: Array

    @property
    def number(self) -> int:
        """Of the trial in its study."""
        return self.trial.number

    @property
    def ratio(self) -> float | None:
        """Rows that score over rows that train."""
        return split_ratio(self.spec, self.info)


# Who is better.


def pairs_to_first(entries: Sequence[Entry]) -> list[Pair | None]:
    """Compare each but the first with the first, on the folds that both have.

    All must have the same folds. `Pair.a` and `Pair.b` are places among the entries.

    Returns
    -------
    list
        None where one of the two has no score.
    """
    first = entries[0]
    if all(entry.row.id == first.row.id for entry in entries):
        return [_within(entries, place) for place in range(1, len(entries))]
    pool = _Pool.of(entries)
    return [pool.pair(entries, place) for place in range(1, len(entries))]


def _within(entries: Sequence[Entry], place: int) -> Pair | None:
    """Compare two trials of one study as the page of that study does."""
    first, other = entries[0], entries[place]
    if not _is_own_score(first):
        return _Pool.of(entries).pair(entries, place)
    spread = study_spread(first.scores.searched(), test_ratio=first.ratio)
    pair = compare_trials(
        first.scores, first.found, (other.number, first.number),
        rope=first.found.rope, spread=spread, test_ratio=first.ratio,
    )  # fmt: skip
    return None if pair is None else _placed(pair, place)


def _is_own_score(entry: Entry) -> bool:
    return entry.spec.evaluation.score == entry.row.score_name


def _placed(pair: Pair, place: int) -> Pair:
    return Pair(place, 0, pair.comparison, pair.verdict, pair.n_fits, pair.rope, pair.sign)


@dataclass(frozen=True)
class _Pool:
    """All trials of several studies that have the same folds.

    Attributes
    ----------
    values : ndarray of shape (n_trials, n_repeats, n_folds)
        Larger is better; NaN where there is none.
    starts : dict
        First row of each study.
    """

    values: Array
    starts: Mapping[str, int]
    ranking: Ranking
    spread: float | None
    rope: float

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> _Pool:
        by_study = {entry.row.id: entry for entry in entries}
        blocks = [entry.scores.sign * entry.scores.values for entry in by_study.values()]
        n_repeats = max(block.shape[1] for block in blocks)
        values = np.concatenate([_padded(block, n_repeats) for block in blocks])
        ends = np.cumsum([len(block) for block in blocks]).tolist()
        starts = dict(zip(by_study, [0, *ends[:-1]], strict=True))
        searched = values[:, : min(e.scores.n_searched for e in by_study.values())]
        first = entries[0]
        rope = rope_of(first.spec, first.scores)
        ranking = _ranking(list(by_study.values()), searched, rope)
        spread = study_spread(searched, test_ratio=first.ratio)
        return cls(values, starts, ranking, spread, rope)

    def pair(self, entries: Sequence[Entry], place: int) -> Pair | None:
        first, other = entries[0], entries[place]
        rows = [self._row(entry) for entry in (other, first)]
        a_row, b_row = rows
        if a_row is None or b_row is None:
            return None
        a, b = self.values[a_row], self.values[b_row]
        comparison = compare(a, b, rope=self.rope, spread=self.spread, test_ratio=first.ratio)
        return Pair(
            a=place,
            b=0,
            comparison=comparison,
            verdict=verdict_beside_leader(comparison, self.ranking, a_row, b_row),
            n_fits=int((np.isfinite(a) & np.isfinite(b)).sum()),
            rope=self.rope,
            sign=first.scores.sign,
        )

    def _row(self, entry: Entry) -> int | None:
        rows = entry.scores.rows_of([entry.number])
        return self.starts[entry.row.id] + rows[0] if rows else None


def _padded(block: Array, n_repeats: int) -> Array:
    missing = n_repeats - block.shape[1]
    padded: Array = np.pad(block, ((0, 0), (0, missing), (0, 0)), constant_values=np.nan)
    return padded


def _ranking(studies: Sequence[Entry], searched: Array, rope: float) -> Ranking:
    first = studies[0]
    rows = None if first.info is None else count_rows(first.spec, first.info).search
    n_failed = sum(entry.row.n_trials_failed for entry in studies)
    n_ended = sum(entry.row.n_trials_done for entry in studies)
    ranking = rank(
        searched,
        rows,
        is_running=any(entry.found.is_running for entry in studies),
        share_failed=n_failed / n_ended if n_ended else 0.0,
        rope=rope,
        test_ratio=first.ratio,
    )
    if first.spec.evaluation.method == "test" and ranking.can_tell:
        return withhold(ranking, SAME_ROWS)
    return ranking


# Tables.


def gaps_to_first(entries: Sequence[Entry], pairs: Sequence[Pair | None]) -> pd.DataFrame:
    """List how far each is from the first.

    Returns
    -------
    DataFrame
        Columns label, place, gap, low and high (score less that of the first, with its 95 %
        interval, in units of the score) and verdict, from the second on; those without a gap
        are left out.
    """
    lines = [
        (entry.label, place, pair.difference, *_ends(pair), pair.verdict)
        for place, (entry, pair) in enumerate(zip(entries[1:], pairs, strict=True), start=1)
        if pair is not None and math.isfinite(pair.half_width)
    ]
    return pd.DataFrame(lines, columns=["label", "place", "gap", "low", "high", "verdict"])


def _ends(pair: Pair) -> tuple[float, float]:
    low, high = pair.sign * pair.comparison.low, pair.sign * pair.comparison.high
    return min(low, high), max(low, high)


def fold_dots(entries: Sequence[Entry]) -> pd.DataFrame:
    """List the score of every fit of the search.

    Returns
    -------
    DataFrame
        Columns label, place (of the fit: its repeat times the folds, plus its fold), repeat,
        fold and score.
    """
    lines = []
    for entry in entries:
        for row in entry.scores.rows_of([entry.number]):
            values = entry.scores.values[row, : entry.scores.n_searched]
            for (repeat, fold), score in np.ndenumerate(values):
                place = repeat * values.shape[1] + fold
                lines.append((entry.label, place, repeat, fold, float(score)))
    return pd.DataFrame(lines, columns=["label", "place", "repeat", "fold", "score"])


def best_so_far(entry: Entry) -> pd.DataFrame:
    """List the best score of a search after each trial, and when that was.

    Returns
    -------
    DataFrame
        Columns trials (1, 2, …), seconds (since the first fit began, pauses included; NaN
        where that is not known), number, score, best and leader.
    """
    table = history(entry.finished, entry.spec.direction)
    in_order = np.lexsort((entry.finished.numbers, entry.finished.finished_at))
    began = math.nan if entry.row.started_at is None else entry.row.started_at
    seconds = np.maximum(entry.finished.finished_at[in_order] - began, 0.0)
    table.insert(1, "seconds", seconds)
    return table.rename(columns={"finished": "trials"})


def overview(entries: Sequence[Entry]) -> pd.DataFrame:
    """List how each scored, and what it and its search have cost; a row an entry.

    Returns
    -------
    DataFrame
        Columns label, study, trial, score, half_width, sampler, n_trials, n_fits, seconds,
        trial_s and n_weights. NaN where there is no number.
    """
    return pd.DataFrame([_overview_line(entry) for entry in entries])


def _overview_line(entry: Entry) -> dict[str, object]:
    score, half_width = score_of(entry)
    row, trial = entry.row, entry.trial
    return {
        "label": entry.label,
        "study": row.id,
        "trial": entry.number,
        "score": score,
        "half_width": half_width,
        "sampler": row.sampler,
        "n_trials": row.n_trials_done,
        "n_fits": row.n_fits_done,
        "seconds": math.nan if row.seconds is None else row.seconds,
        "trial_s": math.nan if trial.duration_s is None else trial.duration_s,
        "n_weights": math.nan if trial.n_weights is None else trial.n_weights,
    }


def score_of(entry: Entry) -> tuple[float, float]:
    """Return the score of a trial over all its repeats with its ±; NaN without one."""
    rows = entry.scores.rows_of([entry.number])
    if not rows:
        return math.nan, math.nan
    n_rows = None if entry.info is None else count_rows(entry.spec, entry.info).search
    found = own_interval(entry.scores, entry.number, n_rows, entry.ratio)
    if found is not None:
        return found.mean, found.half_width
    scores = entry.scores.values[rows[0]]
    scores = scores[np.isfinite(scores)]
    return (float(scores.mean()) if len(scores) else math.nan), math.nan
