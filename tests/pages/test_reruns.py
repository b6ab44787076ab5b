"""What happens to automatic reruns that come late, in Streamlit's own queue."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
)

from pages.parts.reruns import is_late, leave_out_late_reruns

CHANGE = RerunData(page_script_hash="new", query_string="id=1")
AUTOMATIC = RerunData(page_script_hash="old", fragment_id="watch", is_auto_rerun=True)
CLICK = RerunData(page_script_hash="old", query_string="clicked=1")


def run_next(*asked: RerunData) -> RerunData:
    leave_out_late_reruns()
    requests = ScriptRequests()
    for data in asked:
        assert requests.request_rerun(data)
    found = requests.on_scriptrunner_ready().rerun_data
    assert found is not None
    return found


@pytest.mark.parametrize("asked", [(CHANGE, AUTOMATIC), (AUTOMATIC, CHANGE)])
def test_an_automatic_rerun_does_not_undo_a_change_of_page(
    asked: tuple[RerunData, ...],
) -> None:
    found = run_next(*asked)

    assert (found.page_script_hash, found.query_string) == ("new", "id=1")
    assert found.fragment_id_queue == []


def test_an_automatic_rerun_is_late_also_when_the_new_page_is_taken_up_already() -> None:
    leave_out_late_reruns()
    requests = ScriptRequests()
    assert requests.request_rerun(CHANGE)
    assert requests.on_scriptrunner_ready().rerun_data is not None

    assert requests.request_rerun(AUTOMATIC)

    assert requests.on_scriptrunner_ready().type == ScriptRequestType.STOP


@pytest.mark.parametrize("page", ["old", ""])
def test_a_page_goes_on_being_watched(page: str) -> None:
    leave_out_late_reruns()
    requests = ScriptRequests()
    assert requests.request_rerun(CLICK)
    assert requests.on_scriptrunner_ready().rerun_data is not None

    assert requests.request_rerun(replace(AUTOMATIC, page_script_hash=page))

    found = requests.on_scriptrunner_ready().rerun_data
    assert found is not None
    assert found.fragment_id_queue == ["watch"]


def test_automatic_reruns_of_fragments_are_all_run() -> None:
    other = RerunData(page_script_hash="old", fragment_id="other", is_auto_rerun=True)

    assert run_next(AUTOMATIC, other).fragment_id_queue == ["watch", "other"]


def test_a_click_still_takes_the_place_of_what_waits() -> None:
    assert run_next(CHANGE, CLICK).query_string == "clicked=1"


@pytest.mark.parametrize(
    ("shown", "intended", "of_page", "late"),
    [
        ("old", "", "old", False),
        ("new", "", "old", True),
        ("old", "new", "old", True),  # the new page runs, and has not said so yet
        ("old", "new", "new", False),
        ("new", "new", "new", False),
        ("new", "new", "", False),  # a client that does not know its page yet
    ],
)
def test_an_automatic_rerun_of_a_page_that_was_left_is_late(
    shown: str, intended: str, of_page: str, *, late: bool
) -> None:
    pages = PagesManager("app.py")
    pages.set_current_page_script_hash(shown)
    pages.set_script_intent(intended, "")

    assert is_late(pages, ClientState(page_script_hash=of_page, is_auto_rerun=True)) == late
    around = ClientState(page_script_hash=pages.main_script_hash, is_auto_rerun=True)
    assert not is_late(pages, around)
    assert not is_late(pages, ClientState(page_script_hash=of_page))
