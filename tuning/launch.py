"""From a spec to a study that waits in the database: the one way in for pages and commands."""

from __future__ import annotations

from storage.database import Database
from storage.studies import NewStudy, create_study
from tuning.checks import study_problems
from tuning.datasets.catalogue import dataset_info
from tuning.errors import SpecError
from tuning.spec import StudySpec


def launch(db: Database, spec: StudySpec, token: str | None = None, *, owner: str = "") -> str:
    """Check a spec against its dataset, write it as a waiting study, and return the id.

    Parameters
    ----------
    token : str or None
        Two calls with the same token create one study.
    owner : str
        Who runs it at once, instead of the next free worker.

    Raises
    ------
    SpecError
        With one sentence for everything that does not fit the dataset.
    UnknownDatasetError
        If there is no such dataset.
    """
    problems = study_problems(spec, dataset_info(spec.data.dataset, spec.data.digits))
    if problems:
        raise SpecError(problems)
    new = NewStudy(
        name=spec.name,
        spec=spec.to_json(),
        dataset=spec.data.dataset,
        sampler=spec.sampler.kind,
        score_name=spec.evaluation.score,
        direction=spec.direction,
        n_trials_planned=spec.n_trials,
        n_fits_planned=spec.n_trials * spec.n_fits_per_trial,
    )
    return create_study(db, new, token, owner=owner)
