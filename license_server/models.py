"""The tables. Instants are whole seconds since 1970-01-01T00:00:00Z."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

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

customers = Table(
    "customers",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
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
    Column("number", String(32), nullable=False, unique=True),  # the claim jti
    Column("customer_id", ForeignKey(customers.c.id), nullable=False, index=True),
    Column("product_id", ForeignKey(products.c.id), nullable=False, index=True),
    Column("host_key", String(40), nullable=False, index=True),
    Column("host_name", String(200)),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("grace_until", BigInteger),
    Column("replaces", String(32), ForeignKey("licenses.number"), index=True),
    Column("token", Text, nullable=False),  # the exact bytes with their signature
    Column("keyset_version", ForeignKey(keysets.c.version), nullable=False),
    Column("issued_by", String(200), nullable=False),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("actor", String(200), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False),  # SHA-256 of the request's body
    Column("number", ForeignKey(licenses.c.number), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("details", Text, nullable=False),  # a JSON object; never a secret
)
Index(None, audit_events.c.subject)

users = Table(
    "users",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("email", String(200), nullable=False, unique=True),  # in lower case
    Column("password_hash", String(200), nullable=False),  # argon2id
    Column("created_at", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", LargeBinary(32), primary_key=True),  # SHA-256 of what the cookie holds
    Column("user_id", ForeignKey(users.c.id), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),  # the part of a token that is no secret
    Column("name", String(200), nullable=False, unique=True),
    Column("secret_hash", LargeBinary(32), nullable=False),  # SHA-256
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

attempts = Table(
    "attempts",
    metadata,
    Column("subject", String(300), primary_key=True),  # whose signing in is counted
    Column("failures", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)
