"""Python read without running it: what is understood, what is refused, what cannot hang."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tuning.errors import SpaceTextError
from tuning.literals import Distribution, Grid, Numbers, read_grids


def value_of(expression: str) -> object:
    (grid,) = read_grids(f"{{'a': {expression}}}")
    return grid.entries[0].value


def sentence_of(text: str) -> str:
    with pytest.raises(SpaceTextError) as error:
        read_grids(text)
    return str(error.value)


def names_of(grid: Grid) -> list[str]:
    return [entry.name for entry in grid.entries]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("[1, 2.5, 'x', None, True]", [1, 2.5, "x", None, True]),
        ("[true, false, null]", [True, False, None]),
        ("(1, 2)", (1, 2)),
        ("[(32,), [32, 32]]", [(32,), [32, 32]]),
        ("-3", -3),
        ("[+1, -0.5]", [1, -0.5]),
        ("2 * 3 + 4 / 8 - 7 // 2", 3.5),
        ("2 ** 10", 1024),
        ("10 ** -3", 0.001),
        ("3 * 0.1", 0.3),
        ("1e-4", 0.0001),
        ("[1, 2] + [3]", [1, 2, 3]),
        ("list(range(3))", [0, 1, 2]),
        ("list((1, 2))", [1, 2]),
        ("np.array([1, 2])", [1, 2]),
        ("np.arange(1, 4).tolist()", [1, 2, 3]),
        ("[np.arange(2), 5]", [[0, 1], 5]),
        ("Categorical(['relu', 'tanh'])", ["relu", "tanh"]),
    ],
)
def test_literals_are_read_as_python_reads_them(expression: str, value: object) -> None:
    assert value_of(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "np.arange(5)", "np.arange(1, 10, 2)", "np.arange(0, 1, 0.25)", "np.arange(5, 0, -2)",
        "np.linspace(0, 1, 5)", "np.linspace(0, 0.9, num=10)", "np.linspace(1, 0, 3)",
        "np.linspace(0, 1, 4, endpoint=False)", "np.linspace(2, 3, 1)", "np.linspace(0, 1)",
        "np.logspace(-4, -1, 4)", "np.logspace(0, 3, 4, base=2)", "np.geomspace(1, 1000, 4)",
        "np.geomspace(0.1, 3, 7)", "2 ** np.arange(4)", "10.0 ** -np.arange(1, 5)",
        "np.arange(1, 4) / 10", "np.arange(3) * 2 + 1", "np.arange(3) + np.arange(3)",
        "numpy.arange(3)", "np.arange(start=1, stop=4, step=2)", "-np.linspace(0, 1, 3)",
        "np.arange(7) // 2", "range(5)", "range(2, 9, 3)", "range(9, 2, -3)",
    ],
)  # fmt: skip
def test_numbers_are_those_of_numpy(expression: str) -> None:
    value = value_of(expression)
    assert isinstance(value, Numbers)
    expected = eval(expression, {"np": np, "numpy": np})
    np.testing.assert_allclose(value.values, expected, rtol=1e-11)


@pytest.mark.parametrize(
    ("expression", "span"),
    [
        ("range(1, 4)", {"kind": "range", "low": 1, "high": 3}),
        ("range(1, 10, 3)", {"kind": "range", "low": 1, "high": 7, "step": 3}),
        ("np.arange(0.5, 3)", {"kind": "range", "low": 0.5, "high": 2.5, "step": 1}),
        ("np.linspace(0, 1, 5)", {"kind": "range", "low": 0, "high": 1, "points": 5}),
        (
            "np.logspace(-4, -1, 4)",
            {"kind": "log_range", "low": 1e-4, "high": 0.1, "points": 4},
        ),
        ("np.geomspace(1, 100, 3)", {"kind": "log_range", "low": 1, "high": 100, "points": 3}),
        ("np.linspace(1, 0, 5)", None),
        ("np.linspace(0, 1, 5, endpoint=False)", None),
        ("range(3, 0, -1)", None),
        ("range(3, 4)", None),
        ("2 * np.arange(4)", None),
    ],
)
def test_numbers_that_rise_evenly_are_also_a_range(expression: str, span: object) -> None:
    value = value_of(expression)
    assert isinstance(value, Numbers)
    assert value.span == span


@pytest.mark.parametrize(
    ("expression", "span"),
    [
        ("uniform(0.1, 0.2)", {"kind": "range", "low": 0.1, "high": 0.3}),
        ("uniform()", {"kind": "range", "low": 0.0, "high": 1.0}),
        ("stats.uniform(loc=1, scale=2)", {"kind": "range", "low": 1.0, "high": 3.0}),
        ("loguniform(1e-4, 1e-1)", {"kind": "log_range", "low": 1e-4, "high": 0.1}),
        ("scipy.stats.reciprocal(a=3e-4, b=3e-2)",
         {"kind": "log_range", "low": 3e-4, "high": 3e-2}),
        ("randint(1, 100)", {"kind": "range", "low": 1, "high": 99}),
        ("Real(0, 1)", {"kind": "range", "low": 0.0, "high": 1.0}),
        ("Real(1e-6, 1e-2, prior='log-uniform')",
         {"kind": "log_range", "low": 1e-6, "high": 1e-2}),
        ("skopt.space.Integer(1, 5)", {"kind": "range", "low": 1, "high": 5}),
    ],
)  # fmt: skip
def test_distributions_become_ranges(expression: str, span: object) -> None:
    assert value_of(expression) == Distribution(span)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1], "b": [2]}',
        "dict(a=[1], b=[2])",
        "param_grid = {'a': [1], 'b': [2]}",
        "grid: dict = {'a': [1], 'b': [2]}",
        "a = [1]\nb = [2]\nparam_grid = dict(a=a, b=b)",
        "a = [1]\nb = [2]",
        "import numpy as np\nfrom scipy import stats\n\n  # [a comment\n{'a': 1, 'b': 2,}",
        "    {'a': [1],\n     'b': [2]}\n",
        "{\u201ca\u201d: [1], \u2018b\u2019: [2]}",
        '"""A text with a [ in it."""\n{"a": ["\\"["], "b": 2}',
        "grid = {'a': [1], 'b': [2]}\ngrid",
        "x = Real(0, 1, name='a')\ny = Integer(1, 5, name='b')\ndimensions = [x, y]",
    ],
)
def test_a_grid_may_be_written_in_many_ways(text: str) -> None:
    (grid,) = read_grids(text)
    assert names_of(grid) == ["a", "b"]


def test_a_list_of_dicts_gives_several_grids() -> None:
    assert [names_of(grid) for grid in read_grids("[{'a': 1}, {'b': 2, 'c': 3}]")] == [
        ["a"],
        ["b", "c"],
    ]


def test_every_name_knows_its_line() -> None:
    (grid,) = read_grids("\n# above\nx = {\n 'a': 1,\n\n 'b': 2}")
    assert [entry.line for entry in grid.entries] == [4, 6]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{'a': 1,\n 'b': 2,\n 'c': build_model()}",
         "Line 3: a function call (`build_model()`) cannot be read. Write the values out."),
        ("{'a': __import__('os').system('x')}",
         "Line 1: a function call (`__import__('os').system('x')`) cannot be read. "
         + "Write the values out."),
        ("{'a': np.load('x')}",
         "Line 1: a function call (`np.load('x')`) cannot be read. Write the values out."),
        ("{'a': evil.arange(3)}",
         "Line 1: a function call (`evil.arange(3)`) cannot be read. Write the values out."),
        ("{'a': np.arange(3, dtype=int)}",
         "Line 1: a function call (`np.arange(3, dtype=int)`) cannot be read. "
         + "Write the values out."),
        ("{'a': loguniform(1)}",
         "Line 1: a function call (`loguniform(1)`) cannot be read. Write the values out."),
        ("{'a': dict(1)}",
         "Line 1: a function call (`dict(1)`) cannot be read. Write the values out."),
        ("{'a': [1, 2", "Line 1: the bracket is not closed."),
        ("{'a': [1,\n 2},\n 'b': 3}", "Line 1: the bracket is not closed."),
        ("{'a': 1,\n 'b': (2, 3", "Line 2: the bracket is not closed."),
        ("{'a': [1]}\n]", "Line 2: a bracket is closed that was not opened."),
        ("{'a': 'x}", "Line 1: the quote is not closed."),
        ("a = 'x", "Line 1: the quote is not closed."),
        ("{'a': 1\n 'b': 2}",
         "Line 1: `{'a': 1` is not written as in Python. Check its commas and quotes."),
        ("{'a': [x for x in range(3)]}",
         "A comprehension cannot be read; paste its result."),
        ("{x: 1 for x in y}", "A comprehension cannot be read; paste its result."),
        ("{'a': b}",
         "Line 1: `b` is not set in this text. Paste the line that sets it, too."),
        ("x = 1\nfor y in x:\n    pass",
         "Line 2: `for y in x: pass` cannot be read. Write the values out."),
        ("{'a': lambda: 0}", "Line 1: `lambda: 0` cannot be read. Write the values out."),
        ("{'a': 'x' * 3}", "Line 1: `'x' * 3` cannot be read. Write the values out."),
        ("{'a': 5 % 3}", "Line 1: `5 % 3` cannot be read. Write the values out."),
        ("{'a': ~3}", "Line 1: `~3` cannot be read. Write the values out."),
        ("{'a': 1j}", "Line 1: `1j` cannot be read. Write the values out."),
        ("{'a': [[[1]]]}", "Line 1: `[[1]]` cannot be read. Write the values out."),
        ("{'a': range(2.5)}",
         "Line 1: a function call (`range(2.5)`) cannot be read. Write the values out."),
        ("{1: [2]}", "Line 1: `1` cannot be read. Write the values out."),
        ("{'a': {'b': 1}}", "Line 1: 'a' holds a dict. Write a list of values."),
        ("{'a': 1,\n 'a': 2}", "Line 2: 'a' is written twice. Keep one."),
        ("{'a': 1 / 0}", "Line 1: `1 / 0` has no value. Write the number."),
        ("{'a': (-8) ** 0.5}", "Line 1: `(-8) ** 0.5` has no value. Write the number."),
        ("{'a': range(3, 1)}", "Line 1: `range(3, 1)` holds no value. Check its ends."),
        ("{'a': np.linspace(0, 1, 0)}",
         "Line 1: `np.linspace(0, 1, 0)` holds no value. Check its count."),
        ("{'a': np.geomspace(0, 1, 3)}",
         "Line 1: `np.geomspace(0, 1, 3)` needs ends above 0. Use for example 0.0001."),
        ("42", 'There is no dict in it. Write for example {"batch_size": [10, 20, 40]}.'),
    ],
)  # fmt: skip
def test_everything_else_is_refused_with_its_line(text: str, sentence: str) -> None:
    assert sentence_of(text) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{'a': 9**9**9}", "Line 1: `9 ** 9 ** 9` is too large a number. Write a smaller one."),
        ("{'a': 1e999}", "Line 1: `1e309` is too large a number. Write a smaller one."),
        ("{'a': 10.0**400}",
         "Line 1: `10.0 ** 400` is too large a number. Write a smaller one."),
        ("{'a': range(10**12)}",
         "Line 1: `range(10 ** 12)` has more than 10,000 values. Write fewer."),
        ("{'a': np.linspace(0, 1, 10**9)}",
         "Line 1: `np.linspace(0, 1, 10 ** 9)` has more than 10,000 values. Write fewer."),
        ("{'a': np.arange(0, 1, 1e-300)}",
         "Line 1: `np.arange(0, 1, 1e-300)` has more than 10,000 values. Write fewer."),
        ("a = [1]\n" + "a = a + a\n" * 40,
         "Line 15: `a + a` has more than 10,000 values. Write fewer."),
        ("a = list(range(10000))\nb = [a, a]",
         "Line 2: `a` has more than 100 values. Write fewer."),
        ("a = np.arange(10000)\n" + "a = a + a\n" * 40,
         "Line 12: `a + a` has more than 100,000 values. Write fewer."),
        ("{'a': [0] * 10**9}", "Line 1: `[0] * 10 ** 9` cannot be read. Write the values out."),
        ("-" * 15_000 + "1",
         "The brackets are nested too deeply to read. Write the values out."),
        ("x" * 20_001, "20,001 characters are too many to read. Paste up to 20,000."),
    ],
)  # fmt: skip
@pytest.mark.timeout(30)  # without their bounds these would take hours
def test_no_text_takes_long(text: str, sentence: str) -> None:
    assert sentence_of(text) == sentence


@pytest.mark.parametrize("text", ["(" * 5000 + ")" * 5000, "{'a': " + "9" * 5000 + "}", "\x00"])
def test_text_that_python_itself_cannot_take_is_refused(text: str) -> None:
    assert sentence_of(text).startswith("Line 1: ")


def test_nothing_is_executed(tmp_path: Path) -> None:
    target = str(tmp_path / "made")
    sentence_of(f"{{'a': open({target!r}, 'w')}}")
    sentence_of(f"{{'a': [1, (lambda: open({target!r}, 'w'))()]}}")
    sentence_of(f"import os\nos.mkdir({target!r})")
    assert list(tmp_path.iterdir()) == []
