"""The numbers of contracts, and the texts by any part of which something is found.

The texts are made of what is there after it (schema.upgrade).
"""

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("licenses", sa.Column("contract", sa.String(100)))
    op.create_table(
        "texts",
        sa.Column("id", _id(), nullable=False, autoincrement=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_texts"),
    )
    tail = sa.String(32).with_variant(sa.String(32, collation="C"), "postgresql")
    op.create_table(
        "text_tails",
        sa.Column("kind", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("tail", tail, nullable=False),
        sa.Column("text_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("kind", "tail", "text_id", name="pk_text_tails"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "text_uses",
        sa.Column("text_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("thing", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("text_id", "thing", name="pk_text_uses"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_text_uses_kind_thing_text_id", "text_uses", ["kind", "thing", "text_id"])


def downgrade() -> None:
    for name in ("text_uses", "text_tails", "texts"):
        op.drop_table(name)
    op.drop_column("licenses", "contract")


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
