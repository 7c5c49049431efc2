"""The tables of mails: those that go out (mail/outbox.py), and those of the mailbox."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from license_server.db.columns import Id, metadata

# Of the ledger: what a mail says is bound by the event that queued it. What became of it is not:
# those columns change as it is sent.
mails = Table(
    "mails",
    metadata,
    Column("id", Id, primary_key=True),
    Column("queued_at", BigInteger, nullable=False),
    Column("queued_by", String(200), nullable=False),
    Column("license", String(32)),  # whose file is attached
    Column("product", String(64)),  # of that licence; None: it is about no product
    Column("recipient", String(254), nullable=False),  # local@domain
    Column("recipient_name", String(200)),
    Column("subject", String(500), nullable=False),
    Column("body", Text, nullable=False),
    Column("message_id", String(200), nullable=False, unique=True),  # the same at each try
    Column("thread", Text),  # the ids of the mails before it, with blanks between; the last one
    # is answered
    Column("automatic", Boolean, nullable=False),  # whether no person asked for it
    # waiting, claimed, sending, sent, failed, bounced, unsure, held or cancelled (mail/outbox.py)
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),  # when it is tried next; until when it is leased
    Column("leased_by", String(32)),  # drawn at random by the process that is at it
    Column("answer", Text),  # what the other side said last
    Column("ended_at", BigInteger),  # when it was sent, given up or cancelled
)
Index(None, mails.c.state, mails.c.due_at)
Index(None, mails.c.license, mails.c.id)

# Which mails of a mailbox were read, and what became of each (mail/mailbox_store.py). No event
# binds these rows: the requests that were filed have their own. Nothing in them is of a person.
mailbox_mails = Table(
    "mailbox_mails",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256: of which mail it is
    Column("place", String(500), nullable=False),  # where it was seen first
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("read_at", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),  # filed, automatic, bounce, list or own
    Column("request", BigInteger),  # the first that was filed
    Column("requests", Integer, nullable=False),  # how many were
)
Index(None, mailbox_mails.c.place, mailbox_mails.c.uidvalidity, mailbox_mails.c.uid)

mailbox_places = Table(
    "mailbox_places",
    metadata,
    Column("place", String(500), primary_key=True),  # user, host and folder
    Column("uidvalidity", BigInteger),  # None: it was never read
    Column("done", BigInteger, nullable=False),  # the mails up to this UID are dealt with
    Column("read_at", BigInteger),  # when it was read last
    Column("failing_since", BigInteger),  # no try has succeeded since
    Column("problem", Text),  # what went wrong last
)
