"""Compares the licensed host with this one, component by component.

Pure. A host key says only "different"; what differed is known from the client's memory of this
host, else from the tags in the licence (SPEC section 3.4). Nothing is guessed.
"""

from __future__ import annotations

from license_core import hostkey, membership
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.license import HostBinding
from license_core.memory import Memory
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MACHINE = "machine"
"""In place of a component: whether the machine is on the roster of its site."""
_ANCHORS = ("machine_id", "container_id")
_SHOWN = ("hostname", "ip")
_VISIBLE = (*_SHOWN, "cluster_uid")


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
        return self.name in _VISIBLE


class Comparison(NamedTuple):
    """What can be said of the licensed host from here."""

    evidence: str
    """``key``: the keys are equal, or made of one component alone. ``memory``: the licensed host
    was this one, and its values were remembered. ``tags``: the licence tells which differ, not what
    they were. ``none``."""
    components: tuple[Component, ...]
    profile: str | None = None
    """Another profile than the licensed one, under which the keys are equal."""


def compare(binding: HostBinding, facts: HostFacts, memory: Memory | None) -> Comparison:
    """The host that *binding* names, beside the one of *facts*.

    Of a site the key is that of all its machines: whether this is one of them stands behind.
    """
    found = _compare(binding, facts, memory)
    if (found.profile or binding.profile) != "hk1-site" or facts.site is None:
        return found
    verdict = "differs" if membership.place(facts) is None else "same"
    machine = Component(MACHINE, verdict, facts.machine_id)
    return found._replace(components=(*found.components, machine))


def _compare(binding: HostBinding, facts: HostFacts, memory: Memory | None) -> Comparison:
    if facts.former_ip is not None:  # SPEC section 3.7
        former = facts._replace(ip=facts.former_ip, former_ip=None)
        found = _compare(binding, former, None)
        if found.evidence == "key":
            return found
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
    if not binding.tags and len(present) == 1:  # then it is this one that differs
        return Comparison("key", tuple(Component(n, "differs", v) for n, v in present.items()))
    if not binding.tags:
        return Comparison("none", tuple(Component(n, "unknown", v) for n, v in present.items()))
    tags, licensed = hostkey.tags(facts, binding.profile), binding.tags
    # A component that the profile leaves out has no tag: one of the licence differs from that.
    left_out = [name for name in hostkey.COMPONENTS if name in licensed and name not in present]
    present.update(dict.fromkeys(left_out))
    is_copyable = hostkey.is_copyable(facts, binding.profile)
    verdicts = of_tags(tags, licensed, tuple(present), is_copyable=is_copyable)
    return Comparison(
        "tags",
        tuple(
            Component(name, verdicts[name], value, value if verdicts[name] == "same" else None)
            for name, value in present.items()
        ),
    )


def of_tags(
    tags: Mapping[str, str],
    licensed: Mapping[str, str],
    names: tuple[str, ...],
    *,
    is_copyable: bool,
) -> dict[str, str]:
    """For each component of *names*, as its *tags* here and in the licence have it: a verdict.

    Where an anchor differs, or the host *is_copyable*, address and hostname are ``unknown``: their
    tags hang on the anchors, and are withheld on a copyable host.
    """
    verdicts = {name: _verdict(tags.get(name), licensed.get(name)) for name in names}
    if is_copyable or any(verdicts.get(name) == "differs" for name in _ANCHORS):
        verdicts.update({name: "unknown" for name in _SHOWN if name in verdicts})
    return verdicts


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
