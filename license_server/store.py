"""All queries. Every function takes the connection of a transaction that somebody else commits."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Select, Table, and_, delete, func, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from license_server.models import (
    attempts,
    audit_events,
    customers,
    idempotency_keys,
    keysets,
    licenses,
    products,
    sessions,
    tokens,
    users,
)


class NewLicense(NamedTuple):
    """A row of ``licenses`` to be, with names in place of ids."""

    number: str
    customer: str
    product: str
    host_key: str
    host_name: str | None
    issued_at: int
    expires_at: int | None
    grace_until: int | None
    replaces: str | None
    token: str
    keyset_version: int
    issued_by: str

    def stored(self, id_: int, keyset_token: str) -> "StoredLicense":
        """This licence as it is stored in the row *id_*."""
        values = self._asdict()
        del values["keyset_version"]
        return StoredLicense(id=id_, replaced_by=None, keyset_token=keyset_token, **values)


class StoredLicense(NamedTuple):
    """A licence as it is stored."""

    id: int
    number: str
    customer: str
    product: str
    host_key: str
    host_name: str | None
    issued_at: int
    expires_at: int | None
    grace_until: int | None
    replaces: str | None
    replaced_by: str | None
    token: str
    keyset_token: str
    issued_by: str


class Filter(NamedTuple):
    """Which licences to list. Names and keys are compared as a whole, *text* is searched for."""

    customer: str | None = None
    product: str | None = None
    host_key: str | None = None
    text: str | None = None


class StoredUser(NamedTuple):
    """Somebody who may sign in."""

    id: int
    email: str
    password_hash: str


class StoredToken(NamedTuple):
    """A bearer token, without its secret."""

    id: str
    name: str
    secret_hash: bytes
    created_at: int
    revoked_at: int | None


# Licences

_successors = licenses.alias()
_REPLACED_BY = (
    select(func.max(_successors.c.number))
    .where(_successors.c.replaces == licenses.c.number)
    .scalar_subquery()
    .label("replaced_by")
)
_LICENSES = (
    select(
        licenses.c.id,
        licenses.c.number,
        customers.c.name.label("customer"),
        products.c.name.label("product"),
        licenses.c.host_key,
        licenses.c.host_name,
        licenses.c.issued_at,
        licenses.c.expires_at,
        licenses.c.grace_until,
        licenses.c.replaces,
        _REPLACED_BY,
        licenses.c.token,
        keysets.c.token.label("keyset_token"),
        licenses.c.issued_by,
    )
    .join(customers, customers.c.id == licenses.c.customer_id)
    .join(products, products.c.id == licenses.c.product_id)
    .join(keysets, keysets.c.version == licenses.c.keyset_version)
)


def add_license(connection: Connection, new: NewLicense) -> int:
    """Store a licence, and its customer and product where they are new; the id of its row.

    Raises IntegrityError where its number is taken.
    """
    customer_id, product_id = _ids(connection, new.customer, new.product)
    values = new._asdict()
    del values["customer"], values["product"]
    if customer_id is None:
        customer_id = _add_name(connection, customers, new.customer, new.issued_at)
    if product_id is None:
        product_id = _add_name(connection, products, new.product, new.issued_at)
    values |= {"customer_id": customer_id, "product_id": product_id}
    query = insert(licenses).returning(licenses.c.id)
    id_: int = connection.execute(query, values).scalar_one()
    return id_


def _ids(connection: Connection, customer: str, product: str) -> tuple[int | None, int | None]:
    wanted = select(
        select(customers.c.id).where(customers.c.name == customer).scalar_subquery(),
        select(products.c.id).where(products.c.name == product).scalar_subquery(),
    )
    customer_id, product_id = connection.execute(wanted).one()
    return customer_id, product_id


def _add_name(connection: Connection, table: Table, name: str, now: int) -> int:
    connection.execute(_insert_if_new(connection, table), {"name": name, "created_at": now})
    found: int = connection.execute(select(table.c.id).where(table.c.name == name)).scalar_one()
    return found


def _insert_if_new(connection: Connection, table: Table) -> Insert:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def license_by_number(connection: Connection, number: str) -> StoredLicense | None:
    """The licence of this number."""
    row = connection.execute(_LICENSES.where(licenses.c.number == number)).first()
    return None if row is None else StoredLicense(*tuple(row))


def list_licenses(
    connection: Connection, wanted: Filter, *, before: int | None, limit: int
) -> list[StoredLicense]:
    """At most *limit* licences, the newest first; those with an id under *before*."""
    query = _narrow(_LICENSES, wanted)
    if before is not None:
        query = query.where(licenses.c.id < before)
    rows = connection.execute(query.order_by(licenses.c.id.desc()).limit(limit))
    return [StoredLicense(*tuple(row)) for row in rows]


def _narrow(query: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.customer is not None:
        query = query.where(customers.c.name == wanted.customer)
    if wanted.product is not None:
        query = query.where(products.c.name == wanted.product)
    if wanted.host_key is not None:
        query = query.where(licenses.c.host_key == wanted.host_key)
    if wanted.text is not None:
        columns = (
            licenses.c.number,
            customers.c.name,
            products.c.name,
            licenses.c.host_key,
            licenses.c.host_name,
        )
        query = query.where(
            or_(*(column.icontains(wanted.text, autoescape=True) for column in columns))
        )
    return query


def live_licenses(connection: Connection, host_key: str, now: int) -> list[StoredLicense]:
    """The licences of a host that hold at *now* and that no other replaces, newest first."""
    end = func.coalesce(licenses.c.grace_until, licenses.c.expires_at)
    query = _LICENSES.where(
        and_(
            licenses.c.host_key == host_key,
            or_(end.is_(None), end > now),
            _REPLACED_BY.is_(None),
        )
    )
    rows = connection.execute(query.order_by(licenses.c.id.desc()))
    return [StoredLicense(*tuple(row)) for row in rows]


_NAMED = {"customer": customers, "product": products}


def names(connection: Connection, kind: str, limit: int) -> list[str]:
    """The first *limit* names of a kind (``customer`` or ``product``), in their order."""
    table = _NAMED[kind]
    query = select(table.c.name).order_by(table.c.name).limit(limit)
    return list(connection.execute(query).scalars())


def has_name(connection: Connection, kind: str, name: str) -> bool:
    """Whether there is a customer or product of this name."""
    table = _NAMED[kind]
    return connection.execute(select(table.c.id).where(table.c.name == name)).first() is not None


# What goes with a licence


def idempotent(connection: Connection, actor: str, key: str) -> tuple[bytes, str] | None:
    """The fingerprint of the request that *actor* sent with *key*, and the licence it got."""
    table = idempotency_keys
    query = select(table.c.fingerprint, table.c.number).where(
        table.c.actor == actor, table.c.key == key
    )
    row = connection.execute(query).first()
    return None if row is None else (bytes(row.fingerprint), row.number)


def add_idempotency_key(
    connection: Connection, actor: str, key: str, fingerprint: bytes, number: str, now: int
) -> None:
    """Remember which licence a key stands for. Raises IntegrityError where it is taken."""
    connection.execute(
        insert(idempotency_keys),
        {
            "actor": actor,
            "key": key,
            "fingerprint": fingerprint,
            "number": number,
            "created_at": now,
        },
    )


def add_audit_event(
    connection: Connection, at: int, actor: str, action: str, subject: str, details: str
) -> None:
    """Write down what was done; *details* is the text of a JSON object."""
    connection.execute(
        insert(audit_events),
        {"at": at, "actor": actor, "action": action, "subject": subject, "details": details},
    )


def audit_trail(connection: Connection, subject: str) -> Sequence[tuple[int, str, str, str]]:
    """What was done to *subject*: instant, actor, action and details, in order."""
    table = audit_events
    query = (
        select(table.c.at, table.c.actor, table.c.action, table.c.details)
        .where(table.c.subject == subject)
        .order_by(table.c.id)
    )
    return [
        (at, actor, action, details) for at, actor, action, details in connection.execute(query)
    ]


def add_keyset(connection: Connection, version: int, token: str, now: int) -> None:
    """Store a keyset."""
    connection.execute(insert(keysets), {"version": version, "token": token, "created_at": now})


def newest_keyset(connection: Connection) -> str | None:
    """The token of the keyset with the highest version."""
    token: str | None = connection.execute(
        select(keysets.c.token).order_by(keysets.c.version.desc()).limit(1)
    ).scalar()
    return token


# Who asks


def add_token(connection: Connection, id_: str, name: str, secret_hash: bytes, now: int) -> None:
    """Store a token. Raises IntegrityError where its name is taken."""
    connection.execute(
        insert(tokens), {"id": id_, "name": name, "secret_hash": secret_hash, "created_at": now}
    )


def token_by_id(connection: Connection, id_: str) -> StoredToken | None:
    """The token of this id, revoked or not."""
    row = connection.execute(select(tokens).where(tokens.c.id == id_)).first()
    return None if row is None else StoredToken(*row)


def list_tokens(connection: Connection) -> list[StoredToken]:
    """All tokens, in the order of their names."""
    return [StoredToken(*row) for row in connection.execute(select(tokens).order_by(tokens.c.name))]


def revoke_token(connection: Connection, name: str, now: int) -> bool:
    """Revoke the token of this name; whether there was one that still held."""
    query = tokens.update().where(tokens.c.name == name, tokens.c.revoked_at.is_(None))
    return connection.execute(query.values(revoked_at=now)).rowcount == 1


def add_user(connection: Connection, email: str, password_hash: str, now: int) -> None:
    """Store somebody who may sign in. Raises IntegrityError where the address is taken."""
    connection.execute(
        insert(users), {"email": email, "password_hash": password_hash, "created_at": now}
    )


def user_by_email(connection: Connection, email: str) -> StoredUser | None:
    """The user of this address, which is in lower case."""
    query = select(users.c.id, users.c.email, users.c.password_hash).where(users.c.email == email)
    row = connection.execute(query).first()
    return None if row is None else StoredUser(*row)


def set_password(connection: Connection, user_id: int, password_hash: str) -> None:
    """Replace a user's password."""
    connection.execute(
        users.update().where(users.c.id == user_id).values(password_hash=password_hash)
    )


