"""Values that an event names by a digest; actors and actions are found by how they begin."""

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_values",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_audit_values"),
    )
    op.create_index("ix_audit_values_owner", "audit_values", ["owner"])
    _order('"C"')


def downgrade() -> None:
    _order('"default"')
    op.drop_table("audit_values")


def _order(collation: str) -> None:
    """Let PostgreSQL keep actors and actions in the order of their characters, or of its own.

    SQLite does the former anyway.
    """
    if op.get_bind().dialect.name == "postgresql":
        kinds = {"actor": "varchar(200)", "action": "varchar(64)"}
        for name, kind in kinds.items():
            type_ = f"{kind} collate {collation}"
            op.execute(f"alter table audit_events alter column {name} type {type_}")
