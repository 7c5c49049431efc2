"""Unpredictable bytes that the database draws itself, within a statement."""

import hashlib
from typing import Any

from sqlalchemy import Connection, LargeBinary, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

BYTES = 32
_OF_A_UUID = 16


class DrawnBytes(FunctionElement[bytes]):
    """BYTES of them, other ones in each row.

    PostgreSQL has them as random UUIDs, of whose 128 bits 122 are drawn.
    """

    type = LargeBinary()
    inherit_cache = True
    name = "drawn_bytes"


@compiles(DrawnBytes, "sqlite")
def _sqlite(_: DrawnBytes, __: Any, **___: Any) -> str:
    return f"randomblob({BYTES})"


@compiles(DrawnBytes, "postgresql")
def _postgresql(_: DrawnBytes, __: Any, **___: Any) -> str:
    return " || ".join(["uuid_send(gen_random_uuid())"] * (BYTES // _OF_A_UUID))


def many(connection: Connection, count: int) -> list[bytes]:
    """So many times BYTES of them.

    The database draws BYTES of them once, and SHAKE256 (FIPS 202) makes the others: who knows some
    knows nothing of the rest. To draw each and to read it takes as long as to store an event.
    """
    seed = connection.execute(select(DrawnBytes())).scalar_one()
    whole = hashlib.shake_256(bytes(seed)).digest(BYTES * count)
    return [whole[at : at + BYTES] for at in range(0, BYTES * count, BYTES)]
