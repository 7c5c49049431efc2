"""Mails of known senders may be answered without a person, where a product says so."""

from typing import Any

import sqlalchemy as sa

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_COLUMNS: tuple[tuple[str, sa.Column[Any]], ...] = (
    ("customers", sa.Column("domains", sa.Text())),
    ("products", sa.Column("mail_plan", sa.String(60))),
    ("products", sa.Column("mail_daily", sa.Integer())),
    ("products", sa.Column("mail_moves", sa.Boolean())),
    ("requests", sa.Column("authenticated", sa.String(253))),
    ("requests", sa.Column("rule", sa.String(40))),
)
_INDEXES = (
    ("ix_customers_domains", "customers", "domains IS NOT NULL"),
    ("ix_requests_due", "requests", "rule = 'due'"),
)


def upgrade() -> None:
    for table, column in _COLUMNS:
        op.add_column(table, column)
    for name, table, where in _INDEXES:
        some = sa.text(where)
        op.create_index(name, table, ["id"], sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    for name, table, _ in _INDEXES:
        op.drop_index(name, table)
    for table, column in reversed(_COLUMNS):
        op.drop_column(table, column.name)
