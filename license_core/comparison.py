"""Compares the licensed host with this one, component by component.

Pure. A host key says only "different"; what differed is known from the client's memory of this
host, else from the tags in the licence (SPEC section 3.4). Nothing is guessed.
"""

from __future__ import annotations

from typing import NamedTuple

from license_core import hostkey
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.license import HostBinding
from license_core.memory import Memory

_ANCHORS = ("machine_id", "container_id")
_SHOWN = ("hostname", "ip")


class Component(NamedTuple):
    """One component of the host key, as licensed and as it is here."""

    name: str
    verdict: str
    """``same``, ``differs`` or ``unknown``."""
    present: str | None
    """Its value here; None where this host has none."""
    licensed: str | None = None
    """Its licensed value, where that is known and there was one."""

    @property
    def is_shown(self) -> bool:
        """Whether people may see its values; ids are compared only."""
        return self.name in _SHOWN


class Comparison(NamedTuple):
    """What can be said of the licensed host from here."""

    evidence: str
    """``key``: the keys are equal. ``memory``: the licensed host was this one, and its values were
    remembered. ``tags``: the licence tells which differ, not what they were. ``none``."""
    components: tuple[Component, ...]
    profile: str | None = None
    """Another profile than the licensed one, under which the keys are equal."""


def compare(binding: HostBinding, facts: HostFacts, memory: Memory | None) -> Comparison:
    """The host that *binding* names, beside the one of *facts*."""
    if facts.former_ip is not None:  # SPEC section 3.7
        former = facts._replace(ip=facts.former_ip, former_ip=None)
        if compare(binding, former, None).evidence == "key":
            return compare(binding, former, None)
    present = hostkey.components(facts, binding.profile)
    if hostkey.key_of(present, binding.profile) == binding.key:
        return Comparison("key", tuple(Component(n, "same", v, v) for n, v in present.items()))
    other = _other_profile(binding, facts)
    if other is not None:
        alike = hostkey.components(facts, other).items()
        return Comparison("key", tuple(Component(n, "same", v, v) for n, v in alike), other)
    remembered = memory.host_of(binding.key, binding.profile) if memory else None
    if remembered is not None:
        return Comparison(
            "memory",
            tuple(
                Component(name, _verdict(value, remembered[name]), value, remembered[name])
                for name, value in present.items()
            ),
        )
    if not binding.tags:
        return Comparison("none", tuple(Component(n, "unknown", v) for n, v in present.items()))
    tags, licensed = hostkey.tags(facts, binding.profile), binding.tags
    # A component that the profile leaves out has no tag: one of the licence differs from that.
    left_out = [name for name in hostkey.COMPONENTS if name in licensed and name not in present]
    present.update(dict.fromkeys(left_out))
    verdicts = {name: _verdict(tags.get(name), licensed.get(name)) for name in present}
    is_copyable = hostkey.is_copyable(facts, binding.profile)
    if is_copyable or any(verdicts.get(name) == "differs" for name in _ANCHORS):
        # The tags of address and name hang on the anchors, and are withheld on a copyable host.
        verdicts.update(dict.fromkeys(_SHOWN, "unknown"))
    return Comparison(
        "tags",
        tuple(
            Component(name, verdicts[name], value, value if verdicts[name] == "same" else None)
            for name, value in present.items()
        ),
    )


def _other_profile(binding: HostBinding, facts: HostFacts) -> str | None:
    """Under which other profile this is the licensed host; None: under none.

    A line that an operator made under one may have been licensed under another.
    """
    for profile in hostkey.PROFILES:
        try:
            if profile != binding.profile and hostkey.derive(facts, profile).key == binding.key:
                return profile
        except LicenseError:
            continue  # the host has no key under it
    return None


def _verdict(one: str | None, other: str | None) -> str:
    return "same" if one == other else "differs"
