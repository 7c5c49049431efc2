"""Jobs are of chosen licences, too: what is kept of them says which act it is."""

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("import_sheets", "import_jobs"):
        act = sa.Column("act", sa.String(16), nullable=False, server_default="issue")
        op.add_column(table, act)
    proposed = sa.Column("proposed", sa.Integer(), nullable=False, server_default="0")
    op.add_column("import_jobs", proposed)


def downgrade() -> None:
    # An earlier version would take chosen licences for a sheet.
    for table in ("import_jobs", "import_sheets"):
        op.execute(sa.text(f"delete from {table} where act <> 'issue'"))
        op.drop_column(table, "act")
    op.drop_column("import_jobs", "proposed")
