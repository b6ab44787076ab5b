"""From a dropped file to a dataset: look at it, say what to predict, keep it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from pages.parts import links, problems, uploads
from pages.parts.data.shares import class_shares
from pages.parts.show import TASKS, escape, plural
from pages.parts.state import db
from pages.parts.uploads import Dropped
from pages.parts.words import HELP
from storage.datasets import list_datasets
from tuning.datasets.info import Task
from tuning.datasets.uploads import (
    MOST_CLASSES,
    UploadProfile,
    guess_target,
    profile_upload,
    recognise_task,
    save_upload,
)
from tuning.errors import UploadError

_PREVIEW_ROWS = 5
_LONGEST_NAME = 120


def new_upload(file: Dropped) -> None:
    """Draw what was read from a dropped file, and the way to use it."""
    with st.container(border=True):
        _draw_file(file)
        target, task = _choose_target(file)
        name = st.text_input(
            "Name", value=Path(file.name).stem, max_chars=_LONGEST_NAME, key="ds_name"
        )
        profile = _draw_profile(file, target, task)
        with st.container(horizontal=True):
            st.button(
                "Use this dataset",
                type="primary",
                key="ds_use",
                disabled=profile is None,
                on_click=_use,
                args=(file, target, task, name),
            )
            st.button("Not this file", key="ds_forget", on_click=uploads.forget)


def _draw_file(file: Dropped) -> None:
    n_rows, n_columns = file.table.shape
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.subheader(escape(file.name), anchor=False, width="content")
        st.caption(f"{plural(n_rows, 'row')} · {plural(n_columns, 'column')}", width="content")
    known = [row for row in list_datasets(db()) if row.sha256 == file.sha256]
    if known:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"This table is already here as '{escape(known[0].name)}'.")
            links.turn(links.DATASETS, "Open it", key="ds_known", id=known[0].id)
    with st.expander(f"First {_PREVIEW_ROWS} rows", key="ds_preview", expanded=True):
        st.dataframe(file.table.head(_PREVIEW_ROWS), hide_index=True, alt="First rows")


def _choose_target(file: Dropped) -> tuple[str, Task]:
    columns = [str(name) for name in file.table.columns]
    predict, kind = st.columns(2)
    guess = columns.index(guess_target(file.table))
    target = predict.selectbox(
        "Predict", columns, index=guess, key=f"ds_target_{file.sha256[:8]}", help=HELP["target"]
    )
    tasks = sensible_tasks(file.table[target])
    task = kind.segmented_control(
        "as",
        tasks,
        default=recognise_task(file.table[target]),
        required=True,
        format_func=TASKS.__getitem__,
        key=f"ds_task_{file.sha256[:8]}_{columns.index(target)}",
        help=HELP["task"],
    )
    return target, task


def sensible_tasks(values: pd.Series) -> list[Task]:
    """Return what predicting a column can mean; first what its values look like."""
    tasks: list[Task] = [recognise_task(values)]
    if pd.api.types.is_numeric_dtype(values):
        few = 2 < values.nunique() <= MOST_CLASSES
        others: list[Task] = ["multiclass", "regression"] if few else ["regression"]
        tasks += [task for task in others if task not in tasks]
    return tasks


def _draw_profile(file: Dropped, target: str, task: Task) -> UploadProfile | None:
    """Draw what is known of the columns; None where the target cannot be used."""
    try:
        profile = _profile(file.sha256, file.name, target, task, file.data)
    except UploadError as error:
        problems.draw(error)
        return None
    for note in profile.notes:
        st.markdown(f":material/info: {escape(note)}")
    class_shares(profile.class_names, profile.class_counts)
    st.dataframe(
        columns_table(profile),
        hide_index=True,
        key="ds_columns",
        column_config={
            "column": "Column",
            "kind": "Kind",
            "missing": st.column_config.NumberColumn("Missing", format="localized"),
            "distinct": st.column_config.NumberColumn("Distinct", format="localized"),
            "use": "Use",
        },
        alt=f"{plural(len(profile.columns), 'column')} besides the target",
    )
    return profile


def columns_table(profile: UploadProfile) -> pd.DataFrame:
    """Return the input columns of an upload as a table, a row each."""
    return pd.DataFrame(
        {
            "column": [column.name for column in profile.columns],
            "kind": [column.kind for column in profile.columns],
            "missing": [column.missing for column in profile.columns],
            "distinct": [column.distinct for column in profile.columns],
            "use": [
                plural(len(column.inputs), "input") if column.used else "left out"
                for column in profile.columns
            ],
        }
    )


@st.cache_data(max_entries=16, show_spinner="Reading the table…")
def _profile(
    sha256: str,  # noqa: ARG001 (stands for the content in the key of the cache)
    file_name: str,
    target: str,
    task: Task,
    _data: bytes,
) -> UploadProfile:
    return profile_upload(_data, file_name, target, task)


@problems.told
def _use(file: Dropped, target: str, task: Task, name: str) -> None:
    info = save_upload(db(), file.data, file.name, target, name.strip() or None, task)
    uploads.forget()
    links.go(links.NEW_STUDY, dataset=info.id)
