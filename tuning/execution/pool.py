"""Shares the processes of a cluster among studies, and sees every job to its end.

One thread, the dispatcher, owns all that is known of jobs; everybody else leaves messages in
its inbox. A job whose process died is trained again: what it had told already is not told
twice. One whose process ran out of memory is tried again alone, then cut in halves, until the
trial that is too big is found; that one fails with a sentence, and its neighbours finish.
"""

from __future__ import annotations

import itertools
import pickle
import queue
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog
from distributed import CancelledError, KilledWorker
from numpy.typing import NDArray

from storage.settings import Settings
from tuning.errors import ClusterError
from tuning.execution import remote
from tuning.execution.cluster import Cluster, ProcessFacts
from tuning.execution.interface import BestModel, Leader, StopSignal, Work
from tuning.execution.jobs import Job, halves, make_jobs
from tuning.execution.memory import too_big
from tuning.execution.remote import Context, Ended, EpochNews, Message, News, Word
from tuning.training.interface import FitResult, Reporter, Training

_TICK_S = 0.1
_LOOK_EVERY_S = 0.5  # at the processes of the cluster
_SPEAK_EVERY_S = 2.0  # to processes with jobs, so that they know somebody wants them
_SILENT_S = 60.0  # a process that tells nothing for so long hangs
_OVERDUE_S = 60.0  # a job that was told to stop and has not ended by then hangs
_MISSING_S = 60.0  # a process that died and is not back by then does not come by itself
_GONE_S = 2.0  # a process that was killed is off the cluster's list by then
_REASON_S = 1.0  # the word that a process died of its memory comes a little after its death
_PREDICTED_S = 300.0  # a saved model has answered by then, or its process is gone
_NEWS_S = 10.0  # what a job has told may arrive so much later than its end
_MOST_DEATHS = 5  # of a job; then it is held for the reason
_FULL = 0.7  # of its memory limit: a process that holds more is started anew between jobs

_UNKNOWN = ProcessFacts(0, has_nanny=False)  # until the scheduler has told more of it

log = structlog.get_logger()

_Future = Any  # of Dask, which gives its own no type to go by


@dataclass(eq=False)
class _Run:
    """A study's call of `train` or `best_model`.

    Attributes
    ----------
    order : int
        Who came first.
    done : Event
        Set once nothing of it is queued or in flight.
    """

    work: Work
    reporter: Reporter | None
    order: int
    signal: StopSignal | None = None
    leader: Leader | None = None
    queue: deque[_Entry] = field(default_factory=deque)
    flying: set[_Entry] = field(default_factory=set)
    context: Any = None
    error: BaseException | None = None
    best: BestModel | None = None
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False)
class _Entry:
    """A job on its way.

    Attributes
    ----------
    told : int
        Epochs of it that the reporter has heard.
    asked : set of int
        Places of trainings whose end its process has been asked for.
    lost_at : float or None
        When its process was found gone.
    """

    run: _Run
    job: Job
    told: int = 0
    deaths: int = 0
    alone: bool = False
    id: int = -1
    worker: str = ""
    future: _Future = None
    n_news: int = 0
    unwanted: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    stop_at: float | None = None
    heard_at: float = 0.0
    lost_at: float | None = None
    ended: Ended | None = None
    ended_at: float = 0.0


