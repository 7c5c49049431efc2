"""The tables. Instants are whole seconds since 1970-01-01T00:00:00Z.

What is signed is never changed: an act on a licence adds a row, and the row that it replaces says
what became of it. JSON in a column is the text that strictjson writes.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    and_,
    text,
)

from license_server.db import (
    columns,
    mail_tables,  # noqa: F401  # so that the metadata knows all tables
    portal_tables,  # noqa: F401  # so that the metadata knows all tables
    renewal_tables,  # noqa: F401  # so that the metadata knows all tables
    request_tables,  # noqa: F401  # so that the metadata knows all tables
    webhook_tables,  # noqa: F401  # so that the metadata knows all tables
)
from license_server.db.columns import UNSAID, Id, Prefix

metadata = columns.metadata


def begins(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether a column of texts that are looked for from their beginning begins with *text*."""
    return and_(column >= text, column < past(text))


def past(text: str) -> str:
    """What follows, in the order of such a column, all that begins with *text*."""
    return text + "\U0010ffff"


def is_there(query: Select[Any]) -> ColumnElement[bool]:
    """Whether a query of one column, which is never null, has a row; asked for each row by itself.

    For an "exists" PostgreSQL may read whole tables into a hash first, to look at few rows.
    """
    return query.limit(1).scalar_subquery().is_not(None)


# The ledger: what was licensed, to whom, and who decided so. Each row is bound by an event.

customers = Table(
    "customers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("contact_name", String(200)),
    Column("contact_email", String(200)),
    Column("language", String(8)),  # of the mails to it: en, zh
    Column("notes", Text),
    Column("archived_at", BigInteger, info={"later": True}),  # takes no new licences since
    # another row of them: what was this customer's is that one's; nothing else names this one
    Column("merged_into", BigInteger, info={"later": True}),
    Column("tags", Text, info={"later": True}),  # a line each (catalog/tags.py)
    Column("owner", String(200), info={"later": True}),  # the address of a user, at the vendor
    # whether no reminder is mailed to it (renewals/reminding.py); never false
    Column("no_reminders", Boolean, info={"later": True}),
    Column("domains", Text, info={"later": True}),  # a line each (catalog/mail_domains.py)
    Column("erased_at", BigInteger, info={"later": True}),  # when that was begun (erasure/)
)
for _what, _told, _has in (
    # of those alone that are: SQLite would look there for those that are not, which all are
    ("merged_into", customers.c.merged_into, text("merged_into IS NOT NULL")),
    ("domains", customers.c.id, text("domains IS NOT NULL")),
):
    Index(f"ix_customers_{_what}", _told, sqlite_where=_has, postgresql_where=_has)

