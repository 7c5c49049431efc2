"""Counts signatures made against signatures recorded, to spot one made elsewhere.

Each signature is counted in the process that made it, by what its header says: the key, and what
was signed. The count is written in the transaction that next commits, so the one that records a
licence counts its signature too: what is recorded was counted, also where a process is killed.
More recorded than counted means that a row carries a signature which this server did not make.
More counted than recorded were signed and came to nothing, as where storing failed: their files
were given to nobody. Neither says anything of a key that is used elsewhere.
"""

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import b64url, strictjson
from license_core.publickey import PublicKey
from license_core.signer import Signer
from license_server.db.database import Database
from license_server.signing import signature_store


class Kind(NamedTuple):
    """Which key signed, and what: the members of a header."""

    kid: str
    typ: str


class Compared(NamedTuple):
    """The signatures of one kind."""

    kind: Kind
    counted: int
    recorded: int | None
    """In the ledger; None: it keeps none of these."""


class Tally:
    """The signatures of this process."""

    def __init__(self, process: str) -> None:
        """*process* is a name that no other has."""
        self._process = process
        self._lock = threading.Lock()
        self._made: dict[bytes, int] = {}
        self._all = 0
        self._written: dict[bytes, int] = {}
        self._all_written = 0

    def count(self, message: bytes) -> None:
        """*message*, the text of a token up to its signature, was signed."""
        header = message[: message.find(b".")]
        with self._lock:
            self._made[header] = self._made.get(header, 0) + 1
            self._all += 1

    def waiting(self) -> bool:
        """Whether something was counted that is not written."""
        return self._all != self._all_written

    def write(self, connection: Connection) -> Callable[[], None]:
        """Write what was counted; what to call once that is committed."""
        with self._lock:
            now, all_ = dict(self._made), self._all
        for header, made in now.items():
            if self._written.get(header) != made:
                signature_store.keep(connection, self._process, *kind_of(header), made)

        def committed() -> None:
            self._written, self._all_written = now, all_

        return committed


def tally(database: Database) -> Tally:
    """The tally of the signatures that this process makes; *database* writes it at each commit."""
    for one in database.before_commit:
        if isinstance(one, Tally):
            return one
    made = Tally(secrets.token_hex(8))
    database.before_commit.append(made)
    return made


class CountedSigner:
    """A signer whose signatures are counted."""

    def __init__(self, signer: Signer, count: Callable[[bytes], object]) -> None:
        """*count* is told each message that was signed."""
        self._signer, self._count = signer, count

    @property
    def public_key(self) -> PublicKey:
        """The key that verifies what this signer signs."""
        return self._signer.public_key

    def sign(self, message: bytes) -> bytes:
        """The signature over *message*."""
        signature = self._signer.sign(message)
        self._count(message)
        return signature


def compare(connection: Connection) -> list[Compared]:
    """What was counted, and what is in the ledger, in the order of the keys."""
    counted = {Kind(*kind): made for kind, made in signature_store.counted(connection).items()}
    recorded: Counter[Kind] = Counter()
    for header, count in signature_store.recorded(connection):
        recorded[kind_of(header.encode("ascii", "replace"))] += count
    return [
        Compared(
            kind,
            counted.get(kind, 0),
            recorded[kind] if kind.typ in signature_store.KEPT else None,
        )
        for kind in sorted(counted.keys() | recorded.keys())
    ]


def kind_of(header: bytes) -> Kind:
    """What the first part of a token says; what is no header is of a kind without a name."""
    try:
        members: Any = strictjson.loads(b64url.decode(header.decode("ascii")))
        return Kind(str(members["kid"])[:64], str(members["typ"])[:64])
    except (KeyError, TypeError, ValueError):
        return Kind("", "")
