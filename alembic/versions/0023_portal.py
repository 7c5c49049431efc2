"""Customers come into a portal of their own by links, and file requests there."""

import sqlalchemy as sa

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "portal_links",
        sa.Column("id", _ID, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("label", sa.String(200)),
        sa.Column("products", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger),
        sa.Column("mail", sa.BigInteger),
        sa.Column("uses", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("used_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_portal_links"),
        sa.UniqueConstraint("secret_hash", name="uq_portal_links_secret_hash"),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_portal_links_customer_id"
        ),
    )
    op.create_index("ix_portal_links_customer_id", "portal_links", ["customer_id"])
    op.create_index("ix_portal_links_mail", "portal_links", ["mail"])
    op.create_table(
        "portal_sessions",
        sa.Column("id_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("link_id", _ID, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name="pk_portal_sessions"),
        sa.ForeignKeyConstraint(
            ["link_id"], ["portal_links.id"], name="fk_portal_sessions_link_id"
        ),
    )
    op.create_index("ix_portal_sessions_link_id", "portal_sessions", ["link_id"])
    op.create_table(
        "portal_requests",
        sa.Column("request_id", _ID, nullable=False),
        sa.Column("customer_id", _ID, nullable=False),
        sa.Column("link_id", _ID, nullable=False),
        sa.Column("filed_at", sa.BigInteger, nullable=False),
        sa.Column("wish", sa.String(16), nullable=False),
        sa.Column("license", sa.String(32)),
        sa.PrimaryKeyConstraint("request_id", name="pk_portal_requests"),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name="fk_portal_requests_request_id"
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_portal_requests_customer_id"
        ),
        sa.ForeignKeyConstraint(
            ["link_id"], ["portal_links.id"], name="fk_portal_requests_link_id"
        ),
    )
    op.create_index("ix_portal_requests_customer_id", "portal_requests", ["customer_id"])


def downgrade() -> None:
    op.drop_table("portal_requests")
    op.drop_table("portal_sessions")
    op.drop_table("portal_links")