def add_session(
    connection: Connection, id_hash: bytes, user_id: int, now: int, expires_at: int
) -> None:
    """Store a session, and forget those that are over."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    connection.execute(
        insert(sessions),
        {"id_hash": id_hash, "user_id": user_id, "created_at": now, "expires_at": expires_at},
    )


def session_user(connection: Connection, id_hash: bytes, now: int) -> str | None:
    """The address of the user whose session this is, if it is not over."""
    query = (
        select(users.c.email)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(sessions.c.id_hash == id_hash, sessions.c.expires_at > now)
    )
    email: str | None = connection.execute(query).scalar()
    return email


def end_session(connection: Connection, id_hash: bytes) -> None:
    """Forget a session."""
    connection.execute(delete(sessions).where(sessions.c.id_hash == id_hash))


def end_sessions_of(connection: Connection, user_id: int) -> None:
    """Forget all sessions of a user."""
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


def failures(connection: Connection, subject: str) -> tuple[int, int] | None:
    """How often signing in failed for *subject*, and when last."""
    query = select(attempts.c.failures, attempts.c.last_at).where(attempts.c.subject == subject)
    row = connection.execute(query).first()
    return None if row is None else (row.failures, row.last_at)


def set_failures(connection: Connection, subject: str, count: int, now: int) -> None:
    """Remember how often signing in failed for *subject*."""
    forget_failures(connection, subject)
    connection.execute(insert(attempts), {"subject": subject, "failures": count, "last_at": now})


def forget_failures(connection: Connection, subject: str) -> None:
    """Forget the failures of *subject*."""
    connection.execute(delete(attempts).where(attempts.c.subject == subject))


def forget_failures_before(connection: Connection, instant: int) -> None:
    """Forget whoever has not failed since *instant*."""
    connection.execute(delete(attempts).where(attempts.c.last_at < instant))
