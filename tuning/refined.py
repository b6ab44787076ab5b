"""What to search next: the finer study around the leaders of one that has had its say.

A grid can be made finer in place as well: every cell that is finished stays, and the new ones
join it in one history.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.database import Database
from storage.errors import UnfinishedError
from storage.reading import Trials, read_fit_lines, read_news
from storage.studies import ACTIVE_STATES, StudyRow, get_study
from tuning.analysis.effects import Effects, effects
from tuning.analysis.refining import Refinement, Standing, make_standing, refine, why_stop
from tuning.analysis.study_scores import ScoreBook, StudyScores
from tuning.analysis.tables import settings_of
from tuning.analysis.verdict import Judgement
from tuning.checks import n_training_rows, study_problems
from tuning.errors import SpecError
from tuning.extension import extension_problems
from tuning.judging import complete, judged, known_info
from tuning.parameters import PARAMETERS, Value
from tuning.setting import Choices, Setting, canonical, grid_values
from tuning.spec import StudySpec

_SAME_NUMBER = 1e-9  # of a value; steps computed on a log scale come back with rounding


@dataclass(frozen=True)
class Proposed:
    """What the trials of a study suggest to search next.

    Attributes
    ----------
    row : StudyRow
        The study, as it was read.
    refinement : Refinement
        A new, finer study of the same data and model, judged in the same way.
    stop : str or None
        Why refining is not worth it.
    extension : StudySpec or None
        The study itself with the finer values added to those it has; None where that cannot
        be, because what it has tried would not stay.
    n_more : int
        Trials the extension has left to run.
    """

    row: StudyRow
    refinement: Refinement
    stop: str | None
    extension: StudySpec | None
    n_more: int


def propose(db: Database, study_id: str) -> Proposed:
    """Read a study, and propose what to search next.

    Raises
    ------
    UnknownStudyError
        If there is none with this id.
    UnfinishedError
        If it is waiting or in training.
    SpecError
        If nothing was searched, or no trial has all its scores.
    """
    row = get_study(db, study_id)
    if row.state in ACTIVE_STATES:
        raise UnfinishedError(study_id, row.state)
    spec = StudySpec.parse(row.spec)
    if not spec.searched:
        raise SpecError(
            [f"Study {study_id!r} searches nothing, so there is nothing to refine."]
        )
    trials = Trials(read_news(db, study_id).lines)
    book = ScoreBook(spec)
    book.take(read_fit_lines(db, study_id))
    scores, info = book.scores(complete(trials)), known_info(spec)
    found = judged(row, spec, trials, scores, info, is_running=False).found
    settings = [settings_of(trials[int(number)]) for number in scores.numbers]
    kept = _on_the_axes(spec, scores, settings)
    if found.leader is None or not np.isfinite(scores.searched()[kept]).all(axis=(1, 2)).any():
        raise SpecError(
            [f"No trial of study {study_id!r} has all its scores: there is nothing to refine."]
        )
    refinement, standing = _refined(spec, found, scores, settings, kept)
    extension = _extension(spec, refinement.spec)
    if extension is not None and info is not None and study_problems(extension, info):
        extension = None
    n_ended = sum(state in {"COMPLETE", "FAIL", "PRUNED"} for state in trials.column("state"))
    return Proposed(
        row=row,
        refinement=refinement,
        stop=why_stop(standing, found.rope, _standard_error(found, kept)),
        extension=extension,
        n_more=0 if extension is None else extension.n_trials - n_ended,
    )


def _on_the_axes(
    spec: StudySpec, scores: StudyScores, settings: Sequence[Mapping[str, Value]]
) -> NDArray[np.intp]:
    """Return the rows to refine around: not a default that is off where numbers vary."""
    return np.array(
        [
            row
            for row, searched in enumerate(settings)
            if scores.numbers[row] != 0
            or not spec.include_default
            or not any(
                value is None and None not in _words(spec.searched[name])
                for name, value in searched.items()
            )
        ],
        np.intp,
    )


def _words(setting: Setting) -> tuple[Value, ...]:
    return setting.values if isinstance(setting, Choices) else ()


def _refined(
    spec: StudySpec,
    found: Judgement,
    scores: StudyScores,
    settings: Sequence[Mapping[str, Value]],
    kept: NDArray[np.intp],
) -> tuple[Refinement, Standing]:
    searched = scores.searched()[kept]
    numbers = scores.numbers[kept]
    tied = found.table.index[found.table["tie"].isin(("leader", "tied"))]
    standing = make_standing(searched, np.isin(numbers, tied.to_numpy()))
    standing = _around(standing, searched, numbers, found)
    own = [settings[row] for row in kept]
    info = known_info(spec)
    refinement = refine(
        spec,
        own,
        standing,
        greyed=_greyed(effects(spec, own, searched)),
        n_rows=None if info is None else n_training_rows(spec, info),
    )
    return refinement, standing


def _around(
    standing: Standing,
    searched: NDArray[np.float64],
    numbers: NDArray[np.intp],
    found: Judgement,
) -> Standing:
    """Go around the trial that leads by the verdict, where a race has put another one first."""
    leads = np.flatnonzero(numbers == found.leader)
    if not len(leads) or leads[0] == standing.winner or leads[0] not in standing.finished:
        return standing
    best = standing.best[standing.tied[standing.best]]
    best = np.union1d(best, leads).astype(np.intp)
    spread = float(np.ptp(searched[best].mean(axis=(1, 2))))
    return dataclasses.replace(standing, winner=int(leads[0]), best=best, spread=spread)


def _greyed(found: Effects | str) -> tuple[str, ...]:
    """Return the parameters that scores were not shown to depend on; none while too few ran."""
    if isinstance(found, str):
        return ()
    table = found.table
    return tuple(str(name) for name in table["name"][table["is_grey"].astype(bool)])


def _standard_error(found: Judgement, kept: NDArray[np.intp]) -> float:
    """Return that of the difference of two trials: the middle one of those to the leader."""
    if found.ranking is None:
        return 0.0
    errors = found.ranking.error[kept]
    known = errors[np.isfinite(errors) & (errors > 0)]
    return float(np.median(known)) if len(known) else 0.0


def _extension(spec: StudySpec, finer: StudySpec) -> StudySpec | None:
    """Return the study with the finer values beside its own; None where that cannot be."""
    if spec.sampler.kind != "grid" or finer.sampler.kind != "grid":
        return None
    space = {
        name: _joined(name, setting, finer.space[name])
        for name, setting in spec.searched.items()
    }
    written = {name: setting.model_dump() for name, setting in space.items()}
    document = spec.model_dump()
    try:
        wider = StudySpec.parse(document | {"space": document["space"] | written})
    except SpecError:
        return None  # more trials than a study may have
    return None if extension_problems(spec, wider) else wider


def _joined(name: str, had: Setting, finer: Setting) -> Setting:
    """Return a list of the values of two settings; numbers rise, words stay in their order."""
    old, new = grid_values(name, had) or (), grid_values(name, finer) or ()
    added = [value for value in new if not any(_is_same(value, other) for other in old)]
    if not added:
        return had
    values = [*old, *added]
    if PARAMETERS[name].kind in ("int", "float") and None not in values:
        values.sort(key=lambda value: float(value))  # type: ignore[arg-type]  # numbers alone
    return canonical(name, Choices(values=tuple(values)))


def _is_same(value: Value, other: Value) -> bool:
    if isinstance(value, float) and isinstance(other, (int, float)):
        return abs(value - other) <= _SAME_NUMBER * abs(other)
    return value == other
