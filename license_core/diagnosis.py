"""What ``doctor`` says of a host: each part of its key, how stable it is, what to fix.

Pure: from facts to findings. A part is ``stable``, lasts ``until remade`` (as long as this very
container), ``may change`` or is ``missing`` (SPEC section 3.5).
"""

from __future__ import annotations

from license_core import engine, hostkey, membership, stability
from license_core.errors import Notice
from license_core.facts import HostFacts
from license_core.memory import LEAP, TOLERANCE, Memory
from license_core.reason import Reason
from license_core.record import NamedTuple
from license_core.requirements import Requirements, Resources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STABLE, REMADE, MAY_CHANGE, MISSING = "stable", "until remade", "may change", "missing"
HIDDEN = "(not shown)"
"""In place of the value of an id that nobody needs to see."""
LABELS = {"cpus": "CPUs", "memory": "memory", "gpus": "GPUs", "disk": "free disk"}
"""What people call that which a product wants."""
_ID_SHOWN = 12


class Part(NamedTuple):
    """A component of the host key."""

    name: str
    value: str | None
    """As people may see it: of an id at most its first digits."""
    lasting: str
    why: str
    """A sentence; a Reason where it names ``place``."""
    place: str | None = None


class Want(NamedTuple):
    """Something that the product wants, and what there is of it."""

    name: str
    """``cpus``, ``memory``, ``gpus``, ``disk`` or ``port``."""
    wanted: int
    """How much; of a port its number."""
    present: float | None
    """How much there is; of a port None."""
    met: bool | None
    """None: it could not be found out."""
    unit: str = ""
    of_machine: float | None = None
    """How much the machine of a container has; None: not known, or no matter."""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {name: value for name, value in self._asdict().items() if name != "of_machine"}


def parts(facts: HostFacts, profile: str = hostkey.DEFAULT_PROFILE) -> tuple[Part, ...]:
    """The components that *profile* looks at."""
    known = {
        "hostname": _hostname,
        "ip": _ip,
        "machine_id": _machine_id,
        "container_id": _container_id,
        "cluster_uid": _cluster_uid,
        "site": _site,
        "roster": _roster,
    }
    return tuple(known[name](facts) for name in hostkey.PROFILES[profile])


def _hostname(facts: HostFacts) -> Part:
    name = facts.hostname
    if name is None:
        return Part("hostname", None, MISSING, "the kernel reports no hostname")
    if facts.container_id and facts.container_id.startswith(name) and len(name) >= _ID_SHOWN:
        return Part(
            "hostname", name, REMADE, "derived from the container id; set one with --hostname"
        )
    if facts.engine == "kubernetes":
        return Part("hostname", name, REMADE, "the pod's name")
    return Part("hostname", name, STABLE, "set for this host")


def _ip(facts: HostFacts) -> Part:
    ip, mode = facts.ip, stability.network_mode(facts)
    if ip is None:
        return Part("ip", None, MISSING, "this host has only a loopback address")
    if stability.is_pinned(facts):
        return Part("ip", ip, STABLE, "declared (LICENSE_PINNED_IP, or `pin`)")
    if stability.is_of_windows(facts):
        return Part("ip", ip, MAY_CHANGE, "Windows may change it whenever WSL starts")
    if facts.ip_is_lent and mode in ("bare", "host"):
        return Part("ip", ip, MAY_CHANGE, "lent by a server (DHCP) or a router")
    words = {
        "bare": (STABLE, "the machine's address"),
        "host": (STABLE, "the machine's address (host network)"),
        "pod": (REMADE, "changes when the pod is recreated"),
        "unknown": (MAY_CHANGE, "cannot tell from inside whether it is fixed"),
        "user-defined": (MAY_CHANGE, "cannot tell from inside whether it is fixed"),
        "default-bridge": (
            MAY_CHANGE,
            Reason("assigned by {place}'s default network", place=facts.engine),
        ),
    }
    return Part("ip", ip, *words[mode], facts.engine)


def _machine_id(facts: HostFacts) -> Part:
    name, file = "machine_id", facts.machine_id_file
    if facts.machine_id is None:
        return Part(name, None, MISSING, "no file contains a 32-digit id")
    if not facts.machine_id_lasts:
        why = Reason("{place}, kept in memory: may be drawn anew at each boot", place=file)
        return Part(name, HIDDEN, MAY_CHANGE, why, file)
    if facts.machine_id_of_image:
        why = Reason("{place}, from the system image: the same in every copy", place=file)
    elif facts.engine is None:
        why = Reason("{place}, this machine's own", place=file)
    elif facts.machine_id_bound:
        why = Reason("{place}, mounted from the Docker host", place=file)
    else:
        why = Reason("{place}, from the image: the same in every copy", place=file)
    return Part(name, HIDDEN, STABLE, why, file)


def _container_id(facts: HostFacts) -> Part:
    if facts.container_id is None:
        if facts.engine is None:
            return Part("container_id", None, STABLE, "not a container")
        return Part("container_id", None, MISSING, "not visible with this engine")
    shown = facts.container_id[:_ID_SHOWN]
    if facts.engine == "kubernetes":
        return Part("container_id", shown, MAY_CHANGE, "changes at every restart of the container")
    file = facts.container_id_file
    why = Reason("from {place}", place=file)
    if facts.engine == "docker" and file == engine.MOUNTINFO:
        why = Reason("from {place}; a container in this one's network shows it, too", place=file)
    return Part("container_id", shown, REMADE, why, file)


