"""Tables behind the plots of a search space: where it was looked at, and what was there."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuning.analysis.effects import in_sentence
from tuning.analysis.points import Array, Points, best_rows, value_at

N_CELLS = 40  # of a contour, along each side
_REACH = 0.1  # of the side of the square: trials this near count
_FEWEST_NEAR = 3
_AT_ONCE = 2_000  # trials compared with all cells in one go
_MIDDLE = (0.1, 0.9)
_NARROW = 0.5  # of the range the whole search used
_FEWEST_FOR_THIRDS = 30


def looked_finding(points: Points, *, learns: bool) -> str:
    """Say on which parameter the search came to look in a smaller part, if on any.

    Compared is how wide the middle 80 % of places are among the first and the last third.

    Parameters
    ----------
    learns : bool
        Whether earlier scores decided what was tried.
    """
    if not learns:
        return "It looks everywhere alike: earlier scores do not steer it"
    third = len(points) // 3
    ranges = [n for n, axis in enumerate(points.axes) if axis.scale in {"linear", "log"}]
    if not ranges or len(points) < _FEWEST_FOR_THIRDS:
        return "Where the search looked, from the first trial to the last"
    places = points.places[:, ranges]
    first, last = (
        np.ptp(np.quantile(part, _MIDDLE, axis=0), axis=0)
        for part in (places[:third], places[-third:])
    )
    ratios = last / np.maximum(first, 1e-12)
    place = int(ratios.argmin())
    if ratios[place] > _NARROW:
        return "It still looks everywhere: no parameter has narrowed"
    axis = points.axes[ranges[place]]
    middle = value_at(axis, float(np.median(places[-third:, place])))
    return f"In its last third it stays near {in_sentence(axis.label)} {middle:.2g}"


def best_part_finding(points: Points, share: float, sign: int) -> str:
    """Say on which range the best trials lie closest together, and where 80 % of them do.

    Parameters
    ----------
    share : float
        Of the trials that count as the best.
    sign : int
        -1 where a smaller score is better.
    """
    ranges = [n for n, axis in enumerate(points.axes) if axis.scale in {"linear", "log"}]
    rows = best_rows(points.table["score"].to_numpy(), share, sign)
    if not ranges or len(rows) < _FEWEST_NEAR:
        return "The score over each parameter"
    places = points.places[:, ranges]
    ends = np.quantile(places[rows], _MIDDLE, axis=0)
    alls = np.quantile(places, _MIDDLE, axis=0)
    widths = np.ptp(ends, axis=0) / np.maximum(np.ptp(alls, axis=0), 1e-12)
    place = int(widths.argmin())
    if widths[place] > _NARROW:
        return f"The best {share:.0%} are spread over every range"
    axis = points.axes[ranges[place]]
    low, high = (value_at(axis, float(end)) for end in ends[:, place])
    return (
        f"Most of the best {share:.0%} lie at {in_sentence(axis.label)} {low:.2g} to {high:.2g}"
    )


def local_means(
    x: Array, y: Array, scores: Array, reach: float = _REACH
) -> tuple[Array, NDArray[np.intp]]:
    """Take the mean score of the trials near each cell of a square.

    Parameters
    ----------
    x, y : ndarray of shape (n_trials,)
        Places from 0 to 1.
    reach : float
        Trials no further from the middle of a cell than this are near.

    Returns
    -------
    means : ndarray of shape (N_CELLS, N_CELLS)
        By place on y and on x; NaN where fewer than three trials are near.
    counts : ndarray of shape (N_CELLS, N_CELLS)
        Trials that are near.
    """
    side = cell_places()
    across, upwards = (grid.ravel() for grid in np.meshgrid(side, side))
    sums = np.zeros(len(across))
    counts = np.zeros(len(across), np.intp)
    for start in range(0, len(scores), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        squares = (across[:, None] - x[part]) ** 2 + (upwards[:, None] - y[part]) ** 2
        is_near = squares <= reach**2
        sums += is_near.astype(np.float64) @ scores[part]  # a product of truths is slow
        counts += np.count_nonzero(is_near, axis=1)
    means = np.where(counts >= _FEWEST_NEAR, sums / np.maximum(counts, 1), np.nan)
    return means.reshape(N_CELLS, N_CELLS), counts.reshape(N_CELLS, N_CELLS)


def cell_places() -> Array:
    """Return the middles of the cells along a side of the square."""
    return (np.arange(N_CELLS) + 0.5) / N_CELLS


def cell_table(
    points: Points, x: str, y: str, means: Array, counts: NDArray[np.intp]
) -> pd.DataFrame:
    """List the cells of a contour that have a mean: a value of each parameter, score, trials.

    Parameters
    ----------
    means, counts : ndarray
        Of `local_means`.
    """
    side = cell_places()
    upwards, across = np.nonzero(np.isfinite(means))
    return pd.DataFrame(
        {
            x: [value_at(points.axis(x), place) for place in side[across]],
            y: [value_at(points.axis(y), place) for place in side[upwards]],
            "score": means[upwards, across],
            "n_trials": counts[upwards, across],
        }
    )


def contour_finding(points: Points, x: str, y: str, means: Array, sign: int) -> str:
    """Say at which values of two ranges the trials near score best on average."""
    if not np.isfinite(means).any():
        return "Too few trials lie near each other for a surface"
    row, column = divmod(int(np.nanargmax(sign * means)), N_CELLS)
    side = cell_places()
    at_x = value_at(points.axis(x), float(side[column]))
    at_y = value_at(points.axis(y), float(side[row]))
    first, second = (in_sentence(points.axis(name).label) for name in (x, y))
    return f"Best around {first} {at_x:.2g} and {second} {at_y:.2g}"


def ranked_finding(points: Points, shares: Array, x: str, y: str) -> str:
    """Say whether the best tenth lie together on two parameters, and where.

    Parameters
    ----------
    shares : ndarray of shape (n_trials,)
        Of `rank_shares`.
    """
    names = [in_sentence(points.axis(name).label) for name in (x, y)]
    rows = np.flatnonzero(shares >= 0.9)
    if len(rows) < 3:
        return f"How trials rank over {names[0]} and {names[1]}"
    spreads = [float(points.place(n)[rows].std()) for n in (x, y)]
    alls = [float(points.place(n).std()) for n in (x, y)]
    ratios = [own / all_ if all_ else 1.0 for own, all_ in zip(spreads, alls, strict=True)]
    place = int(np.argmin(ratios))
    if ratios[place] > _NARROW:
        return f"The best tenth are spread over all of {names[0]} and {names[1]}"
    return f"The best tenth lie together in {names[place]}"
