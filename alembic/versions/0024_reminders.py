"""Products remind of what expires, customers have an owner, users have addresses of calendars."""

import sqlalchemy as sa

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customers", sa.Column("owner", sa.String(200)))
    op.add_column("customers", sa.Column("no_reminders", sa.Boolean()))
    op.add_column("products", sa.Column("reminders", sa.Text()))
    op.create_table(
        "reminders",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("line", sa.String(32), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("license", sa.String(32), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("mail", sa.BigInteger()),
        sa.Column("owner_mail", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_reminders"),
        sa.UniqueConstraint("line", "last_day", "days", name="uq_reminders_line_last_day_days"),
    )
    op.create_index("ix_reminders_given_at", "reminders", ["given_at"])
    op.create_index("ix_reminders_mail", "reminders", ["mail"])
    op.create_table(
        "owner_digests",
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("mail", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "day", name="pk_owner_digests"),
    )
    op.create_table(
        "calendar_feeds",
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_calendar_feeds_user_id_users"),
        sa.PrimaryKeyConstraint("user_id", name="pk_calendar_feeds"),
        sa.UniqueConstraint("secret_hash", name="uq_calendar_feeds_secret_hash"),
    )


def downgrade() -> None:
    op.drop_table("calendar_feeds")
    op.drop_table("owner_digests")
    op.drop_table("reminders")
    op.drop_column("products", "reminders")
    op.drop_column("customers", "no_reminders")
    op.drop_column("customers", "owner")
