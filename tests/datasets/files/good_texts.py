"""Good text files of every shape, each beside the table it was made from."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tests.datasets.files.make_files import (
    MISSING,
    N_ROWS,
    Columns,
    GoodFile,
    cell,
    days,
    large,
    mixed,
    no_header,
    numbered,
    plans,
    rows_of,
    sizes,
    text,
    truths,
    words,
)

COMMA = "Numbers were read with a decimal comma."


def grouped(thousands: str, decimal: str) -> Any:
    """Return a writer of numbers with marks, as Python's own format writes them."""

    def write(value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, float):
            return cell(value)
        marked = f"{value:,.2f}".replace(",", "\0").replace(".", decimal)
        return marked.replace("\0", thousands)

    return write


def dated(date_format: str) -> Any:
    return lambda value: (
        value.strftime(date_format) if isinstance(value, datetime) else cell(value)
    )


def thousands_note(mark: str) -> str:
    return f"Numbers were read with thousands marked: {mark}."


def separators() -> Iterable[GoodFile]:
    names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
    for separator, name in names.items():
        content = text(mixed(), delimiter=separator).encode()
        yield GoodFile(name, content, mixed(), {"separator": separator, "header": True})
    plain: Columns = {"size": sizes(), "plan": words("basic", "plus")}
    content = text(plain, delimiter=" ").encode()
    yield GoodFile("space", content, plain, {"separator": " "})
    aligned = "".join(f"  {a!s:>8}   {b:<8}\n" for a, b in [("size", "plan"), *rows_of(plain)])
    yield GoodFile("aligned", aligned.encode(), plain, {"separator": " "})
    padded = "".join(f"{a} , {b}\n" for a, b in [("size", "plan"), *rows_of(plain)])
    yield GoodFile("spaces-around-commas", padded.encode(), plain, {"separator": ","})


def quotes() -> Iterable[GoodFile]:
    yield GoodFile("all-quoted", text(mixed(), quoting=csv.QUOTE_ALL).encode(), mixed())
    names = {
        "quotes-in-quotes": 'say "yes", then go',
        "separator-in-quotes": "Smith, John; Jr.",
        "lines-in-quotes": "two\nlines",
        "apostrophe": "it's",
        "inch-mark": 'a 5" pipe',
        "formula": "=1+1",
    }
    for name, value in names.items():
        table: Columns = {"size": sizes(), "note": words(value, "plain")}
        yield GoodFile(name, text(table).encode(), table, {"separator": ","})
    table = {"size": sizes(), "note": words("one, two", "three")}
    yield GoodFile("single-quotes", text(table, quotechar="'").encode(), table, {"quote": "'"})
    spaced = "".join(f'{a}, "{b}"\n' for a, b in [("size", "note"), *rows_of(table)])
    yield GoodFile("space-before-quotes", spaced.encode(), table, {"skip_space": True})


def marks() -> Iterable[GoodFile]:
    table: Columns = {"price": large(), "size": sizes(), "plan": words("a", "b")}
    point, comma = {"decimal": "."}, {"decimal": ","}
    cases: list[tuple[str, str, str, str, Mapping[str, object], tuple[str, ...]]] = [
        ("decimal-comma", ";", "", ",", {**comma, "thousands": ""}, (COMMA,)),
        ("decimal-comma-tab", "\t", "", ",", comma, (COMMA,)),
        ("decimal-comma-quoted", ",", "", ",", comma, (COMMA,)),
        ("thousands-comma", ",", ",", ".", point, (thousands_note("comma"),)),
        ("thousands-comma-tab", "\t", ",", ".", point, (thousands_note("comma"),)),
        ("thousands-point", ";", ".", ",", comma, (COMMA, thousands_note("point"))),
        ("thousands-space", ";", " ", ",", comma, (COMMA, thousands_note("space"))),
        ("thousands-apostrophe", ";", "'", ".", point, (thousands_note("apostrophe"),)),
        ("thousands-fixed", ";", "\u00a0", ",", comma, (COMMA, thousands_note("fixed space"))),
        (
            "thousands-narrow",
            ";",
            "\u202f",
            ",",
            comma,
            (COMMA, thousands_note("narrow space")),
        ),
    ]
    for name, separator, mark, decimal, options, notes in cases:
        content = text(table, delimiter=separator, write=grouped(mark, decimal)).encode()
        wanted = {"thousands": mark, "separator": separator, **options}
        yield GoodFile(name, content, table, wanted, notes)
    whole: Columns = {"count": [1000.0 + 7 * i for i in range(N_ROWS)], "size": sizes()}
    content = text(
        whole, delimiter="\t", write=lambda x: f"{x:,.0f}" if x > 900 else str(x)
    ).encode()
    yield GoodFile(
        "whole-thousands", content, whole, {"thousands": ","}, (thousands_note("comma"),)
    )


