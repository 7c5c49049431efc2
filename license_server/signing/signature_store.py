"""Stored signature counts."""

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, func, insert, select, update

from license_core import jws
from license_server.db.tables import (
    checkpoints,
    licenses,
    revocation_lists,
    signatures,
)
from license_server.signing import revocation_store

KEPT = {
    jws.LICENSE: licenses,
    jws.CHECKPOINT: checkpoints,
    jws.REVOCATIONS: revocation_lists,
}
"""What is signed, and the table that has each such token."""
_KID_CHARACTERS = 43
_KEEP = (
    update(signatures)
    .where(
        signatures.c.process == bindparam("of_process"),
        signatures.c.kid == bindparam("of_kid"),
        signatures.c.typ == bindparam("of_typ"),
    )
    .values(made=bindparam("now_made"))
)
_ADD = insert(signatures).inline()


def keep(connection: Connection, process: str, kid: str, typ: str, made: int) -> None:
    """A process has made so many of these by now."""
    given = {"of_process": process, "of_kid": kid, "of_typ": typ, "now_made": made}
    if not connection.execute(_KEEP, given).rowcount:
        row = {"process": process, "kid": kid, "typ": typ, "made": made}
        connection.execute(_ADD, row)


def counted(connection: Connection) -> dict[tuple[str, str], int]:
    """How many of each key and kind all processes made together."""
    table = signatures.c
    query = select(table.kid, table.typ, func.sum(table.made)).group_by(table.kid, table.typ)
    return {(kid, typ): int(made) for kid, typ, made in connection.execute(query)}


def recorded(connection: Connection) -> Iterator[tuple[str, int]]:
    """The first part of tokens in the ledger, and how many have it."""
    for typ, table in KEPT.items():
        length = len(jws.header("x" * _KID_CHARACTERS, typ))
        header = func.substr(table.c.token, 1, length)
        query = select(header, func.count()).group_by(header)
        if table is revocation_lists:  # one that is in shards alone has no signature
            query = query.where(revocation_store.signed)
        for part, count in connection.execute(query):
            # SQLite holds what somebody put there, bytes for text too.
            yield part if isinstance(part, str) else "", count
