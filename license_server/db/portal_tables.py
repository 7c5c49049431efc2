"""The tables of the customer portal: its links, who has come in by one, and what they asked for."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table, Text
from sqlalchemy import text as sql

from license_server.db.columns import Id, metadata
from license_server.db.request_tables import requests

# Of the ledger: each row is bound by an event. How often a link was used is not: that ticks.
portal_links = Table(
    "portal_links",
    metadata,
    Column("id", Id, primary_key=True),
    Column("secret_hash", LargeBinary(32), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),  # invitation or one-time
    Column("customer_id", ForeignKey("customers.id"), nullable=False, index=True),
    Column("label", String(200)),  # what it is for, as the vendor's people call it
    # JSON: the products that it opens; None: all that the customer has licences for
    Column("products", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("mail", BigInteger, index=True),  # which brings it; None: somebody hands it over
    Column("uses", Integer, nullable=False, server_default=sql("0")),
    Column("used_at", BigInteger),  # when last
)

# Who is in the portal; no backup has these.
portal_sessions = Table(
    "portal_sessions",
    metadata,
    Column("id_hash", LargeBinary(32), primary_key=True),  # SHA-256 of what the cookie holds
    Column("link_id", ForeignKey(portal_links.c.id), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

# Which requests were filed in the portal, and by whom: these its customer sees there. The event
# that filed a request names the link, too.
portal_requests = Table(
    "portal_requests",
    metadata,
    Column("request_id", ForeignKey(requests.c.id), primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False, index=True),
    Column("link_id", ForeignKey(portal_links.c.id), nullable=False),
    Column("filed_at", BigInteger, nullable=False),
    Column("wish", String(16), nullable=False),  # license, renewal, move, trial or return
    Column("license", String(32)),  # that it is about
)
