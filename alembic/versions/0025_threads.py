"""Mails of a thread are one conversation: a text has its mail's id, a request what it follows."""

import sqlalchemy as sa

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("requests", sa.Column("follows", sa.BigInteger()))
    op.create_index("ix_requests_follows", "requests", ["follows"])
    op.add_column("request_messages", sa.Column("message_id", sa.String(1000)))
    op.create_index("ix_request_messages_message_id", "request_messages", ["message_id"])


def downgrade() -> None:
    op.drop_index("ix_request_messages_message_id", "request_messages")
    op.drop_column("request_messages", "message_id")
    op.drop_index("ix_requests_follows", "requests")
    op.drop_column("requests", "follows")
