"""The ledger: a licence's whole life, proposals, a chained record, people with roles."""

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _prefix(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


_PREFIXES = (("number", 32), ("host_key", 40), ("host_name", 200))
_ACTS = {
    "renewed": "renew",
    "rehosted": "rehost",
    "changed": "change",
    "reinstated": "reinstate",
}
_NEW_INDEXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("licenses", ("customer_id", "id")),
    ("licenses", ("product_id", "id")),
    ("licenses", ("host_key", "id")),
    ("licenses", ("host_name", "id")),
    ("licenses", ("expires_at", "id")),
    ("licenses", ("state", "id")),
    ("licenses", ("line",)),
    ("customer_words", ("customer_id", "word")),
    ("audit_events", ("subject", "id")),
    ("audit_events", ("actor", "id")),
)
_OLD_INDEXES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("licenses", ("customer_id",)),
    ("licenses", ("product_id",)),
    ("licenses", ("host_key",)),
    ("audit_events", ("subject",)),
)


def upgrade() -> None:
    for table, columns in _OLD_INDEXES:
        op.drop_index(_name(table, columns), table)
    op.add_column("customers", sa.Column("contact_name", sa.String(200)))
    op.add_column("customers", sa.Column("contact_email", sa.String(200)))
    op.add_column("customers", sa.Column("language", sa.String(8)))
    op.add_column("customers", sa.Column("notes", sa.Text()))
    op.add_column("products", sa.Column("defaults", sa.Text()))
    op.add_column("products", sa.Column("longest_days", sa.Integer()))
    op.add_column("products", sa.Column("rehosts", sa.Integer()))
    op.add_column(
        "products",
        sa.Column("needs_approval", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    _upgrade_licenses()
    op.create_table(
        "customer_words",
        sa.Column("word", _prefix(64), nullable=False),
        sa.Column("customer_id", _id, nullable=False),
        sa.PrimaryKeyConstraint("word", "customer_id", name="pk_customer_words"),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_customer_words_customer_id"
        ),
    )
    op.create_table(
        "proposals",
        sa.Column("id", _id, nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(32)),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("customer", sa.String(200), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("proposed_by", sa.String(200), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("decision", sa.Text()),
        sa.Column("number", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
    )
    op.create_index("ix_proposals_state", "proposals", ["state"])
    _upgrade_record()
    _upgrade_people()
    for index_of, columns in _NEW_INDEXES:
        op.create_index(_name(index_of, columns), index_of, list(columns))


def downgrade() -> None:
    for table, columns in _NEW_INDEXES:
        op.drop_index(_name(table, columns), table)
    op.drop_index("ix_audit_events_unlinked", "audit_events")
    op.drop_index("uq_audit_events_position", "audit_events")
    op.drop_index("ix_users_issuer_issuer_subject", "users")
    for name in ("recovery_codes", "invitations", "checkpoints", "proposals", "customer_words"):
        op.drop_table(name)
    op.drop_table("idempotency_keys")
    _first_idempotency_keys()
    dropped = {
        "tokens": ("scopes", "products", "expires_at", "used_at"),
        "sessions": ("address", "agent"),
        "users": ("role", "totp", "totp_used", "ended_at", "issuer", "issuer_subject"),
        "audit_events": ("address", "reason", "rows", "position", "link"),
        "licenses": ("line", "act", "state", "replaced_by", "request"),
        "products": ("defaults", "longest_days", "rehosts", "needs_approval"),
        "customers": ("contact_name", "contact_email", "language", "notes"),
    }
    for table, columns in dropped.items():
        for column in columns:
            op.drop_column(table, column)
    for name, length in _PREFIXES:
        _alter(name, sa.String(length))
    for table, columns in _OLD_INDEXES:
        op.create_index(_name(table, columns), table, list(columns))


def _name(table: str, columns: tuple[str, ...]) -> str:
    return f"ix_{table}_{'_'.join(columns)}"


def _upgrade_licenses() -> None:
    for name, length in (("line", 32), ("act", 16), ("state", 16)):
        op.add_column(
            "licenses", sa.Column(name, sa.String(length), nullable=False, server_default="")
        )
    op.add_column("licenses", sa.Column("replaced_by", sa.String(32)))
    op.add_column("licenses", sa.Column("request", sa.Text()))
    for name, length in _PREFIXES:
        _alter(name, _prefix(length))
    op.execute(
        "update licenses set replaced_by = (select max(later.number) from licenses later "
        "where later.replaces = licenses.number)"
    )
    op.execute(
        "update licenses set act = case when replaces is null then 'issue' else 'change' end, "
        "state = case when replaced_by is null then 'active' else 'replaced' end"
    )
    # Tables that went down to 0001 and come up again: the record still knows what was done.
    for action, act in _ACTS.items():
        op.execute(f"update licenses set act = '{act}' where number in {_subjects(action)}")
    for action in ("suspended", "revoked"):
        op.execute(
            f"update licenses set state = '{action}' "
            f"where state <> 'replaced' and number in {_subjects(action)}"
        )
    # The line of a licence is the number of the one that its replacements lead back to.
    op.execute(
        "with recursive roots(number, root) as ("
        "select number, number from licenses where replaces is null union all "
        "select later.number, roots.root from licenses later "
        "join roots on later.replaces = roots.number) "
        "update licenses set line = (select root from roots where roots.number = licenses.number)"
    )


def _subjects(action: str) -> str:
    return f"(select subject from audit_events where action = 'license.{action}')"


def _alter(column: str, type_: sa.types.TypeEngine[str]) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite compares characters anyway
        op.alter_column("licenses", column, type_=type_)


def _upgrade_record() -> None:
    op.add_column("audit_events", sa.Column("address", sa.String(64)))
    op.add_column("audit_events", sa.Column("reason", sa.Text()))
    op.add_column("audit_events", sa.Column("rows", sa.Text()))
    op.add_column("audit_events", sa.Column("position", sa.BigInteger()))
    op.add_column("audit_events", sa.Column("link", sa.LargeBinary(32)))
    op.create_index("uq_audit_events_position", "audit_events", ["position"], unique=True)
    unlinked = sa.text("position is null")
    op.create_index(
        "ix_audit_events_unlinked",
        "audit_events",
        ["id"],
        sqlite_where=unlinked,
        postgresql_where=unlinked,
    )
    op.create_table(
        "checkpoints",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_checkpoints"),
    )
    # The former keys told a number, not a reply: whoever repeats a request now is answered anew.
    op.drop_table("idempotency_keys")
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("location", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("actor", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


def _first_idempotency_keys() -> None:
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


def _upgrade_people() -> None:
    op.add_column("users", sa.Column("role", sa.String(16), nullable=False, server_default=""))
    op.execute("update users set role = 'administrator'")
    op.add_column("users", sa.Column("totp", sa.LargeBinary()))
    op.add_column("users", sa.Column("totp_used", sa.BigInteger()))
    op.add_column("users", sa.Column("ended_at", sa.BigInteger()))
    op.add_column("users", sa.Column("issuer", sa.String(200)))
    op.add_column("users", sa.Column("issuer_subject", sa.String(255)))
    op.create_index(
        "ix_users_issuer_issuer_subject", "users", ["issuer", "issuer_subject"], unique=True
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", _id, nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_recovery_codes_user_id"),
    )
    op.create_table(
        "invitations",
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("invited_by", sa.String(200), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_invitations"),
        sa.UniqueConstraint("email", name="uq_invitations_email"),
    )
    op.add_column("sessions", sa.Column("address", sa.String(64)))
    op.add_column("sessions", sa.Column("agent", sa.String(200)))
    op.add_column("tokens", sa.Column("scopes", sa.Text(), nullable=False, server_default=""))
    op.execute("update tokens set scopes = 'licenses:issue licenses:read'")  # what they could do
    op.add_column("tokens", sa.Column("products", sa.Text()))
    op.add_column("tokens", sa.Column("expires_at", sa.BigInteger()))
    op.add_column("tokens", sa.Column("used_at", sa.BigInteger()))
