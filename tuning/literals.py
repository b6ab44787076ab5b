"""Python values read from text without running any of it.

The text is parsed, and the few kinds of node that are known here are turned into values; every
other kind is refused with its line. Sizes are bounded before anything is computed.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from textwrap import dedent

from tuning.errors import SpaceTextError

Number = int | float
Scalar = int | float | str | bool | None
MOST_CHARACTERS = 20_000
ANYWHERE = ""  # the place of a mistake that has no line
MOST_VALUES = 10_000
_MOST_BITS = 1000  # of a whole number; floats end a little above
_MOST_CALCULATED = 100_000  # elements of arrays in one text, against sums of sums
_MOST_NESTED = 100  # values in a list within a list
_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Numbers:
    """What `range` or a NumPy function returns.

    Attributes
    ----------
    values : tuple of numbers
        One by one.
    span : mapping or None
        The same as a range or log range of a spec; None where they are no plain range.
    is_array : bool
        Whether it can be calculated with.
    """

    values: tuple[Number, ...]
    span: Mapping[str, object] | None = None
    is_array: bool = True


@dataclass(frozen=True)
class Distribution:
    """What SciPy or scikit-optimize draw from: the ends of a range or log range of a spec."""

    span: Mapping[str, object]


@dataclass(frozen=True)
class Entry:
    """A value with its name and the line it stands in."""

    name: str
    value: object
    line: int


@dataclass(frozen=True)
class Grid:
    """A dict: names and their values, in the order written."""

    entries: tuple[Entry, ...]


def read_grids(text: str) -> tuple[Grid, ...]:
    """Read the dict, or the list of dicts, that a piece of Python ends with.

    Lists that are named on their own lines, without a dict, are taken as one.

    Raises
    ------
    SpaceTextError
        If anything in it is more than lists, numbers, ranges and text.
    """
    if len(text) > MOST_CHARACTERS:
        raise SpaceTextError(
            ANYWHERE,
            f"{len(text):,} characters are too many to read. Paste up to {MOST_CHARACTERS:,}.",
        )
    try:
        return _Reader().read(_parsed(text))
    except (RecursionError, MemoryError):
        reason = "The brackets are nested too deeply to read. Write the values out."
        raise SpaceTextError(ANYWHERE, reason) from None


def _parsed(text: str) -> ast.Module:
    text = dedent(text).translate(_STRAIGHT_QUOTES)
    _check_brackets(text)
    try:
        return ast.parse(text)
    except SyntaxError as error:
        line = error.lineno or 1
        if "unterminated" in error.msg:
            raise _refusal(line, "the quote is not closed.") from None
        lines = text.splitlines()
        shown = _shortened(lines[line - 1].strip()) if line <= len(lines) else ""
        raise _refusal(
            line, f"`{shown}` is not written as in Python. Check its commas and quotes."
        ) from None
    except ValueError:
        raise _refusal(1, "it holds a character that is no text. Copy it again.") from None


_STRAIGHT_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
_TEXT_OR_BRACKET = re.compile(
    r"""('{3}.*?'{3} | "{3}.*?"{3} | '(?:\\.|[^'\\\n])*' | "(?:\\.|[^"\\\n])*" | \#[^\n]*)
    | (?P<open>[\[({]) | (?P<close>[\])}])""",
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"[": "]", "(": ")", "{": "}"}


def _check_brackets(text: str) -> None:
    """Refuse brackets that do not match; Python's own messages differ between versions."""
    open_brackets: list[tuple[str, int]] = []
    for match in _TEXT_OR_BRACKET.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["open"]:
            open_brackets.append((match["open"], line))
        elif match["close"] and not open_brackets:
            raise _refusal(line, "a bracket is closed that was not opened.")
        elif match["close"]:
            bracket, opened = open_brackets.pop()
            if _CLOSING[bracket] != match["close"]:
                raise _refusal(opened, "the bracket is not closed.")
    if open_brackets:
        raise _refusal(open_brackets[-1][1], "the bracket is not closed.")


def _refusal(line: int, reason: str) -> SpaceTextError:
    return SpaceTextError(f"Line {line}", reason)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _source(node: ast.AST) -> str:
    return _shortened(" ".join(ast.unparse(node).split()))


def _cannot_read(node: ast.expr | ast.stmt) -> SpaceTextError:
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return SpaceTextError(ANYWHERE, "A comprehension cannot be read; paste its result.")
    if isinstance(node, ast.Call):
        reason = f"a function call (`{_source(node)}`) cannot be read. Write the values out."
        return _refusal(node.lineno, reason)
    return _refusal(node.lineno, f"`{_source(node)}` cannot be read. Write the values out.")


