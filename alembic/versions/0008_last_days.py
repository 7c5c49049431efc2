"""The time zone in which a licence's term was ordered, and its last day there.

Of the licences that are there the zone was not kept. Their terms end at midnight somewhere between
eleven hours west and thirteen hours east of Greenwich, so their last day is known all the same.
"""

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEX = "ix_licenses_ends"
_COLUMNS = ("expires_at", "state", "product_id", "grace_until", "id")
_EASTERNMOST = 13 * 3600


def upgrade() -> None:
    op.drop_index(_INDEX, "licenses")
    op.add_column("licenses", sa.Column("time_zone", sa.String(64)))
    op.add_column("licenses", sa.Column("last_day", sa.Integer()))
    op.execute(
        f"update licenses set last_day = (expires_at + {_EASTERNMOST}) / 86400 - 1 "
        "where expires_at is not null"
    )
    op.create_index(_INDEX, "licenses", [*_COLUMNS[:-1], "last_day", _COLUMNS[-1]])


def downgrade() -> None:
    op.drop_index(_INDEX, "licenses")
    op.drop_column("licenses", "last_day")
    op.drop_column("licenses", "time_zone")
    op.create_index(_INDEX, "licenses", list(_COLUMNS))
