"""The tables of webhooks: who is told of events, what is to be sent, and what came of it."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from license_server.db.columns import Id, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(100), nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("events", Text),  # JSON: an array of names; None: all
    Column("products", Text),  # JSON: an array of names; None: all
    Column("secret", LargeBinary, nullable=False),  # sealed (webhooks/sealed_secrets.py)
    Column("former_secret", LargeBinary),  # sealed; signs beside the other …
    Column("former_until", BigInteger),  # … until then
    Column("created_at", BigInteger, nullable=False),
    Column("paused_at", BigInteger),  # nothing is sent since; what is to be sent waits
    Column("paused_why", String(16)),  # asked, gone, failing or restored
    Column("removed_at", BigInteger),  # nothing is written for it since
    Column("failing_since", BigInteger),  # no attempt has succeeded since; it only ticks
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("message", String(64), nullable=False, unique=True),  # the header webhook-id
    Column("webhook_id", ForeignKey(webhooks.c.id), nullable=False),
    Column("event", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("lane", String(80), nullable=False),  # those of one are sent one after the other
    Column("body", LargeBinary, nullable=False),  # the exact bytes
    Column("created_at", BigInteger, nullable=False),
    # waiting, delivered, failed or discarded
    Column("state", String(16), nullable=False, server_default=text("'waiting'")),
    Column("tries", Integer, nullable=False, server_default=text("0")),  # since it waits
    Column("due_at", BigInteger, nullable=False),  # when it is to be tried next
    Column("lease", String(32)),  # who is trying it …
    Column("lease_until", BigInteger),  # … and until when nobody else does
    Column("done_at", BigInteger),  # since when it waits no more
)
_WAITS = text("state = 'waiting'")
Index(None, webhook_deliveries.c.webhook_id, webhook_deliveries.c.id)
Index(None, webhook_deliveries.c.subject, webhook_deliveries.c.id)
Index(
    "ix_webhook_deliveries_due",
    webhook_deliveries.c.webhook_id,
    webhook_deliveries.c.due_at,
    sqlite_where=_WAITS,
    postgresql_where=_WAITS,
)
Index(
    "ix_webhook_deliveries_lane",
    webhook_deliveries.c.webhook_id,
    webhook_deliveries.c.lane,
    webhook_deliveries.c.id,
    sqlite_where=_WAITS,
    postgresql_where=_WAITS,
)
Index(None, webhook_deliveries.c.done_at)
_FAILED = text("state = 'failed'")
Index(
    "ix_webhook_deliveries_failed",
    webhook_deliveries.c.webhook_id,
    sqlite_where=_FAILED,
    postgresql_where=_FAILED,
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("id", Id, primary_key=True),
    Column("delivery_id", ForeignKey(webhook_deliveries.c.id), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    Column("status", Integer),  # of HTTP; None: there was no answer
    # why it counts as failed (webhooks/sending.PROBLEMS); None: it does not
    Column("problem", String(16)),
    Column("detail", String(300)),  # in the words of whatever said so
    Column("answer", LargeBinary),  # the first 1 KiB of it
)
