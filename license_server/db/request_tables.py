"""The tables of requests: what operators ask for, and what was written about it."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, text

from license_server.db.columns import Id, Prefix, metadata

# Of the ledger: each row is bound by an event.
requests = Table(
    "requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(16), nullable=False),  # desk, api, portal, mail or file
    Column("received_at", BigInteger, nullable=False),
    # new, waiting (for approval), issued, refused or expired
    Column("state", String(16), nullable=False),
    # what no two open ones share (requests/filing.py); None: it is closed
    Column("open_key", String(64), unique=True),
    Column("customer", String(200)),  # a name, as in proposals
    Column("product", String(64)),
    # the host as an order takes it: a request or a host key line; None: the text has none
    Column("host", Text),
    Column("host_key", Prefix(40)),
    Column("host_name", String(200)),
    Column("earlier", String(32)),  # the licence that it speaks of, or that had its host before
    Column("sender_name", String(200)),
    Column("sender_address", String(200)),
    Column("language", String(8)),  # of the answer: en, zh
    Column("subject", String(200)),  # of the mail
    Column("message_id", String(1000)),
    Column("thread", Text),  # the ids of the mails before it, as its References have them
    Column("owner", String(200)),  # who deals with it
    Column("proposal", BigInteger),  # which it waits for, or that was approved
    Column("license", String(32)),  # that answers it
    Column("reason", Text),  # why it was refused, or came back
    Column("closed_by", String(200)),
    Column("closed_at", BigInteger),
    # how often it was sent again, and when last; no event tells of these
    Column("repeats", Integer, nullable=False, server_default=text("0")),
    Column("repeated_at", BigInteger),
    Column("follows", BigInteger, info={"later": True}),  # the request before it in its thread
    # the domain of the sender, where the receiving server vouches for it
    Column("authenticated", String(253), info={"later": True}),
    # due: it may be answered without a person; issued: it was; else why not. No event tells of it
    Column("rule", String(40)),
)
Index(None, requests.c.state, requests.c.id)
Index(None, requests.c.host_key, requests.c.id)
Index(None, requests.c.message_id)
Index(None, requests.c.proposal)
Index(None, requests.c.follows)
_DUE = text("rule = 'due'")
Index("ix_requests_due", requests.c.id, sqlite_where=_DUE, postgresql_where=_DUE)

# What was written about a request is kept while it is open, and some days more
# (requests/expiring.py). It is not part of the ledger either.
request_messages = Table(
    "request_messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("request_id", ForeignKey(requests.c.id), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),  # received, note or reply
    Column("author", String(200)),  # an actor's name; of what was received: an address, if known
    Column("text", Text, nullable=False),
    # of the mail that brought it, or by which it was sent (of ``mails``)
    Column("message_id", String(1000), index=True),
)
