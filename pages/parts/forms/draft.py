"""The New study form as plain data: what a person typed, right or wrong.

A flat dict of JSON values, one entry a widget; stored as a draft, it survives a reload.
`form_of` fills it from a spec, `forms.reading` turns it into one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tuning.parameters import PARAMETERS, Parameter, show_value
from tuning.sampler_spec import SamplerSpec
from tuning.setting import Choices, Fixed, LogRange, Range, Setting
from tuning.space import write_setting
from tuning.spec import DataSpec, EarlyStoppingSpec, EvaluationSpec, StudySpec

Fields = dict[str, Any]

BLANK = "blank"
DEFAULT_TRIALS: Mapping[str, int] = {
    "grid": 40,
    "random": 40,
    "tpe": 60,
    "gp": 40,
    "forest": 40,
    "qmc": 64,
    "cmaes": 100,
}
GRID_POINTS = "5"  # what a range gets when a grid needs a list of it
_USUAL_SEAL = 20.0  # percent; what the toggle offers after none were sealed
_PARTS = ("kind", "fixed", "list", "low", "high", "step", "points")


@dataclass
class Draft:
    """A study that is being set up.

    Attributes
    ----------
    id : str
        Its address, `?draft=`.
    origin : str
        What it started from: "blank", "recipe:pima-sgd" or "study:pima-sgd-7f3k".
    fields : dict
        What stands in the form now.
    start : dict
        What stood there at first; Reset goes back to it.
    undo : dict or None
        What stood in some fields `before` and `after` they were replaced at once, and `what`
        did that: reset, paste or budget.
    """

    id: str
    origin: str
    fields: Fields
    start: Fields
    undo: dict[str, Any] | None = None

    @classmethod
    def begin(cls, draft_id: str, origin: str, spec: StudySpec) -> Draft:
        """Start a draft with everything filled in."""
        return cls(draft_id, origin, form_of(spec), form_of(spec))

    @property
    def is_edited(self) -> bool:
        """Whether anything a person typed would be lost."""
        return self.fields != self.start

    @property
    def can_undo(self) -> bool:
        """Whether the fields are still as their replacement left them."""
        return self.undo is not None and all(
            self.fields[name] == value for name, value in self.undo["after"].items()
        )

    def to_json(self) -> str:
        """Write the draft as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Draft:
        """Read a draft that `to_json` wrote; fields it does not know yet get their defaults."""
        content = json.loads(text)
        usual = form_of(StudySpec(name="draft", data=DataSpec(dataset="pima")))
        for part in ("fields", "start"):
            content[part] = usual | _brought_up_to_date(content[part])
        return cls(**content)


def _brought_up_to_date(fields: Fields) -> Fields:
    """Return a form of an earlier version, which had a switch instead of `scaling`."""
    rest = {name: value for name, value in fields.items() if name != "scale"}
    return rest if fields.get("scale", True) else {"scaling.fixed": "off"} | rest


def form_of(spec: StudySpec) -> Fields:
    """Return the form that describes a study."""
    return {
        "name": spec.name,
        "recipe": spec.recipe,
        "model": spec.model,
        "pruner": spec.pruner.kind,
        "pruner_startup": spec.pruner.n_startup_trials,
        "pruner_warmup": spec.pruner.n_warmup_steps,
        "pruner_factor": spec.pruner.reduction_factor,
        "include_default": spec.include_default,
        "confirm": spec.confirm,
        "is_refined": spec.is_refined,
        "starting": [{**spec.fixed, **trial.settings} for trial in spec.starting_points],
        "try_starting": bool(spec.starting_points),
        "max_minutes": spec.max_minutes,
        "seed": spec.seed,
        **_data_fields(spec.data),
        **_sampler_fields(spec.sampler),
        **_evaluation_fields(spec.evaluation),
        **_stopping_fields(spec.evaluation.early_stopping),
        **space_form(spec.space),
    }


def _data_fields(data: DataSpec) -> Fields:
    return {
        "dataset": data.dataset,
        "digits": list(data.digits),
        "sealed": data.test_fraction > 0,
        "test_percent": percent(data.test_fraction) or _USUAL_SEAL,
        "split_seed": data.split_seed,
        "sample_percent": percent(data.sample_fraction),
    }


def _sampler_fields(sampler: SamplerSpec) -> Fields:
    return {
        "sampler": sampler.kind,
        "n_trials": sampler.n_trials or DEFAULT_TRIALS[sampler.kind],
        "n_startup_trials": sampler.n_startup_trials,
    }


def _evaluation_fields(evaluation: EvaluationSpec) -> Fields:
    return {
        "method": evaluation.method,
        "folds": evaluation.folds,
        "repeats": evaluation.repeats,
        "holdout_percent": percent(evaluation.holdout_fraction),
        "shuffle": evaluation.shuffle,
        "score": evaluation.score,
        "direction": evaluation.direction or "",
        "rope": evaluation.rope,
    }


def _stopping_fields(stopping: EarlyStoppingSpec | None) -> Fields:
    rule = stopping or EarlyStoppingSpec()
    return {
        "stopping": stopping is not None,
        "patience": rule.patience,
        "min_delta": rule.min_delta,
        "monitor": rule.monitor,
        "restore": rule.restore_best_weights,
        "watch_rows": rule.rows,
        "watch_percent": percent(rule.fraction),
    }


