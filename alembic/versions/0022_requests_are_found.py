"""Requests are found by any part of what is known of them; what webhooks were not told is counted.

What requests are found by, the server makes (operations/finding_again.py).
"""

import sqlalchemy as sa

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_OF_REQUESTS = (6, 7)


def upgrade() -> None:
    failed = sa.text("state = 'failed'")
    op.create_index(
        "ix_webhook_deliveries_failed",
        "webhook_deliveries",
        ["webhook_id"],
        sqlite_where=failed,
        postgresql_where=failed,
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_failed", "webhook_deliveries")
    for table in ("text_tails", "text_uses"):
        kind: sa.ColumnClause[int] = sa.column("kind")
        op.execute(sa.delete(sa.table(table, kind)).where(kind.in_(_OF_REQUESTS)))
    id_: sa.ColumnClause[int] = sa.column("id")
    text_id: sa.ColumnClause[int] = sa.column("text_id")
    used = sa.select(text_id).select_from(sa.table("text_uses", text_id))
    op.execute(sa.delete(sa.table("texts", id_)).where(id_.not_in(used)))
