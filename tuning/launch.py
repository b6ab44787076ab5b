"""From a spec to a study that waits in the database: the one way in for pages and commands."""

from __future__ import annotations

from storage.database import Database
from storage.settings import settings
from storage.studies import NewStudy, create_study, delete_study
from tuning.checks import study_problems
from tuning.datasets.catalogue import dataset_info, is_available
from tuning.disk import check_download, check_launch
from tuning.errors import SpecError, UnknownDatasetError
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
        If there is no such dataset, or it was deleted meanwhile.
    DiskSpaceError
        If the study, or the download of its dataset, would leave too little of the disk free.
    """
    problems = study_problems(spec, dataset_info(spec.data.dataset, spec.data.digits))
    if problems:
        raise SpecError(problems)
    _check_disk(db, spec)
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
    study_id = create_study(db, new, token, owner=owner)
    _undo_without_dataset(db, study_id, spec.data.dataset)
    return study_id


def _check_disk(db: Database, spec: StudySpec) -> None:
    home = settings().home
    check_launch(db, spec, home)
    if not is_available(spec.data.dataset):
        check_download(home, spec.data.dataset)


def _undo_without_dataset(db: Database, study_id: str, dataset_id: str) -> None:
    """Take the study back if its upload was deleted after it was checked.

    Whoever deletes an upload looks for new studies after that (`delete_upload`), as we look
    for the upload here: one of the two always sees the other.
    """
    try:
        dataset_info(dataset_id)
    except UnknownDatasetError:
        delete_study(db, study_id)
        raise
