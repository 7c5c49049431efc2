"""Saves the state file, as far as the folder allows."""

from __future__ import annotations

import errno

from license_cli.light_file import replace_lightly, what_was_said
from license_core import memory
from license_core.errors import LicenseError, Notice
from license_core.facts import HostFacts
from license_core.memory import Memory
from license_core.paths import Place

TYPE_CHECKING = False
if TYPE_CHECKING:  # get_host_key must not pay for the verifier
    from license_core.installed import Checked

_WORTH_WRITING = 3600
"""By how many seconds the mark must have moved for its own sake."""


def keep_all(
    place: Place, before: Memory | None, checked: Checked, facts: HostFacts
) -> Notice | None:
    """Write what a check learned and remembers; a remark where that cannot be done.

    What is remembered must not be newer than what is kept: the next check would miss it.
    """
    if not place.remembers:
        return None
    if checked.trust is not None:
        refused = replace_lightly(place.trust, checked.trust.encode())
        if refused is not None:
            return _unwritten(place.trust, refused)
    return keep(place, before, checked.memory, facts)


def keep(place: Place, before: Memory | None, after: Memory, facts: HostFacts) -> Notice | None:
    """Write *after* where it says more than *before*; a remark where that cannot be done.

    A look at another host (``--root``) does not take the place of a memory that is not its own: it
    is the memory of the host that the folder belongs to.
    """
    if not place.remembers:
        return None
    if before is not None and not before.authentic and place.root != "/":
        return None
    if before is not None and before.authentic:
        moved = after.seen_at - before.seen_at
        if after._replace(seen_at=before.seen_at) == before and 0 <= moved < _WORTH_WRITING:
            return None
    # Another host that uses this folder may have written meanwhile.
    present, remarks = place.read_memory(facts)
    if any(remark.slug == "memory-unreadable" for remark in remarks):
        return None  # nobody knows what would be lost; it has been said that it cannot be read
    after = after._replace(others=present.others if present else ())
    refused = replace_lightly(place.state, memory.dump(after, facts))
    return None if refused is None else _unwritten(place.state, refused)


def _unwritten(path: str, refused: LicenseError) -> Notice:
    notice = Notice("memory-not-written", path=path, reason=what_was_said(refused))
    if getattr(refused.__cause__, "errno", None) == errno.EROFS:
        refused.advised((*(refused.advice or ()), "state-elsewhere"), **refused.more)
    return notice.because(refused)
