"""The revocation lists that were published."""

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revocation_lists",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("keyset_version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_revocation_lists")),
        sa.ForeignKeyConstraint(
            ["keyset_version"],
            ["keysets.version"],
            name=op.f("fk_revocation_lists_keyset_version"),
        ),
    )


def downgrade() -> None:
    op.drop_table("revocation_lists")
