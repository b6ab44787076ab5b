"""What was compared, as files: one row an entry as CSV, everything as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tuning.analysis.comparing import Entry, fold_dots, overview
from tuning.analysis.pair_words import Pair
from tuning.parameters import show_value

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run such a cell


def compared_csv(entries: Sequence[Entry]) -> bytes:
    """Write a row an entry: score, costs, and every setting under its library name."""
    settings = pd.DataFrame(
        [{name: _cell(value) for name, value in entry.settings.items()} for entry in entries]
    )
    table = pd.concat([overview(entries), settings], axis=1)
    table.insert(3, "metric", [entry.spec.evaluation.score for entry in entries])
    return table.map(_harmless).to_csv(index=False, lineterminator="\n").encode()


def compared_json(
    entries: Sequence[Entry],
    pairs: Sequence[Pair | None],
    sentences: Sequence[str],
    searches: Mapping[str, pd.DataFrame],
) -> bytes:
    """Write everything: entries with settings, folds and curves, gaps, verdict, searches."""
    lines = overview(entries).to_dict("records")
    folds = fold_dots(entries)
    document = {
        "metric": entries[0].spec.evaluation.score,
        "direction": entries[0].spec.direction,
        "verdict": list(sentences),
        "entries": [
            line
            | {
                "settings": dict(entry.settings),
                "folds": _records(folds[folds["label"] == entry.label].drop(columns="label")),
                "curve": entry.curve.tolist(),
            }
            for entry, line in zip(entries, lines, strict=True)
        ],
        "gaps_to_first": [
            _gap(entries[place], pair)
            for place, pair in enumerate(pairs, start=1)
            if pair is not None
        ],
        "searches": {name: _records(table) for name, table in searches.items()},
    }
    return json.dumps(_plain(document), indent=2).encode()


def _gap(entry: Entry, pair: Pair) -> dict[str, Any]:
    shares = pair.comparison
    return {
        "label": entry.label,
        "difference": pair.difference,
        "half_width": pair.half_width,
        "n_fits": pair.n_fits,
        "verdict": {"a better": "better", "b better": "worse"}.get(pair.verdict, pair.verdict),
        "p_better": shares.p_a,
        "p_equal": shares.p_equal,
        "p_worse": shares.p_b,
        "smallest_difference": pair.rope,
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, line, strict=True)) for line in table.to_numpy(object)]


def _cell(value: Any) -> Any:  # noqa: ANN401 (a parameter's value)
    return show_value(value) if isinstance(value, tuple) else value


def _harmless(cell: Any) -> Any:  # noqa: ANN401 (cells have many types)
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return "'" + cell
    return cell


def _plain(value: Any) -> Any:  # noqa: ANN401 (any JSON-ready value)
    """Return a value as JSON has it: what is no number there is null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
