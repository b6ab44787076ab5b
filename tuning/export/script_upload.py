"""Pieces of the script that read an uploaded file as the dataset does, with pandas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from storage.datasets import DatasetRow
from tuning.datasets.files.options import Options
from tuning.datasets.info import Column, DatasetInfo
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.loading import upload_choices, upload_info, upload_learned
from tuning.datasets.uploads.old_rows import is_old
from tuning.errors import ExportError
from tuning.export.script_catalogue import DataPieces
from tuning.export.script_reading import (
    AS_WORD,
    IN_WORDS,
    PATH_GIVEN,
    READ_BYTES,
    converter_pieces,
    read_table_piece,
)
from tuning.export.script_text import constants, literal, quoted
from tuning.parameters import Value

_SCALERS = {"standard": "StandardScaler", "robust": "RobustScaler", "minmax": "MinMaxScaler"}
_OTHER = "(other)"
_PANDAS_NAMES = {"weekday": "day_of_week"}


def upload_pieces(row: DatasetRow) -> DataPieces:
    """Return how the file of an upload is read.

    Raises
    ------
    ExportError
        If it holds folders of images, or was uploaded before files were read as today.
    """
    if is_old(row):
        raise ExportError(row.name, "was uploaded by an older version. Upload its file again.")
    options = Options.from_json(row.options)
    if options.kind == "image folders":
        raise ExportError(
            row.name,
            "holds folders of images, which a script does not read as this study did. "
            + "Upload them as arrays x and y in an .npz file.",
        )
    info, choices = upload_info(row), upload_choices(row)
    common = {"FILE_SHA256": row.sha256, "N_ROWS": info.n_rows}
    if info.class_names:
        common["CLASSES"] = list(info.class_names)
    if info.image_shape is not None:
        pieces = _images(choices, info)
    else:
        pieces = _table(row, choices, info, options)
    own = "\n".join(part for part in (constants(common), pieces.constants) if part)
    about = f"The rows are those of {row.file_name}, by its SHA-256."
    return replace(pieces, constants=own, about=about, usage="FILE")


_COUNT = """\
    if len(y) != N_ROWS:
        sys.exit(f"There are {len(y)} rows; the study had {N_ROWS}.")
