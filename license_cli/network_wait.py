"""Waits for the network of a machine that is booting, until the licence is valid."""

from __future__ import annotations

import select
import time

from license_cli import render
from license_core import netlink, routes
from license_core.facts import HostFacts
from license_core.installed import Checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Look = Callable[[], tuple[HostFacts, Checked]]

_OF_NETWORK = frozenset({"wrong-host", "pinned-address-differs"})
_PAUSE = 1.0
"""How long nothing is heard of the network before it is looked at again, in seconds."""


def until_up(
    look: Look, seen: tuple[HostFacts, Checked], seconds: int
) -> tuple[HostFacts, Checked]:
    """What *look* sees: what was *seen* where that is valid or no network could make it so.

    Else again whenever the network changes, for at most *seconds*.
    """
    facts, checked = seen
    if not _may_become_valid(facts, checked):
        return facts, checked
    text = "The network is not up yet; waiting for at most {seconds:# second|# seconds}."
    render.remark([render.note(text, seconds=seconds)])
    end = time.monotonic() + seconds
    try:
        listening = [netlink.watch()]
    except OSError:
        listening = []  # a sandbox that forbids it: looked at every second
    try:
        facts, checked = look()  # what changed before somebody listened
        while _may_become_valid(facts, checked) and (left := end - time.monotonic()) > 0:
            heard, _, _ = select.select(listening, [], [], min(left, _PAUSE))
            if heard:
                netlink.drain(listening[0])
            facts, checked = look()
    finally:
        for one in listening:
            one.close()
    return facts, checked


def _may_become_valid(facts: HostFacts, checked: Checked) -> bool:
    """Whether nothing but the host is wrong, while it has no IPv4 default route of its own."""
    slugs = {problem.slug for problem in checked.report.problems}
    is_up = ":" not in (facts.ip or ":") and any(r.chosen for r in routes.considered(facts))
    return bool(slugs) and slugs <= _OF_NETWORK and not is_up and facts.root == "/"
