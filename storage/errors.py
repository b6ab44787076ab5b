"""Errors of the storage layer; their text is written for the person in front of the screen.

::

    StorageError
    ├── SettingsError               an environment variable holds what it cannot
    ├── UnsupportedDatabaseError    the database address is of a kind we do not run on
    ├── UnreachableDatabaseError    the database server does not let us in
    ├── DatabaseRightsError         the database's user may not create tables
    ├── NewerDatabaseError          the database was written by a newer Tuneboard
    ├── UnknownStudyError           no study has this id
    ├── UnknownDatasetRowError      no stored dataset has this id
    ├── DatasetInUseError           studies still use the dataset
    ├── BackupExistsError           the file of a backup is there already
    ├── BackupKindError             the database is of a kind that we do not copy
    ├── BackupError                 a backup could not be written
    ├── StudyBusyError              a study cannot be changed while it is in training
    ├── NoteTargetError             a note is for a trial that the study does not have
    ├── LongNoteError               a note is too long
    ├── TagError                    a word is no tag
    ├── ManyTagsError               a study or a trial has too many tags
    └── LostLeaseError              another worker owns the study now
"""

from __future__ import annotations


class StorageError(Exception):
    """Anything that goes wrong between Tuneboard and its database or data folder."""


class SettingsError(StorageError, ValueError):
    """An environment variable holds what it cannot."""

    def __init__(self, name: str, value: object, reason: str) -> None:
        super().__init__(f"{name} is {value!r}. {reason}. Change it, or unset it.")


class UnsupportedDatabaseError(StorageError, ValueError):
    """The database address is of a kind we do not run on."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"TUNEBOARD_DATABASE_URL is {url!r}, but only SQLite files and PostgreSQL are "
            + "supported. Use for example sqlite:////data/tuneboard.sqlite3 or "
            + "postgresql://user:password@host/tuneboard."
        )


class UnreachableDatabaseError(StorageError):
    """The database server does not let us in; `address` holds no password."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"The database {address} cannot be reached: {reason}. "
            + "Start it, or correct TUNEBOARD_DATABASE_URL."
        )


class DatabaseRightsError(StorageError):
    """The database's user may not create tables; `address` holds no password."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"The tables of {address} cannot be set up: {reason}. "
            + "Make the user of that address the owner of the database."
        )


class NewerDatabaseError(StorageError):
    """The database was written by a newer Tuneboard."""

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"The database is at revision {revision!r}, which this Tuneboard does not know. "
            + "Update Tuneboard, or point TUNEBOARD_DATABASE_URL at another database."
        )


class UnknownStudyError(StorageError, KeyError):
    """No study has this id."""

    def __init__(self, study_id: str) -> None:
        self.message = f"There is no study {study_id!r}. It may have been deleted."
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the sentence itself; KeyError would print it in quotes."""
        return self.message


class UnknownDatasetRowError(StorageError, KeyError):
    """No stored dataset has this id."""

    def __init__(self, dataset_id: str) -> None:
        self.message = f"There is no uploaded dataset {dataset_id!r}. It may have been deleted."
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the sentence itself; KeyError would print it in quotes."""
        return self.message


class DatasetInUseError(StorageError):
    """Studies still use the dataset."""

    def __init__(self, name: str, n_studies: int) -> None:
        studies = "1 study" if n_studies == 1 else f"{n_studies} studies"
        super().__init__(
            f"Dataset {name!r} is used by {studies}, so it stays. Delete those first."
        )


class BackupExistsError(StorageError):
    """The file of a backup is there already."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path!r} is there already. Choose another name, or write over it with --force."
        )


class BackupKindError(StorageError):
    """The database is of a kind that we do not copy; `address` holds no password."""

    def __init__(self, address: str, path: str) -> None:
        super().__init__(
            f"The database {address} is not a SQLite file. Let PostgreSQL's own program copy "
            + f"it: pg_dump --format=custom --file={path} {address}"
        )


class BackupError(StorageError):
    """A backup could not be written; there is no half of one."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"No backup was written to {path!r}: {reason}.")


class StudyBusyError(StorageError):
    """A study cannot be changed while it is in training."""

    def __init__(self, study_id: str) -> None:
        super().__init__(
            f"Study {study_id!r} is waiting or in training, so it cannot be extended now. "
            + "Pause it, then try again."
        )


class UnfinishedError(StorageError):
    """Something is asked for that only a finished study has."""

    def __init__(self, study_id: str, state: str) -> None:
        super().__init__(
            f"Study {study_id!r} is {state}, not finished. Let it finish first, then try again."
        )


class NoteTargetError(StorageError, KeyError):
    """A note is for a trial that the study does not have."""

    def __init__(self, study_id: str, number: int) -> None:
        self.message = (
            f"Study {study_id!r} has no trial {number}. Choose one that has been started."
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        """Return the sentence itself; KeyError would print it in quotes."""
        return self.message


class LongNoteError(StorageError, ValueError):
    """A note is too long."""

    def __init__(self, length: int, longest: int) -> None:
        super().__init__(f"The note has {length:,} characters. Shorten it to {longest:,}.")


class TagError(StorageError, ValueError):
    """A word is no tag."""

    def __init__(self, tag: str, longest: int) -> None:
        super().__init__(
            f"{tag!r} is no tag. Use up to {longest} letters, digits, - _ + and . only."
        )


class ManyTagsError(StorageError, ValueError):
    """A study or a trial has too many tags."""

    def __init__(self, n_tags: int, most: int) -> None:
        super().__init__(f"{n_tags} tags are too many. Keep at most {most}.")


class LostLeaseError(StorageError):
    """Another worker owns the study now."""

    def __init__(self, study_id: str) -> None:
        super().__init__(
            f"Study {study_id!r} is trained by another worker now; this one lets go of it."
        )
