"""The judgement of a study, from what is stored of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage.database import Database
from storage.reading import Trials, read_fit_lines, read_news
from storage.studies import StudyRow, get_study
from tuning.analysis.standings import Confirmed
from tuning.analysis.study_scores import ScoreBook, StudyScores
from tuning.analysis.tables import settings_of
from tuning.analysis.verdict import Facts, Judgement, judge
from tuning.analysis.verdict_words import verdict_document, verdict_sentence
from tuning.datasets.catalogue import dataset_info
from tuning.datasets.info import DatasetInfo
from tuning.errors import TuningError
from tuning.parameters import Value
from tuning.spec import StudySpec


@dataclass(frozen=True)
class Judged:
    """A study's judgement, with what its words need."""

    spec: StudySpec
    found: Judgement
    settings: Mapping[str, Value]

    @property
    def sentence(self) -> str:
        """The verdict."""
        return verdict_sentence(self.spec, self.found, self.settings)

    @property
    def document(self) -> dict[str, Any]:
        """The judgement as scripts and exports read it."""
        return verdict_document(self.spec, self.found, self.settings)


def judged(
    row: StudyRow,
    spec: StudySpec,
    trials: Trials,
    scores: StudyScores,
    info: DatasetInfo | None,
    *,
    is_running: bool,
) -> Judged:
    """Judge a study by what was read of it."""
    states = trials.column("state")
    facts = Facts(
        is_running=is_running,
        n_ended=sum(state in {"COMPLETE", "FAIL", "PRUNED"} for state in states),
        n_failed=states.count("FAIL"),
        is_extended=row.is_extended,
        info=info,
        confirmed=Confirmed.of(json.loads(row.confirm)),
        is_skipped=_is_skipped(row),
        n_weights=_known(trials, "n_weights"),
        seconds=_known(trials, "duration_s"),
    )
    found = judge(spec, scores, facts)
    settings = {} if found.leader is None else settings_of(trials[found.leader])
    return Judged(spec, found, settings)


def _is_skipped(row: StudyRow) -> bool:
    asked = json.loads(row.asked)
    return bool(asked.get("skip") or asked.get("no_race"))


def judge_study(db: Database, study_id: str, *, is_over: bool = False) -> Judged:
    """Read a study, and judge it.

    Parameters
    ----------
    is_over : bool
        Whether to judge it as finished, whatever its state says.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    """
    row = get_study(db, study_id)
    spec = StudySpec.parse(row.spec)
    trials = Trials(read_news(db, study_id).lines)
    book = ScoreBook(spec)
    book.take(read_fit_lines(db, study_id))
    scores, info = book.scores(complete(trials)), known_info(spec)
    is_running = not (is_over or row.is_final or row.is_judged)
    return judged(row, spec, trials, scores, info, is_running=is_running)


def complete(trials: Trials) -> list[int]:
    """Return the numbers of the trials that have a score."""
    pairs = zip(trials.column("number"), trials.column("state"), strict=True)
    return [number for number, state in pairs if state == "COMPLETE"]


def known_info(spec: StudySpec) -> DatasetInfo | None:
    """Return what is known of a study's dataset; None where it was deleted."""
    try:
        return dataset_info(spec.data.dataset, spec.data.digits)
    except TuningError:
        return None


def _known(trials: Trials, name: str) -> dict[int, Any]:
    pairs = zip(trials.column("number"), trials.column(name), strict=True)
    return {number: value for number, value in pairs if value is not None}
