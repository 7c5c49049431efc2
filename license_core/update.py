"""Updates from the vendor other than licences: keysets, roots, revocation lists (SPEC 6.5).

Pure: what is in the file, and what was known before, to what is to be kept. Nothing older than
what was known or seen is let in.
"""

from __future__ import annotations

from license_core import armor
from license_core.errors import (
    KeysetRolledBackError,
    LicenseError,
)
from license_core.memory import Memory
from license_core.publickey import PublicKey
from license_core.record import NamedTuple
from license_core.revocation_errors import RevocationsRolledBackError
from license_core.trust import (
    Trust,
    open_trust,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from license_core.revocation import Revocations
    from license_core.trust import Blocks


class Update(NamedTuple):
    """What a file without a licence brings."""

    trust: Trust | None
    """None: it has neither keyset nor roots."""
    revocations: Revocations | None
    token: str | None
    """The block of that list, as it stands in the file."""
    was_known: bool = False
    """Whether the trust was known before: the file has nothing later."""
    problems: tuple[LicenseError, ...] = ()
    """Why it is not taken in."""


def open_update(
    blocks: Blocks,
    path: str,
    *,
    known: Blocks,
    roots: tuple[PublicKey, ...],
    needed: int,
    memory: Memory,
    present: bytes | None,
    number: str | None,
) -> Update:
    """Verify the *blocks* of the file *path*: keysets, roots documents or a list, and no licence.

    *known* are the blocks of ``license.trust`` and the licence, *present* the list that is there,
    *number* that of the installed licence (None: there is none), whose list is taken.
    The problems are those that open_trust raises, KeysetRolledBackError, RevocationsInvalidError
    and RevocationsRolledBackError.
    """
    before = _open_known(known, roots, needed)
    after, was_known, revocations, token = None, False, None, None
    problems: list[LicenseError] = []
    if armor.KEYSET in blocks or armor.ROOTS in blocks:
        # A keyset that is known counts only where the file has none: it is the file that is asked.
        less = {armor.ROOTS: known.get(armor.ROOTS, [])} if armor.KEYSET in blocks else known
        try:
            after = open_trust(blocks, less, roots, needed=needed)
            _refuse_older(after, before, memory)
        except LicenseError as error:
            problems.append(error)
        if after is not None and before is not None and after.version == before.version:
            after, was_known = before, True  # a version that is known is not said anew
    if armor.REVOCATIONS in blocks:
        try:
            token, revocations = _open_list(blocks, path, after or before, memory, present, number)
        except LicenseError as error:
            problems.append(error)
    return Update(after, revocations, token, was_known, tuple(problems))


def _open_known(known: Blocks, roots: tuple[PublicKey, ...], needed: int) -> Trust | None:
    try:
        return open_trust({}, known, roots, needed=needed)
    except LicenseError:
        return None  # nothing is known, or nothing that can be believed


def _refuse_older(after: Trust, before: Trust | None, memory: Memory) -> None:
    seen = max(memory.trust, before.version if before else (0, 0))
    if after.version < seen:
        raise KeysetRolledBackError(
            version=after.keyset.keyset.version,
            roots=after.roots_version,
            seen_version=seen[1],
            seen_roots=seen[0],
        )


def _open_list(
    blocks: Blocks,
    path: str,
    trust: Trust | None,
    memory: Memory,
    present: bytes | None,
    number: str | None,
) -> tuple[str, Revocations]:
    from license_core.intake import open_given_list

    if trust is None:
        return open_given_list(blocks, None, path, number)
    token, found = open_given_list(blocks, trust.keyset, path, number)
    seen = max(memory.seen_number(trust.keyset.trusts), _number(present, trust))
    if found.number < seen:
        raise RevocationsRolledBackError(number=found.number, seen_number=seen)
    return token, found


def _number(present: bytes | None, trust: Trust) -> int:
    """The number of the list that is there; 0 where it can be replaced by any."""
    if present is None:
        return 0
    from license_core.revocation import open_only_list

    try:
        return open_only_list(armor.unwrap(present), trust.keyset).number
    except ValueError:
        return 0