def _cluster_uid(facts: HostFacts) -> Part:
    if facts.cluster_uid is None:
        return Part("cluster_uid", None, MISSING, membership.no_cluster(facts))
    return Part("cluster_uid", facts.cluster_uid, STABLE, "handed in as LICENSE_CLUSTER_UID")


def _site(facts: HostFacts) -> Part:
    if facts.site is None:
        return Part("site", None, MISSING, membership.no_site(facts))
    why = Reason("from {place}", place=facts.site_file)
    return Part("site", HIDDEN, STABLE, why, facts.site_file)


def _roster(facts: HostFacts) -> Part:
    size, before = membership.size(facts), membership.place(facts)
    if size is None:
        return Part("roster", None, MISSING, "there is no site")
    if before is None:
        why = Reason("{count:# machine|# machines}; this one is not among them", count=size)
    else:
        why = Reason(
            "{count:# machine|# machines}; this is number {number}", count=size, number=before + 1
        )
    return Part("roster", HIDDEN, STABLE, why)


def wants(requirements: Requirements, resources: Resources) -> tuple[Want, ...]:
    """What the product wants beside what there is."""
    rows = (
        ("cpus", requirements.cpus, resources.cpus, "", resources.machine_cpus),
        (
            "memory",
            requirements.memory_gib,
            resources.memory_gib,
            " GiB",
            resources.machine_memory_gib,
        ),
        ("gpus", requirements.gpus, resources.gpus, "", resources.machine_gpus),
        ("disk", requirements.disk_gib, resources.disk_gib, " GiB", None),
    )
    sizes = [
        Want(name, wanted, present, None if present is None else present >= wanted, unit, whole)
        for name, wanted, present, unit, whole in rows
        if wanted is not None
    ]
    taken = resources.taken_ports
    return (
        *sizes,
        *(
            Want("port", port, None, None if taken is None else port not in taken)
            for port in requirements.ports
        ),
    )


def hazards(
    facts: HostFacts, wanted: tuple[Want, ...] = (), profile: str = hostkey.DEFAULT_PROFILE
) -> tuple[Notice, ...]:
    """What would change the key under *profile*, with the commands that prevent it.

    A container that is made for it is given the GPUs that are *wanted*, as far as its machine has
    them.
    """
    gpus = next((_given(want) for want in wanted if want.name == "gpus"), 0)
    facts = facts._replace(gpus=max(facts.gpus or 0, gpus))
    found = [*stability.notices(facts, profile), *stability.proposals(facts, profile)]
    slugs = [notice.slug for notice in found]
    if "address-may-change" in slugs or "address-unconfirmed" in slugs:
        names = stability.pinning(facts)
        is_docker = names["engine"] == "docker"
        compose = "docker compose" if is_docker else "podman-compose"
        found.append(Notice("address-pinned-by-compose", **names, compose=compose))
        if is_docker and "address-may-change" in slugs:  # a machine may change to podman
            found.append(Notice("address-pinned-by-podman", **names))
    return tuple(found)


def _given(want: Want) -> int:
    return want.wanted if want.of_machine is None else min(want.wanted, int(want.of_machine))


def shortages(facts: HostFacts, wanted: tuple[Want, ...], folder: str) -> tuple[Notice, ...]:
    """What the machine lacks; *folder* is where the product wants its free disk."""
    return tuple(_shortage(facts, want, folder) for want in wanted if want.met is False)


def _shortage(facts: HostFacts, want: Want, folder: str) -> Notice:
    if want.name == "port":
        return Notice("port-taken", port=want.wanted)
    # No option of a container gives it more than its machine has.
    too_small = want.of_machine is not None and want.of_machine < want.wanted
    present = want.of_machine if too_small else want.present
    amounts = {
        "wanted": f"{want.wanted}{want.unit}",
        "present": f"{round(present or 0, 1):g}{want.unit}",
    }
    elsewhere = want.name == "gpus" and want.of_machine and facts.engine == engine.UNKNOWN
    nobodys = facts.engine in (None, engine.UNKNOWN) and want.name != "disk" and not elsewhere
    if too_small or nobodys:
        short = Notice("machine-short", what=LABELS[want.name], **amounts)
        is_bare = want.name == "gpus" and want.of_machine == 0
        return short.advised(("no-driver",) if is_bare else None)
    notice = Notice(
        f"{want.name}-short",
        **amounts,
        number=want.wanted,
        container=stability.container_name(facts),
        engine=stability.command(facts),
        folder=folder,
    )
    if elsewhere:
        return notice.advised(("gpus-of-engine",))
    on_podman = want.name == "gpus" and facts.engine == "podman"
    return notice.advised(("gpus-of-podman",) if on_podman else None)


NEW_CONTAINER = frozenset({"gpus-short"})
"""Shortages that only another container mends, and so another key."""


def clock(memory: Memory | None, now: int) -> str:
    """``in order``, ``set back``, ``leapt`` or ``no memory``: the clock against what was seen."""
    if memory is None or not memory.authentic or not memory.seen_at:
        return "no memory"
    if now - max(memory.seen_at, memory.license_iat) > LEAP:
        return "leapt"
    return "set back" if now < memory.seen_at - TOLERANCE else "in order"
