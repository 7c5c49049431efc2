"""The tables of renewals: which reminders were given, in which mails; addresses of calendars."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from license_server.db.columns import Id, metadata

# A reminder is of a term, not of a licence: one that was moved or changed and ends as before has
# another number, and is not reminded of again. No event binds these rows: their mails have their
# own.
reminders = Table(
    "reminders",
    metadata,
    Column("id", Id, primary_key=True),
    Column("line", String(32), nullable=False),  # of the licence
    Column("last_day", Integer, nullable=False),  # its number (licenses/term_days.py)
    Column("days", Integer, nullable=False),  # before the last day; under 0: after it
    Column("license", String(32), nullable=False),  # the one that there was then
    Column("due_at", BigInteger, nullable=False),
    Column("given_at", BigInteger, nullable=False),
    # mailed, no-address, declined, archived or covered (renewals/reminding.py)
    Column("outcome", String(16), nullable=False),
    Column("mail", BigInteger),  # to the customer
    Column("owner_mail", BigInteger),  # to the customer's owner; None: not told yet
    UniqueConstraint("line", "last_day", "days"),  # of several servers one gives it
)
Index(None, reminders.c.given_at)
Index(None, reminders.c.mail)

# One mail a day to an owner.
owner_digests = Table(
    "owner_digests",
    metadata,
    Column("owner", String(200), primary_key=True),  # the address of a user
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("mail", BigInteger, nullable=False),
)

calendar_feeds = Table(
    "calendar_feeds",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),  # SHA-256
    Column("language", String(8), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
