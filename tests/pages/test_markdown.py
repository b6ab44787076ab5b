"""Markdown that people typed does no harm, whatever it is made of."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from pages.parts.markdown import as_html

ALLOWED = {
    "div", "p", "br", "hr", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote",
    "h4", "a",
}  # fmt: skip
ATTRIBUTES = {
    "div": {"style"},
    "a": {"href", "target", "rel", "style"},
    "pre": set[str](),
    "code": {"style"},
    "ol": {"start"},
}


class Parts(HTMLParser):
    """Notes which tags, links and words a page would have."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED
        assert {name for name, _ in attrs} <= ATTRIBUTES.get(tag, set())
        self.tags.append(tag)
        if tag == "a":
            self.links.append(str(dict(attrs)["href"]))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_markdown_becomes_what_it_says() -> None:
    html = as_html(
        "# Head\n\n**bold** *slanted* `code`\n\n- one\n- two\n\n[docs](https://e.org/a)"
    )
    parts = Parts(html)

    assert parts.tags == ["div", "h4", "p", "strong", "em", "code", "ul", "li", "li", "p", "a"]
    assert parts.links == ["https://e.org/a"]
    assert parts.text.split() == ["Head", "bold", "slanted", "code", "one", "two", "docs"]
    assert 'target="_blank" rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <b onclick='x()'>b</b>",
        "<!-- comment -->",
        "<svg/onload=alert(1)>",
        "<iframe src='https://e.org'></iframe>",
    ],
)
def test_tags_are_shown_as_they_were_typed(text: str) -> None:
    parts = Parts(as_html(text))

    assert set(parts.tags) <= {"div", "p"}
    assert parts.text.strip() == text


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:x)",
        "[x](file:///etc/passwd)",
        "[x](mailto:a@e.org)",
        "[x](/study?id=y)",
        "[x](//e.org)",
        "[x](https:///x)",
        "<javascript:alert(1)>",
        "<a@e.org>",
        "[x]\n\n[x]: javascript:alert(1)",
        "https://e.org",
    ],
)
def test_only_addresses_of_the_web_that_were_meant_become_links(text: str) -> None:
    assert Parts(as_html(text)).links == []


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("[x](http://e.org)", "http://e.org"),
        ("<HTTPS://e.org/a?b=1&c=2>", "HTTPS://e.org/a?b=1&c=2"),
        ("[x][y]\n\n[y]: https://e.org", "https://e.org"),
        ('[x](https://e.org "onclick=alert(1)")', "https://e.org"),
        ('[x](https://e.org/"onclick=alert(1))', "https://e.org/%22onclick=alert(1)"),
    ],
)
def test_links_lead_to_the_web(text: str, link: str) -> None:
    assert Parts(as_html(text)).links == [link]


def test_a_picture_from_outside_is_a_link_that_nobody_has_to_click() -> None:
    parts = Parts(as_html("![tracker](https://e.org/p.gif)"))

    assert (parts.links, parts.text.strip()) == (["https://e.org/p.gif"], "!tracker")


def test_the_language_of_code_does_not_reach_the_page() -> None:
    parts = Parts(as_html('```"><script>\n1 < 2\n```'))

    assert parts.tags == ["div", "pre", "code"]
    assert parts.text.strip() == "1 < 2"


def test_what_is_nested_deep_comes_back_at_all() -> None:
    assert Parts(as_html(">" * 5000 + " deep")).text
    assert Parts(as_html("[" * 5000)).links == []
