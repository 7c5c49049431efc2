"""Keeps the client's memory, as far as the folder lets it."""

from license_cli.files import replace_lightly
from license_core import guard
from license_core.errors import Notice
from license_core.facts import HostFacts
from license_core.guard import Memory
from license_core.place import Place

_WORTH_WRITING = 3600
"""By how many seconds the mark must have moved for its own sake."""


def keep(place: Place, before: Memory | None, after: Memory, facts: HostFacts) -> Notice | None:
    """Write *after* where it says more than *before*; a remark where that cannot be done.

    A look at another host (``--root``) does not take the place of a memory that is not its own: it
    is the memory of the host that the folder belongs to.
    """
    if before is not None and not before.authentic and place.root != "/":
        return None
    if before is not None and before.authentic:
        moved = after.seen_at - before.seen_at
        same = (after.license_jti, after.hosts) == (before.license_jti, before.hosts)
        if same and 0 <= moved < _WORTH_WRITING:
            return None
    reason = replace_lightly(place.state, guard.dump(after, facts))
    return Notice("memory-not-written", path=place.state, reason=reason) if reason else None
