"""From the form to a spec, or to the sentences that say why not, each at its place.

A place is a section ("data", "model", "space", "evaluation", "limits"), "name", or a row of
the search space ("space.batch_size").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pages.parts.forms.draft import Fields
from pages.parts.forms.samplers import sampler_warnings
from pages.parts.forms.sealing import FEWEST_ROWS_TO_SEAL
from tuning.analysis.refining import with_trial
from tuning.checks import study_problems, study_warnings
from tuning.datasets.catalogue import dataset_info
from tuning.datasets.info import DatasetInfo
from tuning.errors import ParameterError, SpecError, UnknownDatasetError
from tuning.models.size import n_outputs
from tuning.parameters import PARAMETERS, Parameter, parameters_of
from tuning.recipes import RECIPES
from tuning.space import Reading, read_range, read_setting, space_note
from tuning.spec import StudySpec

SECTIONS: Mapping[str, str] = {
    "name": "Name",
    "data": "1 Data",
    "model": "2 Model",
    "space": "3 Search space",
    "evaluation": "4 Evaluation",
    "limits": "5 Limits and stopping",
}
_PLACES: Mapping[str, str] = {
    "Name": "name",
    "name": "name",
    "Digits": "data",
    "Rows": "data",
    "data": "data",
    "Without sealed rows the best score will look better than it is.": "data",
    "Folds": "evaluation",
    "Repeats": "evaluation",
    "Score": "evaluation",
    "Evaluation": "evaluation",
    "evaluation": "evaluation",
    "confirm": "evaluation",
    "include_default": "limits",
    "max_minutes": "limits",
    "seed": "limits",
    "pruner": "limits",
}
_ROW_PLACES = {parameter.label: f"space.{name}" for name, parameter in PARAMETERS.items()}

Told = dict[str, list[str]]


@dataclass
class Checked:
    """A form as it was understood.

    Attributes
    ----------
    spec : StudySpec or None
        The study; None while something is wrong.
    info : DatasetInfo or None
        Its dataset; None if there is none of that id.
    problems, warnings : dict of list of str
        Sentences by place.
    readings : dict
        How each row of the search space was read; a row with a problem has none.
    """

    spec: StudySpec | None = None
    info: DatasetInfo | None = None
    problems: Told = field(default_factory=dict)
    warnings: Told = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)

    @property
    def first_problem(self) -> tuple[str, str] | None:
        """The first thing to put right, from the top of the page: its section, its sentence."""
        for section, title in SECTIONS.items():
            for place, sentences in self.problems.items():
                if place.split(".")[0] == section:
                    return title, sentences[0]
        return None

    @property
    def all_problems(self) -> list[str]:
        """Every sentence about something wrong."""
        return [sentence for sentences in self.problems.values() for sentence in sentences]


def check(fields: Fields) -> Checked:
    """Read a form; nothing is read from the dataset itself."""
    checked = Checked()
    _find_dataset(fields, checked)
    raw_space = _read_space(fields, checked)
    spec = _parse(_raw(fields, raw_space, checked.info), checked)
    if spec is not None and fields["try_starting"]:
        spec = with_starting(spec, fields)
    if spec is not None and checked.info is not None:
        _tell(checked.problems, study_problems(spec, checked.info))
        _tell(checked.warnings, _warnings(spec, checked.info))
        _tell(checked.warnings, sampler_warnings(spec))
        if note := space_note(spec):
            _tell(checked.warnings, [note])
    if spec is not None and not checked.problems:
        checked.spec = _as_published_or_own(spec)
    return checked


def with_starting(spec: StudySpec, fields: Fields) -> StudySpec:
    """Return the study with the settings that are to be tried first, as far as it has room."""
    for written in fields["starting"]:
        params = {name: PARAMETERS[name].parse(value) for name, value in written.items()}
        spec = with_trial(spec, params)
    return spec


def rows_of(fields: Fields) -> list[str]:
    """Return the parameters with a row of their own, of those the chosen model has."""
    known = {parameter.name for parameter in parameters_of(fields["model"])}
    return [name for name in fields["rows"] if name in known]


def fixed_of(fields: Fields) -> list[Parameter]:
    """Return the parameters of the chosen model that have no row of their own."""
    rows = rows_of(fields)
    return [p for p in parameters_of(fields["model"]) if p.name not in rows]


def read_row(fields: Fields, name: str, ends: tuple[int, int] | None = None) -> Reading:
    """Read one row of the search space as it is typed.

    Raises
    ------
    ParameterError, SpecError
        If it cannot be read or is not allowed.
    """
    kind = fields[f"{name}.kind"]
    if kind in ("fixed", "list"):
        return read_setting(name, kind, fields[f"{name}.{kind}"], ends)
    low, high, step, points = (
        _number(PARAMETERS[name], fields[f"{name}.{part}"], whole=part == "points")
        for part in ("low", "high", "step", "points")
    )
    n_points = None if points is None else int(points)
    return read_range(name, kind, low, high, n_points, step if kind == "range" else None)


def _find_dataset(fields: Fields, checked: Checked) -> None:
    try:
        checked.info = dataset_info(fields["dataset"], tuple(fields["digits"]))
    except UnknownDatasetError as error:
        _tell(checked.problems, [str(error)], "data")
        return
    if checked.info.digits and not fields["digits"]:
        sentence = "Digits: none is chosen. Choose at least two digits from 0 to 9."
        _tell(checked.problems, [sentence])


def _read_space(fields: Fields, checked: Checked) -> dict[str, Any]:
    """Read every row and every fixed value; what cannot be read is told and left out."""
    info, model = checked.info, fields["model"]
    ends = None
    if info is not None and model == "dense":
        ends = (info.n_inputs, n_outputs(model, info))
    space: dict[str, Any] = {}
    for name in rows_of(fields):
        try:
            checked.readings[name] = read_row(fields, name, ends)
        except (ParameterError, SpecError) as error:
            _tell(checked.problems, _sentences(error), f"space.{name}")
        else:
            space[name] = checked.readings[name].setting
    for parameter in fixed_of(fields):
        try:
            space |= _fixed_setting(fields, parameter)
        except ParameterError as error:
            _tell(checked.problems, [str(error)], f"space.{parameter.name}")
    return space


def _fixed_setting(fields: Fields, parameter: Parameter) -> dict[str, Any]:
    name = parameter.name
    setting = read_setting(name, "fixed", fields[f"{name}.fixed"]).setting
    is_default = getattr(setting, "value", None) == parameter.default
    return {} if is_default and name not in fields["explicit"] else {name: setting}


def _number(parameter: Parameter, text: str, *, whole: bool) -> float | None:
    if not text.strip():
        return None
    try:
        return int(text) if whole else float(text)
    except ValueError:
        wanted, example = ("whole number", "5") if whole else ("number", "0.1")
        reason = f"{text.strip()!r} is not a {wanted}. Write for example {example}."
        raise ParameterError(parameter.label, reason) from None


def _raw(fields: Fields, space: dict[str, Any], info: DatasetInfo | None) -> dict[str, Any]:
    has_digits = info is not None and bool(info.digits)
    return {
        "name": fields["name"].strip(),
        "recipe": fields["recipe"],
        "data": {
            "dataset": fields["dataset"],
            "digits": fields["digits"] if has_digits else (),
            "test_fraction": _share(fields["test_percent"]) if fields["sealed"] else 0.0,
            "split_seed": fields["split_seed"],
            "sample_fraction": _share(fields["sample_percent"]),
        },
        "model": fields["model"],
        "space": space,
        "sampler": {
            "kind": fields["sampler"],
            "n_trials": None if fields["sampler"] == "grid" else fields["n_trials"],
            "n_startup_trials": fields["n_startup_trials"],
        },
        "evaluation": _raw_evaluation(fields),
        "pruner": {
            "kind": fields["pruner"],
            "n_startup_trials": fields["pruner_startup"],
            "n_warmup_steps": fields["pruner_warmup"],
            "reduction_factor": fields["pruner_factor"],
        },
        "include_default": fields["include_default"],
        "confirm": fields["confirm"],
        "is_refined": fields.get("is_refined", False),
        "max_minutes": fields["max_minutes"],
        "seed": fields["seed"],
    }


def _raw_evaluation(fields: Fields) -> dict[str, Any]:
    stopping = {
        "patience": fields["patience"],
        "min_delta": fields["min_delta"],
        "monitor": fields["monitor"],
        "restore_best_weights": fields["restore"],
        "rows": fields["watch_rows"],
        "fraction": _share(fields["watch_percent"]),
    }
    return {
        "method": fields["method"],
        "folds": fields["folds"],
        "repeats": fields["repeats"],
        "holdout_fraction": _share(fields["holdout_percent"]),
        "shuffle": fields["shuffle"],
        "score": fields["score"],
        "direction": fields["direction"] or None,
        "early_stopping": stopping if fields["stopping"] else None,
        "rope": fields["rope"],
    }


def _share(percent: float) -> float:
    return round(percent / 100, 8)


def _parse(raw: dict[str, Any], checked: Checked) -> StudySpec | None:
    rows_are_read = not any(place.startswith("space.") for place in checked.problems)
    try:
        return StudySpec.parse(raw)
    except SpecError as error:
        for sentence in error.problems:
            # What is said of the whole space may come from the rows that were left out.
            if rows_are_read or place_of(sentence) != "space":
                _tell(checked.problems, [sentence])
    return None


def _as_published_or_own(spec: StudySpec) -> StudySpec:
    """Drop the name of the recipe from a study that is no longer that of the recipe.

    Sealing rows, trying the default settings and confirming are choices the page offers for
    every recipe, so they do not count.
    """
    if spec.recipe is None or spec.recipe not in RECIPES:
        return spec
    published = RECIPES[spec.recipe].spec
    changes = {
        "name": published.name,
        "data": spec.data.model_copy(
            update={"test_fraction": published.data.test_fraction},
        ),
        "include_default": published.include_default,
        "confirm": published.confirm,
    }
    is_published = spec.model_copy(update=changes) == published
    return spec if is_published else spec.model_copy(update={"recipe": None})


def _warnings(spec: StudySpec, info: DatasetInfo) -> Iterator[str]:
    """Yield the warnings, without the one on sealing where there are too few rows for it."""
    for sentence in study_warnings(spec, info):
        if not (info.n_rows < FEWEST_ROWS_TO_SEAL and sentence.startswith("Without sealed")):
            yield sentence


def place_of(sentence: str) -> str:
    """Return where on the page a sentence belongs."""
    head = sentence.split(":")[0]
    if head in _ROW_PLACES:
        return _ROW_PLACES[head]
    if sentence.startswith("Convolutional networks"):
        return "model"
    if "early_stopping" in sentence:
        return "limits"
    if "accuracy rewards" in sentence:
        return "evaluation"
    if sentence.startswith("Momentum"):
        return "space.momentum"
    first = head.split(" ")[0]
    return _PLACES.get(head) or _PLACES.get(first, "space")


def _tell(told: Told, sentences: list[str] | Iterator[str], place: str = "") -> None:
    for sentence in sentences:
        told.setdefault(place or place_of(sentence), []).append(sentence)


def _sentences(error: ParameterError | SpecError) -> list[str]:
    return list(error.problems) if isinstance(error, SpecError) else [str(error)]
