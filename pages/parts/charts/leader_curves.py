"""Learning curves of the best trials as one Plotly figure, for pages that open offline."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from pages.parts.charts.colors import HIGHLIGHTS, LEADER
from pages.parts.charts.plots import count_axis, titled
from tuning.analysis.curves import CurveBook, Measure, thin


def leader_curves(
    book: CurveBook, numbers: Sequence[int], measure: Measure, title: str, n_digits: int
) -> go.Figure:
    """Draw the mean over the fits of each trial by epoch, the leader first and thickest.

    Parameters
    ----------
    numbers : sequence of int
        Best first; those without a curve are left out.
    n_digits : int
        Decimals of values under the pointer.
    """
    figure = go.Figure()
    most = 1
    for place, number in enumerate(number for number in numbers if number in book):
        curve = book.mean(number, measure)
        epochs = thin(len(curve))
        most = max(most, len(curve))
        color = LEADER if place == 0 else HIGHLIGHTS[(place - 1) % len(HIGHLIGHTS)]
        figure.add_scatter(
            x=epochs + 1,
            y=curve[epochs],
            mode="lines",
            name=f"trial {number}",
            line={"color": color, "width": 3 if place == 0 else 1.5},
            hovertemplate=f"trial {number}, epoch %{{x}}: %{{y:.{n_digits}f}}<extra></extra>",
        )
    count_axis(figure, most, "epoch")
    figure.update_yaxes(title=f"{measure.word} on validation rows")
    return titled(figure, title, has_legend=True)
