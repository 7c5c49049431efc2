"""Products have plans; licences keep theirs, and whether they are a trial or a stop-gap."""

import sqlalchemy as sa

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OF_LICENCES = {"plan": 60, "kind": 16, "stands_for": 32, "despite": 32, "host_tag": 16}
_LISTED = ("plan", "kind")
_LOOKED_UP = ("customer_id", "host_tag", "stands_for")


def upgrade() -> None:
    op.add_column("products", sa.Column("plans", sa.Text()))
    for name, length in _OF_LICENCES.items():
        op.add_column("licenses", sa.Column(name, sa.String(length)))
    for name in _LISTED:
        has_it = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_licenses_{name}_id",
            "licenses",
            [name, "id"],
            sqlite_where=has_it,
            postgresql_where=has_it,
        )
    of_a_kind = sa.text("kind IS NOT NULL")
    for name in _LOOKED_UP:
        op.create_index(
            f"ix_licenses_kinds_{name}",
            "licenses",
            [name],
            sqlite_where=of_a_kind,
            postgresql_where=of_a_kind,
        )


def downgrade() -> None:
    for name in _LOOKED_UP:
        op.drop_index(f"ix_licenses_kinds_{name}", "licenses")
    for name in _LISTED:
        op.drop_index(f"ix_licenses_{name}_id", "licenses")
    for name in _OF_LICENCES:
        op.drop_column("licenses", name)
    op.drop_column("products", "plans")