def encodings() -> Iterable[GoodFile]:
    table: Columns = {"größe": sizes(), "ort": words("Köln", "Zürich", "naïve", "Łódź")}
    for name, encoding in {
        "utf8": "utf-8",
        "utf8-mark": "utf-8-sig",
        "utf16-mark": "utf-16",
        "utf16-little": "utf-16-le",
        "utf16-big": "utf-16-be",
        "utf32": "utf-32",
    }.items():
        wanted = {"encoding": encoding.removesuffix("-sig")}
        yield GoodFile(name, text(table).encode(encoding), table, wanted)
    big = b"\xfe\xff" + text(table).encode("utf-16-be")
    yield GoodFile("utf16-big-mark", big, table, {"encoding": "utf-16"})
    note = "Letters were read as {}; check the accents."
    western: Columns = {"größe": sizes(), "ort": words("Köln", "São Paulo", "Malmö", "50 £")}
    yield GoodFile(
        "latin1",
        text(western).encode("latin-1"),
        western,
        {"encoding": "cp1252"},
        (note.format("Windows 1252 (Western)"),),
    )
    undefined: Columns = {"size": sizes(), "mark": words("caf\xe9", "x\x81y")}
    yield GoodFile(
        "latin1-only",
        text(undefined).encode("latin-1"),
        undefined,
        {"encoding": "latin-1"},
        (note.format("Latin-1"),),
    )
    places = words("Москва", "Санкт-Петербург", "Новосибирск", "Екатеринбург", "Казань")
    russian: Columns = {"размер": sizes(), "город": [*places]}
    yield GoodFile(
        "cyrillic",
        text(russian).encode("cp1251"),
        russian,
        {"encoding": "cp1251"},
        (note.format("Windows 1251 (Cyrillic)"),),
    )
    emoji: Columns = {"size": sizes(), "mood": words("🙂", "🙁")}
    yield GoodFile("emoji", text(emoji).encode(), emoji, {"encoding": "utf-8"})


def lines() -> Iterable[GoodFile]:
    table = mixed()
    yield GoodFile("crlf", text(table, line_end="\r\n").encode(), table)
    yield GoodFile("cr", text(table, line_end="\r").encode(), table)
    yield GoodFile("no-last-end", text(table).encode().rstrip(), table)
    yield GoodFile("blank-lines", text(table, line_end="\n\n").encode(), table)
    body = text(table)
    for name, mark in {"comments": "#", "percent-comments": "%"}.items():
        head, _, rest = body.partition("\n")
        commented = f"{mark} from the team, in 2024\n{head}\n{mark} units: m\n{rest}"
        note = f"Lines that start with {mark} were left out as comments."
        yield GoodFile(name, commented.encode(), table, {"comment": mark}, (note,))
    stated = "sep=;\n" + text(table, delimiter=";")
    note = "The first line was left out."
    yield GoodFile("separator-stated", stated.encode(), table, {"skipped": 1}, (note,))
    titled = f"Report of the team\n\nMade in spring\n{body}"
    note = "The first 2 lines were left out."
    yield GoodFile("titles", titled.encode(), table, {"skipped": 2}, (note,))
    marks = "," * (len(table) - 1)
    exported = f"Report of the team{marks}\n{marks}\n{body}"  # as spreadsheets save a title
    yield GoodFile("titles-cells", exported.encode(), table, {"skipped": 2}, (note,))
    ended = text(table, delimiter=";", line_end=";\n")
    note = "Each line ends in a separator; the empty last column was left out."
    yield GoodFile("ends-in-separator", ended.encode(), table, {"separator": ";"}, (note,))


def headers() -> Iterable[GoodFile]:
    numbers: Columns = {"a": sizes(), "b": large(), "c": [i % 2 * 1.0 for i in range(N_ROWS)]}
    for name, table in {"no-header-numbers": numbers, "no-header-mixed": mixed()}.items():
        content = text(table, header=False).encode()
        yield GoodFile(
            name, content, numbered(table), {"header": False}, no_header(table), name="x.data"
        )
    letters: Columns = {"a": words("p", "e"), "b": words("x", "y", "z"), "c": words("p", "q")}
    yield GoodFile(
        "no-header-letters",
        text(letters, header=False).encode(),
        numbered(letters),
        {"header": False},
        no_header(letters),
    )
    named: Columns = {"color": words("red", "blue"), "shape": words("round", "flat")}
    yield GoodFile("header-of-words", text(named).encode(), named, {"header": True})
    years: Columns = {"rank": [*map(float, range(N_ROWS))], "2019": sizes(), "2020": large()}
    yield GoodFile("header-of-years", text(years).encode(), years, {"header": True})
    labels: Columns = {"": [*map(float, range(N_ROWS))], "size": sizes()}
    yield GoodFile(
        "unnamed-column",
        text(labels).encode(),
        {"column 1": labels[""], "size": sizes()},
        {"header": True},
        ("The header names no column 1; it was called so.",),
    )
    spaced = text({" size ": sizes(), "plan  ": plans()}).encode()
    yield GoodFile("spaces-in-names", spaced, {"size": sizes(), "plan": plans()})


