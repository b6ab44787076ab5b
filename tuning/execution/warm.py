"""Loaded by each process of our own cluster: TensorFlow is there before the first job."""

from __future__ import annotations

from distributed import Worker

from tuning.execution.remote import warm


def dask_setup(_worker: Worker) -> None:
    """Import TensorFlow; called by Dask."""
    warm()
