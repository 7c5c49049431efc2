"""What the API replies of users, invitations and tokens."""

from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field

from license_core import strictjson
from license_server.access import access_store, standing
from license_server.access.access_store import StoredUser
from license_server.access.standing import Held
from license_server.api import responses
from license_server.api.responses import Instant
from license_server.erasure import user_erasure
from license_server.erasure.user_store import MESSAGES
from license_server.permissions import ROLES

Role = Annotated[str, Field(json_schema_extra={"enum": list(ROLES)})]


@dataclass(slots=True, kw_only=True)
class User:
    """A user of the desk."""

    id: int
    email: str
    role: Role
    totp: bool
    created_at: Instant
    ended_at: Instant | None

    @classmethod
    def of(cls, stored: StoredUser, **more: bool) -> Self:
        """The user *stored*; a subclass has *more*."""
        return responses.from_row(cls, stored, totp=stored.totp is not None, **more)


@dataclass(slots=True, kw_only=True)
class UserErasure:
    """What would be erased with a user: how much there is that they wrote or decided."""

    email: str
    licenses: int
    proposals: int
    requests: int
    messages: int
    mails: int
    portal_links: int

    @classmethod
    def of(cls, found: user_erasure.Preview) -> Self:
        """What is *found*."""
        counts = dict(found.counts)
        messages = counts.pop(MESSAGES)
        return cls(email=found.user.email, messages=messages, **counts)


@dataclass(slots=True, kw_only=True)
class ErasedUser(User):
    """What is left of a user, and whether SQLite's file is yet to be scrubbed."""

    scrub_waits: bool


@dataclass(slots=True)
class UserPage:
    """A page of the list of users."""

    users: list[User]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class Invitation:
    """An invitation, without its secret."""

    id: str
    email: str
    role: str
    invited_by: str
    created_at: Instant
    expires_at: Instant
    holds: bool

    @classmethod
    def of(cls, stored: access_store.Invitation, *, holds: bool, **shown_once: str) -> Self:
        """The invitation *stored*; whether it *holds* still."""
        return responses.from_row(cls, stored, holds=holds, **shown_once)


@dataclass(slots=True, kw_only=True)
class NewInvitation(Invitation):
    """An invitation, with its secret, which is shown only once."""

    secret: str
    path: str


@dataclass(slots=True)
class InvitationList:
    """Invitations not accepted yet."""

    invitations: list[Invitation]


@dataclass(slots=True, kw_only=True)
class Token:
    """An API token, without its secret."""

    id: str
    name: str
    scopes: list[str]
    products: list[str] | None
    created_at: Instant
    expires_at: Instant | None
    used_at: Instant | None
    revoked_at: Instant | None
    created_by: str | None
    effective_scopes: list[str]

    @classmethod
    def of(cls, held: Held, now: int, **shown_once: str) -> Self:
        """The token *held*, as it is at the instant *now*."""
        given = held.token.products
        return responses.from_row(
            cls,
            held.token,
            scopes=held.token.scopes.split(),
            products=None if given is None else strictjson.loads(given.encode()),
            created_by=None if held.person is None else f"{standing.USER}{held.person.email}",
            effective_scopes=sorted(held.permissions) if held.is_valid(now) else [],
            **shown_once,
        )


@dataclass(slots=True, kw_only=True)
class NewToken(Token):
    """An API token, with its secret, which is shown only once."""

    token: str


@dataclass(slots=True)
class TokenList:
    """All API tokens."""

    tokens: list[Token]