def values() -> Iterable[GoodFile]:
    gaps: Columns = {
        "size": [None if i % 9 == 0 else i * 0.5 for i in range(N_ROWS)],
        "paid": [None if i % 8 == 1 else i % 2 == 0 for i in range(N_ROWS)],
        "since": [None if i % 10 == 2 else day for i, day in enumerate(days())],
        "plan": plans(),
    }
    count = iter(range(10**6))
    content = text(
        gaps, write=lambda x: str(MISSING[1:][next(count) % 5]) if x is None else cell(x)
    )
    yield GoodFile("missing-words", content.encode(), gaps)
    empty: Columns = {"size": sizes(), "nothing": [None] * N_ROWS, "plan": plans()}
    yield GoodFile("empty-column", text(empty).encode(), empty | {"nothing": [np.nan] * N_ROWS})
    codes: Columns = {"zip": [f"{i:05d}" for i in range(N_ROWS)], "size": sizes()}
    note = "zip has zeros in front, so it was read as text."
    yield GoodFile("leading-zeros", text(codes).encode(), codes, {}, (note,))
    ids: Columns = {"id": [str(2**60 + i) for i in range(N_ROWS)], "size": sizes()}
    note = "id has whole numbers of more than 15 digits, so it was read as text."
    yield GoodFile("long-ids", text(ids).encode(), ids, {}, (note,))
    powers: Columns = {"x": [float(f"1e{i - 30}") for i in range(N_ROWS)], "y": sizes()}
    yield GoodFile("exponents", text(powers, write=lambda x: f"{x:+.3E}").encode(), powers)
    huge: Columns = {"x": [1e300, *sizes()[1:]], "y": sizes()}
    note = "x: 1 number is too large and counted as missing."
    wanted: Columns = huge | {"x": [np.nan, *sizes()[1:]]}
    yield GoodFile("too-large-for-float32", text(huge).encode(), wanted, {}, (note,))
    nearly: Columns = {"age": ["old", *map(str, range(1, N_ROWS))], "y": sizes()}
    note = "age was read as text: of 60 values 1 value is no number, such as 'old'."
    yield GoodFile("nearly-numbers", text(nearly).encode(), nearly, {}, (note,))
    upper: Columns = {"paid": truths(), "size": sizes()}
    content = text(upper, write=str)
    yield GoodFile("python-truths", content.encode(), upper)
    wide: Columns = {f"x{i}": sizes() for i in range(999)} | {"y": words("a", "b")}
    yield GoodFile("wide", text(wide).encode(), wide)
    yield GoodFile("named-as-image", text(mixed()).encode(), mixed(), name="photo.png")


def dates() -> Iterable[GoodFile]:
    table: Columns = {"size": sizes(), "since": days()}
    for name, date_format in {
        "day-points": "%d.%m.%Y",
        "day-slashes": "%d/%m/%Y",
        "month-slashes": "%m/%d/%Y",
        "year-slashes": "%Y/%m/%d",
        "day-and-time": "%d.%m.%Y %H:%M",
        "iso-time": "%Y-%m-%dT%H:%M:%S",
        "iso-zone": "%Y-%m-%d %H:%M:%SZ",
    }.items():
        yield GoodFile(name, text(table, write=dated(date_format)).encode(), table)
    early = [datetime(2024, 1 + i % 12, 1 + i % 11) for i in range(N_ROWS)]
    both: Columns = {"size": sizes(), "since": early}
    note = (
        "since: dates such as 01/01/2024 were read with the day first; "
        + "the month could stand first as well."
    )
    content = text(both, write=dated("%d/%m/%Y")).encode()
    yield GoodFile("day-or-month", content, both, {"day_first": True}, (note,))
    moved = [day.replace(tzinfo=UTC) - timedelta(hours=2) for day in days()]
    offset: Columns = {"size": sizes(), "since": [day.replace(tzinfo=None) for day in moved]}
    content = text(table, write=dated("%Y-%m-%dT%H:%M:%S+02:00")).encode()
    yield GoodFile("iso-offset", content, offset)
