"""What may change a host key, and how to pin it: from facts alone (SPEC section 3.5)."""

from license_core.errors import Notice
from license_core.facts import HostFacts
from license_core.hostkey import DEFAULT_PROFILE

_EMBEDDED_DNS = "127.0.0.11"
_HOST_BRIDGES = ("docker", "br-", "cni-", "podman", "virbr")
_SUBNETS = ("172.30.0", "172.31.250", "192.168.230", "10.230.0")


def network_mode(facts: HostFacts) -> str:
    """How the container is connected, as far as it can be seen from inside.

    ``bare`` (no container), ``none``, ``host``, ``user-defined``, ``default-bridge`` or ``pod``.
    """
    if facts.engine is None:
        return "bare"
    if facts.engine == "kubernetes":
        return "pod"
    if facts.ip is None:
        return "none"
    if any(name.startswith(_HOST_BRIDGES) for name, _ in facts.interfaces):
        return "host"
    return "user-defined" if _EMBEDDED_DNS in facts.nameservers else "default-bridge"


def notices(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> tuple[Notice, ...]:
    """What would break the host's key at a restart, with the commands that prevent it."""
    mode = network_mode(facts)
    if mode in ("bare", "none", "host") or (facts.pinned_ip and facts.pinned_ip == facts.ip):
        return ()
    if mode == "pod":
        return () if profile == "hk1-host" else (Notice("pod-is-replaced"),)
    if mode == "user-defined":
        return (Notice("address-unconfirmed", ip=facts.ip),)
    engine = facts.engine or "docker"
    subnet = _free_subnet(facts)
    return (
        Notice(
            "address-may-change",
            ip=facts.ip,
            engine=engine,
            bridge="podman" if engine == "podman" else "bridge",
            container=container_name(facts),
            hostname=facts.hostname or "NAME",
            subnet=f"{subnet}.0/24",
            subnet_gateway=f"{subnet}.1",
            subnet_range=f"{subnet}.128/25",
            subnet_ip=f"{subnet}.10",
            gpus=f"--gpus {facts.gpus} " if facts.gpus else "",
        ),
    )


def container_name(facts: HostFacts) -> str:
    """What the engine's commands may call this container by."""
    return facts.container_id[:12] if facts.container_id else "CONTAINER"


def _free_subnet(facts: HostFacts) -> str:
    """The first three numbers of a /24 that none of this host's addresses lies in."""
    used = {address.rpartition(".")[0] for _, address in facts.interfaces}
    return next((subnet for subnet in _SUBNETS if subnet not in used), _SUBNETS[0])
