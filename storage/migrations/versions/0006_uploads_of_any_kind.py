"""Uploads of any kind: versions of one name, how the file is read, what a person chose.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    version = sa.Column('version', sa.Integer(), nullable=False, server_default='1')
    op.add_column('dataset', version)
    for name in ('options', 'choices'):
        op.add_column('dataset', sa.Column(name, sa.Text(), nullable=False, server_default=''))
    # Names could be given twice before; the oldest upload of a name is its first version.
    op.execute(
        'UPDATE dataset SET version = (SELECT count(*) FROM dataset AS other '
        'WHERE other.name = dataset.name AND (other.created_at < dataset.created_at '
        'OR (other.created_at = dataset.created_at AND other.id <= dataset.id)))'
    )
    op.create_index('dataset_by_version', 'dataset', ['name', 'version'], unique=True)


def downgrade() -> None:
    op.drop_index('dataset_by_version', 'dataset')
    for name in ('choices', 'options', 'version'):
        op.drop_column('dataset', name)
