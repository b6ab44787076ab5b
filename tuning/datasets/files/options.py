"""How a dropped file is read: everything that was recognised, and can be changed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tuning.datasets.files.errors import OptionError

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "excel", "parquet", "feather", "json lines", "arrays", "image folders"]
Packing = Literal["", "gzip", "zip"]
ColumnType = Literal["number", "text", "yes or no", "date"]

KINDS: tuple[Kind, ...] = get_args(Kind)
COLUMN_TYPES: tuple[ColumnType, ...] = get_args(ColumnType)
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "spaces"}
QUOTES = ('"', "'")
DECIMALS = {".": "decimal point", ",": "decimal comma"}
THOUSANDS = {
    "": "none",
    ",": "comma",
    ".": "point",
    " ": "space",
    "'": "apostrophe",
    "\u00a0": "fixed space",
    "\u202f": "narrow space",
    "’": "raised comma",
}
COMMENTS = ("", "#", "%")
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 (little end first)",
    "utf-16-be": "UTF-16 (big end first)",
    "utf-32": "UTF-32",
    "latin-1": "Latin-1",
    "cp1252": "Windows 1252 (Western)",
    "iso8859-15": "Latin-9",
    "cp1250": "Windows 1250 (Central Europe)",
    "cp1251": "Windows 1251 (Cyrillic)",
    "cp1253": "Windows 1253 (Greek)",
    "cp1254": "Windows 1254 (Turkish)",
    "koi8-r": "KOI8-R",
    "shift_jis": "Shift JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB 18030",
    "big5": "Big5",
    "euc_kr": "EUC-KR",
    "cp437": "DOS 437",
    "cp850": "DOS 850",
}
MISSING = (
    *("", "?", "-", "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "Null", "null"),
    *("None", "none", "#N/A", "#NA", "<NA>"),
)
_KIND_WORDS: dict[Kind, str] = {
    "text": "",
    "excel": "Excel",
    "parquet": "Parquet",
    "feather": "Feather",
    "json lines": "JSON lines",
    "arrays": "NumPy arrays",
    "image folders": "one folder of images a class",
}
_MOST_SKIPPED = 1_000
_MOST_MISSING = 200


@dataclass(frozen=True)
class Options:
    """How a file is read.

    Only `types` means something for every kind; the others are for text, but `header` and
    `missing`, which are for workbooks too, and `sheet`, which is for workbooks alone.

    Attributes
    ----------
    kind : str
        What its content is, whatever its name says.
    packing : {"", "gzip", "zip"}
        What it is packed in.
    encoding, separator, quote, decimal, thousands : str
        One of the choices above; the separator " " is any number of spaces.
    header : bool
        Whether the first row names the columns.
    comment : str
        Lines that start so are left out; empty for none.
    skipped : int
        Lines before the table.
    skip_space : bool
        Whether spaces between a separator and a quote are left out.
    day_first : bool
        Whether 3/4/2024 is in April.
    sheet : str
        Sheet of a workbook.
    missing : tuple of str
        Words that stand for no value.
    types : tuple of (str, str)
        Type of each column by its name, in order.
    """

    kind: Kind = "text"
    packing: Packing = ""
    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    decimal: str = "."
    thousands: str = ""
    header: bool = True
    comment: str = ""
    skipped: int = 0
    skip_space: bool = False
    day_first: bool = True
    sheet: str = ""
    missing: tuple[str, ...] = MISSING
    types: tuple[tuple[str, ColumnType], ...] = ()

    def changed(self, **changes: object) -> Options:
        """Return options with some changed, as a person would: types are then found anew."""
        wanted: dict[str, Any] = {"types": ()} | changes
        return replace(self, **wanted)

    def with_type(self, column: str, column_type: ColumnType) -> Options:
        """Return options with the type of one column changed."""
        types = dict(self.types) | {column: column_type}
        return replace(self, types=tuple(types.items()))

    @property
    def words(self) -> str:
        """What a person reads: comma, decimal point, UTF-8."""
        if self.kind == "text":
            thousands = f"{THOUSANDS[self.thousands]} for thousands" if self.thousands else ""
            names = [SEPARATORS[self.separator], DECIMALS[self.decimal], thousands]
            parts = [*names, ENCODINGS[self.encoding]]
        else:
            parts = [_KIND_WORDS[self.kind], f"sheet {self.sheet}" if self.sheet else ""]
        return ", ".join(part for part in (*parts, self.packing) if part)

    def check(self, file_name: str) -> None:
        """Check what a page or a script has asked for.

        Raises
        ------
        OptionError
            If a value cannot be used.
        """
        choices: dict[str, tuple[str, ...]] = {
            "kind": KINDS,
            "encoding": tuple(ENCODINGS),
            "separator": tuple(SEPARATORS),
            "quote": QUOTES,
            "decimal": tuple(DECIMALS),
            "thousands": tuple(THOUSANDS),
            "comment": COMMENTS,
        }
        for option, known in choices.items():
            value = getattr(self, option)
            if value not in known:
                raise OptionError(file_name, option, value, [repr(choice) for choice in known])
        if self.thousands == self.decimal:
            raise OptionError(file_name, "thousands", self.thousands, ["another mark"])
        if not 0 <= self.skipped <= _MOST_SKIPPED:
            raise OptionError(
                file_name, "skipped lines", self.skipped, [f"0 to {_MOST_SKIPPED:,}"]
            )
        if len(self.missing) > _MOST_MISSING:
            raise OptionError(
                file_name, "missing words", len(self.missing), [f"at most {_MOST_MISSING}"]
            )
        for _, column_type in self.types:
            if column_type not in COLUMN_TYPES:
                raise OptionError(
                    file_name, "type", column_type, [repr(known) for known in COLUMN_TYPES]
                )

    def to_json(self) -> str:
        """Write the options as JSON; `from_json` reads them back to equal ones."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Options:
        """Read options that `to_json` wrote."""
        content = json.loads(text)
        types = tuple((name, column_type) for name, column_type in content.pop("types"))
        return cls(types=types, missing=tuple(content.pop("missing")), **content)


@dataclass(frozen=True)
class Recognised:
    """What a dropped file turned out to be.

    Attributes
    ----------
    options : Options
        How it was read; change some and hand them back.
    table : DataFrame
        Columns of float64, of text (objects, None where missing), of true and false ("bool",
        or "boolean" where some are missing) and of dates (datetime64[us]). For images a row
        each: its class, and its file where it has one.
    notes : tuple of str
        What a person should know of how it was read.
    sheets : tuple of str
        Sheets of a workbook to choose from; empty otherwise.
    images : ndarray of shape (n_rows, height, width, channels) or None
        Bytes, or float32 as they were saved.
    """

    options: Options
    table: pd.DataFrame = field(repr=False, compare=False)
    notes: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()
    images: NDArray[np.uint8] | NDArray[np.float32] | None = field(
        default=None, repr=False, compare=False
    )
