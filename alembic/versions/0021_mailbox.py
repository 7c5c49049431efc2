"""Mails of a mailbox are remembered: each is read once."""

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mailbox_mails",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("place", sa.String(500), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("request", sa.BigInteger()),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mailbox_mails"),
        sa.UniqueConstraint("digest", name="uq_mailbox_mails_digest"),
    )
    op.create_index(
        "ix_mailbox_mails_place_uidvalidity_uid", "mailbox_mails", ["place", "uidvalidity", "uid"]
    )
    op.create_table(
        "mailbox_places",
        sa.Column("place", sa.String(500), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger()),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger()),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("problem", sa.Text()),
        sa.PrimaryKeyConstraint("place", name="pk_mailbox_places"),
    )


def downgrade() -> None:
    op.drop_table("mailbox_places")
    op.drop_table("mailbox_mails")
