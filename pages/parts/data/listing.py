"""All datasets: the catalogue and what people have uploaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.parts import links
from pages.parts.show import SOURCES, TASKS, plural
from pages.parts.state import db
from pages.parts.words import HELP
from storage.datasets import studies_by_dataset
from tuning.datasets.catalogue import catalogue
from tuning.datasets.info import DatasetInfo
from tuning.datasets.uploads.keeping import uploaded

_ROW_PX = 36


def dataset_list() -> None:
    """Draw the list; a click on a name opens that dataset."""
    infos = [*uploaded(db()), *catalogue().values()]
    config = st.column_config
    st.dataframe(
        datasets_table(infos, studies_by_dataset(db())),
        key="datasets_grid",
        hide_index=True,
        row_height=_ROW_PX,
        height="content",
        column_config={
            "name": config.ButtonColumn(
                "Name",
                type="tertiary",
                alignment="left",
                pinned=True,
                key="datasets_open",
                on_click=_open,
                args=([info.id for info in infos],),
            ),
            "rows": config.NumberColumn("Rows", format="localized"),
            "inputs": config.NumberColumn("Inputs", format="localized"),
            "target": config.TextColumn("Target", help=HELP["target"]),
            "task": config.TextColumn("Task", help=HELP["task"]),
            "source": "Source",
            "used": "Used by",
        },
        alt=plural(len(infos), "dataset"),
    )


def datasets_table(infos: Sequence[DatasetInfo], used: Mapping[str, int]) -> pd.DataFrame:
    """Return datasets as a table, a row each, in the words of the page."""
    return pd.DataFrame(
        {
            "name": [info.title for info in infos],
            "rows": [info.n_rows for info in infos],
            "inputs": [info.n_inputs for info in infos],
            "target": [info.target for info in infos],
            "task": [TASKS[info.task] for info in infos],
            "source": [SOURCES[info.source] for info in infos],
            "used": [used_by(used.get(info.id, 0)) for info in infos],
        }
    )


def used_by(n_studies: int) -> str:
    """Say how many studies use a dataset."""
    return plural(n_studies, "study", "studies") if n_studies else "–"


def _open(ids: Sequence[str]) -> None:
    links.go(links.DATASETS, id=ids[st.session_state["datasets_open"]["row"]])
