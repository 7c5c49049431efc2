"""Indexes in which licences are found that are in grace, or that end within some time."""

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_GRACE = sa.text("(grace_until - expires_at)")
_WITH_GRACE = sa.text("grace_until is not null")


def upgrade() -> None:
    # The words of customers are made anew after it (schema.upgrade).
    op.create_index(
        "ix_licenses_grace",
        "licenses",
        [_GRACE],
        sqlite_where=_WITH_GRACE,
        postgresql_where=_WITH_GRACE,
    )


def downgrade() -> None:
    op.drop_index("ix_licenses_grace", "licenses")
    op.execute("delete from customer_words where word like '=%'")
