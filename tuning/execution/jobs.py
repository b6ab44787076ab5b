"""Trainings → jobs: what one process trains as one piece, and how a piece is cut smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuning.training.choice import STACKED, trainer_of
from tuning.training.interface import FoldSource, Network, Training
from tuning.training.plan import Stack, families_of, make_plan, row_counts, slots_for


@dataclass(frozen=True)
class Job:
    """Trainings that run together, and die together.

    Attributes
    ----------
    stack : Stack or None
        The computation they are; None where they run one after another.
    """

    trainings: tuple[Training, ...]
    stack: Stack | None = None


def make_jobs(
    network: Network, trainings: Sequence[Training], folds: FoldSource, n_cores: int
) -> list[Job]:
    """Cut trainings into jobs: stacks where they stack, otherwise each for itself."""
    if not trainings:
        return []
    if trainer_of(network.model) != STACKED:
        return [Job((training,)) for training in trainings]
    rows = row_counts(network, trainings, folds)
    plan = make_plan(network, trainings, rows, n_cores)
    return [Job(stack.trainings, stack) for stack in plan.stacks]


def halves(job: Job) -> list[Job]:
    """Cut a job in two: between trials while it has several, then between their fits.

    Returns
    -------
    list of Job
        Empty where there is nothing to cut.
    """
    if len(job.trainings) < 2:
        return []
    families = families_of(job.trainings)
    if len(families) == 1:
        families = [[training] for training in job.trainings]
    middle = len(families) // 2
    return [_part(job, part) for part in (families[:middle], families[middle:])]


def _part(job: Job, families: Sequence[Sequence[Training]]) -> Job:
    trainings = tuple(training for family in families for training in family)
    if job.stack is None:
        return Job(trainings)
    n_slots = slots_for(len(trainings))
    return Job(trainings, replace(job.stack, trainings=trainings, n_slots=n_slots))