products = Table(
    "products",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("defaults", Text),  # JSON: members of an order that are taken where it has none
    Column("longest_days", Integer),  # no term may be longer; None: no bound
    Column("rehosts", Integer),  # how often one licence may move to another host; None: no bound
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),
    Column("title", String(200), info={"later": True}),  # for people; the name is in licences
    Column("archived_at", BigInteger, info={"later": True}),  # takes no new licences since
    Column("plans", Text, info={"later": True}),  # JSON: a plan's name to what it has
    Column("commands", Text, info={"later": True}),  # JSON: of its client (client_commands.py)
    Column("letters", Text, info={"later": True}),  # JSON: kind to language to text (letters.py)
    Column("reminders", Text, info={"later": True}),  # JSON: catalog/reminders.py; None: none go
    # what mails of known senders are answered with, without a person (requests/rules.py)
    Column("mail_plan", String(60), info={"later": True}),  # None: nothing
    Column("mail_daily", Integer, info={"later": True}),  # so many a day to a customer
    Column("mail_moves", Boolean, info={"later": True}),  # whether it moves licences, too
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
    Column("id", Id, primary_key=True),
    Column("number", Prefix(32), nullable=False, unique=True),  # the claim jti
    Column("customer_id", ForeignKey(customers.c.id), nullable=False),
    Column("product_id", ForeignKey(products.c.id), nullable=False),
    Column("host_key", Prefix(40), nullable=False),
    Column("host_name", Prefix(200)),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("grace_until", BigInteger),
    Column("replaces", String(32), ForeignKey("licenses.number")),
    Column("token", Text, nullable=False),  # the exact bytes with their signature
    Column("keyset_version", ForeignKey(keysets.c.version), nullable=False),
    Column("issued_by", String(200), nullable=False),
    # the number of the first of them
    Column("line", String(32), nullable=False, server_default=UNSAID, index=True),
    # issue, renew, rehost, change, reinstate, unrevoke or reissue
    Column("act", String(16), nullable=False, server_default=UNSAID),
    # active, replaced, suspended, revoked or returned
    Column("state", String(16), nullable=False, server_default=UNSAID),
    Column("replaced_by", String(32)),
    Column("request", Text),  # the operator's text that it came from
    # in which the term was ordered; None: that was not kept
    Column("time_zone", String(64), info={"later": True}),
    # the number of its last day there (licenses/term_days.py)
    Column("last_day", Integer, info={"with": "time_zone"}),
    # the vendor's: of the order or the contract
    Column("contract", String(100), info={"later": True}),
    Column("plan", String(60), info={"later": True}),  # of its product
    Column("kind", String(16), info={"later": True}),  # trial or stop-gap; None: neither
    # of a stop-gap: the licence that it stands in for
    Column("stands_for", String(32), info={"later": True}),
    # of a trial or stop-gap by exception: the one that the customer or the host had before
    Column("despite", String(32), info={"later": True}),
    # of a trial: the tag that tells its host from others (licenses/kinds.py)
    Column("host_tag", String(16), info={"later": True}),
)
# Lists are ordered by id.
Index(None, licenses.c.customer_id, licenses.c.id)
Index(None, licenses.c.product_id, licenses.c.id)
Index(None, licenses.c.host_key, licenses.c.id)
Index(None, licenses.c.host_name, licenses.c.id)
Index(None, licenses.c.state, licenses.c.id)
# Whether a customer has a licence on a host of this name (sheets/second_licences.py).
Index("ix_licenses_hosts", licenses.c.customer_id, licenses.c.host_name)
for _column in ("plan", "kind"):  # most have none
    Index(
        f"ix_licenses_{_column}_id",
        licenses.c[_column],
        licenses.c.id,
        sqlite_where=licenses.c[_column].is_not(None),
        postgresql_where=licenses.c[_column].is_not(None),
    )
# Whether a customer or a host has had a trial, or a stop-gap (licenses/kinds.py).
for _column in ("customer_id", "host_tag", "stands_for"):
    Index(
        f"ix_licenses_kinds_{_column}",
        licenses.c[_column],
        sqlite_where=licenses.c.kind.is_not(None),
        postgresql_where=licenses.c.kind.is_not(None),
    )
# What ends when, and was issued when, is counted in these alone (licenses/statistics_store.py).
Index(
    "ix_licenses_ends",
    licenses.c.expires_at,
    licenses.c.state,
    licenses.c.product_id,
    licenses.c.grace_until,
    licenses.c.last_day,
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
    # signed by a signing key (SPEC section 8)
    Column("token", Text, nullable=False, info={"long": True}),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # when the next one should be there
    Column("keyset_version", ForeignKey(keysets.c.version), nullable=False),
)

customer_words = Table(
    "customer_words",
    metadata,
    # what alike names share, or a tag (catalog_store.set_alike)
    Column("word", Prefix(64), primary_key=True),
    Column("customer_id", ForeignKey(customers.c.id), primary_key=True),
)
Index(None, customer_words.c.customer_id, customer_words.c.word)

# What is found by any part of it (finding/texts.py): made of other rows, and made anew of them.

