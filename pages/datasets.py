"""Datasets: the catalogue, people's own tables, and the way a file becomes one."""

from __future__ import annotations

import streamlit as st

from pages.parts import links
from pages.parts.data.detail import dataset_detail
from pages.parts.data.listing import dataset_list
from pages.parts.data.new_upload import new_upload
from pages.parts.state import query
from pages.parts.uploads import drop_zone, dropped


def _draw_list() -> None:
    st.title("Datasets", anchor=False)
    drop_zone("datasets_upload")
    file = dropped()
    if file is not None:
        new_upload(file)
    dataset_list()


dataset_id = query("id")
if dataset_id:
    links.turn(links.DATASETS, "Datasets", key="ds_back", icon=":material/chevron_left:")
    dataset_detail(dataset_id)
else:
    _draw_list()
