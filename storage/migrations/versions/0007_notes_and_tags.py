"""Notes, tags and stars that people give studies and trials.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'note',
        sa.Column('study_id', sa.String(length=80), nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('is_starred', sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column('tags', sa.Text(), nullable=False, server_default=''),
        sa.Column('text', sa.Text(), nullable=False, server_default=''),
        sa.Column('updated_at', sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(['study_id'], ['study.id'], ondelete='CASCADE'),
        sa.UniqueConstraint('study_id', 'number'),
    )
    op.create_index('note_by_tags', 'note', ['tags'], unique=False)


def downgrade() -> None:
    op.drop_table('note')
