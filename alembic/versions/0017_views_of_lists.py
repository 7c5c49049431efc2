"""Every list has saved views: each says of which it is."""

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _made_anew("actor", "room", "name", first="'/licenses' as room, ")


def downgrade() -> None:
    op.execute(sa.text("delete from saved_views where room <> '/licenses'"))
    _made_anew("actor", "name")


def _made_anew(*key: str, first: str = "") -> None:
    """The table with this primary key, and the rows that it had."""
    kept = sa.text(f"select {first}actor, name, query from saved_views")
    rows = [row._asdict() for row in op.get_bind().execute(kept)]
    op.drop_table("saved_views")
    room = [sa.Column("room", sa.String(40), nullable=False)] if "room" in key else []
    table = op.create_table(
        "saved_views",
        sa.Column("actor", sa.String(200), nullable=False),
        *room,
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name="pk_saved_views"),
    )
    op.bulk_insert(table, rows)
