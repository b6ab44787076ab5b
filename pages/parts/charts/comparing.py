"""Studies and trials side by side, as Plotly figures: each keeps one colour in all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from pages.parts.charts.colors import HIGHLIGHTS, LEADER, NEUTRAL, SECOND
from pages.parts.charts.plots import count_axis, titled
from tuning.analysis.curves import Array, thin
from tuning.digits import signed_between

_COLORS = (LEADER, SECOND, *HIGHLIGHTS)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
_ROW_PX, _FRAME_PX = 40, 150
_CHART_PX, _NAME_PX, _AXIS_PX = 330, 20, 64
_ROOM = 0.06


def color_of(place: int) -> str:
    """Return the colour of an entry, by its place."""
    return _COLORS[place % len(_COLORS)]


def search_curves(
    tables: Mapping[str, pd.DataFrame],
    places: Mapping[str, int],
    digits: Sequence[int],
    by: str,
    title: str,
    value: str,
) -> go.Figure:
    """Draw the best score so far of each search.

    Parameters
    ----------
    tables : mapping
        Of `tuning.analysis.comparing.best_so_far`, by the name of the study.
    places : mapping
        Of the first entry of each study, by its name.
    digits : sequence of int
        Decimals of the scores of each entry.
    by : {"seconds", "trials"}
        The column across.
    """
    figure = go.Figure()
    for name, whole in tables.items():
        table = whole.drop_duplicates(by, keep="last")  # what ended together has no order
        figure.add_scatter(
            x=table[by],
            y=table["best"],
            mode="lines+markers" if len(table) == 1 else "lines",
            name=name,
            line={"shape": "hv", **_line(places[name])},
            customdata=table[["trials", "seconds", "leader"]],
            hovertemplate=f"%{{y:.{digits[places[name]]}f}} after "
            + "%{customdata[0]:,} trials and %{customdata[1]:,.1f} s"
            + "<br>trial %{customdata[2]}<extra>%{fullData.name}</extra>",
        )
    if by == "trials":
        longest = max((len(table) for table in tables.values()), default=0)
        count_axis(figure, longest, "finished trials")
    else:
        figure.update_xaxes(title="seconds since the first fit began", rangemode="tozero")
    figure.update_yaxes(title=f"best {value} so far")
    return _named_below(figure, title, len(tables))


def item_curves(
    curves: Mapping[str, Array], digits: Mapping[str, int], title: str, value: str
) -> go.Figure:
    """Draw a learning curve for each entry, by epoch from 1.

    Parameters
    ----------
    digits : mapping
        Decimals of the values of each.
    """
    figure = go.Figure()
    for place, (label, curve) in enumerate(curves.items()):
        epochs = thin(len(curve))
        figure.add_scatter(
            x=epochs + 1,
            y=curve[epochs],
            mode="lines" if len(curve) > 1 else "markers",
            name=label,
            line=_line(place),
            hovertemplate=f"epoch %{{x:,}}: %{{y:.{digits[label]}f}}"
            + "<extra>%{fullData.name}</extra>",
        )
    longest = max((len(curve) for curve in curves.values()), default=0)
    count_axis(figure, longest, "epoch")
    figure.update_yaxes(title=value)
    return _named_below(figure, title, len(curves))


def fold_dots_chart(
    table: pd.DataFrame, digits: Mapping[str, int], title: str, value: str
) -> go.Figure:
    """Draw the score of every fit; dots of one fold are joined, because they share its rows.

    Parameters
    ----------
    table : DataFrame
        Of `tuning.analysis.comparing.fold_dots`.
    digits : mapping
        Decimals of the scores of each entry: all of them, in the order that fixes their
        colours.
    """
    figure = go.Figure()
    for _, fold in table.groupby("place"):
        figure.add_scatter(
            x=fold["place"], y=fold["score"], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": NEUTRAL, "width": 1},
        )  # fmt: skip
    for place, (label, n_digits) in enumerate(digits.items()):
        own = table[table["label"] == label]
        figure.add_scatter(
            x=own["place"],
            y=own["score"],
            mode="markers",
            name=label,
            marker={
                "color": color_of(place),
                "symbol": _SYMBOLS[place % len(_SYMBOLS)],
                "size": 10,
            },
            customdata=own[["repeat", "fold"]],
            hovertemplate="repeat %{customdata[0]} fold %{customdata[1]}: "
            + f"%{{y:.{n_digits}f}}"
            + "<extra>%{fullData.name}</extra>",
        )
    _name_folds(figure, table)
    figure.update_yaxes(title=value)
    return _named_below(figure, title, len(digits))


def _name_folds(figure: go.Figure, table: pd.DataFrame) -> None:
    """Name the folds where there are few; of many only the repeats can be read."""
    each = table.drop_duplicates("place")
    if each["repeat"].nunique() > 1:
        each = each[each["fold"] == 0]
        words = [f"repeat {repeat}" for repeat in each["repeat"]]
    else:
        words = [f"fold {fold}" for fold in each["fold"]]
    figure.update_xaxes(tickvals=each["place"], ticktext=words, showgrid=False)


def gaps_chart(
    table: pd.DataFrame, title: str, value: str, *, higher_is_better: bool
) -> go.Figure:
    """Draw how far each is from the first; worse is on the left, hollow may be as good.

    Parameters
    ----------
    table : DataFrame
        Of `tuning.analysis.comparing.gaps_to_first`.
    """
    is_told = table["verdict"].isin(("a better", "b better"))
    colors = [color_of(place) for place in table["place"]]
    figure = go.Figure()
    figure.add_vline(x=0, line={"color": LEADER, "width": 2})
    figure.add_scatter(
        x=table["gap"],
        y=table["label"],
        mode="markers",
        showlegend=False,
        marker={
            "symbol": ["circle" if told else "circle-open" for told in is_told],
            "size": 11,
            "color": colors,
            "line": {"width": 2, "color": colors},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": table["high"] - table["gap"],
            "arrayminus": table["gap"] - table["low"],
            "color": NEUTRAL,
            "thickness": 2,
            "width": 4,
        },
        customdata=[
            (signed_between(gap, low, high),)
            for gap, low, high in table[["gap", "low", "high"]].itertuples(index=False)
        ],
        hovertemplate="%{y}: %{customdata[0]}<extra></extra>",
    )
    low, high = min(table["low"].min(), 0.0), max(table["high"].max(), 0.0)
    room = _ROOM * (high - low) or 1.0
    ends = [low - room, high + room]
    figure.update_xaxes(
        title=f"difference in {value} on the same folds",
        range=ends if higher_is_better else ends[::-1],
        tickformat=".3~f",
        zeroline=False,
        nticks=6,
    )
    labels = table["label"].tolist()
    figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1], showgrid=False)
    return titled(figure, title)


def gaps_px(n_rows: int) -> int:
    """Return the height that gives each entry a line of its own."""
    return _FRAME_PX + _ROW_PX * n_rows


def chart_px(n_entries: int) -> int:
    """Return the height that leaves each name below a chart a line of its own."""
    return _CHART_PX + _NAME_PX * n_entries


def _named_below(figure: go.Figure, title: str, n_entries: int) -> go.Figure:
    titled(figure, title, has_legend=True)
    return figure.update_layout(margin_b=_AXIS_PX + _NAME_PX * n_entries)


def _line(place: int) -> dict[str, object]:
    return {"color": color_of(place), "width": 2.5, "dash": _DASHES[place % len(_DASHES)]}
