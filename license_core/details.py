"""What differs from the licensed host, in words, with the remedies that fit the host at hand.

Pure, but for the routes of the host, which are looked at. Where the anchors differ this is another
machine or container: then nothing is said of how to get an address or a name back, which may be
those of the licensed one, at work elsewhere.
"""

from __future__ import annotations

from license_core import advice, hostkey, routes, stability
from license_core.comparison import Comparison, Component
from license_core.errors import Notice
from license_core.facts import HostFacts
from license_core.license import HostBinding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ANCHORS = ("machine_id", "container_id")
_POOLS = ("172.17", "10.88")
"""Where the engines' default networks are."""
_MOST_OWN = 64
"""Near so many of this host's own addresses the licensed one is looked for."""
_ENGINES_FIRST = 16
"""How many /24 of a /16 are tried: engines give addresses from the lowest on."""


def of(found: Comparison, binding: HostBinding, facts: HostFacts) -> tuple[Notice, ...]:
    """The details of a refusal of the licence with *binding* on the host of *facts*."""
    if found.profile is not None:
        return (Notice("profile-differs", profile=found.profile),)
    if binding.profile == "hk1-site":
        return _of_site(found, binding, facts)
    unused = _unused(binding, facts)
    if found.evidence == "none":
        reason = "the licence was ordered with the host key line only, which carries no host tags"
        return unused or (Notice("change-unknown", reason=reason),)
    differing = [part for part in found.components if part.verdict == "differs"]
    if not differing:
        reason = "every part that the licence has a host tag for is the same"
        return (Notice("change-unknown", reason=reason),)
    elsewhere = any(part.name in _ANCHORS for part in differing)
    details = []
    for part in differing:
        detail = _detail(found, part)
        if part.name not in _ANCHORS and (elsewhere or (unused and part.name == "ip")):
            detail.advised(())
        else:
            _advise(detail, part, binding, facts)
        details.append(detail)
    return (*details, *unused)


def _of_site(found: Comparison, binding: HostBinding, facts: HostFacts) -> tuple[Notice, ...]:
    """Which of the two it is; in another site all machines have other tags."""
    for count, former in hostkey.keys_of_smaller_site(facts):
        if former == binding.key:
            return (Notice("machine-added-later", licensed=count),)
    differing = [part.name for part in found.components if part.verdict == "differs"]
    if not differing:
        reason = "the licence was ordered with the host key line only, which carries no host tags"
        return (Notice("change-unknown", reason=reason),)
    return (Notice("site-differs" if "site" in differing else "roster-differs"),)


def _detail(found: Comparison, part: Component) -> Notice:
    name, after = part.name, part.present
    if found.evidence == "memory" and part.is_shown:
        return Notice(f"{name}-changed", before=part.licensed, after=after)
    return Notice(f"{name.replace('_', '-')}-differs", after=after)


def _advise(detail: Notice, part: Component, binding: HostBinding, facts: HostFacts) -> None:
    mode, names = stability.network_mode(facts), stability.naming(facts)
    before = part.licensed
    if part.name == "ip":
        before = before or _licensed_address(binding, facts)
        detail.advised(advice.address(facts, mode, before), **{**names, "before": before})
    elif part.name == "hostname":
        before = before or binding.name
        told = advice.hostname(facts, mode, before, binding.profile)
        detail.advised(told, **names, name=stability.quoted(before or ""))
    elif part.name == "container_id":
        told = advice.licensed_container(facts, before)
        detail.advised(told, **names, licensed=(before or "")[:12])


def _unused(binding: HostBinding, facts: HostFacts) -> tuple[Notice, ...]:
    """That the licensed address is still on this host, where nothing else is another."""
    for device, address in facts.interfaces:
        if address and address != facts.ip and _fits(binding, facts, address):
            by = next((name for name, other in facts.interfaces if other == facts.ip), None)
            routed = any(route.chosen for route in routes.considered(facts))
            slug = "address-not-used" if routed else "address-left-out"
            notice = Notice(slug, before=address, device=device, by=by, after=facts.ip)
            told = advice.unused(facts, stability.network_mode(facts), routed=routed)
            return (notice.advised(told, **stability.naming(facts)),)
    return ()


def _licensed_address(binding: HostBinding, facts: HostFacts) -> str | None:
    """The licensed address, where one near this host's makes the licensed key."""
    return next((ip for ip in _near(facts) if _fits(binding, facts, ip)), None)


def _near(facts: HostFacts) -> Iterator[str]:
    own = [address for _, address in facts.interfaces if address and ":" not in address]
    own = own[:_MOST_OWN]  # a node of a cluster has one for each service
    nets = [address.rpartition(".")[0] for address in own]
    halves = dict.fromkeys([*(net.rpartition(".")[0] for net in nets), *_POOLS])
    nets += [f"{half}.{n}" for half in halves for n in range(_ENGINES_FIRST)]
    return (f"{net}.{n}" for net in dict.fromkeys(nets) for n in range(1, 255))


def _fits(binding: HostBinding, facts: HostFacts, ip: str) -> bool:
    """Whether the licence is for this host with the address *ip*, under its licensed name too."""
    values = {**hostkey.components(facts, binding.profile), "ip": ip}
    names = dict.fromkeys((facts.hostname, binding.name))
    return any(
        hostkey.key_of({**values, "hostname": name}, binding.profile) == binding.key
        for name in names
    )
