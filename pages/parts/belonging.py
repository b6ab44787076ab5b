"""What it means for a study that the rows of a dataset belong together."""

from __future__ import annotations

from tuning.datasets.info import DatasetInfo


def belonging_words(info: DatasetInfo) -> str:
    """Say how rows are divided that stand in time or in groups; empty for all others."""
    if info.belonging == "time":
        return (
            "Rows stand in the order of time, so trials are judged on later rows than those "
            + "they were trained on."
        )
    if info.belonging == "groups":
        return (
            f"Rows belong to {info.n_groups:,} groups; no group is both trained on and judged "
            + "on."
        )
    return ""
