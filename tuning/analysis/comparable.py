"""Which studies may be compared, and by what: the same rows, the same folds, a shared score."""

from __future__ import annotations

from collections.abc import Sequence

from tuning.spec import CLASS_SCORES, NUMBER_SCORES, StudySpec


def item_of(text: str) -> tuple[str, int | None] | None:
    """Read a study's id, or an id and a trial as ``id:number``; None where it is neither."""
    study_id, colon, number = text.strip().partition(":")
    if not study_id or (colon and not (number.isascii() and number.isdecimal())):
        return None
    return study_id, int(number) if colon else None


def judged_by(spec: StudySpec, score: str) -> StudySpec:
    """Return the spec as if a study had been judged by another score."""
    if score == spec.evaluation.score:
        return spec
    changes = {"score": score, "direction": None, "rope": None}
    return spec.model_copy(update={"evaluation": spec.evaluation.model_copy(update=changes)})


def shared_scores(specs: Sequence[StudySpec]) -> tuple[str, ...]:
    """Return the scores that the fits of all studies have; none for classes beside numbers."""
    families = {
        CLASS_SCORES if spec.evaluation.score in CLASS_SCORES else NUMBER_SCORES
        for spec in specs
    }
    return families.pop() if len(families) == 1 else ()


def same_rows(a: StudySpec, b: StudySpec) -> bool:
    """Tell whether two studies seal and search the same rows of the same data."""
    return _rows_key(a) == _rows_key(b)


def same_folds(a: StudySpec, b: StudySpec) -> bool:
    """Tell whether fits of one repeat and fold have the same rows in two studies."""
    return same_rows(a, b) and _folds_key(a) == _folds_key(b)


def _rows_key(spec: StudySpec) -> tuple[object, ...]:
    data, stopping = spec.data, spec.evaluation.early_stopping
    watched = stopping.fraction if stopping is not None and stopping.rows == "separate" else 0
    key = data.model_dump() | {"digits": data.digits or (2, 7)}
    return (*key.values(), watched)


def _folds_key(spec: StudySpec) -> tuple[object, ...]:
    evaluation = spec.evaluation
    if evaluation.method == "test":
        return ("test",)
    share = evaluation.folds if evaluation.method == "kfold" else evaluation.holdout_fraction
    # Repeats that are not shuffled are all alike; those that confirming adds come after them.
    repeats = 0 if evaluation.shuffle else evaluation.repeats
    return evaluation.method, share, evaluation.shuffle, repeats, spec.seed
