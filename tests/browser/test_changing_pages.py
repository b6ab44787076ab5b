"""Pages that are watched are left by a click, however often they ask for a rerun."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.browser]

N_CLICKS = 40
BUSY_APP = """
import streamlit as st

from pages.parts.reruns import leave_out_late_reruns

leave_out_late_reruns()


@st.fragment(run_every=0.1)
def watch():
    st.caption("Watched.")


def ask():
    st.title("Question")
    n_clicks = st.session_state.get("n_clicks", 0)
    st.button("Ask", on_click=go, args=(answer, {"number": str(n_clicks + 1)}))


def answer():
    st.session_state["n_clicks"] = int(st.query_params["number"])
    st.title(f"Answer {st.query_params['number']}")
    st.button("Back", on_click=go, args=(question, {}))


def go(page, query):
    st.switch_page(page, query_params=query)


question, answer = st.Page(ask, default=True), st.Page(answer, url_path="answer")
current = st.navigation([question, answer])
with st.sidebar:
    watch()
current.run()
"""


@pytest.fixture
def busy_app(tmp_path: Path) -> Iterator[str]:
    """Give the address of an app of two pages that both ask for a rerun ten times a second."""
    (tmp_path / "busy.py").write_text(BUSY_APP, "utf-8")
    port = free_port()
    arguments = ["-m", "streamlit", "run", "busy.py", f"--server.port={port}"]
    with subprocess.Popen(
        [sys.executable, *arguments, "--server.headless=true"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.DEVNULL,
    ) as server:
        try:
            wait_until(lambda: answers(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
            return True
    except OSError:
        return False


def test_no_click_that_changes_the_page_is_lost(busy_app: str, page: Page) -> None:
    page.goto(busy_app)
    for number in range(1, N_CLICKS + 1):
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_role("heading", name=f"Answer {number}")).to_be_visible()
        page.get_by_role("button", name="Back").click()
        expect(page.get_by_role("heading", name="Question")).to_be_visible()
