"""Records acts on many licences together, each as it would be recorded by itself (recording.py).

What is wrong with one of them is known before anything is written, and keeps no other from being
done. However many they are, it takes as many statements.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core.errors import LicenseError, NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import events
from license_server.catalog import standing_store
from license_server.db.errors import ChangedMeanwhileError
from license_server.licenses import recording
from license_server.licenses.held import Held, Leaving
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.recording import New
from license_server.licenses.subjects import Subjects
from license_server.signing.issuer import Issuer, check_in_force


class Refusal(NamedTuple):
    """That nothing was done to a licence, and why."""

    error: LicenseError


class Replacing(NamedTuple):
    """A licence that was signed in place of another one, and is to be recorded."""

    plan: Plan
    former: StoredLicense
    signed: SignedLicense
    details: Mapping[str, Any]
    """Those of its event."""


def replace(
    connection: Connection, replacing: Sequence[Replacing], issuer: Issuer, actor: Actor
) -> list[StoredLicense | Refusal]:
    """What is stored of each, or why nothing was done for it; none is given once (kinds.py).

    Raises SignerUnavailableError, ChangedMeanwhileError where a product needs approval since, or
    does no longer, or IntegrityError where another process took a number: then nothing is done.
    """
    formers = [one.former for one in replacing]
    standing = standing_store.of_many(
        connection, {one.customer_id for one in formers}, {one.product_id for one in formers}
    )
    check_in_force(issuer, standing.keyset_version)
    held = Held(connection, (one.number for one in formers))
    refused: dict[int, Refusal] = {}
    new: list[New] = []
    for at, one in enumerate(replacing):
        ids = one.former.customer_id, one.former.product_id
        recording.check_approval(one.plan, standing.needs_approval[ids[1]])
        try:
            if standing.erased_at[ids[0]] is not None:
                raise NotFoundError(what="customer", name=one.signed.license.sub)
            _check_customer(held, one.former)
            left = held.leave(recording.replaced(one.plan, one.former, one.signed.license.jti))
        except LicenseError as error:
            refused[at] = Refusal(error)
        else:
            new.append(New(one.plan, one.signed, issuer, actor, *ids, one.details, [left]))
    held.write()
    stored = iter(recording.add(connection, new))
    return [refused.get(at) or next(stored) for at in range(len(replacing))]


def _check_customer(held: Held, former: StoredLicense) -> None:
    """Raise ChangedMeanwhileError where the licence is another customer's, since two were merged.

    That one is not held.
    """
    if held.customer_of(former.number) not in (former.customer_id, None):
        raise ChangedMeanwhileError(what=Reason("licence {number}", number=former.number))


def end(
    connection: Connection, wanted: Sequence[ActRequest], actor: Actor, now: int
) -> list[StoredLicense | Refusal]:
    """Do acts that issue nothing: what is stored of each licence then, or why nothing was done."""
    numbers = [one.subject or "" for one in wanted]
    subjects, held = Subjects.of(connection, actor, numbers), Held(connection, numbers)
    done: list[StoredLicense | Refusal] = []
    written: list[events.Written] = []
    for one in wanted:
        try:
            ending = recording.check_end(connection, one, actor, subjects)
            left = held.leave(Leaving(ending.license, one.act, one.expected))
        except LicenseError as error:
            done.append(Refusal(error))
        else:
            written.append(recording.ended(ending, one.act, left, actor, now))
            done.append(ending.license._replace(state=one.act.leaves))
    held.write()
    events.write(connection, written)
    return done
