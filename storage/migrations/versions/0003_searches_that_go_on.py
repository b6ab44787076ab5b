"""What a search needs to be paused, moved forward, extended and resumed on other machines.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('study', sa.Column('priority', sa.Integer(), nullable=False, server_default='0'))
    op.add_column('study', sa.Column('planned_cores', sa.Integer(), nullable=True))
    op.add_column('study', sa.Column('stages', sa.Text(), nullable=False, server_default='[]'))


def downgrade() -> None:
    op.drop_column('study', 'stages')
    op.drop_column('study', 'planned_cores')
    op.drop_column('study', 'priority')
