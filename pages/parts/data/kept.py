"""What a dataset of a person has beyond those of the catalogue: its file, columns, versions."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence

import streamlit as st

from pages.parts import links, problems, uploads
from pages.parts.belonging import belonging_words
from pages.parts.data.columns import show_columns
from pages.parts.show import escape, plural
from pages.parts.state import db
from storage.datasets import DatasetRow, get_dataset, list_datasets
from storage.studies import StudyFilter, list_studies, slug
from tuning.datasets.info import DatasetInfo
from tuning.datasets.uploads.loading import (
    existing_path,
    load_table,
    upload_choices,
    upload_learned,
    write_upload,
)
from tuning.datasets.uploads.profile import TableProfile, profile_table

_MOST_LINKS = 10
_MOST_READ = 200  # studies; a search finds names of other datasets too


def draw_file_buttons(info: DatasetInfo) -> None:
    """Draw what can be done with the file of an upload."""
    row = get_dataset(db(), info.id)
    st.download_button(
        "Download the file",
        data=functools.partial(_original, row),
        file_name=row.file_name,
        mime="application/octet-stream",  # never shown as what somebody has made it look like
        icon=":material/download:",
        key="ds_download_file",
        on_click="ignore",
        help="As it was dropped.",
    )
    if info.image_shape is None:
        st.download_button(
            "Download the table (CSV)",
            data=functools.partial(_table, row),
            file_name=f"{slug(row.name)}.csv",
            mime="text/csv",
            icon=":material/table:",
            key="ds_download_table",
            on_click="ignore",
            help="All its rows and columns, as they were read; formulas made harmless.",
        )
    st.button(
        "Choose again",
        icon=":material/tune:",
        key="ds_again",
        on_click=_choose_again,
        args=(row.id,),
        help="Opens the file as if it had been dropped, with the choices it has now.",
    )


def _original(row: DatasetRow) -> bytes:
    return existing_path(row).read_bytes()


def _table(row: DatasetRow) -> bytes:
    target = io.BytesIO()
    with io.TextIOWrapper(target, "utf-8", newline="", write_through=True) as text:
        write_upload(row, text)
        return target.getvalue()


@problems.told
def _choose_again(dataset_id: str) -> None:
    uploads.drop_again(get_dataset(db(), dataset_id))
    links.go(links.DATASETS)


def draw_versions(info: DatasetInfo) -> None:
    """Draw links to the other versions of an upload; nothing where it is the only one."""
    row = get_dataset(db(), info.id)
    others = [other for other in list_datasets(db()) if other.name == row.name]
    if len(others) < 2:
        return
    st.caption(f"Version {row.version} of {plural(len(others), 'version')}")
    with st.container(horizontal=True):
        for other in sorted(others, key=lambda other: other.version):
            if other.id != row.id:
                label, key = f"Version {other.version}", f"ds_version_{other.version}"
                links.turn(links.DATASETS, label, key=key, id=other.id)


def draw_notes(info: DatasetInfo) -> None:
    """Draw what to know of the rows of an upload."""
    notes = upload_learned(get_dataset(db(), info.id)).notes
    for note in (*notes, belonging_words(info)):
        if note:
            st.markdown(f":material/info: {escape(note)}")


def draw_columns(info: DatasetInfo) -> None:
    """Draw the columns of an upload, with what was chosen for each; nothing for images."""
    if info.image_shape is not None:
        return
    st.subheader("Columns", anchor=False)
    with st.spinner("Looking at the columns…", show_time=True):
        profile = _profile(info.id)
    show_columns(profile, upload_choices(get_dataset(db(), info.id)))
    if profile.note:
        st.caption(escape(profile.note))


@st.cache_resource(max_entries=32, show_spinner=False)
def _profile(dataset_id: str) -> TableProfile:
    """Describe the table of an upload, which its id stands for: it never changes."""
    row = get_dataset(db(), dataset_id)
    return profile_table(load_table(row), upload_choices(row))


def draw_studies(dataset_id: str, n_studies: int) -> None:
    """Draw links to the newest studies of a dataset."""
    if not n_studies:
        return
    st.subheader("Studies with it", anchor=False)
    names = study_names(dataset_id)
    with st.container(gap="xsmall"):
        for study_id, name in names[:_MOST_LINKS]:
            links.study_link(study_id, escape(name))
    if n_studies > len(names[:_MOST_LINKS]):
        st.caption(f"and {n_studies - len(names[:_MOST_LINKS]):,} more")


def study_names(dataset_id: str) -> Sequence[tuple[str, str]]:
    """Return id and name of studies of a dataset, the newest first."""
    found = list_studies(db(), StudyFilter(text=dataset_id), limit=_MOST_READ)
    return [(row.id, row.name) for row in found if row.dataset == dataset_id]
