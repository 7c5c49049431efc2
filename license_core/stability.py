"""What may change a host key, and how to pin it (SPEC section 3.5)."""

from license_core.engine import UNKNOWN
from license_core.errors import Notice, PinnedAddressDiffersError
from license_core.facts import HostFacts
from license_core.hostkey import DEFAULT_PROFILE, VERSION_2

_EMBEDDED_DNS = "127.0.0.11"
_DOCKER_GATEWAY = "172.17.0.1"
_PODMAN_POOL = "10.88."
_HOST_BRIDGES = ("docker", "br-", "cni-", "podman", "virbr")
_SUBNETS = ("172.30.0", "172.31.250", "192.168.230", "10.230.0")


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

    On such a network Docker answers for names at 127.0.0.11, podman at the gateway.
    """
    if facts.engine == "podman":
        return facts.gateway in facts.nameservers and not (facts.ip or "").startswith(_PODMAN_POOL)
    # A container on both has that name server too, but may be reached by the default bridge.
    networks = {name for name, address in facts.interfaces if address and ":" not in address}
    on_both = len(networks) > 1 and facts.gateway == _DOCKER_GATEWAY
    return _EMBEDDED_DNS in facts.nameservers and not on_both


def notices(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> tuple[Notice, ...]:
    """What would break the host's key at a restart, with the commands that prevent it."""
    return (*_of_machine_id(facts), *_of_address(facts, profile))


def _of_machine_id(facts: HostFacts) -> tuple[Notice, ...]:
    if facts.machine_id is None:
        return (Notice("machine-id-missing"),) if facts.container_id else ()
    if not facts.machine_id_lasts:
        return (Notice("machine-id-may-change", path=facts.machine_id_file),)
    return ()


def of_former_rules(facts: HostFacts, issued_at: int) -> tuple[Notice, ...]:
    """What is to be known of a licence that holds for this host by rules of an earlier version."""
    if issued_at < VERSION_2 and facts.once_bare:
        return (Notice("container-as-machine", sign=facts.engine_sign or facts.engine),)
    return ()


def _of_address(facts: HostFacts, profile: str) -> tuple[Notice, ...]:
    mode = network_mode(facts)
    if facts.pinned_ip and facts.pinned_ip == facts.ip:
        return ()
    if mode in ("bare", "none", "host"):
        return (_lent(facts),) if facts.ip_is_lent else ()
    if mode == "pod":
        slug = "pod-address-changes" if profile == "hk1-host" else "pod-is-replaced"
        return (Notice(slug),)
    if mode == "unknown":
        return (Notice("engine-unknown", sign=facts.engine_sign, ip=facts.ip),)
    if mode == "user-defined":
        return (Notice("address-unconfirmed", ip=facts.ip),)
    engine = command(facts)
    subnet = _free_subnet(facts)
    return (
        Notice(
            "address-may-change",
            ip=facts.ip,
            engine=engine,
            bridge="podman" if engine == "podman" else "bridge",
            container=network_name(facts),
            hostname=facts.hostname or "NAME",
            subnet=f"{subnet}.0/24",
            subnet_gateway=f"{subnet}.1",
            subnet_range=f"{subnet}.128/25",
            subnet_ip=f"{subnet}.10",
            gpus=f"--gpus {facts.gpus} " if facts.gpus else "",
        ),
    )


def _lent(facts: HostFacts) -> Notice:
    device = next((name for name, address in facts.interfaces if address == facts.ip), None)
    return Notice("address-is-lent", ip=facts.ip, device=device)


def check_pinned(facts: HostFacts) -> None:
    """Raises PinnedAddressDiffersError where the declared address is not the present one."""
    if facts.pinned_ip and facts.pinned_ip not in (facts.ip, facts.former_ip):
        raise PinnedAddressDiffersError(
            pinned=facts.pinned_ip,
            ip=facts.ip,
            engine=command(facts),
            container=network_name(facts),
        )


def command(facts: HostFacts) -> str:
    """The command of the engine; Docker's where it is not known."""
    return "podman" if facts.engine == "podman" else "docker"


def container_name(facts: HostFacts) -> str:
    """What the engine's commands may call this container by."""
    return facts.container_id[:12] if facts.container_id else "CONTAINER"


def network_name(facts: HostFacts) -> str:
    """What they may call the container by that has this one's network: mostly itself."""
    return facts.network_container[:12] if facts.network_container else container_name(facts)


def _free_subnet(facts: HostFacts) -> str:
    """The first three numbers of a /24 that is in no /16 of this host's addresses."""
    used = {_first_two(address) for _, address in facts.interfaces}
    return next((subnet for subnet in _SUBNETS if _first_two(subnet) not in used), _SUBNETS[0])


def _first_two(address: str) -> str:
    return ".".join(address.split(".")[:2])
