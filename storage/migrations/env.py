"""Run by Alembic with a connection that `storage.database` has already opened and begun."""

from __future__ import annotations

from alembic import context

from storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="tuneboard_version",  # Optuna keeps its own in "alembic_version"
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
