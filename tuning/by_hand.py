"""Settings that a person wants tried exactly, as one more trial of a study.

It may run or be finished. What was tried stays, and the trial counts like any other; it is
trained when those before it are through.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from storage.database import Database
from storage.results import read_trials
from storage.settings import settings as machine_settings
from storage.studies import get_study
from storage.wishes import Extension, enter_by_hand, read_stages
from tuning.checks import study_problems
from tuning.datasets.catalogue import dataset_info
from tuning.disk import check_launch
from tuning.errors import ParameterError, SpecError
from tuning.extension import parse_stages
from tuning.optuna_space import contains, distributions, encode
from tuning.parameters import OLD_NAMES, PARAMETERS, Value
from tuning.sampler_spec import HandTrial
from tuning.samplers import planned_settings
from tuning.sampling.rounds import Stages
from tuning.setting import Fixed
from tuning.space import read_setting, write_setting
from tuning.spec import StudySpec


@dataclass(frozen=True)
class Entered:
    """A trial that was entered by hand.

    Attributes
    ----------
    number : int
        Its number in the study.
    settings : dict
        The value of each searched parameter.
    notes : tuple of str
        Sentences about values outside the search space.
    """

    number: int
    settings: dict[str, Value]
    notes: tuple[str, ...] = ()


def read_values(changes: Iterable[str]) -> dict[str, Value]:
    """Read ``name=value`` as a person types it; older names are understood.

    Raises
    ------
    SpecError
        With a sentence for everything that cannot be read.
    """
    values: dict[str, Value] = {}
    problems: list[str] = []
    for text in changes:
        name, equals, value = (part.strip() for part in text.partition("="))
        name = OLD_NAMES.get(name, name)
        if not equals or name not in PARAMETERS:
            known = ", ".join(PARAMETERS)
            problems.append(
                f"--set {text!r} names no parameter. Write name=value with one of: {known}."
            )
            continue
        try:
            setting = read_setting(name, "fixed", value).setting
        except (ParameterError, SpecError) as error:
            problems.append(str(error))
            continue
        if isinstance(setting, Fixed):
            values[name] = setting.value
    if problems:
        raise SpecError(problems)
    return values


def try_by_hand(
    db: Database, study_id: str, values: Mapping[str, Value], like: int | None = None
) -> Entered:
    """Enter a trial with exactly these settings into a study that runs or is finished.

    Parameters
    ----------
    values : mapping
        Searched parameters. They may lie outside the search space, as long as the parameter
        itself allows them; no sampler learns from a place outside.
    like : int or None
        Trial to take those parameters from that are not in `values`.

    Raises
    ------
    SpecError
        With a sentence for everything that is wrong with the settings.
    DiskSpaceError
        If too little of the disk would be left.
    UnknownStudyError
        If there is no such study.
    UnfinishedError
        If it was stopped, failed or is paused: it has to go on first.
    """
    while True:  # until nobody else enters one between reading and writing
        row = get_study(db, study_id)
        spec = StudySpec.parse(row.spec)
        stages = parse_stages(read_stages(db, study_id))
        tried = {trial.number: trial.params for trial in read_trials(db, study_id)}
        settings = _completed(spec, values, like, tried)
        _check(spec, settings, {**tried, **_asked_for(spec, stages)})
        larger = _with_trial(spec, settings)
        check_launch(db, larger, machine_settings().home)
        if enter_by_hand(db, row, _extension(larger, stages, spec.n_trials)):
            return Entered(spec.n_trials, settings, tuple(_notes(spec, settings)))


def _completed(
    spec: StudySpec,
    values: Mapping[str, Value],
    like: int | None,
    tried: Mapping[int, Mapping[str, object]],
) -> dict[str, Value]:
    """Return the value of each searched parameter, in the order of the search space."""
    if like is not None and like not in tried:
        raise SpecError([f"There is no trial {like} to take parameters from."])
    problems = list(_fixed_problems(spec, values))
    known = {} if like is None else tried[like]
    settings: dict[str, Value] = {}
    for name in spec.searched:
        parameter = PARAMETERS[name]
        if name not in values and name not in known:
            problems.append(
                f"{parameter.label}: a value is needed. "
                + "Set it, or name a trial to take it from."
            )
            continue
        try:
            settings[name] = parameter.parse(values.get(name, known.get(name)))
        except ParameterError as error:
            problems.append(str(error))
    if problems:
        raise SpecError(problems)
    return settings


def _fixed_problems(spec: StudySpec, values: Mapping[str, Value]) -> Iterator[str]:
    for name in values:
        if name not in spec.searched:
            label = PARAMETERS[name].label
            known = ", ".join(spec.searched)
            yield f"{label}: it is not searched here, so it stays as it is. Set {known}."


def _check(
    spec: StudySpec,
    settings: Mapping[str, Value],
    others: Mapping[int, Mapping[str, object]],
) -> None:
    """Refuse settings that are a trial already, or that the data has too few rows for."""
    for number, own in others.items():
        if {name: _comparable(value) for name, value in own.items()} == dict(settings):
            raise SpecError(
                [f"Trial {number} has these settings. Ask for more repeats of it instead."]
            )
    document = spec.model_dump()
    fixed = {name: {"kind": "fixed", "value": value} for name, value in settings.items()}
    alone = {"space": {**document["space"], **fixed}, "sampler": {"kind": "grid"}}
    one = StudySpec.parse({**document, **alone, "by_hand": (), "include_default": False})
    problems = study_problems(one, dataset_info(spec.data.dataset, spec.data.digits))
    if problems:
        raise SpecError(problems)


def _asked_for(spec: StudySpec, stages: Stages) -> dict[int, Mapping[str, object]]:
    """Return the settings that are known to be trained, by number."""
    by_hand: dict[int, Mapping[str, object]] = {t.number: t.settings for t in spec.by_hand}
    planned = planned_settings(spec, stages.settings) or ()
    return {**dict(enumerate(planned)), **by_hand}


def _comparable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value  # layers, as JSON has them


def _with_trial(spec: StudySpec, settings: Mapping[str, Value]) -> StudySpec:
    trial = HandTrial(number=spec.n_trials, settings=dict(settings))
    document = spec.model_dump()
    document["by_hand"] = [*document["by_hand"], trial.model_dump()]
    return StudySpec.parse(document)


def _extension(larger: StudySpec, stages: Stages, n_before: int) -> Extension:
    """Return the wish: the trial is a round of its own, whatever comes before or after it."""
    ends = list(dict.fromkeys([*stages.ends, n_before]))
    document = {"ends": ends, "settings": stages.settings}
    return Extension(
        spec=larger.to_json(),
        stages=json.dumps(document),
        n_trials_planned=larger.n_trials,
        n_fits_planned=larger.n_trials * larger.n_fits_per_trial,
    )


def _notes(spec: StudySpec, settings: Mapping[str, Value]) -> Iterator[str]:
    space = distributions(spec)
    for name, value in settings.items():
        if not contains(space[name], encode(value)):
            label, written = PARAMETERS[name].label, write_setting(name, Fixed(value=value))
            yield (
                f"{label}: {written} lies outside the search space "
                + f"({write_setting(name, spec.searched[name])}). It is trained all the same; "
                + "a sampler does not learn from it."
            )
