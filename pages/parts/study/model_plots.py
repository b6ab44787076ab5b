"""How the Best model tab draws a Plotly chart."""

from __future__ import annotations

import plotly.graph_objects as go
import streamlit as st

from pages.parts.study.view import View

CHART_PX = 320
_UNUSED = ["lasso2d", "select2d", "autoScale2d"]


def model_plot(
    view: View, figure: go.Figure, title: str, name: str, height: int = CHART_PX
) -> None:
    """Draw a chart that is also a file to take away."""
    picture = str(st.session_state.get("best_picture") or "PNG").lower()
    st.plotly_chart(
        figure, height=height, key=f"best_{name}", alt=title,
        config={
            "displaylogo": False,
            "modeBarButtonsToRemove": _UNUSED,
            "toImageButtonOptions": {
                "format": picture, "scale": 2, "filename": f"{view.id}-{name}",
            },
        },
    )  # fmt: skip
