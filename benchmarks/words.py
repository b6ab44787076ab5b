"""The same words for the terminal and for the page: figures, losses, scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.results import (
    LEADERS,
    Comparison,
    Results,
    ScoreComparison,
    peers_among_themselves,
)

_MEMORY = {
    "PSS": "PSS (what processes share is counted once)",
    "RSS": "RSS (what processes share is counted for each)",
}


def shown_seconds(seconds: float | None) -> str:
    """Write seconds to three digits, or a dash."""
    if seconds is None:
        return "–"
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.3g}"


def shown_mb(megabytes: float | None) -> str:
    """Write whole megabytes, or a dash."""
    return "–" if megabytes is None else f"{megabytes:,.0f}"


def shown_ratio(ratio: float | None) -> str:
    """Write a ratio: whole from ten on, two decimals where ours is the larger."""
    if ratio is None:
        return "–"
    if ratio < 1:
        return f"{ratio:.2f}×"
    return f"{ratio:.1f}×" if ratio < 9.95 else f"{ratio:,.0f}×"


def losses(rows: Sequence[Comparison]) -> Iterator[str]:
    """Say where ours is slower, where it takes more memory, and what could not be measured."""
    ratios = {"cold": "cold_ratio", "warm first": "first_ratio", "warm again": "again_ratio"}
    slower = [
        f"{row.name} {how} ({shown_ratio(ratio)})"
        for row in rows
        for how, attribute in ratios.items()
        if (ratio := getattr(row, attribute)) is not None and ratio < 1
    ]
    larger = [
        f"{row.name} ({shown_mb(row.ours_mb)} against {shown_mb(row.theirs_mb)} MB)"
        for row in rows
        if row.memory_ratio is not None and row.memory_ratio < 1
    ]
    if not any(row.cold_ratio or row.first_ratio for row in rows):
        slower, larger = ["nothing to compare"], ["nothing to compare"]
    yield f"Ours is slower: {', '.join(slower) or 'nowhere in this table'}."
    yield f"Ours takes more memory: {', '.join(larger) or 'nowhere in this table'}."
    for row in rows:
        if row.error:
            yield f"Not measured, {row.name}: {row.error}."


def score_words(row: Comparison) -> str:
    """Say how far apart both sides score, and whether they tell of the same best."""
    scores = row.scores
    if scores is None:
        return f"{row.name}: no trial was scored by both."
    words = f"{row.name}: {_gaps(scores)}"
    if scores.n_compared > LEADERS:
        words += (
            f"; our best is {_not(scores.ours_leads)}among their {LEADERS} best, "
            + f"theirs is {_not(scores.theirs_leads)}among our {LEADERS} best"
        )
    words += "."
    if any(scores.unscored):
        ours, theirs = scores.unscored
        words += f" Without a score: {ours} of ours, {theirs} of theirs."
    return words


def noise_words(results: Results, names: Iterable[str]) -> Iterator[str]:
    """Say how far the peers are apart among themselves: what chance alone does to scores."""
    for name in names:
        for one, other, scores in peers_among_themselves(results, name):
            yield f"{name}, {one} against {other}: {_gaps(scores)}."


def _gaps(scores: ScoreComparison) -> str:
    return (
        f"mean scores differ by {scores.median:.4f} (median, n = {scores.n_compared}), "
        + f"at most by {scores.largest:.4f}"
    )


def _not(is_so: bool) -> str:
    return "" if is_so else "not "


def figures(row: Comparison) -> list[list[str]]:
    """Return seconds of ours, seconds of theirs, ratios, and memory of both, as text."""
    ours = (row.ours_cold_s, row.ours_first_s, row.ours_again_s)
    theirs = (row.theirs_process_s, row.theirs_search_s)
    ratios = (row.cold_ratio, row.first_ratio, row.again_ratio)
    return [
        [shown_seconds(seconds) for seconds in ours],
        [shown_seconds(seconds) for seconds in theirs],
        [shown_ratio(ratio) for ratio in ratios],
        [shown_mb(row.ours_mb), shown_mb(row.theirs_mb)],
    ]


def notes(results: Results) -> Iterator[str]:
    """Say what was cut and what the figures are."""
    for name, facts in results.recipes.items():
        if facts["cut"]:
            yield f"{name} was cut for both sides: {facts['cut']}. Ratios are of that."
    yield (
        "A ratio is their seconds over ours; below 1 ours is slower. Seconds are of one run "
        + f"each. Memory is the peak of {_MEMORY[results.about['memory']]} over a process and "
        + "its children."
    )
