"""Markdown that people typed, as HTML that can do no harm to who reads it.

Tags are shown as they were typed, pictures become links, and links lead only to the web.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from markdown_it.token import Token

_WEB = re.compile(r"https?://[^/]", re.IGNORECASE)
_HEADING = "h4"  # a note is a small part of a page, whatever size its headings ask for
_FIT = "overflow-wrap: anywhere"  # a long word must not make a phone scroll sideways
_FIT_CODE = "white-space: pre-wrap"
_LINK = {
    "target": "_blank",
    "rel": "noopener noreferrer nofollow",
    "style": "color: inherit",  # a browser's own blue cannot be read on the dark ground
}


class _Reader(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802 (the library's name)
        return _WEB.match(url) is not None


_READER = _Reader("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])


def as_html(text: str) -> str:
    """Return Markdown as HTML: no tags but those of Markdown, no pictures, links to the web."""
    tokens = _READER.parse(text)
    _tame(tokens)
    body = _READER.renderer.render(tokens, _READER.options, {})
    return f'<div style="{_FIT}">{body}</div>'


def _tame(tokens: Iterable[Token]) -> None:
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = _HEADING
        elif token.type in {"fence", "code_block"}:
            token.info = ""  # the name of a language would become a class
            token.attrs = {"style": _FIT_CODE}
        elif token.type == "link_open":
            token.attrs |= _LINK
            token.attrs.pop("title", None)
        _tame(token.children or ())
