"""Titles of charts: a finding, broken into lines of about the same length.

Neither ECharts nor Plotly breaks lines by itself, and a phone shows about 44 letters.
"""

from __future__ import annotations

import textwrap

_LINE = 44


def broken(title: str, newline: str = "\n") -> str:
    """Return the title in lines that fit a phone, none of them a single stray word."""
    n_lines = len(textwrap.wrap(title, _LINE))
    width = max(len(title) // max(n_lines, 1), 1)
    while len(lines := textwrap.wrap(title, width)) > n_lines:
        width += 1
    return newline.join(lines)
