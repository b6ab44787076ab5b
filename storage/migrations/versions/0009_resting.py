"""When a study rests, and how long it has: that time is not counted as work.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('study', sa.Column('rests_since', sa.Float()))
    op.add_column(
        'study', sa.Column('rested_s', sa.Float(), nullable=False, server_default='0')
    )
    op.execute('UPDATE study SET rests_since = finished_at')


def downgrade() -> None:
    op.drop_column('study', 'rested_s')
    op.drop_column('study', 'rests_since')
