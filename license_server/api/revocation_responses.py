"""What the API replies of revocation lists."""

from dataclasses import dataclass
from typing import Self

from license_server.api import responses
from license_server.api.responses import Instant
from license_server.signing.revocation_lists import FILE
from license_server.signing.revocation_store import StoredList


@dataclass(slots=True, kw_only=True)
class RevocationList:
    """A revocation list: where its file is, and until when it is fresh."""

    number: int
    created_at: Instant
    expires_at: Instant
    file: str

    @classmethod
    def of(cls, stored: StoredList, **more: int) -> Self:
        """The list *stored*."""
        return responses.from_row(cls, stored, file=f"/{FILE}", **more)


@dataclass(slots=True, kw_only=True)
class ListInForce(RevocationList):
    """The list in force, and how many revocations, suspensions and rehosts it lacks."""

    waiting: int


@dataclass(slots=True, kw_only=True)
class PublishedList(RevocationList):
    """A list that was published, and how many licences it has."""

    licenses: int