texts = Table(
    "texts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # of its SHA-256
    Column("folded", Text, nullable=False),
)

text_tails = Table(
    "text_tails",
    metadata,
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("tail", Prefix(32), primary_key=True),
    Column("text_id", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

text_uses = Table(
    "text_uses",
    metadata,
    Column("text_id", BigInteger, primary_key=True, autoincrement=False),
    Column("thing", BigInteger, primary_key=True, autoincrement=False),  # the id of its row
    Column("kind", Integer, nullable=False),  # of what: finding/texts.py
    sqlite_with_rowid=False,
)
Index(None, text_uses.c.kind, text_uses.c.thing, text_uses.c.text_id)

customer_names = Table(
    "customer_names",
    metadata,
    Column("name", String(200), primary_key=True),  # a former one, by which it is still found
    Column("customer_id", ForeignKey(customers.c.id), primary_key=True, index=True),
    Column("until", BigInteger, nullable=False),  # when it got another
)

proposals = Table(
    "proposals",
    metadata,
    Column("id", Id, primary_key=True),
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
    Column("id", Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Prefix(200), nullable=False),
    Column("action", Prefix(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("details", Text, nullable=False),  # a JSON object; never a secret
    Column("address", String(64)),  # from where
    Column("reason", Text),
    Column("rows", Text),  # JSON: table and key to the digest of the row after the act
    Column("position", BigInteger),  # in the chain; None: not linked yet
    Column("link", LargeBinary(32)),  # the chain's hash up to and with this event
    # of its seals (audit/seals.py); None: its words are hashed themselves, or ``erased`` has them
    Column("salt", LargeBinary(32), info={"drawn": True}),  # by the database
    Column("erased", Text),  # JSON: the seals of what was erased of it; None: nothing was
)
Index(None, audit_events.c.subject, audit_events.c.id)
Index(None, audit_events.c.actor, audit_events.c.id)
Index(None, audit_events.c.action, audit_events.c.id)
Index(None, audit_events.c.at, audit_events.c.id)
# An event is in one of these: in the chain, or not yet.
Index(
    "uq_audit_events_position",
    audit_events.c.position,
    unique=True,
    sqlite_where=audit_events.c.position.is_not(None),
    postgresql_where=audit_events.c.position.is_not(None),
)
Index(
    "ix_audit_events_unlinked",
    audit_events.c.id,
    sqlite_where=audit_events.c.position.is_(None),
    postgresql_where=audit_events.c.position.is_(None),
)

audit_values = Table(
    "audit_values",
    metadata,
    # SHA-256 of the salt and the value: what the event holds in its place
    Column("digest", LargeBinary(32), primary_key=True),
    Column("salt", LargeBinary(16), nullable=False),
    Column("value", Text, nullable=False),  # JSON: about a person; erased with them
    Column("owner", String(64), nullable=False, index=True),  # such as customers/7
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

saved_views = Table(
    "saved_views",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("room", String(40), primary_key=True),  # the path of the list
    Column("name", String(60), primary_key=True),
    Column("query", Text, nullable=False),  # of its address
)

import_sheets = Table(
    "import_sheets",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("id", String(32), primary_key=True),  # the first half of the SHA-256 of its content
    # the text that was uploaded, in UTF-8; or which licences were chosen (sheets/chosen.py)
    Column("content", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("act", String(16), nullable=False, server_default="issue"),  # issue: of an upload
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
    Column("act", String(16), nullable=False, server_default="issue"),
    Column("proposed", Integer, nullable=False, server_default="0"),  # how many lines wait
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
    Column("id", Id, primary_key=True),
    Column("email", String(200), nullable=False, unique=True),  # in lower case
    Column("password_hash", String(200), nullable=False),  # argon2id; `!`: they have none
    Column("created_at", BigInteger, nullable=False),
    Column("role", String(16), nullable=False, server_default=UNSAID),
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
    Column("scopes", Text, nullable=False, server_default=UNSAID),
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
