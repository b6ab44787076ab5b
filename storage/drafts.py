"""Half-typed studies, kept so that a reload or a second device loses nothing."""

from __future__ import annotations

import time

from sqlalchemy import select

from storage.database import Database, insert_into
from storage.schema import draft

KEPT_DAYS = 7


def save_draft(db: Database, draft_id: str, content: str) -> None:
    """Write a draft (JSON text); drafts unused for a week go."""
    now = time.time()
    changes = {"content": content, "updated_at": now}
    with db.write() as connection:
        statement = insert_into(connection, draft).values(id=draft_id, **changes)
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changes))
        connection.execute(draft.delete().where(draft.c.updated_at < now - KEPT_DAYS * 86_400))


def load_draft(db: Database, draft_id: str) -> str | None:
    """Read a draft; None if it is gone."""
    with db.read() as connection:
        content: str | None = connection.scalar(
            select(draft.c.content).where(draft.c.id == draft_id)
        )
    return content


def delete_draft(db: Database, draft_id: str) -> None:
    """Forget a draft, once its study has started."""
    with db.write() as connection:
        connection.execute(draft.delete().where(draft.c.id == draft_id))
