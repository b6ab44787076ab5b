"""A file a person has dropped, on its way from the browser to a dataset."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from pages.parts import problems
from pages.parts.state import recall, remember
from storage.settings import settings
from tuning.datasets.tables import read_table
from tuning.errors import UploadError

_FILE_TYPES = ("csv", "tsv", "txt")
_KEY = "dropped_file"


@dataclass(frozen=True)
class Dropped:
    """A file in memory, and the table read from it."""

    name: str
    data: bytes = field(repr=False)
    table: pd.DataFrame = field(repr=False)

    @property
    def sha256(self) -> str:
        """Hash of its content."""
        return hashlib.sha256(self.data).hexdigest()


def drop_zone(key: str) -> bool:
    """Draw the place to drop a table, and keep what is dropped; True while one lies in it."""
    limit = settings().upload_limit_mb
    file = st.file_uploader(
        "Your table",
        label_visibility="collapsed",
        type=_FILE_TYPES,
        max_upload_size=limit,
        key=key,
        on_change=_forget_removed,
        args=(key,),
    )
    st.caption("The first row names the columns. The file stays on this server.")
    if file is None:
        return False
    try:
        _keep(file.name, file.getvalue())
    except UploadError as error:
        forget()
        problems.draw(error)
        return False
    return True


def dropped() -> Dropped | None:
    """Return the file that was dropped last, on whichever page."""
    found: Dropped | None = recall(_KEY)
    return found


def forget() -> None:
    """Let go of the dropped file."""
    remember(_KEY, None)


def _keep(name: str, data: bytes) -> None:
    known = dropped()
    if known is None or (known.name, known.data) != (name, data):
        remember(_KEY, Dropped(name, data, read_table(data, name)))


def _forget_removed(key: str) -> None:
    if st.session_state[key] is None:
        forget()
