"""Confirming the leaders, the verdict, and the sealed test that is opened once.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What stood there was a standard deviation, which is not what is shown from now on.
    op.execute('ALTER TABLE study RENAME COLUMN best_spread TO best_half_width')
    op.execute('UPDATE study SET best_half_width = NULL')
    op.add_column('study', sa.Column('asked', sa.Text(), nullable=False, server_default='{}'))
    op.add_column('study', sa.Column('confirm', sa.Text(), nullable=False, server_default='{}'))
    op.add_column('study', sa.Column('verdict', sa.Text(), nullable=False, server_default='{}'))
    op.add_column('study', sa.Column('test_opened_at', sa.Float(), nullable=True))
    op.add_column('study', sa.Column('test', sa.Text(), nullable=False, server_default='{}'))


def downgrade() -> None:
    for name in ('test', 'test_opened_at', 'verdict', 'confirm', 'asked'):
        op.drop_column('study', name)
    op.execute('ALTER TABLE study RENAME COLUMN best_half_width TO best_spread')
