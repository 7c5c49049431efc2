"""Issues what waits at the same moment together: planned, signed, verified and recorded at once.

That is so for plain orders: a first licence of nothing that is given once, for a customer and a
product that are there. Any other is left to whoever asked, to be done alone (site.py). A fault of
one takes no other along (docs/adr/0051).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from license_core.errors import LicenseError
from license_server.actor import Actor
from license_server.catalog.parties import Parties
from license_server.db import idempotency, reply_store
from license_server.db.database import Refused
from license_server.db.idempotency import Idempotency
from license_server.db.reply_store import Kept, Reply
from license_server.licenses import issuing, planning, recording
from license_server.licenses.acts import ISSUE
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.planning import ActRequest
from license_server.licenses.recording import New
from license_server.signing import keyset_store
from license_server.signing.issuer import Issuer, Random

_LONGEST_TEXT = 4096
"""Characters of a host's text that are read while whatever writes waits: 64 KiB take 40 ms."""


class Asked(NamedTuple):
    """A licence that somebody asked for."""

    act_request: ActRequest
    actor: Actor
    now: int
    given: Idempotency | None
    render_reply: Callable[[StoredLicense], Reply]
    issuer: Issuer
    random: Random

    @property
    def may_be_plain(self) -> bool:
        """Whether it can be a plain order, by what is known without the database."""
        request, host = self.act_request, self.act_request.members.get("host")
        return (
            request.act is ISSUE
            and request.subject is None
            and self.issuer.remote is None
            and not request.members.get("replaces")
            and not (isinstance(host, str) and len(host) > _LONGEST_TEXT)
        )


def issue(connection: Connection, asked: Sequence[Asked]) -> list[Reply | Refused | None]:
    """What each is answered, once it is committed. None: it is not plain; nothing was done for it.

    Raises IntegrityError where another process took a number or a key.
    """
    done: list[Reply | Refused | None] = [None] * len(asked)
    new: dict[int, New] = {}
    kept, parties = _kept(connection, asked), _parties(connection, asked)
    newest, keys = keyset_store.newest_version(connection), set()
    for at, one in enumerate(asked):
        key = one.given and (one.actor.name, one.given.key)
        if key in keys or one.issuer.version != newest:
            continue
        try:
            earlier = one.given and idempotency.reply_of(kept.get(key), one.given)
            if earlier is None:
                plain = _sign(connection, one, parties[_who(one)])
                if plain is not None:
                    new[at] = plain
            else:
                done[at] = earlier
        except LicenseError as error:
            done[at] = Refused(error)
        keys |= {key} - {None}
    stored = recording.add(connection, [*new.values()])
    for at, license_ in zip(new, stored, strict=True):
        one = asked[at]
        done[at] = reply = one.render_reply(license_)
        idempotency.keep(connection, one.actor.name, one.given, one.now, reply)
    return done


def _kept(connection: Connection, asked: Sequence[Asked]) -> Mapping[object, Kept]:
    """What their keys got before, by actor and key."""
    keys: dict[str, list[str]] = defaultdict(list)
    for one in asked:
        if one.given is not None:
            keys[one.actor.name].append(one.given.key)
    return {
        (actor, key): kept
        for actor, some in keys.items()
        for key, kept in reply_store.kept_replies(connection, actor, some).items()
    }


def _parties(connection: Connection, asked: Sequence[Asked]) -> dict[Actor, Parties]:
    """The customers and products that each actor's orders name."""
    named: dict[Actor, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for one in asked:
        for names, member in zip(named[_who(one)], ("customer", "product"), strict=True):
            name = one.act_request.members.get(member)
            if isinstance(name, str):
                names.add(name)
    return {actor: Parties(connection, actor, *names, held=True) for actor, names in named.items()}


def _who(one: Asked) -> Actor:
    """Who asked, from wherever."""
    return one.actor._replace(address=None)


def _sign(connection: Connection, one: Asked, parties: Parties) -> New | None:
    """The licence that is *asked* for, signed and verified; None: the order is not plain.

    Raises as planning.plan and issuing.sign_and_verify do.
    """
    order = one.act_request.members
    customer, product = order.get("customer"), order.get("product")
    if not (isinstance(customer, str) and isinstance(product, str)):
        return None
    plan = planning.plan(connection, one.act_request, one.actor, one.now, parties=parties)
    found, of = parties.customer(customer), plan.product
    if (
        found is None
        or found.name != plan.order.customer
        or found.erased_at is not None
        or of is None
        or plan.former is not None
        or plan.uses is not None
        or plan.needs_approval
    ):
        return None
    number = issuing.new_number(one.now, one.random)
    signed = issuing.sign_and_verify(plan.order, one.issuer, number, one.now)
    return New(plan, signed, one.issuer, one.actor, found.id, of.id, {})
