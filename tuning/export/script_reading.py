"""Pieces of the script that turn the bytes of an uploaded file into cells and values.

They read as `tuning.datasets.files` does, by the options that were recognised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tuning.datasets.files.options import Options
from tuning.export.script_text import literal, quoted

IN_WORDS = ("text", "excel")  # kinds of files whose words may stand for no value

READ_BYTES = '''\
def read_bytes(path):
    """Return the file's content, once it is known to be the one of the study."""
    content = Path(path).read_bytes()
    if hashlib.sha256(content).hexdigest() != FILE_SHA256:
        sys.exit(f"{path} is not the file that the study used.")
    return content
'''

PATH_GIVEN = '''\
def path_given():
    """Return the path on the command line."""
    if len(sys.argv) != 2:
        sys.exit(f"Usage: python {sys.argv[0]} FILE")
    return sys.argv[1]
'''

AS_WORD = '''\
def as_word(value):
    """Write a value as it stands in the file: 1, not 1.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
'''

_WORDS = '''\
def words(column, is_truth=False):
    """Return numbers, or yes and no, as the words that name them."""
    if is_truth:
        return column.map({1.0: "yes", 0.0: "no"})
    return column.map(as_word, na_action="ignore")
'''

_NUMBERS = '''\
def numbers(words):
    """Read numbers; what is none counts as missing."""
{plain}    found = pd.to_numeric(words, errors="coerce").astype("float64")
    return found.where(found.abs() <= np.finfo("float32").max)
'''

_TRUTHS = '''\
def truths(words):
    """Read yes and no as 1 and 0."""
    yes, no = ["true", "yes", "y", "t", "1", "1.0"], ["false", "no", "n", "f", "0", "0.0"]
    return words.str.lower().map({**dict.fromkeys(yes, 1.0), **dict.fromkeys(no, 0.0)})
'''

_DATES = '''\
def dates(words):
    """Read dates in the one way of writing that fits most of them."""
    ways = ["ISO8601"] + [day + hour for day in WAYS for hour in ["", " %H:%M", " %H:%M:%S"]]
    found = [pd.to_datetime(words, format=way, errors="coerce", utc=True) for way in ways]
    return max(found, key=lambda dates: dates.notna().sum()).dt.tz_localize(None)


WAYS = {ways}
'''
_DAY_FIRST = ["%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y"]
_MONTH_FIRST = ["%m/%d/%Y", "%m-%d-%Y"]
_YEAR_FIRST = ["%Y/%m/%d", "%Y.%m.%d"]


def converter_pieces(of_type: Mapping[str, Sequence[str]], options: Options) -> Iterator[str]:
    """Yield the functions that turn cells of text into values, for the types there are."""
    yield _WORDS
    if of_type["number"]:
        lines = ""
        if options.kind == "text" and options.thousands:
            lines += f'    words = words.str.replace({quoted(options.thousands)}, "")\n'
        if options.kind == "text" and options.decimal != ".":
            lines += f'    words = words.str.replace({quoted(options.decimal)}, ".")\n'
        yield _NUMBERS.format(plain=lines)
    if of_type["yes or no"]:
        yield _TRUTHS
    if of_type["date"]:
        first, then = _DAY_FIRST, _MONTH_FIRST
        if not options.day_first:
            first, then = then, first
        yield _DATES.format(ways=literal([*first, *then, *_YEAR_FIRST]))


def read_table_piece(options: Options) -> str:
    """Return `read_table`, which gives every cell as text, or nothing."""
    lines = ["content = read_bytes(path)"]
    if options.packing == "gzip":
        lines.append("content = gzip.decompress(content)")
    elif options.packing == "zip":
        lines += [
            "with zipfile.ZipFile(io.BytesIO(content)) as archive:",
            "    content = archive.read(archive.namelist()[0])",
        ]
    lines += _READERS[options.kind](options)
    if options.kind in IN_WORDS:
        lines += [
            "table = table.apply(lambda words: words.str.strip())",
            "return table.mask(table.isin(MISSING))",
        ]
    else:
        lines += [
            "table.columns = [str(name).strip() for name in table.columns]",
            'return table.map(as_word, na_action="ignore")',
        ]
    body = "\n".join(f"    {line}" for text in lines for line in text.split("\n"))
    return f'''\
def read_table(path):
    """Return the cells of the file as text; those without a value are missing."""
{body}
'''


def _from_text(options: Options) -> Iterator[str]:
    encoding = "utf-8-sig" if options.encoding == "utf-8" else options.encoding
    yield f"text = content.decode({quoted(encoding)})"
    if options.comment:
        mark = quoted(options.comment)
        yield (
            "lines = text.splitlines(keepends=True)\n"
            + f'text = "".join(line for line in lines if not line.lstrip().startswith({mark}))'
        )
    separator = r'r"\s+"' if options.separator == " " else _separator(options.separator)
    settings = [f"sep={separator}", "header=None", "dtype=str", "keep_default_na=False"]
    if options.quote != '"':
        settings.append(f"quotechar={quoted(options.quote)}")
    if options.skipped:
        settings.append(f"skiprows={options.skipped}")
    if options.skip_space:
        settings.append("skipinitialspace=True")
    listed = ", ".join(settings)
    yield f"table = pd.read_csv(\n    io.StringIO(text), {listed}\n)"
    yield from _named(options)


def _separator(mark: str) -> str:
    return r'"\t"' if mark == "\t" else quoted(mark)


def _named(options: Options) -> Iterator[str]:
    numbered = 'f"column {place + 1}"'
    if not options.header:
        yield f"table.columns = [{numbered} for place in range(table.shape[1])]"
        return
    yield (
        "names = [str(name).strip() for name in table.iloc[0]]\n"
        + f"table.columns = [name or {numbered} for place, name in enumerate(names)]\n"
        + "table = table.iloc[1:].reset_index(drop=True)"
    )


def _from_excel(options: Options) -> Iterator[str]:
    sheet = f", sheet_name={quoted(options.sheet)}" if options.sheet else ""
    yield (
        "table = pd.read_excel(\n"
        + f"    io.BytesIO(content){sheet}, header=None, dtype=str, keep_default_na=False\n)"
    )
    yield from _named(options)


def _from_parquet(_options: Options) -> Iterator[str]:
    yield "table = pd.read_parquet(io.BytesIO(content))"


def _from_feather(_options: Options) -> Iterator[str]:
    yield "table = pd.read_feather(io.BytesIO(content))"


def _from_json_lines(_options: Options) -> Iterator[str]:
    yield 'lines = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]'
    yield "table = pd.DataFrame([json.loads(line) for line in lines])"


def _from_arrays(_options: Options) -> Iterator[str]:
    yield "arrays = np.load(io.BytesIO(content))"
    yield 'table = pd.DataFrame(arrays["x"])'
    yield 'table.columns = [f"x{place + 1}" for place in range(table.shape[1])]'
    yield 'table["y"] = arrays["y"].reshape(-1)'


_READERS = {
    "text": _from_text,
    "excel": _from_excel,
    "parquet": _from_parquet,
    "feather": _from_feather,
    "json lines": _from_json_lines,
    "arrays": _from_arrays,
}
