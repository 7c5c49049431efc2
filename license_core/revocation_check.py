"""Looks a licence up in the revocation lists: the one in its file and the one beside it."""

from __future__ import annotations

from license_core import armor, revocation
from license_core.errors import LicenseError, LicenseRevokedError
from license_core.memory import Memory, SeenList
from license_core.reason import Reason
from license_core.record import NamedTuple
from license_core.revocation import Revocations, open_list, open_only_list
from license_core.revocation_errors import RevocationsInvalidError
from license_core.trust import Trust


class LookUp(NamedTuple):
    """What the lists say of a licence."""

    latest: Revocations | None
    """The list of the highest number; None where none could be opened."""
    listed_at: int
    """The latest instant that a list was made at, in seconds."""
    seen_list: SeenList | None
    """What to remember of the list beside the licence."""
    problems: tuple[LicenseError, ...]


def look_up(
    number: str,
    trust: Trust,
    *,
    inside: str | None,
    beside: bytes | None,
    path: str,
    memory: Memory | None,
) -> LookUp:
    """Look the licence *number* up in the list *inside* its file and in the one *beside* it.

    *path* is that of the latter, for messages only. A list that cannot be used is a problem.
    """
    lists: list[Revocations] = []
    problems: list[LicenseError] = []
    seen_list: SeenList | None = None
    if inside is not None:
        try:
            lists.append(open_list(inside, trust.keyset))
        except ValueError as error:
            where = Reason("the licence file")
            problems.append(RevocationsInvalidError(path=where, reason=str(error)))
    if beside is not None:
        try:
            found, seen_list = _read_beside(beside, number, trust, memory)
            lists.append(found)
        except ValueError as error:
            problems.append(RevocationsInvalidError(path=path, reason=str(error)))
    listing = next((one for one in lists if one.lists(number)), None)
    if listing is not None:
        problems.append(
            LicenseRevokedError(number=number, list_number=listing.number, listed_at=listing.iat)
        )
    return LookUp(
        max(lists, key=lambda one: one.number, default=None),
        max((one.iat for one in lists), default=0),
        seen_list,
        tuple(problems),
    )


def _read_beside(
    data: bytes, number: str, trust: Trust, memory: Memory | None
) -> tuple[Revocations, SeenList | None]:
    """The list in *data*, and what to remember of it: nothing but that it spares the licence.

    Where an earlier check found the licence not listed in these very bytes, they are not read
    again. Raises ValueError for a list that cannot be used.
    """
    digest = revocation.digest_of_file(data)
    seen = _remembered(memory, number, trust, digest)
    if seen is not None:
        return Revocations("", seen.number, seen.iat, b"", seen.exp, seen.kid), seen
    found = open_only_list(armor.unwrap(data), trust.keyset)
    if found.lists(number) or not found.covers(number):
        return found, None
    return found, SeenList(digest, found.number, found.iat, found.exp, found.kid or "", number)


def _remembered(memory: Memory | None, number: str, trust: Trust, digest: str) -> SeenList | None:
    """What an earlier check found in the very same list, under the same keyset."""
    if memory is None or not memory.authentic or memory.list is None:
        return None
    found = (memory.list.digest, memory.list.jti, memory.trust)
    return memory.list if found == (digest, number, trust.version) else None
