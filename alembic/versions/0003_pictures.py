"""Indexes in which the overview counts and the record is searched."""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOVES = sa.text("act = 'rehost'")
_NEW: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "ix_licenses_ends",
        "licenses",
        ("expires_at", "state", "product_id", "grace_until", "id"),
    ),
    ("ix_licenses_issued_at_act", "licenses", ("issued_at", "act")),
    ("ix_audit_events_action_id", "audit_events", ("action", "id")),
    ("ix_audit_events_at_id", "audit_events", ("at", "id")),
)


def upgrade() -> None:
    op.drop_index("ix_licenses_expires_at_id", "licenses")
    for name, table, columns in _NEW:
        op.create_index(name, table, list(columns))
    op.create_index(
        "ix_licenses_moves",
        "licenses",
        ["line", "issued_at"],
        sqlite_where=_MOVES,
        postgresql_where=_MOVES,
    )


def downgrade() -> None:
    op.drop_index("ix_licenses_moves", "licenses")
    for name, table, _ in _NEW:
        op.drop_index(name, table)
    op.create_index("ix_licenses_expires_at_id", "licenses", ["expires_at", "id"])
