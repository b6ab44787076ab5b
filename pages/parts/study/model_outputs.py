"""What the saved model says of the sealed rows: drawn only when a person has opened them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts.charts.outputs import (
    calibration_dots,
    precision_recall_line,
    predicted_dots,
    residual_dots,
    roc_line,
)
from pages.parts.show import escape, plural
from pages.parts.state import db
from pages.parts.study.facts import SCORES
from pages.parts.study.model_plots import model_plot
from pages.parts.study.view import View
from pages.parts.words import HELP
from tuning.analysis.areas import precision_ends, roc_ends
from tuning.analysis.outputs import (
    calibration_finding,
    calibration_table,
    class_shares,
    precision_recall,
    residual_finding,
    residual_table,
    roc,
    said_classes,
)
from tuning.analysis.winner import sealed_level
from tuning.datasets.info import DatasetInfo
from tuning.digits import DIGITS_ALONE, decimals, with_ends
from tuning.sealed import Opened, opened_test, other_openings
from tuning.sealed_outputs import SealedOutputs, outputs_path, read_outputs

_NOT_KEPT = (
    "This test was opened before outputs were kept, so that there are only its scores and "
    + "its classes."
)
_PICTURES_A_ROW = 6
_PICTURE_PX = 96


def outputs_part(view: View, path: Path) -> None:
    """Draw every score of an opened test, and the charts of its rows; nothing before."""
    opened = opened_test(view.row)
    if opened is None or not opened.n_rows or view.info is None:
        return
    st.markdown("**Sealed rows, every score**", help=HELP["sealed_test"])
    n_openings = _n_openings(view, view.info, opened)
    _scores(opened, n_openings)
    kept_path = outputs_path(path)
    kept = None
    if kept_path.is_file():
        kept = _outputs(str(kept_path), kept_path.stat().st_mtime_ns)
    if kept is None:
        st.caption(_NOT_KEPT)
        return
    if view.info.task == "regression":
        _residuals(view, view.info, kept)
    else:
        _classes(view, view.info, kept, level=sealed_level(n_openings))
        _wrong_images(view.info, kept)
    if len(kept.targets) < opened.n_rows:
        st.caption(
            f"The charts show {len(kept.targets):,} of {opened.n_rows:,} sealed rows, drawn "
            + "evenly at random."
        )


@st.cache_data(show_spinner=False, max_entries=8)
def _outputs(path: str, _written_ns: int) -> SealedOutputs | None:
    return read_outputs(Path(path))


def _n_openings(view: View, info: DatasetInfo, opened: Opened) -> int:
    """Count how often these rows had been opened by then: each look widens the intervals."""
    others = other_openings(db(), view.id, view.spec, info)
    return 1 + sum((other.test_opened_at or 0.0) < opened.at for other in others)


def _scores(opened: Opened, n_openings: int) -> None:
    """List every score by name with its interval, where its rows tell one."""
    rows = []
    for name, value in opened.scores.items():
        found = opened.interval(name, n_openings=n_openings)
        n_digits = DIGITS_ALONE if found is None else decimals((found.high - found.low) / 2)
        ends = "" if found is None else f"{found.low:.{n_digits}f} to {found.high:.{n_digits}f}"
        level = "" if found is None else f"{100 * found.level:.3g} %"
        rows.append((SCORES.get(name, name), f"{value:.{n_digits}f}", ends, level))
    table = pd.DataFrame(rows, columns=["Score", "Value", "Interval", "Level"])
    st.dataframe(table, hide_index=True, height="content", alt="Scores on the sealed rows")


def _classes(view: View, info: DatasetInfo, kept: SealedOutputs, *, level: float) -> None:
    """Draw ROC, precision and recall, and calibration of one class.

    Parameters
    ----------
    level : float
        Of the intervals of areas.
    """
    codes = list(range(len(info.class_names)))
    code = codes[-1]
    if len(codes) > 2:
        code = st.selectbox(
            "Class", codes, format_func=lambda c: info.class_names[c], key="best_class",
            width=220,
        )  # fmt: skip
    name = info.class_names[code]
    is_class = kept.targets.astype(np.intp) == code
    shares = class_shares(kept.outputs, code)
    curve, precise = roc(is_class, shares), precision_recall(is_class, shares)
    if isinstance(curve, str) or isinstance(precise, str):
        st.caption(escape(str(curve)))
        return
    n_class = int(is_class.sum())
    left, right = st.columns(2)
    with left:
        of_roc = roc_ends(curve.area, n_class, len(is_class) - n_class, level=level)
        words = with_ends(curve.area, *of_roc)
        title = f"Area under ROC {words}: {name!r} against the rest"
        model_plot(view, roc_line(curve, title), title, "roc")
    with right:
        words = with_ends(precise.area, *precision_ends(precise.area, n_class, level=level))
        title = f"Average precision {words}; guessing gives {precise.chance:.2g}"
        model_plot(view, precision_recall_line(precise, title), title, "precision")
    table = calibration_table(is_class, shares)
    title = calibration_finding(table)
    model_plot(view, calibration_dots(table, title), title, "calibration")
    st.caption(
        escape(f"{plural(len(shares), 'sealed row')}. Calibration of {name!r}: ")
        + "rows in bins of about equal counts; whiskers hold 95 %. In brackets above: "
        + f"{100 * level:.3g} % intervals.",
        help=HELP["calibration"],
    )


def _residuals(view: View, info: DatasetInfo, kept: SealedOutputs) -> None:
    value = f"{info.target} ({info.unit})" if info.unit else info.target
    value = f"logarithm of {value}" if info.log_target else value
    table = residual_table(kept.targets, kept.outputs)
    title = residual_finding(table)
    left, right = st.columns(2)
    with left:
        model_plot(view, predicted_dots(table, title, value), title, "predicted")
    with right:
        spread = f"Nine of ten are off by at most {table['residual'].abs().quantile(0.9):.3g}"
        model_plot(view, residual_dots(table, spread, value), spread, "residuals")
    st.caption(f"A dot is a sealed row; {plural(len(table), 'row')}.")


def _wrong_images(info: DatasetInfo, kept: SealedOutputs) -> None:
    """Draw the images that were said wrong with the least doubt, the worst first."""
    if not len(kept.images):
        return
    st.markdown("**Most wrong images**")
    said = said_classes(info.task, kept.image_outputs)
    with st.grid(_PICTURES_A_ROW, min_column_width=_PICTURE_PX):
        for image, truth, code in zip(kept.images, kept.image_truths, said, strict=True):
            names = [info.class_names[int(c)] for c in (truth, code)]
            picture = image[:, :, 0] if image.shape[-1] == 1 else image
            st.image(
                picture, width=_PICTURE_PX,
                caption=escape(f"{names[0]}, said {names[1]}"),
            )  # fmt: skip
    st.caption("Sealed images whose true class was given the smallest share.")
