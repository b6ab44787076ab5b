"""Tables behind the plots of scores: how they came, how they are spread, what they cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.reading import Trials
from tuning.digits import with_error

Array = NDArray[np.float64]

_MOST_STEPS = 60  # counts of trials that a convergence is told for
_MOST_OF_GAIN = 0.9
_AS_GOOD = 0.1  # of the spread from the median to the best


def convergence_table(scores: Array, direction: str) -> pd.DataFrame:
    """Tell how good the best of the first n trials was, and of any n of them on average.

    Parameters
    ----------
    scores : ndarray of shape (n_trials,)
        In the order the trials finished.

    Returns
    -------
    DataFrame
        Columns n_trials, best, and any_order: the mean best score of n of these trials that
        are drawn without putting back. Of more than 60 trials, some evenly on a log
        scale, with every one that took the lead.
    """
    n_trials = len(scores)
    if not n_trials:
        return pd.DataFrame({"n_trials": [], "best": [], "any_order": []})
    sign = 1 if direction == "maximize" else -1
    best = sign * np.maximum.accumulate(sign * scores)
    if n_trials <= _MOST_STEPS:
        counts = np.arange(1, n_trials + 1)
    else:
        counts = np.geomspace(1, n_trials, _MOST_STEPS).round().astype(np.intp)
    leads = 1 + np.flatnonzero(np.diff(best, prepend=np.nan) != 0)
    counts = np.union1d(counts, leads)
    any_order = [sign * _mean_best(np.sort(sign * scores), int(count)) for count in counts]
    return pd.DataFrame({"n_trials": counts, "best": best[counts - 1], "any_order": any_order})


def _mean_best(ascending: Array, n: int) -> float:
    """Return the mean of the largest of n values drawn without putting back.

    The k-th smallest is the largest of a draw in C(k - 1, n - 1) of the C(N, n) draws.
    """
    from scipy.special import gammaln  # slow to import, and one tab needs it

    n_all = len(ascending)
    smaller = np.arange(n - 1, n_all, dtype=np.float64)  # how many are smaller
    logs = gammaln(smaller + 1) - gammaln(n) - gammaln(smaller - n + 2)
    logs -= gammaln(n_all + 1) - gammaln(n + 1) - gammaln(n_all - n + 1)
    return float(np.exp(logs) @ ascending[n - 1 :])


def convergence_finding(table: pd.DataFrame, sampler: str) -> str:
    """Say after how many trials most of the gain was there.

    Parameters
    ----------
    table : DataFrame
        Of `convergence_table`.
    sampler : str
        What the search is called.
    """
    best, counts = table["best"].to_numpy(), table["n_trials"].to_numpy()
    gain = abs(float(best[-1] - best[0]))
    total = int(counts[-1])
    if gain == 0:
        return f"{sampler}: the first of {total:,} trials is still the best"
    place = int((np.abs(best - best[0]) >= _MOST_OF_GAIN * gain).argmax())
    return f"{sampler}: nine tenths of the gain after {counts[place]:,} of {total:,} trials"


def edf_table(scores: Array) -> pd.DataFrame:
    """Return the share of the trials that score no more than each score.

    Returns
    -------
    DataFrame
        Columns score (rising) and share.
    """
    values, counts = np.unique(scores, return_counts=True)
    return pd.DataFrame({"score": values, "share": counts.cumsum() / max(len(scores), 1)})


def edf_finding(scores: Array, direction: str) -> str:
    """Say what half of the trials reach, and what a tenth does."""
    higher = direction == "maximize"
    middle = float(np.quantile(scores, 0.5))
    best = float(np.quantile(scores, 0.9 if higher else 0.1))
    word = "at least" if higher else "at most"
    return (
        f"Half of the trials score {word} {with_error(middle)}, a tenth {word} "
        + with_error(best)
    )


def rank_shares(scores: Array, direction: str) -> Array:
    """Return the share of the other trials each one is better than; ties share their mean.

    Returns
    -------
    ndarray of shape (n_trials,)
        0 for the worst, 1 for the best, 0.5 for the only one.
    """
    from scipy.stats import rankdata  # slow to import, and one tab needs it

    if len(scores) < 2:
        return np.full(len(scores), 0.5)
    ranks = rankdata(scores if direction == "maximize" else -scores)
    return np.asarray((ranks - 1) / (len(scores) - 1), dtype=np.float64)


def cost_table(trials: Trials) -> pd.DataFrame:
    """List what the finished trials took and scored; those without a time are left out.

    Returns
    -------
    DataFrame
        Columns number, seconds, score.
    """
    table = pd.DataFrame(
        {
            "number": trials.column("number"),
            "seconds": np.array(trials.column("duration_s"), dtype=np.float64),
            "score": np.array(trials.column("score"), dtype=np.float64),
        }
    )
    is_complete = np.array([state == "COMPLETE" for state in trials.column("state")], bool)
    kept = is_complete & (table["seconds"] > 0) & np.isfinite(table["score"])
    rows: pd.DataFrame = table[kept].reset_index(drop=True)
    return rows


def best_trade_offs(seconds: Array, scores: Array, direction: str) -> NDArray[np.bool_]:
    """Tell which trials no other one beats in time and score at once."""
    sign = 1 if direction == "maximize" else -1
    order = np.lexsort((-sign * scores, seconds))
    signed = sign * scores[order]
    before = np.maximum.accumulate(np.concatenate([[-np.inf], signed[:-1]]))
    found = np.zeros(len(scores), dtype=np.bool_)
    found[order] = signed > before
    twins = pd.DataFrame({"s": seconds, "v": scores, "f": found}).groupby(["s", "v"])["f"]
    return np.asarray(twins.transform("any"), dtype=np.bool_)


def cost_finding(table: pd.DataFrame, direction: str) -> str:
    """Say how much quicker a trial is that is nearly as good as the best one.

    Nearly as good: not further from the best than a tenth of the way to the median.

    Parameters
    ----------
    table : DataFrame
        Of `cost_table`.
    """
    scores, seconds = table["score"].to_numpy(), table["seconds"].to_numpy()
    sign = 1 if direction == "maximize" else -1
    signed = sign * scores
    best = int(signed.argmax())
    room = _AS_GOOD * (signed[best] - float(np.median(signed)))
    near = np.flatnonzero(signed >= signed[best] - room)
    quickest = int(near[seconds[near].argmin()])
    times = seconds[best] / seconds[quickest]
    numbers = table["number"].to_numpy()
    if times < 1.1:  # no difference worth a word
        return f"None nearly as good as trial {numbers[best]} is quicker"
    return (
        f"Trial {numbers[quickest]} is nearly as good as trial {numbers[best]} and "
        + f"{times:.1f} times quicker"
    )


def timeline_table(trials: Trials) -> pd.DataFrame:
    """Tell when each trial that has ended was trained.

    Returns
    -------
    DataFrame
        Columns number, state, start and end, in seconds after the first start.
    """
    end = np.array(trials.column("finished_at"), dtype=np.float64)
    took = np.nan_to_num(np.array(trials.column("duration_s"), dtype=np.float64))
    table = pd.DataFrame(
        {
            "number": trials.column("number"),
            "state": trials.column("state"),
            "start": end - took,
            "end": end,
        }
    )
    table = table[np.isfinite(end)].reset_index(drop=True)
    first = float(table["start"].min()) if len(table) else 0.0
    return table.assign(start=table["start"] - first, end=table["end"] - first)


def timeline_finding(table: pd.DataFrame) -> str:
    """Say how many trials were in training at once, on average.

    Parameters
    ----------
    table : DataFrame
        Of `timeline_table`.
    """
    total = float(table["end"].max())
    busy = float((table["end"] - table["start"]).sum())
    if total <= 0 or busy <= 0:
        return "When each trial ended"
    seconds = (table["end"] - table["start"]).to_numpy()
    place = int(seconds.argmax())
    number, took = table["number"].iloc[place], float(seconds[place])
    return (
        f"{busy / total:.1f} trials at once on average; trial {number} took "
        + f"longest, {took:.3g} s"
    )


def state_order(states: Sequence[str]) -> list[str]:
    """Return the states that occur, completed ones first."""
    return [state for state in ("COMPLETE", "PRUNED", "FAIL") if state in set(states)]
