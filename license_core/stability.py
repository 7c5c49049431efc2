"""What may change a host key, and how to pin it (SPEC section 3.5)."""

from __future__ import annotations

from license_core import advice, pin
from license_core.engine import UNKNOWN
from license_core.errors import Notice, PinnedAddressDiffersError, PinnedAddressInvalidError
from license_core.facts import HostFacts
from license_core.hostkey import DEFAULT_PROFILE, LATER_PROFILES, PROFILES, VERSION_2
from license_core.kept import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EMBEDDED_DNS = "127.0.0.11"
_DOCKER_GATEWAY = "172.17.0.1"
_PODMAN_POOL = "10.88."
_HOST_BRIDGES = ("docker", "br-", "cni-", "podman", "virbr")
_SUBNETS = ("172.30.0", "172.31.250", "192.168.230", "10.230.0")
_LAST = 126
"""Of the addresses of a /24 that are given to nobody who does not ask for one."""


def network_mode(facts: HostFacts) -> str:
    """How the container is connected, as far as it can be seen from inside.

    ``bare`` (no container), ``none``, ``host``, ``user-defined``, ``default-bridge``, ``pod`` or
    ``unknown`` (as its engine is).
    """
    if facts.engine is None:
        return "bare"
    if facts.engine == "kubernetes":
        return "pod"
    if facts.engine == UNKNOWN:
        return "unknown"
    if facts.ip is None:
        return "none"
    if _on_host_network(facts):
        return "host"
    return "user-defined" if _on_own_network(facts) else "default-bridge"


def _on_host_network(facts: HostFacts) -> bool:
    # A container that runs an engine of its own sees bridges too, but routes by one outside.
    bridges = any(name.startswith(_HOST_BRIDGES) for name, _ in facts.interfaces)
    return facts.own_link or (bridges and facts.gateway != _DOCKER_GATEWAY)


def _on_own_network(facts: HostFacts) -> bool:
    """Whether the address is of a network that somebody made, and not of the engine's default.

    On such a network Docker answers for names at 127.0.0.11; podman's default is 10.88.0.0/16.
    """
    if facts.engine == "podman":
        # That no gateway is in resolv.conf is no proof: it may have been overwritten.
        return not (facts.ip or "").startswith(_PODMAN_POOL)
    # A container on both has that name server too, but may be reached by the default bridge.
    networks = {name for name, address in facts.interfaces if address and ":" not in address}
    on_both = len(networks) > 1 and facts.gateway == _DOCKER_GATEWAY
    return _EMBEDDED_DNS in facts.nameservers and not on_both


def is_pinned(facts: HostFacts) -> bool:
    """Whether the address is declared to be fixed, where anything can fix one.

    On Docker's default network nothing does: ``--ip`` has no effect there.
    """
    is_declared = facts.pinned_ip is not None and facts.pinned_ip == facts.ip
    on_dockers = facts.engine == "docker" and network_mode(facts) == "default-bridge"
    return is_declared and not on_dockers


