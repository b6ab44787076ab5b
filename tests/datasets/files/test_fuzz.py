"""Whatever the content and the options: a table or one sentence, never a stack trace."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.datasets.files.every_file import make_bad_files, make_good_files
from tuning.datasets.files.errors import RefusedFileError
from tuning.datasets.files.exporting import to_csv
from tuning.datasets.files.limits import Limits
from tuning.datasets.files.options import (
    COLUMN_TYPES,
    COMMENTS,
    DECIMALS,
    ENCODINGS,
    KINDS,
    QUOTES,
    SEPARATORS,
    THOUSANDS,
    Options,
)
from tuning.datasets.files.reading import read

WANTED = os.environ.get("TUNEBOARD_TEST_EXAMPLES")
N_EXAMPLES = int(WANTED or "200")
LIMITS = Limits(
    fewest_rows=1,
    file_bytes=1_000_000,
    unpacked_bytes=4_000_000,
    ratio_from_bytes=1_000_000,
    columns=200,
    pixels=1_000_000,
    image_pixels=100_000,
)
CONTENTS = [
    *(file.content for file in make_good_files()),
    *(file.content for file in make_bad_files()),
]
SEEDS = [content for content in CONTENTS if len(content) < 60_000]
NAMES = ("size", "plan", "paid", "since", "a", "column 1", "")

ours = st.builds(
    Options,
    kind=st.sampled_from(KINDS),
    packing=st.sampled_from(["", "gzip", "zip"]),
    encoding=st.sampled_from([*ENCODINGS, "punycode"]),
    separator=st.sampled_from([*SEPARATORS, "", ":"]),
    quote=st.sampled_from([*QUOTES, ""]),
    decimal=st.sampled_from(list(DECIMALS)),
    thousands=st.sampled_from(list(THOUSANDS)),
    header=st.booleans(),
    comment=st.sampled_from(COMMENTS),
    skipped=st.integers(-1, 70),
    skip_space=st.booleans(),
    day_first=st.booleans(),
    sheet=st.sampled_from(["", "Team", "S"]),
    missing=st.lists(st.text(max_size=4), max_size=4).map(tuple),
    types=st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from(COLUMN_TYPES)), max_size=4
    ).map(tuple),
)
lines = st.lists(
    st.text(st.sampled_from("aé0123456789.,;:|\t\"' #%-+e/?=\r"), max_size=30), max_size=70
).map("\n".join)
texts = st.builds(
    lambda text, encoding: text.encode(encoding, errors="replace"),
    lines,
    st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-8-sig"]),
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Take a file that is known and change, cut or repeat parts of it."""
    content = bytearray(draw(st.sampled_from(SEEDS)) or b"\0")
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(content)))
        n_bytes = draw(st.integers(0, 40))
        content[at : at + n_bytes] = draw(st.binary(max_size=40))
    return bytes(content)


@settings(
    max_examples=N_EXAMPLES,
    derandomize=WANTED is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    content=st.one_of(damaged(), texts, st.binary(max_size=300)),
    wanted=st.one_of(st.none(), ours),
)
def test_any_content_is_a_table_or_a_sentence(content: bytes, wanted: Options | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content"
        path.write_bytes(content)
        try:
            found = read(path, "any.file", wanted, LIMITS).recognised()
        except RefusedFileError as error:
            sentence = str(error)
            assert sentence.startswith("'any.file' ")
            assert sentence.endswith(".")
            assert "\n" not in sentence
            return
    kinds = {str(found.table[name].dtype) for name in found.table}
    assert kinds <= {"float64", "object", "bool", "boolean", "datetime64[us]"}
    assert len(found.table) >= LIMITS.fewest_rows
    assert dict(found.options.types).keys() == set(found.table)
    assert Options.from_json(found.options.to_json()) == found.options
    assert to_csv(found.table)
    assert found.options.words
