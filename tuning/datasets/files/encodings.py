"""Bytes of a text file → UTF-8: byte order marks first, then what charset-normalizer says."""

from __future__ import annotations

import codecs

from tuning.datasets.files.errors import EncodingError
from tuning.datasets.files.options import ENCODINGS

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LOOKED_AT = 1 << 16
_WESTERN = frozenset({"cp1252", "latin_1", "iso8859_15", "cp1250", "cp1254", "cp437", "cp850"})
_GUESSED = tuple(name for name in ENCODINGS if not name.startswith("utf"))


def guess_encoding(data: bytes) -> str:
    """Return the encoding of a text file, one of `ENCODINGS`.

    Western text looks much the same in a dozen encodings, so Windows 1252 is taken for all
    of them where it fits, and Latin-1, which fits always, where it does not.
    """
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if marked is not None:
        return marked
    head = data[:_LOOKED_AT]
    if 0 in head:
        return "utf-16-le" if head[1::2].count(0) >= head[::2].count(0) else "utf-16-be"
    if _is_text_in(data, "utf-8"):
        return "utf-8"
    guess = _ask_charset_normalizer(_around_first_accent(data))
    western = guess is None or guess in _WESTERN or not _is_text_in(data, guess)
    if not western and guess is not None:
        return next(name for name in ENCODINGS if codecs.lookup(name) == codecs.lookup(guess))
    return "cp1252" if _is_text_in(data, "cp1252") else "latin-1"


def _around_first_accent(data: bytes) -> bytes:
    """Cut a sample that starts with a line in which something is not plain ASCII."""
    accents = data.translate(None, bytes(range(128)))[:1]
    start = data.rfind(b"\n", 0, data.find(accents)) + 1
    return data[start : start + _LOOKED_AT]


def _ask_charset_normalizer(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(
        sample, cp_isolation=list(_GUESSED), enable_fallback=False, preemptive_behaviour=False
    ).best()
    return None if best is None else best.encoding


def _is_text_in(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def to_utf8(data: bytes, encoding: str, file_name: str) -> bytes:
    r"""Return text as UTF-8 without a byte order mark, each line ending in \n.

    Raises
    ------
    EncodingError
        If it is no text in this encoding.
    """
    try:
        text = data.decode(encoding)
        # A lone half of a pair is in no text, but UTF-16 lets it through.
        plain = data if encoding == "utf-8" else text.encode("utf-8")
    except UnicodeDecodeError as error:
        raise EncodingError(file_name, ENCODINGS[encoding], error.start) from error
    except UnicodeEncodeError as error:
        raise EncodingError(file_name, ENCODINGS[encoding], error.start) from error
    del text
    plain = plain.removeprefix(codecs.BOM_UTF8)
    if b"\r" in plain:
        plain = plain.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return plain
