"""What pydantic finds wrong, as sentences: the field, the value, the way out."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tuning.errors import SpecError

_TAGS = ("fixed", "list", "range", "log_range")  # pydantic adds them to the path of a setting


def sentences(error: ValidationError, prefix: str = "") -> list[str]:
    """Return one sentence for every mistake pydantic has found.

    Parameters
    ----------
    prefix : str
        What the fields belong to, put in front of each.
    """
    found: list[str] = []
    for details in error.errors(include_url=False):
        inner = details.get("ctx", {}).get("error")
        if isinstance(inner, SpecError):
            found += inner.problems
        else:
            found.append(prefix + _sentence(details))
    return found


_WANTED = {
    "literal_error": "{expected}",
    "greater_than": "more than {gt:,.10g}",
    "greater_than_equal": "{ge:,.10g} or more",
    "less_than": "less than {lt:,.10g}",
    "less_than_equal": "{le:,.10g} or less",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text in quotes",
    "tuple_type": "a list in square brackets",
    "dict_type": "an object in braces",
    "model_type": "an object in braces",
    "model_attributes_type": "an object in braces",
    "string_too_short": "at least {min_length} character",
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} value",
}
_LONGEST_SHOWN = 60


def _sentence(details: ErrorDetails) -> str:
    field = " › ".join(str(part) for part in details["loc"] if part not in _TAGS)
    kind, context = details["type"], details.get("ctx", {})
    if kind == "missing":
        return f"{field} is missing. Add it to the spec."
    if kind == "extra_forbidden":
        return f"{field} is not a field of a spec. Remove it, or check its spelling."
    wanted = _WANTED.get(kind)
    advice = f"{details['msg']}." if wanted is None else f"Use {wanted.format(**context)}."
    return f"{field or 'The spec'} is {_shortened(details['input'])}. {advice}"


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
