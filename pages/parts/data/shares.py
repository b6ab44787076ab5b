"""How many rows each class has."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

_WIDTH_PX = 480


def class_shares(names: Sequence[str], counts: Sequence[int]) -> None:
    """Draw the classes of a target with their rows and shares; nothing for a number."""
    if not names:
        return
    st.dataframe(
        shares_table(names, counts),
        hide_index=True,
        height="content",
        width=_WIDTH_PX,
        column_config={
            "class": "Class",
            "rows": st.column_config.NumberColumn("Rows", format="localized"),
            "share": st.column_config.ProgressColumn(
                "Share", format="%.1f %%", min_value=0, max_value=100
            ),
        },
        alt=", ".join(
            f"{name}: {count} rows" for name, count in zip(names, counts, strict=True)
        ),
    )


def shares_table(names: Sequence[str], counts: Sequence[int]) -> pd.DataFrame:
    """Return a row for each class, with its share of all rows in percent."""
    total = sum(counts)
    shares = [100 * count / total for count in counts]
    return pd.DataFrame({"class": list(names), "rows": list(counts), "share": shares})
