"""What whoever acted may do by now: the power of a program ends with the person behind it.

A token has, of what it was given, what the role of the person who created it allows at this
instant; nothing, once their account is disabled. The audit log has who that was. A token that was
created by a token is of the same person; one that a command on the server created is of nobody,
and keeps what it was given.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_core.reason import Reason
from license_server.access import access_store
from license_server.access.access_store import StoredToken
from license_server.actor import Actor
from license_server.audit import audit_store
from license_server.db.once import once
from license_server.permissions import PERMISSIONS, ROLES

USER = "user:"
"""How the actor's name of a person begins; their address follows."""
VALID, REVOKED, EXPIRED, ENDED = "valid", "revoked", "expired", "ended"
"""How a token stands; ENDED: with the account of the person behind it."""
_TOKEN = "token:"
_CREATED = "token.created"
_OVER = {REVOKED: Reason("the token was revoked"), EXPIRED: Reason("the token has expired")}


class Person(NamedTuple):
    """Somebody with an account, as it is now."""

    email: str
    role: str
    ended: bool

    @property
    def permissions(self) -> frozenset[str]:
        """What they may do."""
        return frozenset() if self.ended else ROLES.get(self.role, frozenset())

    @property
    def why(self) -> Reason:
        """Why they may do no more than that."""
        if self.ended:
            return Reason("the account of {email} is disabled", email=self.email)
        return Reason("the role of {email} is {role}", email=self.email, role=Reason(self.role))


class Held(NamedTuple):
    """A token, and the person behind it."""

    token: StoredToken
    person: Person | None
    """None: no one person, but a command on the server's machine."""

    @property
    def given(self) -> frozenset[str]:
        """The permissions that it was given."""
        return frozenset(self.token.scopes.split())

    @property
    def permissions(self) -> frozenset[str]:
        """Those of them that it has by now, unless it was revoked or has expired."""
        return self.given if self.person is None else self.given & self.person.permissions

    @property
    def products(self) -> frozenset[str] | None:
        """For which products; None: all."""
        named = self.token.products
        return None if named is None else frozenset(strictjson.loads(named.encode("utf-8")))

    def state(self, now: int) -> str:
        """How it stands at the instant *now*: VALID, REVOKED, EXPIRED or ENDED."""
        if self.token.revoked_at is not None:
            return REVOKED
        if self.token.expires_at is not None and self.token.expires_at <= now:
            return EXPIRED
        return ENDED if self.person is not None and self.person.ended else VALID

    def is_valid(self, now: int) -> bool:
        """Whether requests with it are accepted at the instant *now*."""
        return self.state(now) == VALID

    @property
    def actor(self) -> Actor:
        """Who sends it."""
        return Actor(
            f"{_TOKEN}{self.token.name}",
            self.permissions,
            self.products,
            lost=self.given - self.permissions,
            why="" if self.person is None else self.person.why,
        )


def held(connection: Connection, tokens: Sequence[StoredToken]) -> list[Held]:
    """*tokens*, each with the person behind it."""
    behind = people_behind(connection, [f"{_TOKEN}{one.name}" for one in tokens])
    addresses = {email for email in behind.values() if email is not None}
    known = {user.email: user for user in access_store.users_called(connection, addresses)}

    def person(email: str | None) -> Person | None:
        if email is None:
            return None
        user = known.get(email)
        return Person(email, user.role if user else "", user is None or user.ended_at is not None)

    return [Held(one, person(behind[f"{_TOKEN}{one.name}"])) for one in tokens]


def listed(connection: Connection) -> list[Held]:
    """All tokens, in the order of their names."""
    return held(connection, access_store.list_tokens(connection))


def tokens_of(connection: Connection, email: str, now: int) -> list[Held]:
    """The tokens that the person of this address is behind, unless revoked or expired at *now*."""
    return [
        one
        for one in listed(connection)
        if one.person is not None and one.person.email == email and one.state(now) in (VALID, ENDED)
    ]


def people_behind(connection: Connection, names: Iterable[str]) -> dict[str, str | None]:
    """The address of the person behind each actor; of a token that of whoever created it.

    None: no one person.
    """
    names, made = set(names), dict[str, str]()
    asked: set[str] = set()
    while wanted := {one for one in (*names, *made.values()) if one.startswith(_TOKEN)} - asked:
        asked |= wanted
        subjects = sorted(one.removeprefix(_TOKEN) for one in wanted)
        creations = audit_store.EventFilter(action=_CREATED, subjects=subjects)
        for event in audit_store.events(connection, creations, before=None, limit=len(subjects)):
            made[f"{_TOKEN}{event.subject}"] = event.actor
    return {name: _person(name, made) for name in names}


def _person(name: str, made: dict[str, str]) -> str | None:
    """Who is behind *name*, where *made* has who created which token."""
    for _ in range(len(made)):  # a token was created by one before it
        name = made.get(name, name)
    return name.removeprefix(USER) if name.startswith(USER) else None


def person_behind(connection: Connection, name: str) -> str | None:
    """The address of the person behind one actor. None: no one person."""
    return people_behind(connection, [name])[name]


@once
def present(connection: Connection, name: str, now: int | None = None) -> Actor:
    """The actor called *name* in the audit log, with what they may do by now.

    *now*: the instant by which a token counts as expired; None: what it did before it expired
    still counts. A command on the server, or the vendor's OpenID provider, may do all.
    """
    if name.startswith(USER):
        email = name.removeprefix(USER)
        found = access_store.users_called(connection, [email])
        ended = not found or found[0].ended_at is not None
        person = Person(email, found[0].role if found else "", ended)
        lost = frozenset(PERMISSIONS) - person.permissions
        return Actor(name, person.permissions, lost=lost, why=person.why)
    if not name.startswith(_TOKEN):
        return Actor(name, frozenset(PERMISSIONS))
    stored = access_store.token_by_name(connection, name.removeprefix(_TOKEN))
    if stored is None:
        return Actor(name, frozenset())
    (one,) = held(connection, [stored])
    over = _OVER.get(one.state(stored.created_at if now is None else now))
    if over is None:
        return one.actor
    return one.actor._replace(permissions=frozenset(), lost=one.given, why=over)
