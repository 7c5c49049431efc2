"""Checkpoints: signed snapshots of the chain, with a key of their own (SPEC section 11.2).

Kept elsewhere, it proves what the audit log was: nothing at or before its position can be changed,
taken away or put in without the chain having another link there.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import (
    b64url,
    claims,
    clock,
    jws,
    strictjson,
)
from license_core.claims import ClaimError
from license_core.publickey import PublicKey
from license_core.signer import Signer
from license_server.audit import audit_store, chain
from license_server.audit.audit_store import StoredCheckpoint

_LINK_BYTES = 32


class Checkpoint(NamedTuple):
    """The chain's state at an instant."""

    iss: str
    """The vendor."""
    position: int
    """Of the last event; as positions are dense from 1, how many there were."""
    link: bytes
    """The chain's hash up to and with that event."""
    previous: int
    """The position of the checkpoint before; 0: there was none."""
    iat: int

    def sign(self, signer: Signer) -> str:
        """The token of this checkpoint. Raises ClaimError if nobody could read it."""
        members = self._asdict() | {"link": b64url.encode(self.link)}
        Checkpoint._from_dict(members)
        return jws.sign(strictjson.dumps(members), signer, jws.CHECKPOINT)

    @classmethod
    def open(cls, token: str, key: PublicKey) -> "Checkpoint":
        """Verify *token* with *key*, then read it.

        Raises jws.TokenError where the key did not sign it, ClaimError or ValueError for what it
        says.
        """
        _, payload = jws.verify(token, jws.headers((key,), jws.CHECKPOINT))
        return cls._from_dict(strictjson.loads(payload))

    @classmethod
    def _from_dict(cls, members: Any) -> "Checkpoint":
        if not isinstance(members, dict):
            raise ClaimError("payload", "it is not an object")
        get = claims.required
        link = b64url.decode(get(claims.text(members, "link"), "link"))
        if len(link) != _LINK_BYTES:
            raise ClaimError("link", f"it has {len(link)} bytes, not {_LINK_BYTES}")
        return cls(
            iss=get(claims.text(members, "iss"), "iss"),
            position=get(claims.integer(members, "position", least=1), "position"),
            link=link,
            previous=get(claims.integer(members, "previous"), "previous"),
            iat=get(claims.instant(members, "iat"), "iat"),
        )


class Notary(NamedTuple):
    """Who makes checkpoints."""

    vendor: str
    signer: Signer

    def make(
        self, connection: Connection, now: int, *, every: int = 0, wait: bool = False
    ) -> StoredCheckpoint | None:
        """The newest checkpoint: one of *now*, if events were linked since the last one.

        None is made before the last one is *every* seconds old, nor while another process extends
        the chain, unless told to *wait*. None: there is no checkpoint yet. Raises ClockWrongError.
        """
        clock.check(now)
        held = audit_store.hold_chain(connection, wait=wait)
        newest = audit_store.listed_checkpoints(connection, before=None, limit=1)
        last = newest[0] if newest else None
        if not held or (last is not None and last.created_at <= now < last.created_at + every):
            return last
        linked = audit_store.last_linked(connection)
        if linked is None or (last is not None and linked[0] <= last.position):
            return last
        position, hash_ = linked
        previous = 0 if last is None else last.position
        made = Checkpoint(self.vendor, position, hash_, previous, now)
        stored = StoredCheckpoint(position, made.sign(self.signer), now)
        audit_store.add_checkpoint(connection, stored)
        return stored

    def keep(self, connection: Connection, now: int, every: int) -> int:
        """Link what was committed, and make a checkpoint where one is due; how many were linked."""
        count = chain.extend(connection)
        if count < chain.BATCH:
            self.make(connection, now, every=every)
        return count
