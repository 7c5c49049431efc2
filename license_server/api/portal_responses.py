"""What programs in the customer portal are told: of a licence what its letter tells."""

from dataclasses import dataclass
from typing import Self

from license_server.api import responses
from license_server.api.responses import Instant
from license_server.licenses.license_store import StoredLicense
from license_server.portal import viewing
from license_server.portal.asking import Done
from license_server.portal.viewing import SeenRequest
from license_server.requests.message_store import REPLY

ROOM = "/portal/api"
"""Where programs come in."""


@dataclass(slots=True, kw_only=True)
class PortalLicense:
    """A licence of the customer."""

    number: str
    product: str
    state: str
    """valid, grace, expired, suspended, revoked, returned or replaced."""
    kind: str | None
    """trial or stop-gap; null for any other."""
    host_key: str
    host_name: str | None
    last_day: str | None
    """Such as 2027-01-31, in its time zone; null: perpetual."""
    time_zone: str
    expires_at: Instant | None
    grace_until: Instant | None
    file: str | None
    """Where its file is; null where nobody is to install it."""

    @classmethod
    def of(cls, stored: StoredLicense, now: int) -> Self:
        """The licence *stored*, at the instant *now*."""
        for_use = viewing.is_for_use(stored)
        return responses.from_row(
            cls,
            stored,
            state=stored.standing_at(now),
            last_day=None if stored.last is None else stored.last.day.isoformat(),
            time_zone=stored.zone,
            file=f"{ROOM}/licenses/{stored.number}/license.dat" if for_use else None,
        )


@dataclass(slots=True)
class PortalLicensePage:
    """Some of the licences of the customer, the newest first."""

    licenses: list[PortalLicense]
    next_cursor: str | None


@dataclass(slots=True, kw_only=True)
class PortalReply:
    """What the vendor wrote about a request."""

    at: Instant
    text: str


@dataclass(slots=True, kw_only=True)
class PortalRequest:
    """A request of the customer, and what became of it."""

    id: int
    url: str
    """Where its state is."""
    state: str
    """open, issued, refused or expired."""
    wish: str | None
    """license, renewal, move, trial or return; null where it did not come in here."""
    received_at: Instant
    closed_at: Instant | None
    product: str | None
    host_name: str | None
    about: str | None
    """The number of the licence that it is about."""
    license: PortalLicense | None
    """The one that answers it."""
    replies: list[PortalReply]

    @classmethod
    def of(cls, seen: SeenRequest, now: int) -> Self:
        """The request *seen*, at the instant *now*."""
        replies = [one for one in seen.messages if one.kind == REPLY]
        return responses.from_row(
            cls,
            seen,
            url=f"{ROOM}/requests/{seen.id}",
            license=None if seen.license is None else PortalLicense.of(seen.license, now),
            replies=[responses.from_row(PortalReply, one) for one in replies],
        )


@dataclass(slots=True, kw_only=True)
class FiledPortalRequest:
    """What was filed: a new request, or the one that there is."""

    new: bool
    request: PortalRequest

    @classmethod
    def of(cls, done: Done, now: int) -> Self:
        """What is *done*, at the instant *now*."""
        return cls(new=done.is_new, request=PortalRequest.of(done.request, now))
