"""Saves the state file, as far as the folder allows."""

import os
from typing import TYPE_CHECKING

from license_cli.files import replace_lightly
from license_core import memory
from license_core.errors import Notice
from license_core.facts import HostFacts
from license_core.memory import Memory
from license_core.paths import Place

if TYPE_CHECKING:  # get_host_key must not pay for the verifier
    from license_core.installed import Checked

_WORTH_WRITING = 3600
"""By how many seconds the mark must have moved for its own sake."""


def keep_all(
    place: Place, before: Memory | None, checked: "Checked", facts: HostFacts
) -> Notice | None:
    """Write what a check learned and remembers; a remark where that cannot be done.

    What is remembered must not be newer than what is kept: the next check would miss it.
    """
    if checked.trust is not None:
        reason = replace_lightly(place.trust, checked.trust.encode())
        if reason:
            return _unwritten(place.trust, reason)
    return keep(place, before, checked.memory, facts)


def keep(place: Place, before: Memory | None, after: Memory, facts: HostFacts) -> Notice | None:
    """Write *after* where it says more than *before*; a remark where that cannot be done.

    A look at another host (``--root``) does not take the place of a memory that is not its own: it
    is the memory of the host that the folder belongs to.
    """
    if before is not None and not before.authentic and place.root != "/":
        return None
    if before is not None and before.authentic:
        moved = after.seen_at - before.seen_at
        if after._replace(seen_at=before.seen_at) == before and 0 <= moved < _WORTH_WRITING:
            return None
    # Another host that uses this folder may have written meanwhile.
    present, _ = place.read_memory(facts)
    after = after._replace(others=present.others if present else ())
    reason = replace_lightly(place.state, memory.dump(after, facts))
    return _unwritten(place.state, reason) if reason else None


def _unwritten(path: str, reason: str) -> Notice:
    from license_core.write_errors import NO_ROOM  # nobody needs it whose disk has room

    is_full = reason in map(os.strerror, NO_ROOM)
    notice = Notice("memory-not-written", path=path, reason=reason)
    return notice.advised(("make-room",) if is_full else None, folder=os.path.dirname(path))
