"""The tables. Instants are whole seconds since 1970-01-01T00:00:00Z.

What is signed is never changed: an act on a licence adds a row, and the row that it replaces says
what became of it. JSON in a column is the text that strictjson writes.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
    text,
)
from sqlalchemy.types import TypeEngine


def begins(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether a column of texts that are looked for from their beginning begins with *text*."""
    return and_(column >= text, column < text + "\U0010ffff")


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts only in a column that is declared as INTEGER.
_Id = BigInteger().with_variant(Integer, "sqlite")

# Of columns that came to tables with rows: SQLite takes no such column without one, and keeps it.
_UNSAID = text("''")


def _Prefix(length: int) -> TypeEngine[str]:  # noqa: N802  # stands where a type stands
    """A text that is looked for from its beginning: in the order of its characters."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


# The ledger: what was licensed, to whom, and who decided so. Each row is bound by an event.

customers = Table(
    "customers",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("contact_name", String(200)),
    Column("contact_email", String(200)),
    Column("language", String(8)),  # of the mails to it: en, zh
    Column("notes", Text),
)

products = Table(
    "products",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("defaults", Text),  # JSON: members of an order that are taken where it has none
    Column("longest_days", Integer),  # no term may be longer; None: no bound
    Column("rehosts", Integer),  # how often one licence may move to another host; None: no bound
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),
)

keysets = Table(
    "keysets",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False),  # signed by a root key (SPEC section 6)
    Column("created_at", BigInteger, nullable=False),
)

licenses = Table(
    "licenses",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("number", _Prefix(32), nullable=False, unique=True),  # the claim jti
    Column("customer_id", ForeignKey(customers.c.id), nullable=False),
    Column("product_id", ForeignKey(products.c.id), nullable=False),
    Column("host_key", _Prefix(40), nullable=False),
    Column("host_name", _Prefix(200)),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("grace_until", BigInteger),
    Column("replaces", String(32), ForeignKey("licenses.number"), index=True),
    Column("token", Text, nullable=False),  # the exact bytes with their signature
    Column("keyset_version", ForeignKey(keysets.c.version), nullable=False),
    Column("issued_by", String(200), nullable=False),
    # the number of the first of them
    Column("line", String(32), nullable=False, server_default=_UNSAID, index=True),
    # issue, renew, rehost, change, reinstate or reissue
    Column("act", String(16), nullable=False, server_default=_UNSAID),
    # active, replaced, suspended or revoked
    Column("state", String(16), nullable=False, server_default=_UNSAID),
    Column("replaced_by", String(32)),
    Column("request", Text),  # the operator's text that it came from
)
# Lists are ordered by id.
Index(None, licenses.c.customer_id, licenses.c.id)
Index(None, licenses.c.product_id, licenses.c.id)
Index(None, licenses.c.host_key, licenses.c.id)
Index(None, licenses.c.host_name, licenses.c.id)
Index(None, licenses.c.state, licenses.c.id)
# What ends when, and was issued when, is counted in these alone (licenses/statistics_store.py).
Index(
    "ix_licenses_ends",
    licenses.c.expires_at,
    licenses.c.state,
    licenses.c.product_id,
    licenses.c.grace_until,
    licenses.c.id,
)
Index(None, licenses.c.issued_at, licenses.c.act)
# The longest grace is the first of these: who is in grace ended no longer ago (licenses/search.py).
Index(
    "ix_licenses_grace",
    text("(grace_until - expires_at)"),
    _table=licenses,
    sqlite_where=licenses.c.grace_until.is_not(None),
    postgresql_where=licenses.c.grace_until.is_not(None),
)
Index(
    "ix_licenses_moves",
    licenses.c.line,
    licenses.c.issued_at,
    sqlite_where=text("act = 'rehost'"),
    postgresql_where=text("act = 'rehost'"),
)

revocation_lists = Table(
    "revocation_lists",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False),  # signed by a signing key (SPEC section 8)
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # when the next one should be there
    Column("keyset_version", ForeignKey(keysets.c.version), nullable=False),
)

customer_words = Table(
    "customer_words",
    metadata,
    Column("word", _Prefix(64), primary_key=True),  # of the name, in lower case (names.py)
    Column("customer_id", ForeignKey(customers.c.id), primary_key=True),
)
Index(None, customer_words.c.customer_id, customer_words.c.word)

proposals = Table(
    "proposals",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("act", String(16), nullable=False),
    Column("subject", String(32)),  # the licence to be acted on; None: a first one
    Column("members", Text, nullable=False),  # JSON: what was asked for
    Column("customer", String(200), nullable=False),
    Column("product", String(64), nullable=False),
    Column("reason", Text),
    Column("proposed_by", String(200), nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False, index=True),  # waiting, approved or refused
    Column("decided_by", String(200)),
    Column("decided_at", BigInteger),
    Column("decision", Text),  # its reason
    Column("number", String(32)),  # of the licence that was issued
)

# The audit log

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("details", Text, nullable=False),  # a JSON object; never a secret
    Column("address", String(64)),  # from where
    Column("reason", Text),
    Column("rows", Text),  # JSON: table and key to the digest of the row after the act
    Column("position", BigInteger),  # in the chain; None: not linked yet
    Column("link", LargeBinary(32)),  # the chain's hash up to and with this event
)
Index(None, audit_events.c.subject, audit_events.c.id)
Index(None, audit_events.c.actor, audit_events.c.id)
Index(None, audit_events.c.action, audit_events.c.id)
Index(None, audit_events.c.at, audit_events.c.id)
Index("uq_audit_events_position", audit_events.c.position, unique=True)
Index(
    "ix_audit_events_unlinked",
    audit_events.c.id,
    sqlite_where=audit_events.c.position.is_(None),
    postgresql_where=audit_events.c.position.is_(None),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("token", Text, nullable=False),  # signed by the audit log's own key (SPEC section 11.2)
    Column("created_at", BigInteger, nullable=False),
)

signatures = Table(
    "signatures",
    metadata,
    # drawn at random when it began; `before`: what was signed before they were counted
    Column("process", String(32), primary_key=True),
    Column("kid", String(64), primary_key=True),  # which key signed
    Column("typ", String(64), primary_key=True),  # what was signed: the type in the header
    Column("made", BigInteger, nullable=False),
)

# What passes: kept for a week, then forgotten (passing.py). None of it is part of the ledger.

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),  # SHA-256 of the request
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("status", Integer),  # of the reply; None: still being worked on
    Column("location", Text),
    Column("body", LargeBinary),
)

drafts = Table(
    "drafts",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("path", String(200), nullable=False),  # of its form
    Column("fields", Text, nullable=False),  # JSON: what was typed
    Column("created_at", BigInteger, nullable=False, index=True),
)

import_sheets = Table(
    "import_sheets",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("id", String(32), primary_key=True),  # the first half of the SHA-256 of its content
    Column("content", LargeBinary, nullable=False),  # the text that was uploaded, in UTF-8
    Column("created_at", BigInteger, nullable=False, index=True),
)

import_jobs = Table(
    "import_jobs",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("id", String(32), primary_key=True),  # its sheet's; by the API: made of the request's
    Column("state", String(16), nullable=False),  # waiting, running, stopped or done
    # when it last gave a sign of life
    Column("heartbeat_at", BigInteger, nullable=False, index=True),
    Column("lines", Integer, nullable=False),  # of the sheet; the others: how many of them are …
    Column("done", Integer, nullable=False),
    Column("issued", Integer, nullable=False),
    Column("wrong", Integer, nullable=False),
    Column("numbers", Text, nullable=False),  # JSON: the first licences
    Column("left_out", Text, nullable=False),  # JSON: the first lines that are wrong
    Column("rules", Text),  # JSON: each product's rules as they were agreed to
    Column("problem", String(64)),  # the slug of what stopped it
    Column("detail", Text),
)
Index(None, import_jobs.c.id, import_jobs.c.actor)
Index(None, import_jobs.c.actor, import_jobs.c.heartbeat_at)

import_batches = Table(
    "import_batches",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("key", LargeBinary(32), primary_key=True),  # SHA-256 of the job and its first line
    Column("fingerprint", LargeBinary(32), nullable=False),  # SHA-256 of its lines
    Column("outcomes", Text, nullable=False),  # JSON: what became of each line
    Column("created_at", BigInteger, nullable=False, index=True),
)

# Who may

users = Table(
    "users",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("email", String(200), nullable=False, unique=True),  # in lower case
    Column("password_hash", String(200), nullable=False),  # argon2id; `!`: they have none
    Column("created_at", BigInteger, nullable=False),
    Column("role", String(16), nullable=False, server_default=_UNSAID),
    Column("totp", LargeBinary),  # the seed, encrypted; None: not set up
    Column("totp_used", BigInteger),  # the last time step that was accepted
    Column("ended_at", BigInteger),  # may not sign in any more
    Column("issuer", String(200)),  # of OpenID Connect
    Column("issuer_subject", String(255)),
)
Index(None, users.c.issuer, users.c.issuer_subject, unique=True)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", ForeignKey(users.c.id), primary_key=True),
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("used_at", BigInteger),
)

invitations = Table(
    "invitations",
    metadata,
    Column("secret_hash", LargeBinary(32), primary_key=True),
    Column("email", String(200), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("invited_by", String(200), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", LargeBinary(32), primary_key=True),  # SHA-256 of what the cookie holds
    Column("user_id", ForeignKey(users.c.id), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("address", String(64)),
    Column("agent", String(200)),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),  # the part of a token that is no secret
    Column("name", String(200), nullable=False, unique=True),
    Column("secret_hash", LargeBinary(32), nullable=False),  # SHA-256
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    # permissions, separated by spaces
    Column("scopes", Text, nullable=False, server_default=_UNSAID),
    Column("products", Text),  # JSON: an array of names; None: all
    Column("expires_at", BigInteger),
    Column("used_at", BigInteger),  # to the hour
)

attempts = Table(
    "attempts",
    metadata,
    Column("subject", String(300), primary_key=True),  # whose signing in is counted
    Column("failures", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)