class Pool:
    """The executor of a worker: its studies share one cluster.

    Parameters
    ----------
    wanted : Settings
        See `Cluster`.
    silent_s : float
        Seconds without a sign of life after which a process is killed.
    missing_s : float
        Seconds after which a process that died and is not back is missed: everything begins
        anew then.

    Raises
    ------
    ClusterError
        If there is no cluster to be had.
    """

    def __init__(
        self, wanted: Settings, *, silent_s: float = _SILENT_S, missing_s: float = _MISSING_S
    ) -> None:
        self._wanted, self._silent_s, self._missing_s = wanted, silent_s, missing_s
        self._id = uuid.uuid4().hex[:12]
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._runs: list[_Run] = []
        self._entries: dict[int, _Entry] = {}
        self._newest = -1  # job that was begun
        self._draining: set[str] = set()
        self._restarting: set[str] = set()
        self._out_of_memory: set[str] = set()
        self._speaking: set[str] = set()
        self._unsaid: set[str] = set()
        self._reserved: str | None = None
        self._threads: dict[str, int] = {}
        self._facts: dict[str, ProcessFacts] = {}
        self._looked_at = self._spoke_at = 0.0
        self._whole_at = time.monotonic()
        self._closing = threading.Event()
        self._hands = ThreadPoolExecutor(8, thread_name_prefix="cluster")  # calls that may hang
        self._open()
        self._thread = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)
        self._thread.start()

    # What studies call, each from its own thread.

    @property
    def n_cores(self) -> int:
        """Jobs that run side by side."""
        threads = self._cluster.threads()
        return max(1, sum(self._cluster.cores(n) for n in threads.values()))

    def train(self, work: Work, trainings: Sequence[Training], reporter: Reporter) -> None:
        """Run the trainings; see `Executor.train`."""
        run = _Run(work, reporter, next(self._numbers))
        jobs = make_jobs(work.network, trainings, work.rows, work.n_cores)
        run.queue.extend(_Entry(run, job) for job in jobs)
        self._see_through(run)

    def best_model(self, work: Work, leader: Leader, signal: StopSignal) -> BestModel | None:
        """Train the leader on all rows; see `Executor.best_model`."""
        run = _Run(work, None, next(self._numbers), signal, leader)
        run.queue.append(_Entry(run, Job(())))
        self._see_through(run)
        return run.best

    def predict(self, content: bytes, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what a saved model says of raw rows; see `Executor.predict`."""
        key = f"predict-{uuid.uuid4().hex}"
        future = self._cluster.submit(remote.predict, content, features, key=key)
        try:
            outputs: NDArray[np.float32] = future.result(timeout=_PREDICTED_S)
        finally:
            future.release()
        return outputs

    def close(self) -> None:
        """End everything; jobs that run are lost."""
        self._closing.set()
        self._thread.join()
        self._hands.shutdown(wait=False, cancel_futures=True)
        self._cluster.close()

    def _see_through(self, run: _Run) -> None:
        self._inbox.put(lambda: self._runs.append(run))
        run.done.wait()
        if run.error is not None:
            raise run.error

    # The dispatcher: everything below runs on its thread.

    def _open(self) -> None:
        self._cluster = Cluster(self._wanted)
        for name, handle in (
            (remote.topic(self._id), self._take_message),
            ("worker-restart-memory", self._take_death),
        ):
            self._cluster.client.subscribe_topic(name, self._forward(handle))

    def _forward(
        self, handle: Callable[[object], None]
    ) -> Callable[[tuple[float, object]], None]:
        """Hand an event of the cluster over to the dispatcher."""
        return lambda event: self._inbox.put(lambda: handle(event[1]))

    def _dispatch(self) -> None:
        while not self._closing.is_set():
            try:
                self._step()
            except Exception as error:
                if self._cluster.is_connected and not isinstance(
                    error, (OSError, TimeoutError)
                ):
                    log.exception("dispatcher failed")
                self._begin_anew()
        for run in self._runs:
            run.error = run.error or CancelledError("The worker ended.")
            run.done.set()

    def _step(self) -> None:
        try:
            self._inbox.get(timeout=_TICK_S)()
            while True:
                self._inbox.get_nowait()()
        except queue.Empty:
            pass
        now = time.monotonic()
        if not self._cluster.is_connected:
            raise OSError
        if now - self._looked_at >= _LOOK_EVERY_S:
            self._looked_at = now
            self._look(now)
        for run in list(self._runs):
            self._stop_unwanted(run, now)
        for entry in list(self._entries.values()):
            self._watch(entry, now)
        self._speak(now)
        self._fill()
        self._finish_runs()

    def _begin_anew(self) -> None:
        """Connect again after the cluster was lost; jobs in flight start again."""
        log.warning("cluster lost, connecting again", jobs=len(self._entries))
        for entry in list(self._entries.values()):
            self._take_back(entry)
        for run in self._runs:
            run.context = None
        self._cluster.close()
        self._threads, self._restarting, self._draining = {}, set(), set()
        self._speaking, self._unsaid = set(), set()
        pause_s = 0.5
        while not self._closing.wait(pause_s):
            try:
                self._open()
            except (ClusterError, OSError, TimeoutError, RuntimeError) as error:
                log.warning("no cluster", reason=str(error))
                pause_s = min(2 * pause_s, 10.0)
            else:
                self._whole_at = time.monotonic()
                return

    def _look(self, now: float) -> None:
        """See which processes there are, and which jobs have lost theirs."""
        before, self._threads = self._threads, self._cluster.threads()
        if set(self._threads) - set(before):
            self._facts = self._cluster.processes()
        if len(self._threads) >= self._cluster.n_started:
            self._whole_at = now
        elif now - self._whole_at > self._missing_s:
            raise OSError  # a nanny has not brought its process back
        gone = set(before) - set(self._threads)
        self._draining -= gone
        self._restarting -= gone
        for entry in self._entries.values():
            if entry.worker not in self._threads and entry.lost_at is None:
                entry.lost_at = now

    # What the cluster tells.

    def _take_message(self, packed: object) -> None:
        message: Message = pickle.loads(packed)  # type: ignore[arg-type]  # noqa: S301 (see `remote`)
        now = time.monotonic()
        for entry in self._entries.values():
            if entry.worker == message.worker:
                entry.heard_at = now
        for job_id, news in message.news.items():
            entry_or_none = self._entries.get(job_id)
            if entry_or_none is not None:
                self._take_news(entry_or_none, news)

    def _take_news(self, entry: _Entry, news: Sequence[News]) -> None:
        reporter, trainings = entry.run.reporter, entry.job.trainings
        entry.n_news += len(news)
        if reporter is None:
            return
        try:
            for one in news:
                if not isinstance(one, EpochNews):
                    reporter.result(trainings[one.place], one.readout, one.result)
                elif one.epoch >= entry.told:
                    entry.told = one.epoch + 1
                    reporter.epoch([trainings[p] for p in one.places], one.epoch, one.values)
        except Exception as error:  # noqa: BLE001 (it is the study's, not the dispatcher's)
            entry.run.error = error

    def _take_death(self, event: object) -> None:
        if isinstance(event, dict):
            self._out_of_memory.add(str(event["worker"]))

    def _take_end(self, entry: _Entry, future: _Future) -> None:
        if self._entries.get(entry.id) is not entry or entry.future is not future:
            return  # it was given up, and is on its way again
        error = future.exception() if future.status == "error" else None
        if future.status == "finished":
            self._hands.submit(self._fetch, entry, future)
        elif error is None or isinstance(error, (KilledWorker, CancelledError, OSError)):
            entry.lost_at = entry.lost_at or time.monotonic()
        else:
            self._drop(entry)
            entry.run.error = error

    def _fetch(self, entry: _Entry, future: _Future) -> None:
        """Get the result of a job; on a thread of its own, for its process may be gone."""
        try:
            ended: Ended = future.result(timeout=30)
        except Exception:  # noqa: BLE001 (whatever it was, the job is trained again)
            self._inbox.put(lambda: self._lose(entry, future))
        else:
            self._inbox.put(lambda: self._take_ended(entry, future, ended))

    def _lose(self, entry: _Entry, future: _Future) -> None:
        if entry.future is future:
            entry.lost_at = entry.lost_at or time.monotonic()

    def _take_ended(self, entry: _Entry, future: _Future, ended: Ended) -> None:
        if entry.future is not future:
            return
        entry.ended, entry.ended_at = ended, time.monotonic()
        facts = self._facts.get(entry.worker, _UNKNOWN)
        full = bool(facts.memory_limit) and ended.rss > _FULL * facts.memory_limit
        many = ended.n_compiled >= self._wanted.compiled_limit
        if (full or many) and facts.has_nanny:  # else nobody would start it again
            self._draining.add(entry.worker)

    # What becomes of a job.

    def _watch(self, entry: _Entry, now: float) -> None:
        if entry.ended is not None:
            if entry.ended.was_stopped and entry.stop_at is None:
                self._take_back(entry)  # its process had not heard from here for too long
            elif entry.n_news >= entry.ended.n_news:
                entry.run.best = entry.ended.best
                self._drop(entry)
            elif now - entry.ended_at > _NEWS_S:
                self._take_back(entry)  # some of what it told was lost on the way
        elif entry.lost_at is not None:
            if now - entry.lost_at >= _REASON_S:
                self._bury(entry)
        elif now - entry.heard_at > self._silent_s or (
            entry.stop_at is not None and now - entry.stop_at > _OVERDUE_S
        ):
            log.warning("training process hangs", study=entry.run.work.study_id)
            self._restart(entry.worker)
            entry.heard_at = now
            entry.lost_at = now

    def _bury(self, entry: _Entry) -> None:
        """Decide how a job goes on whose process died."""
        starved = entry.worker in self._out_of_memory
        study = entry.run.work.study_id
        log.warning("training process died", study=study, out_of_memory=starved)
        self._take_back(entry)
        entry.deaths += 1
        suspect = starved or entry.deaths >= _MOST_DEATHS
        if not suspect:
            return
        if not entry.alone:
            entry.alone = True
            return
        entry.run.queue.remove(entry)
        parts = halves(entry.job)
        for part in reversed(parts):
            smaller = _Entry(entry.run, part, told=entry.told, deaths=entry.deaths, alone=True)
            entry.run.queue.appendleft(smaller)
        if not parts:
            self._give_up(entry, starved=starved)

    def _give_up(self, entry: _Entry, *, starved: bool) -> None:
        work, reporter = entry.run.work, entry.run.reporter
        limit = max((facts.memory_limit for facts in self._facts.values()), default=0)
        for training in entry.job.trainings:
            message = (
                too_big(work.network, training.params, limit)
                if starved
                else f"Its training process died {entry.deaths} times. Change its settings."
            )
            for readout in training.readouts:
                if reporter is not None:
                    reporter.result(training, readout, FitResult(error=message))

    def _take_back(self, entry: _Entry) -> None:
        """Put a job that is in flight back to the front of its queue."""
        self._drop(entry)
        entry.n_news, entry.ended, entry.lost_at, entry.stop_at = 0, None, None, None
        entry.asked, entry.worker = set(), ""
        entry.run.queue.appendleft(entry)

    def _drop(self, entry: _Entry) -> None:
        """Forget a job in flight."""
        self._entries.pop(entry.id, None)
        entry.run.flying.discard(entry)
        if entry.future is not None:
            entry.future.release()
        entry.future = None

    def _stop_unwanted(self, run: _Run, now: float) -> None:
        """Ask processes to end what nobody waits for, and forget what has not begun."""
        if run.error is not None or (run.signal is not None and run.signal.stopped):
            run.queue.clear()
        reporter = run.reporter
        for entry in run.flying:
            over = run.error is not None or (run.signal is not None and run.signal.stopped)
            if reporter is not None and not over:
                mask = reporter.stopping(entry.job.trainings)
                unwanted = set(np.flatnonzero(mask).tolist()) - entry.unwanted
                if unwanted - entry.asked:
                    entry.asked |= unwanted
                    self._say(entry.worker)
                over = bool(mask.all())
            if over and entry.stop_at is None:
                entry.stop_at = now
                self._say(entry.worker)
        while run.queue and reporter is not None:
            if not reporter.stopping(run.queue[0].job.trainings).all():
                break
            run.queue.popleft()

    def _speak(self, now: float) -> None:
        if now - self._spoke_at >= _SPEAK_EVERY_S:
            self._spoke_at = now
            for worker in {entry.worker for entry in self._entries.values()}:
                self._say(worker)

    def _say(self, worker: str) -> None:
        """Tell a process which of its jobs are wanted, on a thread that may wait."""
        if worker in self._speaking:
            self._unsaid.add(worker)
        elif worker:
            self._speaking.add(worker)
            own = self._load(worker)
            alive = {entry.id for entry in own if entry.stop_at is None}
            unwanted = {entry.id: set(entry.asked) for entry in own if entry.asked}
            word = Word(self._id, self._newest, alive, unwanted)
            self._hands.submit(self._speak_to, worker, word)

    def _speak_to(self, worker: str, word: Word) -> None:
        self._cluster.tell(worker, remote.hear, word)
        self._inbox.put(lambda: self._have_said(worker))

    def _have_said(self, worker: str) -> None:
        self._speaking.discard(worker)
        if worker in self._unsaid:
            self._unsaid.discard(worker)
            self._say(worker)

    def _restart(self, worker: str) -> None:
        if worker not in self._threads or worker in self._restarting:
            return
        self._restarting.add(worker)
        if not self._facts.get(worker, _UNKNOWN).has_nanny:
            log.warning("training process has no nanny, it gets no more jobs", process=worker)
        else:
            self._hands.submit(self._restart_it, worker)

    def _restart_it(self, worker: str) -> None:
        """Have a process killed, and make sure that one which lives on is not forgotten."""
        try:
            self._cluster.restart(worker)
        finally:
            self._closing.wait(_GONE_S)
            self._inbox.put(lambda: self._restarting.discard(worker))

    # Which job goes where.

    def _fill(self) -> None:
        """Start jobs while there are cores for them, the most urgent study first."""
        for worker in self._draining - self._restarting:
            if not self._load(worker):
                log.info("training process full, starting it anew")
                self._restart(worker)
        self._reserved = self._for_lonely()
        while True:
            waiting = [run for run in self._runs if run.queue]
            waiting.sort(key=lambda run: (-run.work.priority(), len(run.flying), run.order))
            if not any(self._start_one(run) for run in waiting):
                return

    def _for_lonely(self) -> str | None:
        """Keep a process free for a job that must be alone; the one that is emptiest."""
        if not any(run.queue and run.queue[0].alone for run in self._runs):
            return None
        there = set(self._threads) - self._draining - self._restarting
        return min(there, key=lambda worker: (len(self._load(worker)), worker), default=None)

    def _start_one(self, run: _Run) -> bool:
        entry = run.queue[0]
        worker = self._place_for(run, entry)
        if worker is None:
            return False
        if run.context is None or run.context.status in {"error", "cancelled", "lost"}:
            packed = pickle.dumps(Context(run.work.network, run.work.rows))
            key = f"context-{uuid.uuid4().hex}"
            run.context = self._cluster.submit(remote.load_context, packed, key=key)
        run.queue.popleft()
        self._newest += 1
        entry.id, entry.worker = self._newest, worker
        entry.heard_at = time.monotonic()
        run.flying.add(entry)
        self._entries[entry.id] = entry
        future = entry.future = self._submit(run, entry)
        future.add_done_callback(
            lambda _: self._inbox.put(lambda: self._take_end(entry, future))
        )
        return True

    def _submit(self, run: _Run, entry: _Entry) -> _Future:
        key = f"job-{self._id}-{entry.id}"
        if run.leader is not None:
            return self._cluster.submit(
                remote.run_refit, self._id, entry.id, run.leader, run.context,
                key=key, worker=entry.worker,
            )  # fmt: skip
        if run.reporter is not None:
            mask = run.reporter.stopping(entry.job.trainings)
            entry.unwanted = set(np.flatnonzero(mask).tolist())
        return self._cluster.submit(
            remote.run_job, self._id, entry.id, entry.job, entry.unwanted, run.context,
            key=key, worker=entry.worker,
        )  # fmt: skip

    def _place_for(self, run: _Run, entry: _Entry) -> str | None:
        """Return the process a job may start in now, or None."""
        free = []
        for worker, n_threads in self._threads.items():
            flying = self._load(worker)
            if worker in self._draining | self._restarting or any(e.alone for e in flying):
                continue
            if entry.alone != (worker == self._reserved) or (entry.alone and flying):
                continue
            n_cores = self._cluster.cores(n_threads)
            if not run.flying and len(flying) < n_threads:
                n_cores = max(n_cores, len(flying) + 1)  # every study trains something
            free.append((n_cores - len(flying), worker))
        room, worker = max(free, default=(0, ""))
        return worker if room > 0 else None

    def _load(self, worker: str) -> list[_Entry]:
        return [entry for entry in self._entries.values() if entry.worker == worker]

    def _finish_runs(self) -> None:
        for run in [run for run in self._runs if not run.queue and not run.flying]:
            self._runs.remove(run)
            if run.context is not None:
                run.context.release()
            run.done.set()
