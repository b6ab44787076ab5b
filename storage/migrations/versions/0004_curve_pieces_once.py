"""Each piece of a curve once, so that a batch can be written again.

A unique index, not a constraint: SQLite would have to write the whole table anew for one.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

_PIECE = ['study_id', 'number', 'repeat', 'fold', 'first_epoch']


def upgrade() -> None:
    op.execute(
        'DELETE FROM curve WHERE id NOT IN (SELECT max(id) FROM curve '
        'GROUP BY study_id, number, "repeat", fold, first_epoch)'
    )
    op.drop_index('curve_by_fit', 'curve')
    op.create_index('curve_by_fit', 'curve', _PIECE, unique=True)


def downgrade() -> None:
    op.drop_index('curve_by_fit', 'curve')
    op.create_index('curve_by_fit', 'curve', _PIECE, unique=False)
