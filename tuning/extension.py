"""More trials, or a wider search space, for a study that has had its say.

What was tried stays as it is: an extension only adds. So the searched parameters, the data, the
folds and the seed stay, and every old value stays in the space.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from storage.database import Database
from storage.settings import settings
from storage.studies import StudyRow
from storage.wishes import Extension, extend_study, read_stages
from tuning.checks import study_problems
from tuning.datasets.catalogue import dataset_info
from tuning.disk import check_launch
from tuning.errors import SpecError
from tuning.parameters import PARAMETERS
from tuning.samplers import planned_settings
from tuning.sampling.rounds import Stages
from tuning.setting import Choices, LogRange, Range, Setting, grid_values, n_values
from tuning.spec import StudySpec

_KEPT = ("data", "model", "evaluation", "pruner", "seed", "direction")


def parse_stages(text: str) -> Stages:
    """Read stages from JSON text."""
    stored = json.loads(text)
    if not stored:
        return Stages()
    settings = [
        {name: PARAMETERS[name].parse(value) for name, value in one.items()}
        for one in stored["settings"]
    ]
    return Stages(tuple(stored["ends"]), tuple(settings))


def extend(db: Database, row: StudyRow, spec: StudySpec) -> None:
    """Let a study that is not in training go on with a larger spec.

    Parameters
    ----------
    row : StudyRow
        As it was read before the spec was changed.

    Raises
    ------
    SpecError
        With one sentence for everything that an extension cannot change.
    DiskSpaceError
        If too little of the disk would be left.
    StudyBusyError
        If the study is in training.
    UnknownStudyError
        If it has been deleted.
    """
    old = StudySpec.parse(row.spec)
    problems = extension_problems(old, spec)
    problems += study_problems(spec, dataset_info(spec.data.dataset, spec.data.digits))
    if problems:
        raise SpecError(problems)
    check_launch(db, spec, settings().home)
    before = parse_stages(read_stages(db, row.id))
    planned = planned_settings(old, before.settings)
    n_before = old.n_trials if planned is None else len(planned)
    stages = {"ends": [*before.ends, n_before], "settings": planned or []}
    extension = Extension(
        spec=spec.to_json(),
        stages=json.dumps(stages),
        n_trials_planned=spec.n_trials,
        n_fits_planned=spec.n_trials * spec.n_fits_per_trial,
    )
    extend_study(db, row, extension)


def extension_problems(old: StudySpec, new: StudySpec) -> list[str]:
    """Return one sentence for everything that an extension cannot change."""
    return [*_changed(old, new), *_narrowed(old, new), *_nothing_new(old, new)]


def _changed(old: StudySpec, new: StudySpec) -> Iterator[str]:
    for name in _KEPT:
        if getattr(old, name) != getattr(new, name):
            yield f"An extension keeps the {name} of its study. Clone it to change that."
    if old.by_hand != new.by_hand:
        yield "An extension keeps the trials entered by hand. Enter more with the command try."
    if old.sampler.kind != new.sampler.kind:
        yield f"An extension keeps the sampler, {old.sampler.kind}. Clone it to change that."
    if old.fixed != new.fixed or set(old.searched) != set(new.searched):
        names = ", ".join(PARAMETERS[name].label for name in old.searched)
        yield f"An extension searches the same parameters ({names}). Clone it to change that."


def _narrowed(old: StudySpec, new: StudySpec) -> Iterator[str]:
    for name, setting in old.searched.items():
        wider = new.searched.get(name)
        if wider is not None and not _holds(name, wider, setting, new.sampler.kind == "grid"):
            label = PARAMETERS[name].label
            yield f"{label}: an extension keeps every value there was. Only add to them."


def _nothing_new(old: StudySpec, new: StudySpec) -> Iterator[str]:
    if new.n_trials <= old.n_trials:
        yield (
            f"{new.n_trials} trials are not more than the {old.n_trials} there are. "
            + "Ask for more trials, or add values."
        )


def _holds(name: str, wider: Setting, setting: Setting, is_grid: bool) -> bool:
    """Tell whether a setting has every value of another one."""
    if is_grid or isinstance(setting, Choices) or n_values(name, setting) is not None:
        values, more = grid_values(name, setting), grid_values(name, wider)
        return more is not None and values is not None and set(values) <= set(more)
    if isinstance(setting, (Range, LogRange)) and type(wider) is type(setting):
        return bool(wider.low <= setting.low and wider.high >= setting.high)
    return wider == setting
