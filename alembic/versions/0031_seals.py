"""Words of events have seals, and customers are erased.

Events that are there stay as they are, since their text is hashed: nothing can be erased of them.
A server of an earlier version takes one that has seals for broken.
"""

import sqlalchemy as sa

from alembic import op

revision = "0031"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_events", sa.Column("salt", sa.LargeBinary(32)))
    op.add_column("audit_events", sa.Column("erased", sa.Text()))
    op.add_column("customers", sa.Column("erased_at", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("customers", "erased_at")
    op.drop_column("audit_events", "erased")
    op.drop_column("audit_events", "salt")
