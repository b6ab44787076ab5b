"""What the address asks for, read from the database: studies and trials to put side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pages.parts.state import db
from pages.parts.study.reader import StudyReader, study_reader
from storage.errors import UnknownStudyError
from storage.results import TrialRow, read_fits
from storage.studies import StudyRow
from tuning.analysis.comparable import item_of, judged_by
from tuning.analysis.comparing import Entry
from tuning.analysis.curves import measures
from tuning.analysis.study_scores import ScoreBook, StudyScores
from tuning.analysis.tables import Scores, settings_of
from tuning.judging import complete, known_info
from tuning.spec import StudySpec

_LONGEST_NAME = 24  # letters of a name in charts
_CUT = "…"


@dataclass(frozen=True)
class Item:
    """A study or a trial that is there, and has a score."""

    text: str
    row: StudyRow
    spec: StudySpec
    number: int


@dataclass(frozen=True)
class Asked:
    """What an address asks for.

    Attributes
    ----------
    items : tuple of Item
        In the order of the address, each once.
    left_out : tuple of str
        A sentence for each that is not there, or has no score.
    """

    items: tuple[Item, ...]
    left_out: tuple[str, ...]


def read_items(texts: Sequence[str]) -> Asked:
    """Look up what an address names; a study stands for its leader."""
    found: dict[tuple[str, int], Item] = {}
    left_out: list[str] = []
    for text in texts:
        item = _read_item(text)
        if isinstance(item, str):
            left_out.append(item)
        else:
            found.setdefault((item.row.id, item.number), item)
    return Asked(tuple(found.values()), tuple(left_out))


def _read_item(text: str) -> Item | str:
    gone = f"'{text}' no longer exists and was left out."
    named = item_of(text)
    if named is None:
        return f"'{text}' is no study and no trial, and was left out. Write study:trial."
    study_id, number = named
    try:
        reader = study_reader(study_id)
        with reader.reading() as seen:
            row, found, ranked = seen.row, seen.judged.found, seen.ranked
            known = number is None or number in seen.trials
    except UnknownStudyError:
        return gone
    if not known:
        return gone
    if number is None:
        number = found.leader
    if number is None or number not in ranked:
        return f"'{text}' has no score yet and was left out."
    return Item(text, row, StudySpec.parse(row.spec), number)


def read_entries(items: Sequence[Item], score: str) -> list[Entry]:
    """Read what is compared of each item, by one score."""
    labels = labels_of(items)
    return [_read_entry(item, labels[place], score) for place, item in enumerate(items)]


def _read_entry(item: Item, label: str, score: str) -> Entry:
    spec = judged_by(item.spec, score)
    with study_reader(item.row.id).reading() as seen:
        scores = _scores(seen, spec, is_own=score == item.row.score_name)
        trial: TrialRow = seen.trials[item.number]
        return Entry(
            label=label,
            row=seen.row,
            trial=trial,
            settings=settings_of(trial) | item.spec.fixed,
            spec=spec,
            info=known_info(spec),
            found=seen.judged.found,
            scores=scores,
            finished=seen.made(("finished", score), lambda: _finished(seen, scores)),
            curve=seen.curves_of([item.number]).mean(item.number, measures(score)[0]),
        )


def _scores(seen: StudyReader, spec: StudySpec, *, is_own: bool) -> StudyScores:
    if is_own:
        return seen.study_scores
    return seen.made(("scores by", spec.evaluation.score), lambda: _other_scores(seen, spec))


def _other_scores(seen: StudyReader, spec: StudySpec) -> StudyScores:
    book, name = ScoreBook(spec), spec.evaluation.score
    fits = read_fits(db(), seen.row.id)
    book.take((fit.number, fit.repeat, fit.fold, fit.metrics.get(name)) for fit in fits)
    return book.scores(complete(seen.trials))


def _finished(seen: StudyReader, scores: StudyScores) -> Scores:
    """Return the scores of the search with when they were known, where there are all."""
    numbers, times = seen.trials.column("number"), seen.trials.column("finished_at")
    at = dict(zip(numbers, times, strict=True))
    means = scores.values[:, : scores.n_searched].mean(axis=(1, 2))
    is_known = np.isfinite(means)
    kept = scores.numbers[is_known]
    finished_at = np.array([at[int(n)] or 0.0 for n in kept], np.float64)
    return Scores(kept, means[is_known], finished_at)


def labels_of(items: Sequence[Item]) -> list[str]:
    """Name each item: by the name of its study and its trial, by its id where names repeat."""
    names = study_names({item.row.id: item.row for item in items})
    return [f"{names[item.row.id]} trial {item.number}" for item in items]


def study_names(rows: Mapping[str, StudyRow]) -> dict[str, str]:
    """Return a short name for each study, and no two the same."""
    short = {id_: _shortened(row.name) for id_, row in rows.items()}
    taken = list(short.values())
    return {
        id_: name if taken.count(name) == 1 else f"{_shortened(name, 17)} {id_[-4:]}"
        for id_, name in short.items()
    }


def _shortened(name: str, longest: int = _LONGEST_NAME) -> str:
    return name if len(name) <= longest else name[: longest - 1].rstrip() + _CUT
