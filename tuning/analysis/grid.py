"""The grid of results: every trial with how it stands, filtered and put in order.

The table is made once for a version of the study and shared by all who look at it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from storage.reading import Trials
from tuning.analysis.tables import trial_table
from tuning.analysis.verdict import Judgement
from tuning.digits import digits_of_score
from tuning.spec import StudySpec

UNFINISHED = "–"
STANDING = ("rank", "score", "half_width", "gap", "gap_half_width", "tie", "n_repeats")
_UNSHOWN = ("place", "gap_half_width")
_TIED = ("leader", "tied")
_ENDED_WITHOUT = ("FAIL", "PRUNED")


def standing_table(found: Judgement) -> pd.DataFrame:
    """Tell how each trial that has a score stands, in units of the score.

    Returns
    -------
    DataFrame
        By number: rank (0 where it is not compared), score and half_width over all repeats of
        the trial, gap (its score less that of the leader, on the same folds) and
        gap_half_width (0 for the leader, NaN where there is no interval), tie ("leader",
        "tied", "worse", "not compared"; "tied, confirmed" for those that a race could not tell
        from the leader; "cannot tell" where there is no interval), n_repeats.
    """
    if found.table.empty:
        return pd.DataFrame(columns=list(STANDING))
    table = found.table.rename(columns={"mean": "score"})
    is_tied = table["tie"] == "tied"
    survivors = () if found.confirmed is None else found.confirmed.survivors
    ties = table["tie"].mask(is_tied & table.index.isin(survivors), "tied, confirmed")
    return table.assign(
        gap=-found.sign * table["gap"] + 0.0,  # no minus before a zero
        gap_half_width=(table["gap_high"] - table["gap_low"]) / 2,
        tie=ties.mask(is_tied & table["gap_low"].isna(), "cannot tell"),
    )[list(STANDING)]


@dataclass(frozen=True)
class Grid:
    """The trials of a study at one version.

    Attributes
    ----------
    table : DataFrame
        Of `grid_table`; nobody changes it.
    """

    table: pd.DataFrame

    @cached_property
    def texts(self) -> pd.Series[str]:
        """All cells of each row in one text, in small letters."""
        shown = self.table.drop(columns=list(_UNSHOWN), errors="ignore")
        cells = [map(_cell_text, shown[name].tolist()) for name in shown]
        joined = ["\n".join(row).lower() for row in zip(*cells, strict=True)]
        return pd.Series(joined, index=self.table.index, dtype=object)


def _cell_text(value: Any) -> str:  # noqa: ANN401 (cells have many types)
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


def make_grid(spec: StudySpec, trials: Trials, found: Judgement) -> Grid:
    """Make the grid of a study."""
    return Grid(grid_table(spec, trials, found))


def grid_table(spec: StudySpec, trials: Trials, found: Judgement) -> pd.DataFrame:
    """Make the table of the grid: one row a trial, by number.

    Returns
    -------
    DataFrame
        Columns of `trial_table`, with the score over all repeats; rank as text, "1–7" where
        seven share the first, "–" for a trial without one; place in the order of the ranks,
        NaN without one; half_width, gap, gap_half_width, n_repeats; tie in words, empty for a
        trial that has not ended.
    """
    table = trial_table(spec, trials).drop(columns="spread")
    standing = standing_table(found)
    rows = standing.reindex(table["number"]).reset_index(drop=True)
    is_known = rows["rank"].notna()
    ties = rows["tie"].mask(~is_known & table["state"].isin(_ENDED_WITHOUT), "not compared")
    places = {number: place for place, number in enumerate(found.best_first)}
    return table.assign(
        score=_floats(rows["score"]).where(is_known, table["score"]),
        rank=shared_ranks(rows["rank"].fillna(0).to_numpy(np.intp)),
        place=_floats(table["number"].map(places)),
        half_width=_floats(rows["half_width"]),
        gap=_floats(rows["gap"]),
        gap_half_width=_floats(rows["gap_half_width"]),
        tie=ties.fillna(""),
        n_repeats=_floats(rows["n_repeats"]),
    )


def shown_digits(table: pd.DataFrame) -> pd.DataFrame:
    """Return how many decimals each score, its ± and its gap get: as many as its ± supports.

    Parameters
    ----------
    table : DataFrame
        Of `grid_table`, or some of its rows.

    Returns
    -------
    DataFrame
        By the index of the table: score and half_width, and gap; that of the leader, which is
        0, has the digits of its score.
    """
    own = [digits_of_score(width) for width in table["half_width"]]
    gaps = table["gap_half_width"].where(table["gap_half_width"] > 0, table["half_width"])
    of_gaps = [digits_of_score(width) for width in gaps]
    columns = {"score": own, "half_width": own, "gap": of_gaps}
    return pd.DataFrame(columns, index=table.index)


def _floats(values: pd.Series[Any]) -> pd.Series[float]:
    return values.astype("float64")


def shared_ranks(ranks: NDArray[np.intp]) -> list[str]:
    """Write ranks: "1–7" where seven share the first, "–" for 0."""
    counts = np.bincount(ranks) if len(ranks) else np.zeros(1, np.intp)
    words = {
        int(rank): f"{rank}–{rank + count - 1}" if count > 1 else f"{rank}"
        for rank, count in enumerate(counts)
        if count
    }
    words[0] = UNFINISHED
    return [words[int(rank)] for rank in ranks]


@dataclass(frozen=True)
class Order:
    """By which column the grid is sorted."""

    column: str
    ascending: bool


@dataclass(frozen=True)
class Chosen:
    """Which trials the grid shows.

    Attributes
    ----------
    states : sequence of str
        Empty: all.
    values : mapping
        Allowed values by column.
    ranges : mapping
        Smallest and largest value by parameter, both included.
    text : str
        Part of any cell.
    only_ties : bool
        Whether only those that cannot be told from the leader are shown, with the leader.
    """

    states: Sequence[str] = ()
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    text: str = ""
    only_ties: bool = False


def matching(grid: Grid, chosen: Chosen, **extra: Sequence[Any] | NDArray[Any]) -> pd.DataFrame:
    """Return the rows of a grid that match everything chosen.

    Parameters
    ----------
    extra : sequence
        Further columns, a value a row, that are chosen by and come with the rows.
    """
    table = grid.table.assign(**extra) if extra else grid.table
    keep = pd.Series(data=True, index=table.index)
    if chosen.states:
        keep &= table["state"].isin(list(chosen.states))
    for name, values in chosen.values.items():
        keep &= table[name].isin(list(values))
    for name, (low, high) in chosen.ranges.items():
        keep &= table[name].between(low, high)
    if chosen.only_ties:
        keep &= table["tie"].str.startswith((*_TIED, "cannot tell"))
    if chosen.text:
        keep &= grid.texts.str.contains(chosen.text.lower(), regex=False)
    return table[keep]


def ordered(table: pd.DataFrame, order: Order) -> pd.DataFrame:
    """Put rows in an order; those that have nothing to be sorted by come last."""
    return table.sort_values(
        order.column, ascending=order.ascending, kind="stable", na_position="last"
    )