class _Reader:
    """Turns the nodes of one text into values, remembering the names it gives."""

    def __init__(self) -> None:
        self._named: dict[str, Entry] = {}
        self._n_calculated = 0

    def read(self, module: ast.Module) -> tuple[Grid, ...]:
        found: tuple[Grid, ...] = ()
        for statement in module.body:
            found = self._statement(statement) or found
        if not found and self._named:
            found = (Grid(tuple(self._named.values())),)
        if not found:
            reason = 'There is no dict in it. Write for example {"batch_size": [10, 20, 40]}.'
            raise SpaceTextError(ANYWHERE, reason)
        return found

    def _statement(self, node: ast.stmt) -> tuple[Grid, ...]:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return ()
        if isinstance(node, ast.Expr):
            return _as_grids(self._value(node.value))
        target = _target(node)
        if target is None or not isinstance(node, (ast.Assign, ast.AnnAssign)):
            raise _cannot_read(node)
        value = self._value(node.value) if node.value else None
        self._named[target] = Entry(target, value, node.lineno)
        return _as_grids(value)

    def _value(self, node: ast.expr) -> object:
        read = _READERS.get(type(node))
        if read is None:
            raise _cannot_read(node)
        return read(self, node)

    def _constant(self, node: ast.Constant) -> Scalar:
        value = node.value
        if isinstance(value, (complex, bytes)) or value is Ellipsis:
            raise _cannot_read(node)
        return value if value is None or isinstance(value, str) else _finite(node, value)

    def _name(self, node: ast.Name) -> object:
        if node.id in _JSON_WORDS:
            return _JSON_WORDS[node.id]
        if node.id not in self._named:
            reason = f"`{node.id}` is not set in this text. Paste the line that sets it, too."
            raise _refusal(node.lineno, reason)
        return self._named[node.id].value

    def _list(self, node: ast.List | ast.Tuple) -> object:
        if len(node.elts) > MOST_VALUES:
            raise _too_many(node)
        items = [self._value(element) for element in node.elts]
        if items and all(isinstance(item, (Grid, Entry)) for item in items):
            return items
        items = [
            _as_item(element, item) for element, item in zip(node.elts, items, strict=True)
        ]
        return tuple(items) if isinstance(node, ast.Tuple) else items

    def _dict(self, node: ast.Dict) -> Grid:
        entries = []
        for key, value in zip(node.keys, node.values, strict=True):
            if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                raise _cannot_read(key or value)
            entries.append(self._entry(key.value, key.lineno, value))
        return _as_grid(entries)

    def _entry(self, name: str, line: int, node: ast.expr) -> Entry:
        value = self._value(node)
        value = value.value if isinstance(value, Entry) else value
        if _as_grids(value):
            raise _refusal(line, f"{name!r} holds a dict. Write a list of values.")
        return Entry(name, value, line)

    def _sign(self, node: ast.UnaryOp) -> object:
        if not isinstance(node.op, (ast.USub, ast.UAdd)):
            raise _cannot_read(node)
        minus_one = -1 if isinstance(node.op, ast.USub) else 1
        return self._combined(node, operator.mul, minus_one, self._value(node.operand))

    def _arithmetic(self, node: ast.BinOp) -> object:
        left, right = self._value(node.left), self._value(node.right)
        if isinstance(node.op, ast.Add) and isinstance(left, list) and isinstance(right, list):
            if len(left) + len(right) > MOST_VALUES:
                raise _too_many(node)
            return left + right
        operation = _OPERATIONS.get(type(node.op))
        if operation is None:
            raise _cannot_read(node)
        return self._combined(node, operation, left, right)

    def _combined(
        self,
        node: ast.expr,
        operation: Callable[[Number, Number], Number],
        left: object,
        right: object,
    ) -> object:
        """Calculate with two numbers, or element by element where one is an array."""
        if not _is_array(left) and not _is_array(right):
            return _calculated(node, operation, _number(node, left), _number(node, right))
        pairs = _paired(node, left, right)
        self._n_calculated += len(pairs)
        if self._n_calculated > _MOST_CALCULATED:
            raise _too_many(node, _MOST_CALCULATED)
        return Numbers(tuple(_calculated(node, operation, x, y) for x, y in pairs))

    def _call(self, node: ast.Call) -> object:
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr == "tolist":
            return _as_list(node, self._value(func.value))
        name = _function_name(func)
        if name == "dict":
            return self._dict_call(node)
        if name is None or name not in _FUNCTIONS:
            raise _cannot_read(node)
        return _FUNCTIONS[name](node, self._arguments(node, _SIGNATURES[name]))

    def _dict_call(self, node: ast.Call) -> Grid:
        if node.args or any(keyword.arg is None for keyword in node.keywords):
            raise _cannot_read(node)
        return _as_grid(
            [self._entry(str(k.arg), k.value.lineno, k.value) for k in node.keywords]
        )

    def _arguments(self, node: ast.Call, names: Sequence[str]) -> dict[str, object]:
        if len(node.args) > len(names):
            raise _cannot_read(node)
        given = dict(zip(names, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in names or keyword.arg in given:
                raise _cannot_read(node)
            given[keyword.arg] = keyword.value
        return {name: self._value(value) for name, value in given.items()}


_READERS: Mapping[type[ast.expr], Callable[..., object]] = {
    ast.Constant: _Reader._constant,
    ast.Name: _Reader._name,
    ast.List: _Reader._list,
    ast.Tuple: _Reader._list,
    ast.Dict: _Reader._dict,
    ast.UnaryOp: _Reader._sign,
    ast.BinOp: _Reader._arithmetic,
    ast.Call: _Reader._call,
}
_JSON_WORDS: Mapping[str, Scalar] = {"true": True, "false": False, "null": None}
_MODULES = {"np", "numpy", "sp", "scipy", "stats", "st", "skopt", "space"}


def _target(node: ast.stmt) -> str | None:
    """Return the one name a statement sets, if it does just that."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, ast.AnnAssign):
        target = node.target
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None


def _function_name(func: ast.expr) -> str | None:
    """Return the last part of ``np.arange``; None unless the rest names a known module."""
    if isinstance(func, ast.Name):
        return func.id
    if not isinstance(func, ast.Attribute):
        return None
    owner = func.value
    while isinstance(owner, ast.Attribute) and owner.attr in _MODULES:
        owner = owner.value
    return func.attr if isinstance(owner, ast.Name) and owner.id in _MODULES else None


def _as_grid(entries: Sequence[Entry]) -> Grid:
    lines: dict[str, int] = {}
    for entry in entries:
        if entry.name in lines:
            raise _refusal(entry.line, f"{entry.name!r} is written twice. Keep one.")
        lines[entry.name] = entry.line
    return Grid(tuple(entries))


def _as_grids(value: object) -> tuple[Grid, ...]:
    if isinstance(value, Grid):
        return (value,)
    if not isinstance(value, (list, tuple)) or not value:
        return ()
    grids = [item for item in value if isinstance(item, Grid)]
    if len(grids) == len(value):
        return tuple(grids)
    named = [item for item in value if isinstance(item, Entry)]
    return (_as_grid(named),) if len(named) == len(value) else ()


def _as_item(node: ast.expr, value: object) -> object:
    """Return a value that may stand in a list: a scalar, or a list of scalars."""
    value = list(value.values) if isinstance(value, Numbers) else value
    items = value if isinstance(value, (list, tuple)) else [value]
    if len(items) > _MOST_NESTED:
        raise _too_many(node, _MOST_NESTED)
    if any(isinstance(item, (list, tuple, Grid, Entry, Distribution)) for item in items):
        raise _cannot_read(node)
    return value


def _as_list(node: ast.expr, value: object) -> list[object]:
    if not isinstance(value, (list, tuple, Numbers)):
        raise _cannot_read(node)
    return list(value.values) if isinstance(value, Numbers) else list(value)


def _number(node: ast.expr, value: object) -> Number:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _cannot_read(node)
    return value


def _whole(node: ast.expr, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _cannot_read(node)
    return value


def _finite(node: ast.expr, value: Number) -> Number:
    too_large = (
        value.bit_length() > _MOST_BITS if isinstance(value, int) else not math.isfinite(value)
    )
    if too_large:
        raise _too_large(node)
    return value


def _too_large(node: ast.expr) -> SpaceTextError:
    reason = f"`{_source(node)}` is too large a number. Write a smaller one."
    return _refusal(node.lineno, reason)


def _too_many(node: ast.expr, limit: int = MOST_VALUES) -> SpaceTextError:
    reason = f"`{_source(node)}` has more than {limit:,} values. Write fewer."
    return _refusal(node.lineno, reason)


def _is_array(value: object) -> bool:
    return isinstance(value, Numbers) and value.is_array


def _paired(node: ast.expr, left: object, right: object) -> list[tuple[Number, Number]]:
    xs = left.values if isinstance(left, Numbers) else None
    ys = right.values if isinstance(right, Numbers) else None
    if xs is None:
        xs = (_number(node, left),) * len(ys or ())
    if ys is None:
        ys = (_number(node, right),) * len(xs)
    if len(xs) != len(ys):
        raise _cannot_read(node)
    return list(zip(xs, ys, strict=True))


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        if base.bit_length() * exponent > _MOST_BITS:
            raise OverflowError
        return int(base**exponent)
    if base < 0 and not float(exponent).is_integer():
        raise ArithmeticError
    return float(float(base) ** exponent)


_OPERATIONS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: _power,
}


def _calculated(
    node: ast.expr, operation: Callable[[Number, Number], Number], left: Number, right: Number
) -> Number:
    try:
        result = operation(left, right)
    except OverflowError:
        raise _too_large(node) from None
    except ArithmeticError:
        reason = f"`{_source(node)}` has no value. Write the number."
        raise _refusal(node.lineno, reason) from None
    result = _finite(node, result)
    return result if isinstance(result, int) else _tidy(result)


def _tidy(number: float) -> float:
    """Drop the digits that only binary arithmetic added: 3 * 0.1 is 0.3."""
    return float(f"{number:.12g}")


def _exact(number: Number) -> Decimal:
    return Decimal(str(number))


def _arange(node: ast.Call, given: Mapping[str, object], *, is_array: bool) -> Numbers:
    if "start" not in given:
        raise _cannot_read(node)
    ends = [_number(node, given[key]) for key in ("start", "stop") if key in given]
    low, high = ends if len(ends) == 2 else (0, ends[0])
    step = _number(node, given.get("step", 1))
    whole = all(isinstance(number, int) for number in (low, high, step))
    if step == 0 or (_exact(high) - _exact(low)) / _exact(step) <= 0:
        raise _refusal(node.lineno, f"`{_source(node)}` holds no value. Check its ends.")
    count = math.ceil((_exact(high) - _exact(low)) / _exact(step))
    if count > MOST_VALUES:
        raise _too_many(node)
    exact = [_exact(low) + _exact(step) * i for i in range(count)]
    values = tuple(int(number) if whole else float(number) for number in exact)
    span: dict[str, object] = {"kind": "range", "low": low, "high": values[-1]}
    if "step" in given or not whole:
        span["step"] = step
    return Numbers(values, span if step > 0 and count > 1 else None, is_array)


def _numpy_arange(node: ast.Call, given: Mapping[str, object]) -> Numbers:
    return _arange(node, given, is_array=True)


def _python_range(node: ast.Call, given: Mapping[str, object]) -> Numbers:
    for value in given.values():
        _whole(node, value)
    return _arange(node, given, is_array=False)


def _spread_arguments(
    node: ast.Call, given: Mapping[str, object]
) -> tuple[Number, Number, int, bool]:
    """Return start, stop, number of values, and whether the stop is one of them."""
    if "start" not in given or "stop" not in given:
        raise _cannot_read(node)
    n_points = _whole(node, given.get("num", 50))
    if n_points > MOST_VALUES:
        raise _too_many(node)
    if n_points < 1:
        raise _refusal(node.lineno, f"`{_source(node)}` holds no value. Check its count.")
    ends = _number(node, given["start"]), _number(node, given["stop"])
    return *ends, n_points, bool(given.get("endpoint", True))


def _even(low: Number, high: Number, n_points: int, *, with_stop: bool) -> list[float]:
    start, stop = _exact(low), _exact(high)
    n_steps = max(n_points - with_stop, 1)
    return [_tidy(float(start + (stop - start) * i / n_steps)) for i in range(n_points)]


def _spaced(
    kind: str, low: Number, high: Number, values: Sequence[float], *, with_stop: bool
) -> Numbers:
    is_span = with_stop and len(values) > 1 and low < high
    span = {"kind": kind, "low": low, "high": high, "points": len(values)} if is_span else None
    return Numbers(tuple(values), span)


def _linspace(node: ast.Call, given: Mapping[str, object]) -> Numbers:
    low, high, n_points, with_stop = _spread_arguments(node, given)
    values = _even(low, high, n_points, with_stop=with_stop)
    return _spaced("range", low, high, values, with_stop=with_stop)


def _logspace(node: ast.Call, given: Mapping[str, object]) -> Numbers:
    low, high, n_points, with_stop = _spread_arguments(node, given)
    base = float(_number(node, given.get("base", 10)))
    exponents = _even(low, high, n_points, with_stop=with_stop)
    values = [float(_calculated(node, _power, base, exponent)) for exponent in exponents]
    first, last = (_calculated(node, _power, base, float(end)) for end in (low, high))
    return _spaced("log_range", first, last, values, with_stop=with_stop)


def _geomspace(node: ast.Call, given: Mapping[str, object]) -> Numbers:
    low, high, n_points, with_stop = _spread_arguments(node, given)
    if low <= 0 or high <= 0:
        raise _refusal(
            node.lineno, f"`{_source(node)}` needs ends above 0. Use for example 0.0001."
        )
    shares = _even(0, 1, n_points, with_stop=with_stop)
    decades = math.log10(high) - math.log10(low)
    values = [_tidy(10 ** (math.log10(low) + decades * share)) for share in shares]
    return _spaced("log_range", low, high, values, with_stop=with_stop)


def _continuous(node: ast.Call, kind: str, low: object, high: object) -> Distribution:
    ends = {"low": float(_number(node, low)), "high": float(_number(node, high))}
    return Distribution({"kind": kind, **ends})


def _counting(node: ast.Call, kind: str, low: object, high: object) -> Distribution:
    return Distribution({"kind": kind, "low": _whole(node, low), "high": _whole(node, high)})


def _uniform(node: ast.Call, given: Mapping[str, object]) -> Distribution:
    loc = _number(node, given.get("loc", 0))
    scale = _number(node, given.get("scale", 1))
    return _continuous(node, "range", loc, float(_exact(loc) + _exact(scale)))


def _loguniform(node: ast.Call, given: Mapping[str, object]) -> Distribution:
    return _continuous(node, "log_range", given.get("a"), given.get("b"))


def _randint(node: ast.Call, given: Mapping[str, object]) -> Distribution:
    last = _whole(node, given.get("high")) - 1
    return _counting(node, "range", given.get("low"), last)


_PRIORS: Mapping[str, str] = {"uniform": "range", "log-uniform": "log_range"}


def _dimension(node: ast.Call, given: Mapping[str, object]) -> object:
    kind = _PRIORS.get(str(given.get("prior", "uniform")))
    if kind is None:
        raise _cannot_read(node)
    make = _counting if _function_name(node.func) == "Integer" else _continuous
    return _with_name(node, given, make(node, kind, given.get("low"), given.get("high")))


def _categorical(node: ast.Call, given: Mapping[str, object]) -> object:
    return _with_name(node, given, _as_list(node, given.get("categories")))


def _with_name(node: ast.Call, given: Mapping[str, object], value: object) -> object:
    name = given.get("name")
    return Entry(name, value, node.lineno) if isinstance(name, str) else value


def _listed(node: ast.Call, given: Mapping[str, object]) -> list[object]:
    return _as_list(node, given.get("values"))


_FUNCTIONS: Mapping[str, Callable[[ast.Call, Mapping[str, object]], object]] = {
    "range": _python_range,
    "arange": _numpy_arange,
    "linspace": _linspace,
    "logspace": _logspace,
    "geomspace": _geomspace,
    "uniform": _uniform,
    "loguniform": _loguniform,
    "reciprocal": _loguniform,
    "randint": _randint,
    "Real": _dimension,
    "Integer": _dimension,
    "Categorical": _categorical,
    "list": _listed,
    "tuple": _listed,
    "array": _listed,
}
_SIGNATURES: Mapping[str, tuple[str, ...]] = {
    "range": ("start", "stop", "step"),
    "arange": ("start", "stop", "step"),
    "linspace": ("start", "stop", "num", "endpoint"),
    "logspace": ("start", "stop", "num", "endpoint", "base"),
    "geomspace": ("start", "stop", "num", "endpoint"),
    "uniform": ("loc", "scale"),
    "loguniform": ("a", "b"),
    "reciprocal": ("a", "b"),
    "randint": ("low", "high"),
    "Real": ("low", "high", "prior", "base", "transform", "name"),
    "Integer": ("low", "high", "prior", "base", "transform", "name"),
    "Categorical": ("categories", "prior", "transform", "name"),
    "list": ("values",),
    "tuple": ("values",),
    "array": ("values",),
}
