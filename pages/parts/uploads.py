"""A file a person has dropped, on its way from the browser to a dataset."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TypeAlias

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.parts import problems
from pages.parts.state import recall, remember, take
from storage.datasets import DatasetRow
from storage.settings import settings
from tuning.datasets.files.errors import RefusedFileError
from tuning.datasets.files.options import ColumnType, Options
from tuning.datasets.files.storing import StoredFile
from tuning.datasets.uploads.checks import check_choices
from tuning.datasets.uploads.choices import Choices
from tuning.datasets.uploads.learning import Learned
from tuning.datasets.uploads.loading import existing_path
from tuning.datasets.uploads.profile import TableProfile, profile_table
from tuning.datasets.uploads.receiving import Received, dropped_file, read_dropped
from tuning.datasets.uploads.table import TypedTable
from tuning.datasets.uploads.warning_rules import TableWarning, find_warnings
from tuning.errors import DiskSpaceError, UploadError

_KEY, _SEEN, _REFUSED = "dropped_file", "dropped_file_id", "dropped_file_refused"
_OPTIONS, _WANTED = "dropped_file_options", "dropped_file_wanted"
_TYPES, _AGAIN = "dropped_file_types", "dropped_file_dataset"
Refusal: TypeAlias = UploadError | DiskSpaceError
_MOST_TABLES = 2  # of all people together; each may take some hundred megabytes
_MOST_SMALL_TABLES = 32
_SMALL_BYTES = 5_000_000  # of a file; it may unpack to more, but seldom does
Types: TypeAlias = dict[str, ColumnType]


@dataclass(frozen=True)
class _Wish:
    """How a person wants a file to be read from the next run on."""

    options: Options
    types: Types
    of_types: bool = False  # whether the types are what was changed


def drop_zone(key: str) -> bool:
    """Draw the place to drop a file, and keep what is dropped; True while one lies in it."""
    limit = settings().upload_limit_mb
    file = st.file_uploader(  # of any name: what a file is, its content says
        "Your table",
        label_visibility="collapsed",
        max_upload_size=limit,
        key=key,
        on_change=_forget_removed,
        args=(key,),
    )
    st.caption(
        "A table (CSV, Excel, Parquet, Feather, JSON lines) or images (npz, or a zip with one "
        + "folder a class). The file stays on this server."
    )
    if file is None:
        return False
    if recall(_SEEN) != file.file_id:
        remember(_REFUSED, _keep(file))
        remember(_SEEN, file.file_id)
    error: Refusal | None = recall(_REFUSED)
    if error is not None:
        problems.draw(error)
        return False
    return dropped() is not None


def _keep(file: UploadedFile) -> Refusal | None:
    """Put a file aside and read it; return why it is refused, if it is."""
    forget()
    try:
        with dropped_file(file, file.name) as stored, _progress(stored):
            reading(stored)
    except (UploadError, DiskSpaceError) as error:
        return error
    remember(_KEY, stored)
    return None


def _progress(stored: StoredFile) -> AbstractContextManager[None]:
    return st.spinner(f"Reading {stored.n_bytes / 1e6:,.1f} MB…", show_time=True)


def dropped() -> Received | None:
    """Return the file that was dropped last, on whichever page, and the table in it.

    Where somebody wants it read otherwise, it is read so; what cannot be read so is told, and
    stays as it was.
    """
    stored: StoredFile | None = recall(_KEY)
    if stored is None or not stored.path.is_file():  # it lies aside for a day
        return None
    with _progress(stored):
        wish: _Wish | None = take(_WANTED)
        if wish is not None:
            try:
                _reread(stored, wish)
            except RefusedFileError as error:
                problems.draw(error)
                st.caption("It is still read as before.")
        return reading(stored, recall(_OPTIONS))


def _reread(stored: StoredFile, wish: _Wish) -> None:
    """Read a file otherwise, with the types a person has chosen where they still make sense."""
    types = wish.types
    try:
        found = reading(stored, replace(wish.options, types=tuple(types.items())))
    except RefusedFileError:
        if wish.of_types or not types:
            raise
        types = {}
        found = reading(stored, wish.options)
    remember(_OPTIONS, found.options)
    remember(_TYPES, types)


def want(options: Options) -> None:
    """Let the next run read the file otherwise."""
    remember(_WANTED, _Wish(options, recall(_TYPES, {})))


def want_type(options: Options, column: str, column_type: ColumnType) -> None:
    """Let the next run read a column as another type; it stays so when other things change."""
    types = recall(_TYPES, {}) | {column: column_type}
    remember(_WANTED, _Wish(options, types, of_types=True))


def forget() -> None:
    """Let go of the dropped file."""
    for key in (_KEY, _OPTIONS, _WANTED, _TYPES, _AGAIN):
        take(key)


def drop_again(row: DatasetRow) -> None:
    """Take the file of an upload as if it had been dropped, with what was chosen for it.

    Raises
    ------
    UploadError
        If it is no longer in the data folder.
    DiskSpaceError
        If too little of the disk is free.
    """
    forget()
    with existing_path(row).open("rb") as source, dropped_file(source, row.file_name) as stored:
        remember(_KEY, stored)
    remember(_OPTIONS, Options.from_json(row.options) if row.options else None)
    remember(_AGAIN, row)


def drop_content(content: bytes, name: str) -> None:
    """Take content as if a file with it had been dropped.

    Raises
    ------
    DiskSpaceError
        If too little of the disk is free.
    """
    forget()
    with dropped_file(io.BytesIO(content), name) as stored:
        remember(_KEY, stored)


def dataset_before() -> DatasetRow | None:
    """Return the dataset that a file comes from that was not dropped by hand."""
    row: DatasetRow | None = recall(_AGAIN)
    return row


def forget_dataset_before() -> None:
    """Begin to choose for a file like for any other."""
    take(_AGAIN)


def reading(stored: StoredFile, options: Options | None = None) -> Received:
    """Read a file that was put aside, once for all runs of the page.

    Raises
    ------
    RefusedFileError
        If it holds no table that can be used.
    """
    read = _small_reading if stored.n_bytes <= _SMALL_BYTES else _large_reading
    # The same content may have come under another name, or to another folder since.
    return replace(read(stored.sha256, stored.name, options, stored), stored=stored)


def _read(
    sha256: str,  # noqa: ARG001 (stands for the content in the key of the cache)
    name: str,  # noqa: ARG001 (as above)
    options: Options | None,
    _stored: StoredFile,
) -> Received:
    return read_dropped(_stored, options)


_small_reading = st.cache_resource(max_entries=_MOST_SMALL_TABLES, show_spinner=False)(_read)
_large_reading = st.cache_resource(max_entries=_MOST_TABLES, show_spinner=False)(_read)


def look(received: Received, choices: Choices) -> tuple[TableProfile, tuple[TableWarning, ...]]:
    """Return what is known of a table and what to be warned of, once for all runs of the page.

    Parameters
    ----------
    choices : Choices
        As `checked` has let them through.
    """
    profile = profile_of(received, choices)
    with st.spinner("Looking for what could spoil a study…", show_time=True):
        key = (*_key(received), choices.to_json())
        return profile, _warnings(key, received.table, profile, choices)


def profile_of(received: Received, choices: Choices) -> TableProfile:
    """Return what is known of the columns of a table, once for all runs of the page."""
    with st.spinner("Looking at the columns…", show_time=True):
        key = (*_key(received), choices.target, choices.task)
        return _profile(key, received.table, choices)


def checked(received: Received, choices: Choices) -> Learned:
    """Check choices against a table and return what was learned, once for all runs.

    Raises
    ------
    UploadError
        If they cannot be used.
    """
    with st.spinner("Checking the choices…", show_time=True):
        key = (*_key(received), received.name, choices.to_json())
        return _learned(key, received, choices)


def _key(received: Received) -> tuple[str, str]:
    """Return what stands for a table in the keys of the caches."""
    return received.stored.sha256, received.options.to_json()


@st.cache_resource(max_entries=32, show_spinner=False)
def _profile(
    key: tuple[str, ...],  # noqa: ARG001 (stands for the others in the key of the cache)
    _table: TypedTable,
    _choices: Choices,
) -> TableProfile:
    return profile_table(_table, _choices)


@st.cache_resource(max_entries=64, show_spinner=False)
def _warnings(
    key: tuple[str, ...],  # noqa: ARG001 (as above)
    _table: TypedTable,
    _profile: TableProfile,
    _choices: Choices,
) -> tuple[TableWarning, ...]:
    return find_warnings(_table, _profile, _choices)


@st.cache_resource(max_entries=64, show_spinner=False)
def _learned(
    key: tuple[str, ...],  # noqa: ARG001 (as above)
    _received: Received,
    _choices: Choices,
) -> Learned:
    return check_choices(_received.table, _choices, _received.name)


def _forget_removed(key: str) -> None:
    if st.session_state[key] is None:
        forget()
