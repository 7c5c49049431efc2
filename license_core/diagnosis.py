"""What doctor says of a host: each part of its key, how long it lasts, and what there is to mend.

Pure: from facts to findings. A part is ``stable``, lasts ``until remade`` (as long as this very
container), ``may change`` or is ``missing`` (SPEC section 3.5).
"""

from typing import NamedTuple

from license_core import hostkey, stability
from license_core.errors import LicenseError, Notice
from license_core.facts import HostFacts
from license_core.guard import TOLERANCE, Memory
from license_core.requirements import Requirements, Resources

STABLE, REMADE, MAY_CHANGE, MISSING = "stable", "until remade", "may change", "missing"
_ID_SHOWN = 12


class Part(NamedTuple):
    """A component of the host key."""

    name: str
    value: str | None
    """As people may see it: of an id at most its first digits."""
    lasting: str
    why: str
    """A sentence; ``{place}`` in it stands for ``place``."""
    place: str | None = None


class Want(NamedTuple):
    """Something that the product wants, and what there is of it."""

    name: str
    wanted: str
    present: str
    met: bool | None
    """None: it could not be found out."""


def parts(facts: HostFacts, profile: str = hostkey.DEFAULT_PROFILE) -> tuple[Part, ...]:
    """The components that *profile* looks at."""
    known = (_hostname(facts), _ip(facts), _machine_id(facts), _container_id(facts))
    wanted = hostkey.PROFILES[profile]
    return tuple(part for part in known if part.name in wanted)


def _hostname(facts: HostFacts) -> Part:
    name = facts.hostname
    if name is None:
        return Part("hostname", None, MISSING, "the kernel has no name for this host")
    if facts.container_id and facts.container_id.startswith(name) and len(name) >= _ID_SHOWN:
        return Part("hostname", name, REMADE, "made from the container id; give one: --hostname")
    if facts.engine == "kubernetes":
        return Part("hostname", name, REMADE, "the name of the pod")
    return Part("hostname", name, STABLE, "the name that this host was given")


def _ip(facts: HostFacts) -> Part:
    ip, mode = facts.ip, stability.network_mode(facts)
    if ip is None:
        return Part("ip", None, MISSING, "this host has no address beyond itself")
    if facts.pinned_ip == ip:
        return Part("ip", ip, STABLE, "LICENSE_PINNED_IP says that it is fixed")
    words = {
        "bare": (STABLE, "the address of the machine"),
        "host": (STABLE, "the address of the machine (host network)"),
        "pod": (REMADE, "a pod gets another when it is made anew"),
        "user-defined": (MAY_CHANGE, "fixed or not cannot be seen from inside"),
        "default-bridge": (MAY_CHANGE, "given by {place}'s default network"),
    }
    return Part("ip", ip, *words[mode], facts.engine)


def _machine_id(facts: HostFacts) -> Part:
    name, file = "machine_id", facts.machine_id_file
    if facts.machine_id is None:
        return Part(name, None, MISSING, "no file holds one of 32 digits")
    shown = "(not shown)"
    if facts.engine is None:
        return Part(name, shown, STABLE, "{place}, of this machine", file)
    if facts.machine_id_bound:
        return Part(name, shown, STABLE, "{place}, bound in from the machine", file)
    return Part(name, shown, STABLE, "{place}, of the image: every copy has it", file)


def _container_id(facts: HostFacts) -> Part:
    if facts.container_id is None:
        if facts.engine is None:
            return Part("container_id", None, STABLE, "this is no container")
        return Part("container_id", None, MISSING, "this engine does not show it")
    shown = facts.container_id[:_ID_SHOWN]
    if facts.engine == "kubernetes":
        return Part("container_id", shown, MAY_CHANGE, "another at every restart of the container")
    return Part("container_id", shown, REMADE, "from {place}", facts.container_id_file)


def wants(requirements: Requirements, resources: Resources) -> tuple[Want, ...]:
    """What the product wants beside what there is."""
    found = [
        _want("cpus", requirements.cpus, resources.cpus, ""),
        _want("memory", requirements.memory_gib, resources.memory_gib, " GiB"),
        _want("gpus", requirements.gpus, resources.gpus, ""),
        _want("disk", requirements.disk_gib, resources.disk_gib, " GiB"),
    ]
    ports = [
        Want(f"port {port}", "free", "taken" if taken else "free", not taken)
        for port in requirements.ports
        for taken in (port in resources.taken_ports,)
    ]
    return (*(want for want in found if want is not None), *ports)


def _want(name: str, wanted: int | None, present: float | None, unit: str) -> Want | None:
    if wanted is None:
        return None
    if present is None:
        return Want(name, f"{wanted}{unit}", "unknown", met=None)
    return Want(name, f"{wanted}{unit}", f"{round(present, 1):g}{unit}", present >= wanted)


def findings(
    facts: HostFacts, requirements: Requirements, resources: Resources, folder: str
) -> tuple[Notice, ...]:
    """What there is to mend, with the commands for it. *folder* is the product's."""
    found = [*stability.notices(facts)]
    if any(notice.slug == "address-may-change" for notice in found):
        found.append(Notice("address-pinned-by-compose", **found[0].facts))
    container = stability.container_name(facts)
    for want in wants(requirements, resources):
        if want.met is not False:
            continue
        if want.name.startswith("port "):
            found.append(Notice("port-taken", port=int(want.name.partition(" ")[2])))
        elif facts.engine is None and want.name != "disk":
            found.append(
                Notice("machine-short", what=want.name, wanted=want.wanted, present=want.present)
            )
        else:
            found.append(
                Notice(
                    f"{want.name}-short",
                    wanted=want.wanted,
                    present=want.present,
                    number=want.wanted.partition(" ")[0],
                    container=container,
                    engine=facts.engine or "docker",
                    folder=folder,
                )
            )
    return tuple(found)


def clock(memory: Memory | None, now: int) -> str:
    """``in order``, ``set back`` or ``no memory``: the clock against the latest instant seen."""
    if memory is None or not memory.authentic or not memory.seen_at:
        return "no memory"
    return "set back" if now < memory.seen_at - TOLERANCE else "in order"


def host_key(facts: HostFacts, profile: str) -> hostkey.HostKey | LicenseError:
    """The host key, or why there is none."""
    try:
        return hostkey.derive(facts, profile)
    except LicenseError as error:
        return error
