"""Customers and products are archived, products have titles, customers former names and merge."""

import json

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("customers", sa.Column("archived_at", sa.BigInteger()))
    op.add_column("customers", sa.Column("merged_into", sa.BigInteger()))
    op.create_index("ix_customers_merged_into", "customers", ["merged_into"])
    op.add_column("products", sa.Column("title", sa.String(200)))
    op.add_column("products", sa.Column("archived_at", sa.BigInteger()))
    names = op.create_table(
        "customer_names",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("customer_id", _id, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "customer_id", name="pk_customer_names"),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_customer_names_customer_id"
        ),
    )
    op.create_index("ix_customer_names_customer_id", "customer_names", ["customer_id"])
    _learn_names(names)


def downgrade() -> None:
    op.drop_table("customer_names")
    for column in ("archived_at", "title"):
        op.drop_column("products", column)
    op.drop_index("ix_customers_merged_into", "customers")
    for column in ("merged_into", "archived_at"):
        op.drop_column("customers", column)


def _learn_names(names: sa.Table) -> None:
    """What customers were called before, as the audit log has it: an event is of who has a name.

    Their words are made anew after it (schema.upgrade).
    """
    bind = op.get_bind()
    rows_of = bind.execute(sa.text("select id, name from customers"))
    present = {id_: name for id_, name in rows_of}  # noqa: C416  # rows are no pairs
    told = sa.text(
        "select subject, at, rows from audit_events where action = 'customer.added' "
        "or action = 'customer.changed' order by id"
    )
    found: dict[tuple[str, int], int] = {}
    for subject, at, rows in bind.execute(told).all():
        for row in json.loads(rows or "{}"):
            table, _, id_ = row.partition("/")
            if table == "customers" and present.get(int(id_), subject) != subject:
                found[subject, int(id_)] = at
    if found:
        rows_ = [{"name": n, "customer_id": id_, "until": at} for (n, id_), at in found.items()]
        op.bulk_insert(names, rows_)
