"""A ledger of millions of licences on PostgreSQL, which makes most of it by itself.

The licences are spread as those of ``large_ledger``, each with its event in the audit log. No token
is signed, and no event is linked by a hash that holds: it is there to be searched, not checked.
"""

from sqlalchemy import Connection, Engine, Index, Table, insert, text

from license_server.db.tables import (
    audit_events,
    customer_words,
    customers,
    keysets,
    licenses,
    metadata,
    products,
    text_tails,
    text_uses,
    texts,
)
from license_server.finding.texts import LONGEST, Kind
from tests.support.large_ledger import (
    DAY,
    DIGITS,
    FIRST,
    NOW,
    PER_CUSTOMER,
    PRODUCTS,
    SECOND,
    TOKEN,
    ZONES,
)

_NUMBERED = (customers, products, licenses, audit_events)
_FILLED = (*_NUMBERED, customer_words, texts, text_tails, text_uses)
_UNCHECKED = "set local session_replication_role = replica"
"""No row is looked up for a foreign key: a superuser may say so."""
_MEMORY = ("set local maintenance_work_mem = '512MB'", "set local work_mem = '256MB'")
_SPREAD = 662_607_015_999
"""Odd, so that each number below 2**40 is met once."""


def fill(engine: Engine, count: int, token: str = TOKEN) -> None:
    """*count* licences of one *token* in place of all that are there; indexes are made at the end.

    A token that can be read is needed by whoever looks at one of them.
    """
    with engine.begin() as connection:
        metadata.create_all(connection)
        for statement in (_UNCHECKED, *_MEMORY):
            connection.execute(text(statement))
        # What is emptied and filled in one transaction need not pass the write-ahead log, where
        # wal_level is minimal.
        names = ", ".join(table.name for table in _FILLED)
        connection.execute(text(f"truncate {names} cascade"))
        indexes = [index for table in _FILLED for index in table.indexes]
        for index in indexes:
            index.drop(connection)
        _fill(connection, count, token)
        for index in sorted(indexes, key=_name):
            index.create(connection)
        for table in _NUMBERED:
            _count_on(connection, table)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze"))


def _name(index: Index) -> str:
    return str(index.name)


def _count_on(connection: Connection, table: Table) -> None:
    """Let the next row get the next id."""
    last = f"select setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) from {table.name}"
    connection.execute(text(last))


