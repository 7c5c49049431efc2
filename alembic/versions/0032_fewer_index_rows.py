"""No index that no query reads, none of events of the chain for those that are not in it yet.

What a licence replaces is never looked for by that. An index more tells whether a customer has a
licence on a host of a name: an import asks it of each row, and had to read all licences on hosts
of that name.
"""

import sqlalchemy as sa

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_LINKED = sa.text("position IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_licenses_replaces", "licenses")
    op.create_index("ix_licenses_hosts", "licenses", ["customer_id", "host_name"])
    op.drop_index("uq_audit_events_position", "audit_events")
    op.create_index(
        "uq_audit_events_position",
        "audit_events",
        ["position"],
        unique=True,
        sqlite_where=_LINKED,
        postgresql_where=_LINKED,
    )


def downgrade() -> None:
    op.drop_index("uq_audit_events_position", "audit_events")
    op.create_index("uq_audit_events_position", "audit_events", ["position"], unique=True)
    op.drop_index("ix_licenses_hosts", "licenses")
    op.create_index("ix_licenses_replaces", "licenses", ["replaces"])
