"""People who watch a study, without browsers: websockets that ask as Streamlit's page does.

Twenty real browsers would take the cores that are to be measured. A viewer opens the page, then
runs each of its fragments again at the interval the server told, one session a viewer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection

_LOOK_S = 0.5
_GIVE_UP_S = 60.0
_CLOSE_S = 1.0


@dataclass
class Updates:
    """What viewers waited for, in seconds from asking to the last message of the answer.

    Attributes
    ----------
    first : list of float
        For the page when it was opened.
    later : list of float
        For a fragment that was run again, by itself or with the whole page.
    errors : list of str
        Exceptions that pages showed.
    n_unanswered : int
        Fragments that did not come within a minute.
    """

    first: list[float] = field(default_factory=list)
    later: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    n_unanswered: int = 0


@dataclass
class _Fragment:
    interval_s: float
    due_at: float
    asked_at: float | None = None


class Viewer:
    """One person on the page of a study."""

    def __init__(self, url: str, study_id: str, updates: Updates) -> None:
        self._address = url.replace("http", "ws", 1) + "/_stcore/stream"
        self._query = urlencode({"id": study_id, "tab": "Live"})
        self._updates = updates
        self._fragments: dict[str, _Fragment] = {}
        self._kept: set[str] = set()  # messages a browser keeps and need not be sent again
        self._page = ""
        self._opened_at = 0.0

    async def watch(self, over: asyncio.Event) -> None:
        """Open the page and follow it until it is over."""
        async with websockets.connect(
            self._address, max_size=None, close_timeout=_CLOSE_S
        ) as socket:
            self._opened_at = time.perf_counter()
            await self._ask(socket, "")
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    data = await asyncio.wait_for(socket.recv(decode=False), self._pause_s())
                    self._take(ForwardMsg.FromString(data))
                await self._ask_what_is_due(socket)

    def _pause_s(self) -> float:
        """Return the seconds until something has to be asked, if nothing comes before."""
        due = [f.due_at for f in self._fragments.values() if f.asked_at is None]
        wait_s = min(due, default=_LOOK_S + time.perf_counter()) - time.perf_counter()
        return min(max(wait_s, 0.0), _LOOK_S)

    async def _ask(self, socket: ClientConnection, fragment: str) -> None:
        state = ClientState(
            query_string=self._query,
            page_name="study",
            page_script_hash=self._page,
            fragment_id=fragment,
            is_auto_rerun=bool(fragment),
            cached_message_hashes=sorted(self._kept),
        )
        await socket.send(BackMsg(rerun_script=state).SerializeToString())

    async def _ask_what_is_due(self, socket: ClientConnection) -> None:
        now = time.perf_counter()
        for name, fragment in self._fragments.items():
            waiting = fragment.asked_at is not None
            if waiting and now - (fragment.asked_at or now) > _GIVE_UP_S:
                self._updates.n_unanswered += 1
                fragment.asked_at = None
            elif not waiting and now >= fragment.due_at:
                fragment.due_at = now + fragment.interval_s
                fragment.asked_at = now
                await self._ask(socket, name)

    def _take(self, message: ForwardMsg) -> None:
        self._kept |= {message.hash} if message.metadata.cacheable else set()
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._page = message.new_session.page_script_hash
            if not message.metadata.run.fragment_ids:
                self._fragments.clear()  # the whole page runs and names them anew
        elif kind == "navigation":
            self._page = message.navigation.page_script_hash
        elif kind == "auto_rerun":
            told = message.auto_rerun
            due_at = time.perf_counter() + told.interval
            self._fragments.setdefault(told.fragment_id, _Fragment(told.interval, due_at))
        elif kind == "stop_auto_rerun":
            gone = set(message.stop_auto_rerun.fragment_ids)
            self._fragments = {n: f for n, f in self._fragments.items() if n not in gone}
        elif kind == "script_finished":
            self._finish(message.metadata.run.fragment_ids)
        elif message.delta.new_element.WhichOneof("type") == "exception":
            shown = message.delta.new_element.exception
            self._updates.errors.append(f"{shown.type}: {shown.message}")

    def _finish(self, fragments: Sequence[str]) -> None:
        now = time.perf_counter()
        if not fragments and self._opened_at:
            self._updates.first.append(now - self._opened_at)
            self._opened_at = 0.0
        for fragment in self._answered(fragments):
            self._updates.later.append(now - (fragment.asked_at or now))
            fragment.asked_at = None

    def _answered(self, fragments: Sequence[str]) -> list[_Fragment]:
        """Return what was asked for no later than what has just come.

        A session answers in order, but says of a run neither that it began nor that it ended
        where the next one has begun before that was sent. The whole page answers everything.
        """
        waiting = [f for f in self._fragments.values() if f.asked_at is not None]
        if not fragments:
            return waiting
        ended = [self._fragments[name] for name in fragments if name in self._fragments]
        last = max((f.asked_at or 0.0 for f in ended), default=0.0)
        return [f for f in waiting if (f.asked_at or 0.0) <= last]


class Audience:
    """Viewers in a thread of their own, from entering to leaving the block."""

    def __init__(self, url: str, study_id: str, n_viewers: int) -> None:
        self.updates = Updates()
        self._viewers = [Viewer(url, study_id, self.updates) for _ in range(n_viewers)]
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._watching: Future[None] | None = None

    def __enter__(self) -> Audience:
        self._watching = self._pool.submit(asyncio.run, self._watch())
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        if self._watching is not None:
            self._watching.result()  # raises what went wrong there

    async def _watch(self) -> None:
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for viewer in self._viewers:
                group.create_task(viewer.watch(over))
            await asyncio.to_thread(self._over.wait)
            over.set()
