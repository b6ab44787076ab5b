"""The Dask cluster that jobs run on: processes of this machine, or a scheduler somewhere else.

Dask was chosen because the same few calls serve both, with nothing to install or start.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dask
import psutil
from distributed import Client, Future, LocalCluster
from distributed.security import Security

from storage.settings import Settings
from tuning.cores import n_usable_cores
from tuning.errors import ClusterError

_CORES_A_PROCESS = 4  # one process shares its compiled code; too many threads share one GIL
_SPARE_THREADS = 4  # so that each of several studies has a job running; the system shares cores
_CONNECT_S = 20.0
_SHARE_OF_MEMORY = 0.8  # of what is there, for all training processes together
_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,  # what is tried again, and how, we decide
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.deploy.lost-worker-timeout": "1 day",  # Dask gives up what loads for 15 s
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,  # nothing is spilled: it is not Dask's data
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.admin.low-level-log-length": 20,  # messages of jobs are not kept
    "distributed.admin.large-graph-warning-threshold": "4GiB",  # rows travel like that
}
_LOCAL_CONFIG = {"distributed.worker.preload": ["tuning.execution.warm"]}


@dataclass(frozen=True)
class ProcessFacts:
    """A process of a cluster.

    Attributes
    ----------
    memory_limit : int
        Bytes it may hold; 0 where there is no limit.
    has_nanny : bool
        Whether another process watches it, and starts it again when it ends.
    """

    memory_limit: int
    has_nanny: bool


class Cluster:
    """A connection to a cluster.

    Parameters
    ----------
    wanted : Settings
        Names the scheduler and its TLS files; without one, processes are started here.
    connect_s : float
        Seconds to wait for a scheduler.

    Attributes
    ----------
    is_local : bool
    client : Client
    n_started : int
        Processes that should be there; 0 where somebody else starts them.

    Raises
    ------
    ClusterError
        If no scheduler answers, or its TLS files cannot be read.
    """

    def __init__(self, wanted: Settings, *, connect_s: float = _CONNECT_S) -> None:
        self.is_local = wanted.cluster is None
        logging.getLogger("distributed").setLevel(logging.ERROR)  # what it warns of, we tell
        dask.config.set(_CONFIG)
        self._local = _start_here(wanted) if wanted.cluster is None else None
        self.client = _connect(self._local, wanted, connect_s)
        self.n_started = 0 if self._local is None else len(self._local.workers)

    def threads(self) -> dict[str, int]:
        """Return how many jobs each process may run at once, by its address."""
        return dict(self.client.nthreads())

    def cores(self, n_threads: int) -> int:
        """Return how many of a process' threads have a core of their own."""
        return max(1, n_threads - _SPARE_THREADS) if self.is_local else n_threads

    def processes(self) -> dict[str, ProcessFacts]:
        """Return what is known of each process, by its address."""
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return {
            address: ProcessFacts(int(facts["memory_limit"] or 0), bool(facts["nanny"]))
            for address, facts in workers.items()
        }

    def submit(
        self,
        call: Callable[..., Any],
        *arguments: object,
        key: str,
        worker: str | None = None,
    ) -> Future:
        """Run a call in some process, or in this one."""
        return self.client.submit(
            call,
            *arguments,
            key=key,
            pure=False,
            retries=0,
            workers=None if worker is None else [worker],
            allow_other_workers=False,
        )

    def tell(self, worker: str, call: Callable[..., Any], *arguments: object) -> None:
        """Run a short call in a process at once, beside its jobs."""
        with contextlib.suppress(OSError, TimeoutError):
            self.client.run(call, *arguments, workers=[worker], on_error="ignore")

    def restart(self, worker: str) -> None:
        """Kill a process that has a nanny, which starts another one."""
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            self.client.restart_workers([worker], timeout=60, raise_for_error=False)

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler answers."""
        return str(self.client.status) == "running"

    def close(self) -> None:
        """Let go of the cluster, and end it if it is ours."""
        for part in filter(None, (self.client, self._local)):
            with contextlib.suppress(OSError, TimeoutError, RuntimeError):
                part.close(timeout=10)


def _start_here(wanted: Settings) -> LocalCluster:
    n_cores = n_usable_cores()
    n_processes = max(1, n_cores // _CORES_A_PROCESS)
    with dask.config.set(_LOCAL_CONFIG):
        return LocalCluster(
            n_workers=n_processes,
            threads_per_worker=-(-n_cores // n_processes) + _SPARE_THREADS,
            processes=True,
            dashboard_address="127.0.0.1:0",  # its status pages; any free port, never outside
            memory_limit=_memory_limit(wanted, n_processes),
            host="127.0.0.1",
            security=Security.temporary(),  # else any user of this machine could send it code
            silence_logs=logging.ERROR,
            local_directory=os.fspath(wanted.home / "dask"),
        )


def _memory_limit(wanted: Settings, n_processes: int) -> int:
    if wanted.memory_limit_mb is not None:
        return wanted.memory_limit_mb * 1_000_000
    return int(psutil.virtual_memory().total * _SHARE_OF_MEMORY / n_processes)


def _connect(local: LocalCluster | None, wanted: Settings, timeout_s: float) -> Client:
    try:
        if local is not None:
            return Client(local, security=local.security, set_as_default=False)
        return Client(
            wanted.cluster, security=_security(wanted), timeout=timeout_s, set_as_default=False
        )
    except (OSError, ValueError, TimeoutError) as error:
        raise ClusterError(str(wanted.cluster), error) from error


def _security(wanted: Settings) -> Security | None:
    if wanted.cluster_ca is None:
        return None
    return Security(
        tls_ca_file=os.fspath(wanted.cluster_ca),
        tls_client_cert=None if wanted.cluster_cert is None else os.fspath(wanted.cluster_cert),
        tls_client_key=None if wanted.cluster_key is None else os.fspath(wanted.cluster_key),
        require_encryption=True,
    )
