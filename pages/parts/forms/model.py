"""Section 2 of the New study page: the kind of network."""

from __future__ import annotations

import streamlit as st

from pages.parts.forms import widgets
from pages.parts.forms.reading import Checked

_MODELS = {"dense": "Dense network", "convolutional": "Convolutional network"}


def draw_model(checked: Checked) -> None:
    """Draw the section; a network that does not fit the data is left out."""
    info = checked.info
    fits = info is not None and info.image_shape is not None
    chosen = widgets.value("model")
    options = [name for name in _MODELS if name in ("dense", chosen) or fits]
    with st.container(border=True, key="new_section_model", gap="xsmall"):
        st.subheader("2 Model", anchor=False)
        st.segmented_control(
            "Network",
            options,
            format_func=_MODELS.__getitem__,
            key=widgets.bind("model"),
            required=True,
            label_visibility="collapsed",
        )
        quiet = "" if fits else "Convolutional networks need images."
        widgets.draw_messages(checked, "model", quiet)
