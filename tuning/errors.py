"""Errors of the search; their text is written for the person who set the search up.

::

    TuningError
    ├── SpecError                   a study's description holds one or more mistakes
    ├── ParameterError              one value of one parameter is not allowed
    ├── SpaceTextError              text typed or pasted as a search space cannot be read
    ├── UnknownRecipeError          no recipe has this name
    ├── UnknownDatasetError         no dataset has this id
    ├── DatasetUnavailableError     the files are not here and could not be fetched
    ├── DatasetFileError            a file is here, but it is not the published one
    ├── UploadError                 an uploaded file cannot be used
    ├── SplitError                  the rows cannot be split as asked
    ├── ClusterError                no Dask cluster to train on can be reached
    ├── LostTrialsError             trainings ended without results, and nobody had stopped them
    ├── DiskSpaceError              too little of the disk would stay free
    ├── UnfinishedStudyError        a study is not deleted while it may still go on
    ├── ConfirmationError           a command would need a yes and cannot ask for it
    ├── TrainingError               a fit failed; its trial is marked failed
    ├── NoBestModelError            a study has no model to take home
    ├── UnreadableModelError        a saved model is not what Keras writes
    └── ExportError                 a study or trial cannot be written in the form asked for
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class TuningError(Exception):
    """Anything wrong that a person can put right by changing the study or its data."""


class SpecError(TuningError, ValueError):
    """A study's description holds one or more mistakes, a sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ParameterError(TuningError, ValueError):
    """One value of one parameter is not allowed."""

    def __init__(self, label: str, reason: str) -> None:
        super().__init__(f"{label}: {reason}")


class SpaceTextError(TuningError, ValueError):
    """What was typed or pasted into the search space cannot be read.

    `where` names the line; empty where the line does not matter.
    """

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}" if where else reason)


class UnknownRecipeError(TuningError, KeyError):
    """No recipe has this name."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Choose one of: {', '.join(names)}."
        self.message = f"There is no recipe {name!r}. {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the sentence itself; KeyError would print it in quotes."""
        return self.message


class UnknownDatasetError(TuningError, KeyError):
    """No dataset has this id."""

    def __init__(self, dataset_id: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(dataset_id, names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Choose one of: {', '.join(names)}."
        self.message = f"There is no dataset {dataset_id!r}. {hint}"
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the sentence itself; KeyError would print it in quotes."""
        return self.message


class DatasetUnavailableError(TuningError):
    """The files of a dataset are not here and could not be fetched."""

    def __init__(
        self,
        name: str,
        file_name: str,
        folder: str,
        cousin: str,
        reason: str = "no server answered",
    ) -> None:
        self.cousin = cousin
        super().__init__(
            f"{name} could not be fetched ({file_name} is not here and {reason}): "
            + f"put {file_name} into {folder}, or use {cousin!r}, which needs no download."
        )


class DatasetFileError(TuningError, ValueError):
    """A file of a catalogue dataset is here, but it is not the published one."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} {reason}. Replace it with the published file, or remove it.")


class UploadError(TuningError, ValueError):
    """An uploaded file cannot be used."""

    def __init__(self, file_name: str, reason: str) -> None:
        super().__init__(f"{file_name!r} {reason}")


class SplitError(TuningError, ValueError):
    """The rows cannot be split as asked."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class ClusterError(TuningError):
    """No Dask cluster to train on can be reached."""

    def __init__(self, address: str, error: BaseException) -> None:
        super().__init__(
            f"No scheduler answers at {address!r} ({error or type(error).__name__}). "
            + "Start it, or correct TUNEBOARD_CLUSTER and its TLS files."
        )


class LostTrialsError(TuningError):
    """Trainings ended without results, and nobody had stopped them."""

    def __init__(self, n_trials: int) -> None:
        trials = "1 trial" if n_trials == 1 else f"{n_trials:,} trials"
        super().__init__(
            f"{trials} came back without a result, which should not happen. "
            + "Clone the study to train them again."
        )


class DiskSpaceError(TuningError):
    """Too little of the disk would stay free.

    `purpose` says what `need_mb` is for; empty where nothing new is to be written.
    """

    def __init__(
        self, folder: str, free_mb: int, spare_mb: int, need_mb: int = 0, purpose: str = ""
    ) -> None:
        need = f"{need_mb:,} MB for {purpose} and " if purpose else ""
        super().__init__(
            f"The disk of {folder!r} has {free_mb:,} MB free, but {need}{spare_mb:,} MB to "
            + "spare are needed. Delete studies or datasets, free space, or lower "
            + "TUNEBOARD_MIN_FREE_MB."
        )


class UnfinishedStudyError(TuningError):
    """A study is not deleted while it may still go on."""

    def __init__(self, study_id: str, state: str) -> None:
        super().__init__(
            f"Study {study_id!r} is not finished ({state}), so it stays. "
            + "Stop it first, then delete it."
        )


class ConfirmationError(TuningError):
    """A command would need a yes and cannot ask for it."""

    def __init__(self, question: str) -> None:
        super().__init__(
            f"{question} There is no terminal to answer in. Add --yes to go ahead."
        )


class TrainingError(TuningError):
    """A fit failed; its trial is marked failed with this text, the study goes on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class NoBestModelError(TuningError):
    """A study has no model to take home."""

    def __init__(self, study_id: str) -> None:
        super().__init__(
            f"Study {study_id!r} has no finished model yet. Wait until it is finished; "
            + "a study that was stopped or in which every trial failed has none."
        )


class UnreadableModelError(TuningError, ValueError):
    """A saved model is not what Keras writes."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The saved model {name!r} is not a file that Keras has written.")


class ExportError(TuningError):
    """A study or a trial cannot be written in the form asked for.

    `subject` is what cannot: the id of a study, the name of a dataset, a program or a file.
    """

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__(f"{subject} {reason}")
