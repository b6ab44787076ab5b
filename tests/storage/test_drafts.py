"""Drafts survive a reload, and go when nobody has touched them for a week."""

from __future__ import annotations

import time

from storage.database import Database
from storage.drafts import KEPT_DAYS, delete_draft, load_draft, save_draft
from storage.schema import draft


def let_it_age(db: Database, draft_id: str, days: float) -> None:
    then = time.time() - days * 86_400
    with db.write() as connection:
        connection.execute(draft.update().where(draft.c.id == draft_id).values(updated_at=then))


def test_the_last_save_is_what_is_loaded(db: Database) -> None:
    save_draft(db, "a", '{"name": "first"}')
    save_draft(db, "a", '{"name": "second"}')
    save_draft(db, "b", "{}")

    assert load_draft(db, "a") == '{"name": "second"}'
    assert load_draft(db, "b") == "{}"
    assert load_draft(db, "c") is None


def test_a_draft_unused_for_a_week_goes_with_the_next_save(db: Database) -> None:
    for name in ("old", "recent"):
        save_draft(db, name, "{}")
    let_it_age(db, "old", KEPT_DAYS + 0.1)
    let_it_age(db, "recent", KEPT_DAYS - 0.1)

    save_draft(db, "new", "{}")

    assert load_draft(db, "old") is None
    assert load_draft(db, "recent") == "{}"


def test_saving_again_makes_a_draft_young(db: Database) -> None:
    save_draft(db, "a", "{}")
    let_it_age(db, "a", KEPT_DAYS + 1)

    save_draft(db, "a", '{"name": "back"}')

    assert load_draft(db, "a") == '{"name": "back"}'


def test_a_deleted_draft_is_gone(db: Database) -> None:
    save_draft(db, "a", "{}")

    delete_draft(db, "a")

    assert load_draft(db, "a") is None
