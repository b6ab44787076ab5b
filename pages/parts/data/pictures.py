"""Some of the images of a dropped file, each with its class."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.parts.show import escape
from tuning.datasets.uploads.table import TypedTable

_SHOWN = 12
_PICTURE_PX = 64
_BYTE = 255


def pictures(table: TypedTable, target: str) -> None:
    """Draw a few images of a table, of as many classes as can be."""
    if table.images is None:
        return
    rows = shown_rows(table, target)
    coded = table.coded(target)
    words = table.words(target, coded.codes[rows].astype(np.intp))
    with st.container(horizontal=True, key="ds_pictures"):
        for row, word in zip(rows, words, strict=True):
            st.image(
                drawable(table.images[row], table.images.dtype),
                caption=escape(word),
                width=_PICTURE_PX,
                alt=f"Image of {word}",
            )


def shown_rows(table: TypedTable, target: str) -> NDArray[np.intp]:
    """Return the rows of the images to draw: the first of each class, then the second."""
    codes = table.coded(target).codes
    there = np.flatnonzero(codes >= 0)
    order = np.argsort(codes[there], kind="stable")
    ordered = codes[there][order]
    starts = np.searchsorted(ordered, ordered)
    turns = np.empty(len(there), np.intp)
    turns[order] = np.arange(len(there)) - starts  # how many of its class come before it
    return np.sort(there[np.lexsort((there, turns))][:_SHOWN])


def drawable(pixels: NDArray[np.generic], kind: np.dtype[np.generic]) -> NDArray[np.uint8]:
    """Return an image as bytes, whatever its numbers are: 0 is black, the largest is white."""
    image = np.squeeze(pixels, axis=2) if pixels.shape[2] == 1 else pixels
    if kind == np.uint8:
        return image.astype(np.uint8)
    numbers = np.clip(image.astype(np.float64), 0, None)
    largest = float(numbers.max(initial=0.0))
    scale = _BYTE if largest <= 1 else _BYTE / max(largest, _BYTE)
    return np.rint(numbers * scale).astype(np.uint8)
