"""The first tables."""

import sqlalchemy as sa

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name, length in (("customers", 200), ("products", 64)):
        op.create_table(
            name,
            sa.Column("id", _id, nullable=False),
            sa.Column("name", sa.String(length), nullable=False),
            sa.Column("created_at", sa.BigInteger(), nullable=False),
            sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
            sa.UniqueConstraint("name", name=f"uq_{name}_name"),
        )
    op.create_table(
        "keysets",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_keysets"),
    )
    op.create_table(
        "licenses",
        sa.Column("id", _id, nullable=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("customer_id", _id, nullable=False),
        sa.Column("product_id", _id, nullable=False),
        sa.Column("host_key", sa.String(40), nullable=False),
        sa.Column("host_name", sa.String(200)),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("grace_until", sa.BigInteger()),
        sa.Column("replaces", sa.String(32)),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("keyset_version", sa.BigInteger(), nullable=False),
        sa.Column("issued_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_licenses"),
        sa.UniqueConstraint("number", name="uq_licenses_number"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name="fk_licenses_customer_id"),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name="fk_licenses_product_id"),
        sa.ForeignKeyConstraint(["replaces"], ["licenses.number"], name="fk_licenses_replaces"),
        sa.ForeignKeyConstraint(
            ["keyset_version"], ["keysets.version"], name="fk_licenses_keyset_version"
        ),
    )
    for column in ("customer_id", "product_id", "host_key", "replaces"):
        op.create_index(f"ix_licenses_{column}", "licenses", [column])
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name="pk_idempotency_keys"),
        sa.ForeignKeyConstraint(["number"], ["licenses.number"], name="fk_idempotency_keys_number"),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", _id, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
    )
    op.create_index("ix_audit_events_subject", "audit_events", ["subject"])
    op.create_table(
        "users",
        sa.Column("id", _id, nullable=False),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", _id, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name="pk_sessions"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("name", name="uq_tokens_name"),
    )
    op.create_table(
        "attempts",
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_attempts"),
    )


def downgrade() -> None:
    for name in (
        "attempts",
        "tokens",
        "sessions",
        "users",
        "audit_events",
        "idempotency_keys",
        "licenses",
        "keysets",
        "products",
        "customers",
    ):
        op.drop_table(name)
