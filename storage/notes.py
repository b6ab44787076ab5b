"""Notes, tags and stars that people give studies and trials.

They are no results: writing one makes no new version of the study, and nothing is computed
from them. Whoever writes last wins, for the note, the tags and the star each.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, RowMapping, select

from storage.database import Database, insert_into
from storage.errors import (
    LongNoteError,
    ManyTagsError,
    NoteTargetError,
    TagError,
    UnknownStudyError,
)
from storage.schema import note, study, trial

LONGEST_NOTE = 10_000  # characters
LONGEST_TAG = 30
MOST_TAGS = 12
_OF_STUDY = -1
_TAG = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class Note:
    """What people have written to a study or a trial.

    Attributes
    ----------
    text : str
        Markdown, as it was typed: nobody has checked it.
    tags : tuple of str
        In small letters, in the order given.
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    is_starred: bool = False

    def __bool__(self) -> bool:
        return bool(self.text or self.tags or self.is_starred)


NOTHING = Note()


def write_note(db: Database, study_id: str, number: int | None, text: str) -> None:
    """Replace the note of a trial, or of the study itself; an empty text takes it away.

    Raises
    ------
    UnknownStudyError, NoteTargetError
        If there is no such study, or it has no such trial.
    LongNoteError
        If the text is too long.
    """
    kept = text.replace("\x00", "").strip()
    if len(kept) > LONGEST_NOTE:
        raise LongNoteError(len(kept), LONGEST_NOTE)
    _put(db, study_id, number, {"text": kept})


def write_tags(db: Database, study_id: str, number: int | None, tags: Iterable[str]) -> None:
    """Replace the tags of a trial, or of the study itself.

    Raises
    ------
    UnknownStudyError, NoteTargetError
        If there is no such study, or it has no such trial.
    TagError, ManyTagsError
        If a tag is none, or there are too many.
    """
    _put(db, study_id, number, {"tags": _joined(read_tags(tags))})


def change_tags(
    db: Database,
    study_id: str,
    number: int | None,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
) -> tuple[str, ...]:
    """Add tags to a trial, or to the study itself, take others away, and return all it has.

    Raises
    ------
    UnknownStudyError, NoteTargetError
        If there is no such study, or it has no such trial.
    TagError, ManyTagsError
        If a tag is none, or there are too many.
    """
    added, removed = read_tags(add), read_tags(remove)
    with db.write() as connection:
        _check_target(connection, study_id, number)
        before = _select(connection, study_id, number).tags
        tags = read_tags(tag for tag in (*before, *added) if tag not in removed)
        _upsert(connection, study_id, number, {"tags": _joined(tags)})
    return tags


def set_star(db: Database, study_id: str, number: int | None, *, is_starred: bool) -> None:
    """Give a trial, or the study itself, a star, or take it away.

    Raises
    ------
    UnknownStudyError, NoteTargetError
        If there is no such study, or it has no such trial.
    """
    _put(db, study_id, number, {"is_starred": is_starred})


def read_note(db: Database, study_id: str, number: int | None = None) -> Note:
    """Read what was written to a trial, or to the study itself; nothing where there is none."""
    with db.read() as connection:
        return _select(connection, study_id, number)


def read_trial_notes(db: Database, study_id: str) -> dict[int, Note]:
    """Read what was written to the trials of a study, by number."""
    query = select(note.c.number, note.c.text, note.c.tags, note.c.is_starred)
    query = query.where(note.c.study_id == study_id, note.c.number != _OF_STUDY)
    with db.read() as connection:
        rows = connection.execute(query.order_by(note.c.number)).mappings().all()
    found = {int(row["number"]): _note(row) for row in rows}
    return {number: written for number, written in found.items() if written}


def read_trial_marks(db: Database, study_id: str) -> dict[int, Note]:
    """Read the tags and stars of the trials of a study, by number, without the notes."""
    query = select(note.c.number, note.c.tags, note.c.is_starred)
    query = query.where(
        note.c.study_id == study_id,
        note.c.number != _OF_STUDY,
        sa.or_(note.c.tags != "", note.c.is_starred),
    )
    with db.read() as connection:
        rows = connection.execute(query).all()
    return {
        number: Note("", tuple(tags.split()), bool(is_starred))
        for number, tags, is_starred in rows
    }