def space_form(space: Mapping[str, Setting]) -> Fields:
    """Return the part of the form that describes a search space.

    `rows` names the parameters with a row of their own, `explicit` the fixed ones that the
    spec named although they have their default.
    """
    searched = [name for name, setting in space.items() if not isinstance(setting, Fixed)]
    fields: Fields = {
        "rows": searched,
        "explicit": [name for name in space if name not in searched],
    }
    for name, parameter in PARAMETERS.items():
        fields |= row_fields(parameter, space.get(name))
    return fields


def row_fields(parameter: Parameter, setting: Setting | None = None) -> Fields:
    """Return the fields of one parameter, the widgets of every kind filled in."""
    row = _suggestion(parameter)
    if isinstance(setting, Fixed):
        row["fixed"] = write_setting(parameter.name, setting)
    elif isinstance(setting, Choices):
        row |= _list_parts(parameter, setting)
    elif setting is not None:
        row |= _range_parts(parameter, setting)
    return {f"{parameter.name}.{part}": row[part] for part in _PARTS}


def _suggestion(parameter: Parameter) -> Fields:
    """Return what a row holds before anything is typed into it."""
    default = write_setting(parameter.name, Fixed(value=parameter.default))
    examples = parameter.example.split(", ")
    row: Fields = dict.fromkeys(_PARTS, "") | {"kind": "list", "fixed": default}
    if parameter.kind == "choice":
        return row | {"list": examples}
    row["list"] = parameter.example
    if parameter.kind in ("int", "float"):
        row |= {"low": examples[0], "high": examples[-1]}
    if parameter.name == "learning_rate":
        row |= {"kind": "log_range", "low": "0.0001", "high": "0.1"}
    return row


def _list_parts(parameter: Parameter, setting: Choices) -> Fields:
    if parameter.kind == "choice":
        return {"kind": "list", "list": [show_value(value) for value in setting.values]}
    parts: Fields = {"kind": "list", "list": write_setting(parameter.name, setting)}
    numbers = [value for value in setting.values if isinstance(value, (int, float))]
    if parameter.kind != "layers" and len(numbers) > 1:
        parts["low"] = _written(parameter, min(numbers))
        parts["high"] = _written(parameter, max(numbers))
    return parts


def _range_parts(parameter: Parameter, setting: Range | LogRange) -> Fields:
    step = setting.step if isinstance(setting, Range) else None
    return {
        "kind": setting.kind,
        "low": _written(parameter, setting.low),
        "high": _written(parameter, setting.high),
        "step": "" if step is None else _written(parameter, step),
        "points": "" if setting.points is None else str(setting.points),
    }


def _written(parameter: Parameter, number: float) -> str:
    return write_setting(parameter.name, Fixed(value=number))


def space_fields(fields: Fields) -> Fields:
    """Return the part of a form that describes its search space."""
    return {
        name: value
        for name, value in fields.items()
        if name in ("rows", "explicit") or name.split(".")[0] in PARAMETERS
    }


def kinds_of(parameter: Parameter) -> tuple[str, ...]:
    """Return the kinds of row that make sense for a parameter."""
    if parameter.kind in ("choice", "layers"):
        return ("fixed", "list")
    may_be_zero = parameter.low == 0 and not parameter.low_open
    return (
        ("fixed", "list", "range") if may_be_zero else ("fixed", "list", "range", "log_range")
    )


def with_sampler(fields: Fields, sampler: str) -> Fields:
    """Return what changes when another sampler is chosen; every row stays.

    A grid needs a list of each range, the others do not: ranges get points on the way in, and
    their points become a step on the way out.
    """
    changes: Fields = {"sampler": sampler}
    if fields["n_trials"] in DEFAULT_TRIALS.values():
        changes["n_trials"] = DEFAULT_TRIALS[sampler]
    for name in fields["rows"]:
        changes |= points_for(fields, name) if sampler == "grid" else _freed(fields, name)
    return changes


def points_for(fields: Fields, name: str) -> Fields:
    """Return the points a range row needs in a grid; nothing where it has enough."""
    kind = fields[f"{name}.kind"]
    has_list = fields[f"{name}.points"] or (kind == "range" and fields[f"{name}.step"])
    if kind not in ("range", "log_range") or has_list or PARAMETERS[name].kind == "int":
        return {}
    return {f"{name}.points": GRID_POINTS}


def _freed(fields: Fields, name: str) -> Fields:
    """Return a row without its points; those of a plain range become a step."""
    if fields[f"{name}.kind"] not in ("range", "log_range") or not fields[f"{name}.points"]:
        return {}
    changes: Fields = {f"{name}.points": ""}
    if fields[f"{name}.kind"] == "range":
        changes[f"{name}.step"] = fields[f"{name}.step"] or _step_text(fields, name)
    return changes


def _step_text(fields: Fields, name: str) -> str:
    """Return the step between the points of a range; empty where they cannot be read."""
    try:
        low, high = (float(fields[f"{name}.{end}"]) for end in ("low", "high"))
        step = (high - low) / (int(fields[f"{name}.points"]) - 1)
    except (ValueError, ZeroDivisionError):
        return ""
    whole = PARAMETERS[name].kind == "int"
    return "" if whole and not step.is_integer() else f"{step:.10g}"


def percent(share: float) -> float:
    """Return a share in percent, without the digits that binary arithmetic adds."""
    return round(share * 100, 6)
