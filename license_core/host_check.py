"""Whether a host is the one that a licence is for (SPEC section 7.2, item 9).

Pure: by its key, by the one of version 1 of the rules, or, where the licence allows it, by its
anchors; and by the layer of a container, where another one has its key.
"""

from __future__ import annotations

from license_core import hostkey, stability
from license_core.errors import (
    LicenseError,
    Notice,
    PinnedAddressDiffersError,
    PinnedAddressInvalidError,
    WrongHostError,
)
from license_core.facts import HostFacts
from license_core.hostkey import HostKey
from license_core.license import License
from license_core.memory import Memory


def judge(
    license_: License,
    facts: HostFacts,
    memory: Memory | None,
    problems: list[LicenseError],
    notices: list[Notice],
) -> HostKey | None:
    """Add what is wrong with the host of *facts* for *license_*, and what is to be said of it.

    The key of the host under the licence's profile; None where it has none.
    """
    binding = license_.host
    try:
        stability.check_pinned(facts, binding.profile)
    except (PinnedAddressDiffersError, PinnedAddressInvalidError) as error:
        problems.append(error)
    facts = hostkey.as_issued(facts, license_.iat)
    try:
        host = hostkey.derive(facts, binding.profile)
    except LicenseError as error:
        problems.append(error)
        return None
    fits = _fits(license_, host, facts, notices)
    if fits and not _is_of_other_layer(license_, facts):
        return host
    told: tuple[Notice, ...] = (Notice("layer-differs"),)
    evidence = "tags"
    if not fits:
        from license_core import details
        from license_core.comparison import compare

        found = compare(binding, facts, memory)
        told, evidence = details.of(found, binding, facts), found.evidence
    problems.append(
        WrongHostError(
            licensed_key=binding.key,
            licensed_name=binding.name,
            host_key=host.key,
            hostname=host.hostname,
            details=told,
            evidence=evidence,
        )
    )
    return host


def _fits(license_: License, host: HostKey, facts: HostFacts, notices: list[Notice]) -> bool:
    """Whether the host is the licensed one, but for its layer."""
    binding = license_.host
    if host.key == binding.key:
        return True
    former = facts._replace(ip=facts.former_ip)
    if facts.former_ip and hostkey.derive(former, binding.profile).key == binding.key:
        notices.append(Notice("former-address", former=facts.former_ip, ip=facts.ip))
        return True
    if binding.profile == "hk1-site":
        return _is_of_smaller_site(binding.key, facts, notices)
    if binding.match == "anchored" and _anchored(facts, license_):
        notices.append(Notice("host-drifted"))
        return True
    return False


def _is_of_smaller_site(key: str, facts: HostFacts, notices: list[Notice]) -> bool:
    """Whether the licence is for the site as it was before others than this machine were added.

    So a machine that is added shuts out none of those that were there.
    """
    from license_core import membership

    before, size = membership.place(facts), membership.size(facts) or 0
    for count, former in hostkey.keys_of_smaller_site(facts):
        if former == key and before is not None and before < count:
            notices.append(Notice("site-has-grown", licensed=count, count=size))
            return True
    return False


def _is_of_other_layer(license_: License, facts: HostFacts) -> bool:
    """Whether this is another container, which shares the network of the licensed one."""
    licensed = license_.host.layer
    if licensed is None:
        return False
    return hostkey.layer_tag(facts, license_.host.profile) not in (None, licensed)


def _anchored(facts: HostFacts, license_: License) -> bool:
    """Whether machine and container are the licensed ones (SPEC section 3.4)."""
    if hostkey.is_copyable(facts, license_.host.profile):
        return False
    licensed = license_.host.tags or {}
    present = hostkey.tags(facts, license_.host.profile)
    names = ("machine_id", "container_id")
    return any(name in licensed for name in names) and all(
        licensed.get(name) == present.get(name) for name in names
    )
