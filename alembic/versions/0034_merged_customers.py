"""The index of merged customers has no row for those that are not merged.

SQLite read all customers by it, and sorted them, for the first names of a list.
"""

import sqlalchemy as sa

from alembic import op

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None

_IS_MERGED = sa.text("merged_into IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_customers_merged_into", "customers")
    op.create_index(
        "ix_customers_merged_into",
        "customers",
        ["merged_into"],
        sqlite_where=_IS_MERGED,
        postgresql_where=_IS_MERGED,
    )


def downgrade() -> None:
    op.drop_index("ix_customers_merged_into", "customers")
    op.create_index("ix_customers_merged_into", "customers", ["merged_into"])
