"""Products have commands and letters of their own."""

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("products", sa.Column("commands", sa.Text()))
    op.add_column("products", sa.Column("letters", sa.Text()))


def downgrade() -> None:
    for column in ("letters", "commands"):
        op.drop_column("products", column)