"""


def _images(choices: Choices, info: DatasetInfo) -> DataPieces:
    words = "np.array([as_word(value) for value in labels.tolist()])"
    target = f"y = classes({words})" if info.class_names else 'y = labels.astype("float32")'
    code = f'''\
def load_data(path):
    """Return the images and what they show."""
    arrays = np.load(io.BytesIO(read_bytes(path)))
    images, labels = arrays["x"], arrays["y"].reshape(-1)
    x = images.astype("float32")
    largest = float(x.max())
    if images.dtype == np.uint8 or 1 < largest <= 255:
        x /= np.float32(255)
    elif largest > 255:
        x /= np.float32(largest)
    x = x[..., None] if x.ndim == 3 else x
{_repeated_images(choices)}    {target}
{_COUNT}    return x, y
'''
    parts = [code, READ_BYTES, PATH_GIVEN]
    if info.class_names:
        parts[1:1] = [_CLASSES_OF_ARRAYS, AS_WORD]
    return DataPieces("", "", "", tuple(parts), "x, y = load_data(path_given())")


def _repeated_images(choices: Choices) -> str:
    if choices.duplicates == "keep":
        return ""
    return (
        "    seen = {}  # the first row of each image and what it shows\n"
        + "    for row, image in enumerate(images):\n"
        + "        seen.setdefault((image.tobytes(), labels[row]), row)\n"
        + "    first = list(seen.values())\n"
        + "    x, labels = x[first], labels[first]\n"
    )


_CLASSES_OF_ARRAYS = '''\
def classes(words):
    """Return the codes of words among the classes."""
    codes = {name: code for code, name in enumerate(CLASSES)}
    return np.array([codes[word] for word in words])
'''


def _table(
    row: DatasetRow, choices: Choices, info: DatasetInfo, options: Options
) -> DataPieces:
    names = _needed(choices)
    types = {name: kind for name, kind in options.types if name in names}
    of_type = {
        kind: [name for name, own in types.items() if own == kind]
        for kind in ("number", "yes or no", "date", "text")
    }
    columns = upload_columns(row)
    own = _table_constants(choices, of_type, columns)
    if options.kind in IN_WORDS:
        own["MISSING"] = list(options.missing)
    load = _load_table(choices, info, of_type, columns)
    converters = converter_pieces(of_type, options)
    parts = [load, read_table_piece(options), *converters, AS_WORD, READ_BYTES, PATH_GIVEN]
    return DataPieces(
        "", "", constants(own), tuple(parts), "x, y = load_data(path_given())", is_frame=True
    )


def upload_columns(row: DatasetRow) -> tuple[Column, ...]:
    """Return the columns of an upload in order, each with its source in the file."""
    return tuple(
        replace(column, source=column.source or column.name)
        for column in upload_learned(row).inputs
    )


def _needed(choices: Choices) -> set[str]:
    """Return the columns that are looked at; those left out are not even to be compared."""
    used = (column.name for column in choices.columns if column.role != "out")
    return {choices.target, *used}


def _table_constants(
    choices: Choices, of_type: Mapping[str, Sequence[str]], columns: Sequence[Column]
) -> dict[str, Any]:
    plain = [c for c in columns if not c.levels and not c.date_part]
    found: dict[str, Any] = {"TARGET": choices.target}
    for name, kind in (("NUMBERS", "number"), ("TRUTHS", "yes or no"), ("DATES", "date")):
        found[name] = list(of_type[kind])
    found["PLAIN_INPUTS"] = [c.source for c in plain]
    found["ZERO_IS_MISSING"] = [c.source for c in plain if c.zeros_missing]
    found["CHOICES"] = {c.source: [*c.levels, *_others(c)] for c in columns if c.levels}
    found["WITH_OTHERS"] = [c.source for c in columns if c.others]
    found["DATE_PARTS"] = [
        [c.name, c.source, _PANDAS_NAMES.get(c.date_part, c.date_part)]
        for c in columns
        if c.date_part
    ]
    return {name: value for name, value in found.items() if value}


def _others(column: Column) -> list[str]:
    return [other_word(column)] if column.others else []


def other_word(column: Column) -> str:
    """Return a word for the choices that are not told apart, which no choice is."""
    word = _OTHER
    while word in column.levels:
        word = f"({word})"
    return word


def _load_table(
    choices: Choices,
    info: DatasetInfo,
    of_type: Mapping[str, Sequence[str]],
    columns: Sequence[Column],
) -> str:
    lines = ["table = read_table(path)"]
    for name, kind, call in (
        ("NUMBERS", "number", "numbers"),
        ("TRUTHS", "yes or no", "truths"),
        ("DATES", "date", "dates"),
    ):
        if of_type[kind]:
            lines += [f"for name in {name}:", f"    table[name] = {call}(table[name])"]
    lines += _chosen_rows(choices, of_type)
    lines += _inputs(columns, of_type)
    lines += _target(choices, info, of_type)
    body = "\n".join(f"    {line}" for line in lines)
    groups = choices.of_role("group")
    result = "x, y, groups" if groups else "x, y"
    return f'''\
def load_data(path):
    """Return the inputs of every row that has a target, and the target."""
{body}
{_COUNT}    return {result}
'''


def _chosen_rows(choices: Choices, of_type: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for column in choices.of_role("group"):
        is_text = column.name in of_type["text"]
        column_text = quoted(column.name)
        yield f"codes, _ = pd.factorize(table[{column_text}], sort={not is_text})"
        yield 'table["group of the row"] = codes'
    yield "table = table[table[TARGET].notna()]"
    if choices.duplicates == "drop":
        names = [c.name for c in choices.columns if c.role != "out"]
        yield f"table = table.drop_duplicates({literal([*names, choices.target], 4)})"
    for column in choices.of_role("time"):
        yield f'table = table.sort_values({quoted(column.name)}, kind="stable")'
    if choices.of_role("group"):
        yield 'groups = table["group of the row"].to_numpy(copy=True)'
        yield "alone = np.flatnonzero(groups < 0)  # a row without a group is one of its own"
        yield "groups[alone] = groups.max() + 1 + np.arange(len(alone))"


def _inputs(columns: Sequence[Column], of_type: Mapping[str, Sequence[str]]) -> Iterator[str]:
    plain = [c for c in columns if not c.levels and not c.date_part]
    yield "x = table[PLAIN_INPUTS].copy()" if plain else "x = pd.DataFrame(index=table.index)"
    if any(column.zeros_missing for column in plain):
        yield "x[ZERO_IS_MISSING] = x[ZERO_IS_MISSING].replace(0, np.nan)"
    chosen = [column for column in columns if column.levels]
    if chosen:
        yield "for name, levels in CHOICES.items():"
        yield f"    x[name] = {_words('table[name]', chosen, of_type)}"
    if any(column.others for column in columns):
        yield "    if name in WITH_OTHERS:"
        yield "        told = x[name].isna() | x[name].isin(levels[:-1])"
        yield "        x[name] = x[name].where(told, levels[-1])"
    if any(column.date_part for column in columns):
        yield "for name, source, part in DATE_PARTS:"
        yield '    x[name] = getattr(table[source].dt, part).astype("float64")'


def _words(column: str, chosen: Sequence[Column], of_type: Mapping[str, Sequence[str]]) -> str:
    """Return source for the words of choices, which may be numbers or yes and no."""
    if all(own.source in of_type["text"] for own in chosen):
        return column
    if any(own.source in of_type["yes or no"] for own in chosen):
        return f"words({column}, name in TRUTHS)"
    return f"words({column})"


def _target(
    choices: Choices, info: DatasetInfo, of_type: Mapping[str, Sequence[str]]
) -> Iterator[str]:
    if info.task == "regression":
        number = "np.log(table[TARGET])" if choices.log_target else "table[TARGET]"
        yield f'y = {number}.to_numpy("float32")'
        return
    target = [Column(choices.target, source=choices.target)]
    found = _words("table[TARGET]", target, of_type).replace("name in", "TARGET in")
    yield "codes = {name: code for code, name in enumerate(CLASSES)}"
    yield f'y = {found}.map(codes).to_numpy("int64")'


def preparation_piece(columns: Sequence[Column], params: Mapping[str, Value]) -> str:
    """Return `make_preparation`, with the inputs in the order in which the network had them."""
    imputation = str(params.get("imputation", "median"))
    steps = f'SimpleImputer(strategy="{imputation}", keep_empty_features=True)'
    if params.get("scaling") is not None:
        steps += f", {_SCALERS[str(params['scaling'])]}()"
    lines = [f"    number = make_pipeline({steps})"]
    parts = list(_transformers(columns))
    listed = "\n".join(f"            {part}," for part in parts)
    lines += ["    return ColumnTransformer(", "        [", listed, "        ],"]
    lines += ["        sparse_threshold=0,", "    )"]
    return (
        "def make_preparation():\n"
        + '    """Fill, scale and encode the inputs, by what training rows say."""\n'
        + "\n".join(lines)
        + "\n"
    )


def _transformers(columns: Sequence[Column]) -> Iterator[str]:
    run: list[str] = []
    for place, column in enumerate(columns):
        name = quoted(column.name)
        if not column.levels:
            run.append(column.name)
        if run and (column.levels or column.indicator or place == len(columns) - 1):
            yield f"({quoted(f'numbers to {run[-1]}')}, number, {literal(run, 12)})"
            run = []
        if column.levels and column.ordered:
            yield f"({name}, make_pipeline({_ORDINAL.format(name=name)}, number), [{name}])"
        elif column.levels:
            yield f"({name}, {_ONE_HOT.format(name=name)}, [{name}])"
        if column.indicator:
            label = quoted(f"{column.name} is missing")
            yield f'({label}, MissingIndicator(features="all"), [{name}])'


_ORDINAL = (
    'OrdinalEncoder(categories=[CHOICES[{name}]], handle_unknown="use_encoded_value", '
    + "unknown_value=np.nan)"
)
_ONE_HOT = (
    'OneHotEncoder(categories=[CHOICES[{name}]], handle_unknown="ignore", sparse_output=False)'
)