def notices(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> tuple[Notice, ...]:
    """What would break the host's key at a restart, with the commands that prevent it.

    They are for a host that no licence is for yet: most make another key.
    """
    if profile == "hk1-cluster":
        return ()
    if profile == "hk1-site":
        return _of_machine_id(facts)
    shared = (Notice("network-of-another"),) if _is_guest(facts, profile) else ()
    return (*shared, *_of_machine_id(facts), *_of_address(facts, profile))


def proposals(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> tuple[Notice, ...]:
    """Which other profile may fit this host better than *profile*, before a licence is ordered."""
    if profile in LATER_PROFILES:
        return ()
    if facts.site is not None:
        return (Notice("site-may-fit", path=facts.site_file),)
    if profile == DEFAULT_PROFILE and facts.machine_id_bound and facts.engine != "kubernetes":
        return (Notice("machine-may-fit", path=facts.machine_id_file),)
    return ()


_LATER = {
    "address-may-change": "pin-later",
    "address-unconfirmed": "confirm-or-pin-later",
    "address-is-lent": "reserve-later",
    "address-of-wsl": "mirror-later",
}
"""What is advised once there is a licence."""


@lru_cache(maxsize=8)
def of_licensed(facts: HostFacts, profile: str, has_layer: bool) -> tuple[Notice, ...]:
    """What would break the key that a licence is for, which is valid now and stays so.

    *has_layer*: the licence tells this container from others in its network. Found once a process
    for the same facts, so nobody adds to what is said.
    """
    found = notices(facts, profile)
    if has_layer:
        found = tuple(notice for notice in found if notice.slug != "network-of-another")
    for notice in found:
        if notice.slug in _LATER:
            notice.advised((_LATER[notice.slug],), ip=facts.ip)
    return found


def _of_machine_id(facts: HostFacts) -> tuple[Notice, ...]:
    if facts.machine_id is None:
        return (Notice("machine-id-missing"),) if facts.container_id else ()
    if not facts.machine_id_lasts:
        return (Notice("machine-id-may-change", path=facts.machine_id_file),)
    if facts.machine_id_of_image:
        return (Notice("machine-id-of-image", path=facts.machine_id_file),)
    return ()


def _is_guest(facts: HostFacts, profile: str) -> bool:
    """Whether the container has all that is in its key from another, whose network it is in."""
    is_alike = facts.in_older_network and network_mode(facts) != "host"
    return is_alike and profile == DEFAULT_PROFILE


def of_former_rules(facts: HostFacts, issued_at: int) -> tuple[Notice, ...]:
    """What is to be known of a licence that holds for this host by rules of an earlier version."""
    if issued_at < VERSION_2 and facts.once_bare:
        return (Notice("container-as-machine", sign=facts.engine_sign or facts.engine),)
    return ()


def _of_address(facts: HostFacts, profile: str) -> tuple[Notice, ...]:
    mode = network_mode(facts)
    if is_pinned(facts):
        return ()
    if mode == "pod":
        replaced = Notice("pod-address-changes" if profile == "hk1-host" else "pod-is-replaced")
        return (replaced.advised(("cluster-fits",)) if facts.cluster_uid else replaced,)
    if mode == "none" and facts.network_lost:
        lost = Notice("network-lost")
        return (lost.advised(advice.address(facts, mode, None), **naming(facts)),)
    if is_of_windows(facts):
        return (Notice("address-of-wsl", ip=facts.ip),)
    if mode in ("bare", "none", "host"):
        return (_lent(facts),) if facts.ip_is_lent else ()
    if mode == "unknown":
        return (Notice("engine-unknown", sign=facts.engine_sign, ip=facts.ip),)
    names = naming(facts)
    if mode == "user-defined":
        unconfirmed = Notice("address-unconfirmed", ip=facts.ip)
        return (unconfirmed.advised(advice.pin_there(facts), **names),)
    may_change = Notice("address-may-change", **pinning(facts))
    return (may_change.advised(advice.pin(facts), **names),)


_PINNING = (
    *("ip", "engine", "bridge", "container", "hostname", "gpus"),
    *("subnet", "subnet_gateway", "subnet_range", "subnet_ip"),
)


def pinning(facts: HostFacts) -> dict[str, Any]:
    """Those of ``naming`` that say how an address is pinned."""
    names = naming(facts)
    return {name: names[name] for name in _PINNING}


def naming(facts: HostFacts) -> dict[str, Any]:
    """What remedies are filled with: this container, its engine, and an address to give it."""
    is_podman = facts.engine == "podman"
    subnet, host = _free_place(facts)
    beside = advice.beside(facts) or (None, None)
    hostname = facts.hostname or "NAME"
    is_own = not (facts.container_id or "-").startswith(hostname)
    if is_podman:
        gpus = "--device nvidia.com/gpu=all " if facts.gpus else ""
    else:
        gpus = f"--gpus {facts.gpus} " if facts.gpus else ""
    return {
        "ip": facts.ip,
        "after": facts.ip,
        "engine": command(facts),
        "bridge": "podman" if is_podman else "bridge",
        "container": network_name(facts),
        "own": container_name(facts),
        "hostname": hostname,
        "named": f"--hostname {quoted(hostname)} " if facts.hostname and is_own else "",
        "subnet": f"{subnet}.0/24",
        "subnet_gateway": f"{subnet}.1",
        "subnet_range": f"{subnet}.128/25",
        "subnet_ip": f"{subnet}.{host}",
        "gpus": gpus,
        "other_ip": _elsewhere(facts),
        "beside_device": beside[0] or None,
        "beside": beside[1],
    }


def quoted(word: str) -> str:
    """*word* for a shell."""
    if word.isascii() and word.replace("-", "").replace(".", "").replace("_", "").isalnum():
        return word
    import shlex  # few names need it

    return shlex.quote(word)


def is_of_windows(facts: HostFacts) -> bool:
    """Whether the address is one that Windows draws for WSL.

    Where WSL has the interfaces of Windows (``networkingMode=mirrored``), ``loopback0`` is beside
    them, and the addresses are those of Windows.
    """
    is_mirrored = any(name == "loopback0" for name, _ in facts.interfaces)
    return facts.is_wsl and facts.ip is not None and not is_mirrored


def _lent(facts: HostFacts) -> Notice:
    device = next((name for name, address in facts.interfaces if address == facts.ip), None)
    return Notice("address-is-lent", ip=facts.ip, device=device)


def check_pinned(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> None:
    """Raises PinnedAddressDiffersError where the declared address is not the present one.

    PinnedAddressInvalidError where it is no address. Under a profile without addresses neither.
    """
    pinned = facts.pinned_ip
    if "ip" not in PROFILES[profile] or not pinned or pinned in (facts.ip, facts.former_ip):
        return
    if pin.address(pinned) is None:
        raise PinnedAddressInvalidError(pinned=pinned)
    names = naming(facts)
    engine, container = names["engine"], names["container"]
    error = PinnedAddressDiffersError(
        pinned=pinned, ip=facts.ip, engine=engine, container=container
    )
    raise error.advised(advice.pinned(facts, network_mode(facts)), **names, before=pinned)


def command(facts: HostFacts) -> str:
    """The command of the engine; Docker's where it is not known."""
    return "podman" if facts.engine == "podman" else "docker"


def container_name(facts: HostFacts) -> str:
    """What the engine's commands may call this container by."""
    return facts.container_id[:12] if facts.container_id else "CONTAINER"


def network_name(facts: HostFacts) -> str:
    """What they may call the container by that has this one's network: mostly itself."""
    return facts.network_container[:12] if facts.network_container else container_name(facts)


def _free_place(facts: HostFacts) -> tuple[str, int]:
    """The first three numbers of a /24 to be made, and the last of an address for this container.

    Where an address is declared and can be had in a network that is to be made, that one. Else the
    /24 is in no /16 of this host's addresses, and the number is drawn from the container's id, so
    that each container is told another.
    """
    used = {_first_two(address) for _, address in facts.interfaces}
    subnet, _, last = (facts.pinned_ip or "").rpartition(".")
    if last.isdecimal() and 1 < int(last) <= _LAST and _first_two(subnet) not in used:
        return subnet, int(last)
    drawn = int((facts.network_container or facts.container_id or "0")[:8], 16)
    free = next((subnet for subnet in _SUBNETS if _first_two(subnet) not in used), _SUBNETS[0])
    return free, 2 + drawn % (_LAST - 1)


def _elsewhere(facts: HostFacts) -> str:
    """An address for this container in its present network, drawn from its id.

    Above those that engines give out first, and below the half that ours keep for that.
    """
    drawn = int((facts.network_container or facts.container_id or "0")[:8], 16)
    return f"{(facts.ip or '').rpartition('.')[0]}.{64 + drawn % (_LAST - 63)}"


def _first_two(address: str) -> str:
    return ".".join(address.split(".")[:2])
