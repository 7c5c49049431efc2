"""Requests wait in a queue of their own, with what was written about them."""

import sqlalchemy as sa

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_KEY = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")
_TEXTS = {
    "customer": 200,
    "product": 64,
    "host_name": 200,
    "earlier": 32,
    "sender_name": 200,
    "sender_address": 200,
    "language": 8,
    "subject": 200,
    "message_id": 1000,
    "owner": 200,
    "license": 32,
    "closed_by": 200,
}
_INDEXES = (("state", "id"), ("host_key", "id"), ("message_id",), ("proposal",))


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("id", _ID, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("open_key", sa.String(64)),
        *(sa.Column(name, sa.String(length)) for name, length in _TEXTS.items()),
        sa.Column("host", sa.Text),
        sa.Column("thread", sa.Text),
        sa.Column("host_key", _KEY),
        sa.Column("proposal", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("repeats", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("repeated_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.UniqueConstraint("open_key", name="uq_requests_open_key"),
    )
    for columns in _INDEXES:
        op.create_index(f"ix_requests_{'_'.join(columns)}", "requests", list(columns))
    op.create_table(
        "request_messages",
        sa.Column("id", _ID, nullable=False),
        sa.Column("request_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("author", sa.String(200)),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_request_messages"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name="fk_request_messages_request_id"
        ),
    )
    op.create_index("ix_request_messages_request_id", "request_messages", ["request_id"])


def downgrade() -> None:
    op.drop_table("request_messages")
    op.drop_table("requests")
