"""Studies as earlier versions have written them → as they are written now.

Databases and files hold them, so they are read for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def brought_up_to_date(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's document in today's form; one that is in it already comes back equal.

    ``data.scale`` has become the parameter `scaling`: where it was switched off, scaling is
    fixed to none. A document that has both is of no version, and stays as it is.
    """
    data, space = document.get("data"), document.get("space", {})
    if not isinstance(data, Mapping) or not isinstance(space, Mapping):
        return dict(document)
    if not isinstance(data.get("scale"), bool) or "scaling" in space:
        return dict(document)
    rest = {name: value for name, value in data.items() if name != "scale"}
    if not data["scale"] and document.get("model", "dense") == "dense":
        space = {**space, "scaling": {"kind": "fixed", "value": None}}
    return {**document, "data": rest, "space": space}