def _fill(connection: Connection, count: int, token: str) -> None:
    version = connection.execute(text("select max(version) from keysets")).scalar()
    if version is None:
        version = 1
        keyset = {"version": version, "token": TOKEN, "created_at": NOW}
        connection.execute(insert(keysets), keyset)
    names = ({"id": id_, "name": f"product-{id_}"} for id_ in range(1, PRODUCTS + 1))
    connection.execute(insert(products), [one | {"created_at": NOW} for one in names])
    given = {
        "count": count,
        "most": max(1, count // PER_CUSTOMER),
        "now": NOW,
        "first": list(FIRST),
        "second": list(SECOND),
        "zones": list(ZONES),
        "digits": DIGITS,
        "token": token,
        "version": version,
    }
    connection.execute(text("select setseed(0.5)"))
    for statement in (_CUSTOMERS, _LICENSES, _EVENTS, _FOLDED, _TEXTS, _TAILS, _USES, _WORDS):
        connection.execute(text(statement), given)


_CUSTOMERS = """
insert into customers (id, name, created_at, contact_name, contact_email, notes)
select id,
    (cast(:first as text[]))[1 + id % cardinality(cast(:first as text[]))] || ' '
        || (cast(:second as text[]))[1 + id / 7 % cardinality(cast(:second as text[]))]
        || ' ' || id,
    :now, 'Contact ' || id, 'it' || id || '@example.com',
    case when id % 3 = 0 then 'Customer ' || id * 7919 end
from generate_series(1, cast(:most as bigint)) id
"""

_CHOSEN = f"""
select id, :now - cast((1 - sqrt(id / cast(:count as float))) * 6 * 365 * {DAY} as bigint) issued,
    id * {_SPREAD} & 1099511627775 spread,
    1 + cast(floor(random() * :most) as bigint) customer,
    least(floor(random() * {PRODUCTS}), floor(random() * {PRODUCTS}))::bigint + 1 product,
    case when random() >= 0.1
        then (array[30, 365, 365, 730])[1 + floor(random() * 4)::int] * {DAY} end lasts,
    nullif((array[0, 0, 14, 30])[1 + floor(random() * 4)::int], 0) * {DAY} grace,
    1 + floor(random() * 9999)::int node,
    (cast(:zones as text[]))[1 + floor(random() * cardinality(cast(:zones as text[])))::int] zone,
    floor(random() * 100)::int as state, 2020 + floor(random() * 7)::int as year
from generate_series(1, cast(:count as bigint)) id
"""

_DIGIT = "substr(:digits, 1 + cast(spread >> {} & 31 as int), 1)"
_NUMBER = " || ".join(_DIGIT.format(bits) for bits in range(35, -1, -5))

_LICENSES = f"""
insert into licenses (id, number, customer_id, product_id, host_key, host_name, issued_at,
    expires_at, grace_until, token, keyset_version, issued_by, line, act, state, contract,
    time_zone, last_day)
select id, number, customer, product, encode(substr(sha256(int8send(id)), 1, 20), 'hex'),
    'node' || node || '-gpu', issued, ends, ends + grace, :token, :version, 'token:crm', number,
    'issue',
    case when state < 90 then 'active' when state < 98 then 'replaced'
        when state < 99 then 'suspended' else 'revoked' end,
    case when id % 3 = 0 then 'PO-' || year || '-'
        || lpad(cast(id as text), greatest(6, length(cast(id as text))), '0') end,
    zone, cast(to_timestamp(ends - 1) at time zone zone as date) - date '1970-01-01'
from (
    select *, issued + lasts ends,
        'HS-' || extract(year from to_timestamp(issued)) || '-' || {_NUMBER} number
    from ({_CHOSEN}) chosen offset 0
) made
"""

_EVENTS = """
insert into audit_events (id, at, actor, action, subject, details, rows, position, link, salt)
select id, issued_at, issued_by, 'license.issued', number,
    json_build_object('customer', 'Customer ' || customer_id, 'product', 'product-' || product_id,
        'host', host_key)::text,
    json_build_object('licenses/' || number, encode(sha256(int8send(id)), 'base64'))::text,
    id, sha256(int8send(id)), sha256(int8send(-id))
from licenses order by id
"""

_OF = {
    Kind.LICENCE: ("licenses", ("host_name", "contract")),
    Kind.CUSTOMER: ("customers", ("name",)),
    Kind.CONTACT: ("customers", ("contact_name", "contact_email", "notes")),
    Kind.PRODUCT: ("products", ("name",)),
}
_EACH = " union all ".join(
    f"select {kind:d} kind, id thing, translate(lower({column}), '- @.', '') folded"
    f" from {table} where {column} is not null"
    for kind, (table, columns) in _OF.items()
    for column in columns
)
_FOLDED = f"""
create temporary table folded on commit drop as
select *, ('x' || encode(substr(sha256(convert_to(kind || ' ' || folded, 'UTF8')), 1, 8), 'hex'))
    ::bit(64)::bigint id
from ({_EACH}) each
"""
_TEXTS = "insert into texts (id, folded) select distinct on (id) id, folded from folded order by id"
_TAILS = f"""
insert into text_tails (kind, tail, text_id)
select distinct kind, substr(folded, at, {LONGEST}) collate "C" tail, id
from (select distinct kind, id, folded from folded) each, generate_series(1, length(folded)) at
order by kind, tail, id
"""
_USES = """
insert into text_uses (text_id, thing, kind)
select distinct id, thing, kind from folded order by id, thing
"""
_WORDS = f"""
insert into customer_words (word, customer_id)
select '=' || folded, thing from folded where kind = {Kind.CUSTOMER:d}
"""
