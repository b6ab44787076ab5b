"""One dataset: its facts, its first rows, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from pages.parts import links, problems, uploads
from pages.parts.data import kept
from pages.parts.data.listing import used_by
from pages.parts.data.shares import class_shares
from pages.parts.show import SOURCES, TASKS, escape
from pages.parts.state import db
from pages.parts.words import HELP
from storage.datasets import studies_by_dataset
from storage.settings import settings
from tuning.datasets.catalogue import (
    catalogue,
    dataset_info,
    fetch,
    is_available,
    load_dataset,
)
from tuning.datasets.info import DatasetInfo
from tuning.datasets.uploads.keeping import delete_upload
from tuning.datasets.uploads.table import TypedTable
from tuning.datasets.uploads.zeros import zeros_note
from tuning.disk import check_download
from tuning.errors import DatasetUnavailableError, DiskSpaceError

_SHOWN_ROWS = 10
_PICTURE_PX = 64
_DOWNLOAD_SIZES: Mapping[str, str] = {
    "pima": "23 KB",
    "mnist": "11 MB",
    "california": "0.4 MB",
}


def dataset_detail(dataset_id: str) -> None:
    """Draw one dataset.

    Raises
    ------
    UnknownDatasetError
        If there is none with this id.
    """
    info = dataset_info(dataset_id)
    n_studies = studies_by_dataset(db()).get(dataset_id, 0)
    st.title(escape(info.title), anchor=False)
    st.markdown(escape(info.about))
    _draw_facts(info, n_studies)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "New study with it",
            type="primary",
            icon=":material/add:",
            key="ds_study",
            on_click=_new_study,
            args=(info.id,),
        )
        if info.source == "upload":
            kept.draw_file_buttons(info)
            _delete_button(info, n_studies)
    if info.source == "upload":
        kept.draw_versions(info)
        kept.draw_notes(info)
    kept.draw_studies(dataset_id, n_studies)
    if not is_available(dataset_id):
        _draw_fetch(info)
        return
    _draw_rows(info)
    if info.source == "upload":
        kept.draw_columns(info)
    elif not info.image_shape:
        _draw_zeros(info)


def _draw_facts(info: DatasetInfo, n_studies: int) -> None:
    facts = facts_of(info) | {"Used by": used_by(n_studies)}
    grid = st.grid("auto", min_column_width=130)
    for label, value in facts.items():
        with grid.container(gap=None):
            st.caption(label, help=HELP.get(label.lower()))
            st.markdown(f"**{escape(value)}**")
    class_shares(info.class_names, info.class_counts)


def facts_of(info: DatasetInfo) -> dict[str, str]:
    """Return what a person wants to know first, as words by label."""
    facts = {"Rows": f"{info.n_rows:,}"}
    if info.n_test_rows:
        facts["Test rows"] = f"{info.n_test_rows:,}"
    if info.image_shape:
        facts["Inputs"] = f"{info.image_shape[0]} × {info.image_shape[1]} pixels"
    else:
        facts["Inputs"] = f"{info.n_inputs:,}"
    facts["Target"] = f"{info.target} ({info.unit})" if info.unit else info.target
    facts["Task"] = TASKS[info.task]
    facts["Source"] = SOURCES[info.source]
    return facts


def _new_study(dataset_id: str) -> None:
    links.go(links.NEW_STUDY, dataset=dataset_id)


def _draw_rows(info: DatasetInfo) -> None:
    st.subheader(f"First {_SHOWN_ROWS} rows", anchor=False)
    features, targets = _first_rows(info.id)
    words = [target_word(info, value) for value in targets]
    if info.image_shape:
        with st.container(horizontal=True):
            for pixels, word in zip(features, words, strict=True):
                st.image(pixels, caption=word, width=_PICTURE_PX, clamp=True)
        return
    table = rows_table(info, features)
    table.insert(0, f"{info.target} (target)", words, allow_duplicates=True)
    st.dataframe(table, hide_index=True, alt=f"First {len(table)} rows of the dataset")


def _draw_zeros(info: DatasetInfo) -> None:
    """Say which zeros of a published table look like missing values, with a way to mend it."""
    notes = _zero_notes(info.id)
    if not notes:
        return
    st.subheader("Zeros that may mean missing", anchor=False)
    for note in notes:
        st.markdown(f":orange[:material/warning:] {escape(note)}")
    st.button(
        "Open a copy to treat them as missing", icon=":material/content_copy:",
        key="ds_copy", on_click=_open_copy, args=(info.id,),
        help="The published rows stay as they are: recipes use them as their sources did.",
    )  # fmt: skip


@st.cache_data(max_entries=16, show_spinner=False)
def _zero_notes(dataset_id: str) -> list[str]:
    dataset = load_dataset(dataset_id)
    columns = dict(zip(dataset.info.columns, dataset.features.T, strict=True))
    table = TypedTable(pa.table({n: pa.array(c, pa.float64()) for n, c in columns.items()}))
    return [note for name in table.names if (note := zeros_note(table, name))]


@problems.told
def _open_copy(dataset_id: str) -> None:
    """Let a published table be chosen from like one that somebody has dropped."""
    dataset = load_dataset(dataset_id)
    info = dataset.info
    table = pd.DataFrame(dataset.features.astype(float), columns=list(info.columns))
    table[info.target] = [target_word(info, value) for value in dataset.targets]
    uploads.drop_content(table.to_csv(index=False).encode(), f"{info.id}.csv")
    links.go(links.DATASETS)


def rows_table(info: DatasetInfo, features: NDArray[np.float32]) -> pd.DataFrame:
    """Return rows as a person reads them: choices by their names, gaps empty."""
    names = [column.name for column in info.table] or list(info.columns)
    table = pd.DataFrame(features, columns=names)
    for column in info.table:
        if column.levels:
            words = dict(enumerate((*column.levels, "other")))
            table[column.name] = table[column.name].map(words)
    return table


def target_word(info: DatasetInfo, value: float) -> str:
    """Return a target as a person reads it: the name of its class, or the number."""
    return info.class_names[int(value)] if info.class_names else f"{value:.4g}"


@st.cache_data(max_entries=16, show_spinner="Reading the rows…")
def _first_rows(dataset_id: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    dataset = load_dataset(dataset_id)
    return dataset.features[:_SHOWN_ROWS].copy(), dataset.targets[:_SHOWN_ROWS].copy()


def _draw_fetch(info: DatasetInfo) -> None:
    size = _DOWNLOAD_SIZES[info.id]
    st.markdown(f"{info.title} is fetched on first use ({size}).")
    if not st.button("Fetch it now", icon=":material/download:", key="ds_fetch"):
        return
    try:
        check_download(settings().home, info.id)
    except DiskSpaceError as error:
        problems.draw(error)
        return
    bar = st.progress(0.0, text=f"Fetching {info.title}…")

    def show(name: str, done: int, total: int) -> None:
        words = f"{name}: {done / 1e6:.1f} MB"
        bar.progress(min(done / total, 1.0) if total else 0.0, text=words)

    try:
        fetch(info.id, show)
    except DatasetUnavailableError as error:
        bar.empty()
        problems.draw(error)
        _offer_cousin(error)
        return
    st.rerun()


def _offer_cousin(error: DatasetUnavailableError) -> None:
    cousin = catalogue().get(error.cousin)
    if cousin is not None:
        label = f"Look at {cousin.title} instead"
        links.turn(links.DATASETS, label, key="ds_cousin", id=cousin.id)


def _delete_button(info: DatasetInfo, n_studies: int) -> None:
    used = f"Used by {used_by(n_studies)}, so it stays. Delete those first."
    if st.button(
        "Delete",
        icon=":material/delete:",
        key="ds_delete",
        disabled=n_studies > 0,
        help=used if n_studies else None,
    ):
        _confirm_delete(info)


@st.dialog("Delete for good?")
def _confirm_delete(info: DatasetInfo) -> None:
    st.markdown(f"Delete '{escape(info.title)}'? This cannot be undone.")
    with st.container(horizontal=True):
        gone = st.button(
            "Delete", type="primary", key="ds_delete_confirm", on_click=_delete, args=(info.id,)
        )
        if gone:
            links.go(links.DATASETS)
        if st.button("Keep", key="ds_delete_keep"):
            st.rerun()


@problems.told
def _delete(dataset_id: str) -> None:
    delete_upload(db(), dataset_id)
    problems.say("Deleted.")
