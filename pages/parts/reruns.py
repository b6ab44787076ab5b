"""Automatic reruns that come late, which Streamlit lets undo a change of page.

A fragment that watches something asks for a rerun every few seconds, in the name of the page
that its browser shows. When the server has just changed the page (`st.switch_page`), such a
request may be on its way already. Streamlit 1.67 then either takes its page and its query in
place of those that were to be shown, so that a click does nothing, or runs it after the new
page in the name of the old one, so that the browser clears its screen and stays empty.
"""

from __future__ import annotations

import functools

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
)


@functools.cache
def leave_out_late_reruns() -> None:
    """Let Streamlit drop automatic reruns that come late; the next one is due in seconds."""
    request, fold = AppSession.request_rerun, ScriptRequests._request_rerun_locked

    def request_rerun(session: AppSession, client_state: ClientState | None) -> None:
        if client_state is None or not is_late(session._pages_manager, client_state):
            request(session, client_state)

    def request_rerun_locked(requests: ScriptRequests, new_data: RerunData) -> bool:
        return is_needless(requests, new_data) or fold(requests, new_data)

    AppSession.request_rerun = request_rerun  # type: ignore[assignment, method-assign]
    ScriptRequests._request_rerun_locked = request_rerun_locked  # type: ignore[assignment, method-assign]


def is_late(pages: PagesManager, client_state: ClientState) -> bool:
    """Tell whether an automatic rerun is of a page that the server has left.

    One that names no page, or the script around all pages, comes from a client that does not
    know its own page yet.
    """
    shown = pages.intended_page_script_hash or pages.current_page_script_hash
    unknown = {"", pages.main_script_hash}
    return client_state.is_auto_rerun and client_state.page_script_hash not in {shown, *unknown}


def is_needless(requests: ScriptRequests, new_data: RerunData) -> bool:
    """Tell whether an automatic rerun has been overtaken.

    It is by a run of the whole page that waits, and by a change of page that waits or has just
    been taken up.
    """
    last = requests._rerun_data
    waits = requests._state == ScriptRequestType.RERUN
    is_whole = not last.fragment_id and not last.fragment_id_queue
    pages = {last.page_script_hash, new_data.page_script_hash} - {""}
    is_of_another = len(pages) > 1
    return new_data.is_auto_rerun and (is_of_another or (waits and is_whole))
