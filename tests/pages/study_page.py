"""The study page opened through the frame, and what stands on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

FRAME = Path(__file__).resolve().parents[2] / "pages" / "frame.py"
PAGE = FRAME.with_name("study.py")


def opened(study_id: str = "", **query: str | list[str]) -> AppTest:
    """Open the study page through the frame, with an address."""
    page = AppTest.from_file(str(FRAME), default_timeout=30)
    page.switch_page(str(PAGE))
    if study_id:
        page.query_params["id"] = study_id
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    """Return every sentence on the page."""
    parts = [*page.markdown, *page.caption, *page.error, *page.info, *page.warning]
    found = [str(part.value) for part in parts]
    found += [node.proto.text for node in page.get("progress")]
    return "\n".join(found).replace("\\", "")


def tiles(page: AppTest) -> dict[str, str]:
    """Return the numbers in the head, by what they are."""
    return {metric.label: metric.value for metric in page.metric}


def notes(page: AppTest) -> dict[str, str]:
    """Return the small print of the tiles, by what they are."""
    return {metric.label: metric.delta for metric in page.metric}


def charts(page: AppTest) -> list[dict[str, Any]]:
    """Return the options of the ECharts on the page."""
    return [json.loads(node.proto.spec) for node in page.get("echarts_chart")]


def buttons(page: AppTest) -> set[str]:
    """Return the keys of the buttons on the page."""
    return {button.key for button in page.button if button.key}
