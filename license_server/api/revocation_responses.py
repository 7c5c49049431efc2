"""What the API replies of revocation lists."""

from dataclasses import dataclass
from typing import Self

from license_server.api import responses
from license_server.api.responses import Instant
from license_server.signing.list_file import FILE
from license_server.signing.revocation_store import Standing, StoredList


@dataclass(slots=True, kw_only=True)
class RevocationList:
    """A revocation list: where its file is, and until when it is fresh.

    One that is not whole is there in shards alone, by ``file?license=NUMBER``.
    """

    number: int
    created_at: Instant
    expires_at: Instant
    file: str
    whole: bool

    @classmethod
    def of(cls, stored: StoredList | Standing, **more: int) -> Self:
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