def read_study_notes(db: Database, study_ids: Collection[str]) -> Mapping[str, Note]:
    """Read what was written to some studies themselves, by their ids."""
    query = select(note.c.study_id, note.c.text, note.c.tags, note.c.is_starred)
    query = query.where(note.c.study_id.in_(sorted(study_ids)), note.c.number == _OF_STUDY)
    with db.read() as connection:
        rows = connection.execute(query).mappings()
        return {str(row["study_id"]): _note(row) for row in rows}


def tags_in_use(db: Database) -> list[str]:
    """Return every tag of any study or trial, in the order of the alphabet."""
    query = select(note.c.tags).where(note.c.tags != "").distinct()
    with db.read() as connection:
        return sorted({tag for tags in connection.scalars(query) for tag in tags.split()})


def read_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as they are kept: in small letters, each once.

    Raises
    ------
    TagError, ManyTagsError
        If a tag is none, or there are too many.
    """
    kept = tuple(dict.fromkeys(tag.strip().lstrip("#").lower() for tag in tags))
    for tag in kept:
        if not _TAG.fullmatch(tag) or len(tag) > LONGEST_TAG:
            raise TagError(tag, LONGEST_TAG)
    if len(kept) > MOST_TAGS:
        raise ManyTagsError(len(kept), MOST_TAGS)
    return kept


# Conditions on studies, for lists of them.


def says(text: str) -> sa.ColumnElement[bool]:
    """Make the condition that a note or a tag of a study, or of a trial of it, has a text."""
    words = sa.func.lower(note.c.text + note.c.tags)
    # SQLite lowers the letters from A to Z alone; others are found as they were typed.
    return _has_note(
        words.contains(text.lower(), autoescape=True),
        note.c.text.contains(text, autoescape=True),
    )


def has_tag(tag: str) -> sa.ColumnElement[bool]:
    """Make the condition that a study, or a trial of it, has a tag."""
    return _has_note(note.c.tags.contains(f" {tag} ", autoescape=True))


def has_star() -> sa.ColumnElement[bool]:
    """Make the condition that a study, or a trial of it, has a star."""
    return _has_note(note.c.is_starred)


def _has_note(*either: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(note.c.study_id == study.c.id, sa.or_(*either))


# Reading and writing one row.


def _put(db: Database, study_id: str, number: int | None, changes: dict[str, Any]) -> None:
    with db.write() as connection:
        _check_target(connection, study_id, number)
        _upsert(connection, study_id, number, changes)


def _check_target(connection: Connection, study_id: str, number: int | None) -> None:
    """Check that there is such a study and trial; two who write to one study take turns."""
    query = select(study.c.id).where(study.c.id == study_id).with_for_update()
    if connection.scalar(query) is None:
        raise UnknownStudyError(study_id)
    if number is None:
        return
    query = select(sa.literal("")).where(trial.c.study_id == study_id, trial.c.number == number)
    if connection.scalar(query) is None:
        raise NoteTargetError(study_id, number)


def _upsert(
    connection: Connection, study_id: str, number: int | None, changes: dict[str, Any]
) -> None:
    changes = {**changes, "updated_at": time.time()}
    key = {"study_id": study_id, "number": _OF_STUDY if number is None else number}
    statement = insert_into(connection, note).values(**key, **changes)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=changes))


def _select(connection: Connection, study_id: str, number: int | None) -> Note:
    query = select(note.c.text, note.c.tags, note.c.is_starred).where(
        note.c.study_id == study_id,
        note.c.number == (_OF_STUDY if number is None else number),
    )
    row = connection.execute(query).mappings().first()
    return NOTHING if row is None else _note(row)


def _note(row: RowMapping) -> Note:
    return Note(row["text"], tuple(row["tags"].split()), bool(row["is_starred"]))


def _joined(tags: tuple[str, ...]) -> str:
    """Write tags with a space on either side, so that a whole one can be looked for."""
    return "".join(f" {tag}" for tag in tags) + " " if tags else ""
