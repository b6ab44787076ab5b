"""Values and imports as a person writes them into a script."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

_LINE = 88
_MODULES = {
    "gzip": "import gzip",
    "warnings": "import warnings",
    "hashlib": "import hashlib",
    "io": "import io",
    "itertools": "import itertools",
    "json": "import json",
    "math": "import math",
    "struct": "import struct",
    "sys": "import sys",
    "tarfile": "import tarfile",
    "urllib": "import urllib.request",
    "zipfile": "import zipfile",
    "Fraction": "from fractions import Fraction",
    "Path": "from pathlib import Path",
}
_LIBRARIES = {
    "keras": "import keras",
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "stats": "from scipy import stats",
}
_SKLEARN = {
    "sklearn.compose": ("ColumnTransformer",),
    "sklearn.datasets": (
        "fetch_california_housing", "load_breast_cancer", "load_diabetes", "load_digits",
    ),
    "sklearn.impute": ("MissingIndicator", "SimpleImputer"),
    "sklearn.metrics": (
        "accuracy_score", "f1_score", "log_loss", "mean_absolute_error",
        "mean_squared_error", "r2_score", "roc_auc_score", "root_mean_squared_error",
    ),
    "sklearn.model_selection": (
        "GroupKFold", "KFold", "StratifiedGroupKFold", "StratifiedKFold", "TimeSeriesSplit",
        "train_test_split",
    ),
    "sklearn.pipeline": ("make_pipeline",),
    "sklearn.preprocessing": (
        "MinMaxScaler", "OneHotEncoder", "OrdinalEncoder", "RobustScaler", "StandardScaler",
    ),
    "sklearn.utils.class_weight": ("compute_sample_weight",),
}  # fmt: skip


def literal(value: object, indent: int = 0) -> str:
    """Write a value as Python source, broken into lines where it is long.

    Parameters
    ----------
    indent : int
        Spaces before the line on which the value begins.
    """
    flat = _flat(value)
    if len(flat) + indent <= _LINE - 20 or not isinstance(value, (list, tuple, dict)):
        return flat
    inner = " " * (indent + 4)
    if isinstance(value, dict):
        parts = [f"{_flat(k)}: {literal(v, indent + 4)}" for k, v in value.items()]
        body = "\n".join(f"{inner}{part}," for part in parts)
    elif any(isinstance(item, (list, tuple, dict)) for item in value):
        body = "\n".join(f"{inner}{literal(item, indent + 4)}," for item in value)
    else:
        body = _filled([f"{_flat(item)}," for item in value], inner)
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return f"{opening}\n{body}\n{' ' * indent}{closing}"


def _flat(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flat(k)}: {_flat(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flat, value)) + "]"
    return repr(value)


def _filled(parts: Sequence[str], inner: str) -> str:
    """Put as many parts on each line as it holds; a part is never broken."""
    lines = [inner + parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + 1 + len(part) <= _LINE:
            lines[-1] += f" {part}"
        else:
            lines.append(inner + part)
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Write text in double quotes, whatever it holds."""
    if not text.isprintable():
        text = text.encode("unicode_escape").decode("ascii")
    else:
        text = text.replace("\\", "\\\\")
    return '"' + text.replace('"', '\\"') + '"'


def paragraph(text: str) -> str:
    """Break prose into lines; nothing in it can end the docstring it stands in."""
    safe = " ".join(text.split()).replace("\\", "/").replace('"""', "'''")
    return textwrap.fill(safe, _LINE, break_on_hyphens=False, break_long_words=False)


def constants(values: Mapping[str, Any]) -> str:
    """Write assignments, one below the other."""
    return "\n".join(f"{name} = {literal(value)}" for name, value in values.items())


def imports_of(body: str) -> str:
    """Return the imports that a script's body needs, in the usual three blocks."""
    used = set(re.findall(r"\b(\w+)(?:\(|\.\w)", body))  # called, or looked into
    standard = [line for name, line in _MODULES.items() if name in used]
    others = [line for name, line in _LIBRARIES.items() if name in used]
    for module, names in _SKLEARN.items():
        wanted = sorted(used.intersection(names))
        if wanted:
            others.append(_import_from(module, wanted))
    plain = sorted(line for line in standard if line.startswith("import"))
    named = sorted(line for line in standard if line.startswith("from"))
    straight = sorted(line for line in others if line.startswith("import"))
    from_modules = sorted(line for line in others if line.startswith("from"))
    return "\n".join([*plain, *named, "", *straight, *from_modules])


def _import_from(module: str, names: Sequence[str]) -> str:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= _LINE:
        return line
    return f"from {module} import (\n" + "\n".join(f"    {name}," for name in names) + "\n)"
