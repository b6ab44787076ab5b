"""Which curves a live chart shows, and the table behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuning.analysis.curves import Array, CurveBook, Measure, best_epoch, smooth, thin

Epochs = NDArray[np.intp]

ALL_AS_LINES = 12  # up to so many trials, each is a line; above, the grey area holds them
_MOST_RUNNING = 4
_TOP = 5


@dataclass(frozen=True)
class Lines:
    """Which trials are drawn, each under its first role.

    Attributes
    ----------
    leader : int or None
        Thick, with the band over its folds.
    others : tuple of int
        The second first, then the rest of the best; grey.
    running : tuple of int
        Not finished yet.
    highlighted : tuple of int
        In the order chosen, which fixes their colours.
    n_trials : int
        All that have reached an epoch.
    sampled : tuple of int
        Those the grey area is made of; empty if it is made of all.
    """

    leader: int | None
    others: tuple[int, ...] = ()
    running: tuple[int, ...] = ()
    highlighted: tuple[int, ...] = ()
    n_trials: int = 0
    sampled: tuple[int, ...] = ()

    @property
    def shown(self) -> tuple[int, ...]:
        """Every trial that is a line."""
        first = () if self.leader is None else (self.leader,)
        return (*first, *self.highlighted, *self.running, *self.others)

    @property
    def has_area(self) -> bool:
        """Whether a grey area stands for the trials that are no lines."""
        return self.n_trials > ALL_AS_LINES


@dataclass(frozen=True)
class Display:
    """How curves are drawn; nothing here changes a score."""

    leader_only: bool = False
    smoothing: float = 0.0
    training: bool = False
    log_y: bool = False
    log_x: bool = False


def choose_lines(
    ranked: Sequence[int],
    reached: Iterable[int],
    highlighted: Sequence[int] = (),
    *,
    leader_only: bool = False,
) -> Lines:
    """Choose the trials to draw.

    Parameters
    ----------
    ranked : sequence of int
        Trials with a score, best first.
    reached : iterable of int
        Trials that have reached an epoch.
    highlighted : sequence of int
        Trials a person asked for.
    """
    known = frozenset(reached)
    few = len(known) <= ALL_AS_LINES
    best = [number for number in ranked if number in known]
    leader = best[0] if best else None
    chosen = [n for n in dict.fromkeys(highlighted) if n in known and n != leader]
    taken = {leader, *chosen}
    others = [n for n in (best if few else best[:_TOP]) if n not in taken]
    unranked = sorted(n for n in known.difference(ranked) if n not in taken)
    return Lines(
        leader,
        () if leader_only else tuple(others),
        tuple(unranked[-_MOST_RUNNING:]),
        tuple(chosen),
        len(known),
    )


def curve_table(
    book: CurveBook, measure: Measure, lines: Lines, display: Display
) -> pd.DataFrame:
    """Make the table behind a chart of learning curves, by epoch from 1.

    Returns
    -------
    DataFrame
        Column epoch; one for each line, "trial 10"; of the leader also its lowest and highest
        fold, the range between, and what smoothing was applied to; with an area also the
        middle 80 % of all trials.
    """
    means = {number: book.mean(number, measure) for number in lines.shown}
    keep = {len(mean) - 1 for mean in means.values()}
    keep |= {best_epoch(mean, measure) or 0 for mean in means.values()}
    area = book.band(measure, lines.sampled) if lines.has_area else None
    longest = max(
        [len(mean) for mean in means.values()]
        + ([] if area is None or area.empty else [int(area["epoch"].iloc[-1]) + 1]),
        default=0,
    )
    epochs = thin(longest, keep)
    columns: dict[str, Any] = {"epoch": epochs + 1}
    for number, mean in means.items():
        drawn = smooth(mean, display.smoothing) if display.smoothing else mean
        columns[f"trial {number}"] = _at(epochs, drawn)
    if lines.leader is not None:
        columns |= _leader_columns(book, measure, lines.leader, epochs, display)
    if area is not None and not area.empty:
        columns |= _area_columns(area, epochs)
    return pd.DataFrame(columns)


def _leader_columns(
    book: CurveBook, measure: Measure, leader: int, epochs: Epochs, display: Display
) -> dict[str, Any]:
    table = book.trial_table(leader, measure)
    lowest, highest = _at(epochs, table["lowest"]), _at(epochs, table["highest"])
    columns = {"lowest fold": lowest, "highest fold": highest, "fold range": highest - lowest}
    if display.smoothing:
        columns["not smoothed"] = _at(epochs, table["mean"])
    if display.training:
        columns["training rows"] = _at(epochs, table["training"])
    return columns


def _area_columns(area: pd.DataFrame, epochs: Epochs) -> dict[str, Any]:
    low, high = (
        np.interp(epochs, area["epoch"], area[name], right=np.nan) for name in ("low", "high")
    )
    return {"10 % are below": low, "middle 80 %": high - low, "90 % are below": high}


def _at(epochs: Epochs, values: Array | pd.Series[float]) -> Array:
    """Return the values at some epochs, NaN after their end."""
    longer = np.full(int(epochs[-1]) + 1 if len(epochs) else 0, np.nan)
    longer[: len(values)] = values
    at: Array = longer[epochs]
    return at


def shown_sentence(lines: Lines) -> str:
    """Say how many trials the chart shows, and what the grey area is."""
    n_shown, n_sampled = len(lines.shown), len(lines.sampled)
    if not lines.has_area:
        return "The band around the leader spans its folds." if lines.leader is not None else ""
    of_sample = f" of {n_sampled:,} of them" if 0 < n_sampled < lines.n_trials else ""
    return (
        f"Showing {n_shown} of {lines.n_trials:,} trials; the grey area holds "
        + f"the middle 80 %{of_sample}. The band around the leader spans its folds."
    )
