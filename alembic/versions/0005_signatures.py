"""The signatures that each process made are counted; those made before are counted now."""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "signatures",
        sa.Column("process", sa.String(32), nullable=False),
        sa.Column("kid", sa.String(64), nullable=False),
        sa.Column("typ", sa.String(64), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("process", "kid", "typ", name=op.f("pk_signatures")),
    )
    made = Counter(_kinds(op.get_bind()))
    rows = [
        {"process": "before", "kid": kid, "typ": typ, "made": count}
        for (kid, typ), count in made.items()
    ]
    op.bulk_insert(table, rows)


def downgrade() -> None:
    op.drop_table("signatures")


def _kinds(connection: sa.Connection) -> Iterator[tuple[str, str]]:
    """Key and type of each token that is there."""
    for name in ("licenses", "checkpoints", "revocation_lists"):
        for (token,) in connection.execute(sa.text(f"select token from {name}")):
            header = token.partition(".")[0]
            try:
                members = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
                yield members["kid"], members["typ"]
            except (binascii.Error, ValueError, KeyError, TypeError):
                continue  # it is no token; fsck says so
