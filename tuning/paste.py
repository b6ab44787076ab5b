"""A search space pasted as Python, and written as Python again; nothing is executed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tuning.errors import ParameterError, SpaceTextError, SpecError
from tuning.literals import ANYWHERE, Distribution, Entry, Grid, Numbers, read_grids
from tuning.parameters import OLD_NAMES, PARAMETERS, Parameter, Value, parameters_of
from tuning.setting import Choices, Fixed, LogRange, Range, Setting, canonical, n_values
from tuning.space import Reading, counted, read_setting, read_values, show_setting

_PREFIXES = {"model", "optimizer", "estimator", "clf"}


@dataclass(frozen=True)
class PastedRow:
    """How one name of a pasted grid was understood.

    Attributes
    ----------
    written : str
        The name as it was pasted.
    name : str or None
        The parameter it means; None where it means none of this model.
    setting : Setting or None
        Its values; None where they are not allowed or the name is unknown.
    shown : str
        The values in a few words.
    note : str
        What was changed on the way, or what is wrong.
    line : int
        Where it stands in the text, from 1.
    """

    written: str
    name: str | None
    setting: Setting | None
    shown: str
    note: str
    line: int


@dataclass(frozen=True)
class Pasted:
    """A pasted grid: one group of rows, or one for each sub-grid of a list of dicts."""

    groups: tuple[tuple[PastedRow, ...], ...]

    @property
    def spaces(self) -> tuple[dict[str, Setting], ...]:
        """The search space of each group, of the rows that could be read."""
        return tuple(
            {row.name: row.setting for row in group if row.name and row.setting}
            for group in self.groups
        )

    @property
    def n_trials(self) -> int | None:
        """Combinations of all groups; None where a range makes them endless."""
        counts = [n_values(name, s) for space in self.spaces for name, s in space.items()]
        if None in counts:
            return None
        return sum(
            math.prod(n_values(name, setting) or 1 for name, setting in space.items())
            for space in self.spaces
        )

    @property
    def note(self) -> str:
        """What several groups mean; empty for one."""
        if len(self.groups) == 1:
            return ""
        more = "" if len(self.groups) == 2 else ", and so on"
        n_groups = counted(len(self.groups), "sub-grid")
        return f"{n_groups}: all combinations of the first, then of the second{more}"


def read_pasted(text: str, model: str, meanings: Mapping[str, str] | None = None) -> Pasted:
    """Read a pasted parameter grid.

    Parameters
    ----------
    text : str
        A dict, a list of dicts, JSON, or lines of Python that end with one.
    model : str
        The kind of model it is for.
    meanings : mapping, optional
        Parameter names that a person chose for names we do not know.

    Raises
    ------
    SpaceTextError
        If it is no such text, or names one parameter twice. A value that is not allowed is
        told in its row instead.
    """
    if not text.strip():
        reason = 'Nothing is pasted yet. Write for example {"batch_size": [10, 20, 40]}.'
        raise SpaceTextError(ANYWHERE, reason)
    return Pasted(tuple(_rows(grid, model, meanings or {}) for grid in read_grids(text)))


def as_python(space: Mapping[str, Setting]) -> str:
    """Write a search space as a Python dict, which `read_pasted` reads back to the same one."""
    if not space:
        return "param_grid = {}"
    lines = [f'    "{name}": {_expression(name, s)},' for name, s in space.items()]
    return "\n".join(["param_grid = {", *lines, "}"])


def _rows(grid: Grid, model: str, meanings: Mapping[str, str]) -> tuple[PastedRow, ...]:
    known = {parameter.name for parameter in parameters_of(model)}
    rows: list[PastedRow] = []
    for entry in grid.entries:
        name = meanings.get(entry.name) or _library_name(entry.name)
        twin = next((row for row in rows if row.name == name), None)
        if twin is not None:
            where = f"Line {entry.line}"
            reason = f"{entry.name!r} and {twin.written!r} both mean {name}. Keep one."
            raise SpaceTextError(where, reason)
        rows.append(_row(entry, name if name in known else None))
    return tuple(rows)


def _library_name(written: str) -> str:
    """Drop the prefixes of pipelines and wrappers, and translate old names."""
    name = written.strip().lower()
    while "__" in name and name.split("__")[0] in _PREFIXES:
        name = name.split("__", maxsplit=1)[1]
    return OLD_NAMES.get(name, name)


def _row(entry: Entry, name: str | None) -> PastedRow:
    written, line = entry.name, entry.line
    if name is None:
        return PastedRow(written, None, None, "", f"{written} is not a parameter here.", line)
    try:
        reading = _read(PARAMETERS[name], entry.value)
    except (ParameterError, SpecError) as error:
        return PastedRow(written, name, None, "", str(error), line)
    shown = show_setting(name, reading.setting)
    return PastedRow(written, name, reading.setting, shown, " ".join(reading.notes), line)


def _read(parameter: Parameter, value: object) -> Reading:
    if isinstance(value, Distribution):
        return _read_span(parameter, value.span)
    if isinstance(value, Numbers):
        if value.span is not None and parameter.kind in ("int", "float"):
            return _read_span(parameter, value.span)
        return read_values(parameter.name, value.values)
    if isinstance(value, list) or (isinstance(value, tuple) and parameter.kind != "layers"):
        return _read_list(parameter, value)
    return read_setting(parameter.name, "fixed", [value])


def _read_list(parameter: Parameter, values: list[object] | tuple[object, ...]) -> Reading:
    if not values:
        reason = f"the list is empty. Write for example {parameter.example}."
        raise ParameterError(parameter.label, reason)
    return read_values(parameter.name, values)


def _read_span(parameter: Parameter, span: Mapping[str, object]) -> Reading:
    counts = all(isinstance(span[end], int) for end in ("low", "high"))
    if (
        parameter.kind == "float"
        and counts
        and span["kind"] == "range"
        and "points" not in span
    ):
        span = {"step": 1, **span}
    return Reading(canonical(parameter.name, span))


def _expression(name: str, setting: Setting) -> str:
    if isinstance(setting, Fixed):
        return _literal(setting.value)
    if isinstance(setting, Choices):
        return f"[{', '.join(_literal(value) for value in setting.values)}]"
    if isinstance(setting, LogRange):
        return _log_range(setting)
    return _range(setting, whole=PARAMETERS[name].kind == "int")


def _log_range(setting: LogRange) -> str:
    ends = f"{_number(setting.low)}, {_number(setting.high)}"
    if setting.points is None:
        return f"loguniform({ends})"
    return f"np.geomspace({ends}, {setting.points})"


def _range(setting: Range, *, whole: bool) -> str:
    if setting.points is not None:
        ends = f"{_number(setting.low)}, {_number(setting.high)}"
        return f"np.linspace({ends}, {setting.points})"
    if whole:
        step = "" if setting.step is None else f", {_number(setting.step)}"
        return f"range({_number(setting.low)}, {_number(setting.high + 1)}{step})"
    return _uniform(setting) if setting.step is None else _arange(setting, setting.step)


def _uniform(setting: Range) -> str:
    start, end = Decimal(str(setting.low)), Decimal(str(setting.high))
    width = float(end - start)
    if float(start + Decimal(str(width))) != setting.high:  # the width has no exact float
        return f"Real({setting.low!r}, {setting.high!r})"
    return f"uniform({setting.low!r}, {width!r})"


def _arange(setting: Range, step: float) -> str:
    """Write a range with a step; half a step beyond the end includes the end."""
    stop = Decimal(str(setting.high)) + Decimal(str(step)) / 2
    return f"np.arange({setting.low!r}, {float(stop)!r}, {step!r})"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _literal(value: Value) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
