"""Which remedies fit the host at hand. Pure: from facts to names in ``remedies.REMEDIES``.

The *mode* is how the host is connected (stability.network_mode).
"""

from __future__ import annotations

from license_core.facts import HostFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    Advice = tuple[str, ...] | None
    """None: the remedy of the row will do."""

_OF_MACHINE = ("bare", "host")
_PODMAN_POOL = "10.88."


def commands(facts: HostFacts) -> bool:
    """Whether the container can be named in commands of an engine that is known."""
    return facts.engine in ("docker", "podman") and facts.container_id is not None


def beside(facts: HostFacts) -> tuple[str, str] | None:
    """The interface and address of another network that the container is on as well."""
    four = [(n, a) for n, a in facts.interfaces if a and ":" not in a and a != facts.ip]
    return four[0] if four else None


def pin(facts: HostFacts) -> tuple[str, ...]:
    """How to get an address that lasts, off the engine's default network."""
    if beside(facts) and commands(facts):
        return ("leave-default",)
    ignored = ("pin-ignored",) if facts.pinned_ip and facts.engine == "docker" else ()
    return (*ignored, *(("pin-here",) if commands(facts) else ()), "pin-new")


def pin_there(facts: HostFacts) -> Advice:
    """How to get an address that lasts, on a network that somebody made."""
    return ("pin-there",) if commands(facts) and "." in (facts.ip or "") else None


def address(facts: HostFacts, mode: str, before: str | None) -> Advice:
    """How to get the licensed address back: *before*, where that is known."""
    if mode in _OF_MACHINE:
        return (_on_machine(facts, before),)
    if mode == "pod":
        return ("pod-address",)
    if not commands(facts):
        return ("address-back-in-engine",)
    if mode == "none":
        return ("restart-guest",) if facts.network_container else ("network-gone",)
    if before and can_be_given(facts, mode, before):
        return ("take-back",)
    if mode == "default-bridge":
        return (*(("lost-on-default",) if facts.engine == "docker" else ()), *pin(facts))
    return pin_there(facts)


def _on_machine(facts: HostFacts, before: str | None) -> str:
    if facts.ip is None:
        return "network-down"
    return "address-back" if before else "former-address-back"


def can_be_given(facts: HostFacts, mode: str, ip: str) -> bool:
    """Whether the engine can give a container the address *ip* in its present network."""
    if ":" in ip:
        return False
    if mode == "default-bridge":
        return facts.engine == "podman" and ip.startswith(_PODMAN_POOL)
    # One that is far from the present address was of another network, which was left since.
    return mode == "user-defined" and ip.split(".")[:2] == (facts.ip or "").split(".")[:2]


def unused(facts: HostFacts, mode: str, *, routed: bool) -> Advice:
    """How to let an address that the host has be the one of its default route again.

    *routed*: whether it has such a route now.
    """
    if mode not in _OF_MACHINE and commands(facts):
        return ("second-network",)
    return ("default-route",) if routed else None


def hostname(facts: HostFacts, mode: str, before: str | None, profile: str) -> Advice:
    """How to get the licensed hostname back: *before*, where that is known."""
    if mode in _OF_MACHINE:
        return ("set-hostname",) if before else ("set-former-hostname",)
    if profile == "hk1" and commands(facts):
        return ("restart-for-hostname",)  # for a new container has another id, too
    return ("run-with-hostname",) if before else None


def licensed_container(facts: HostFacts, before: str | None) -> Advice:
    """How to go back to the licensed container: *before*, where its id is known."""
    return ("start-licensed",) if before and commands(facts) else None


def fewer_gpus(facts: HostFacts) -> Advice:
    """How to have no more GPUs visible than a licence covers."""
    return None if facts.engine == "docker" else ("fewer-gpus",)


def pinned(facts: HostFacts, mode: str) -> Advice:
    """How to give the host the address that it is declared to have."""
    assert facts.pinned_ip is not None  # noqa: S101  # there is a declared one
    if mode in ("bare", "host", "pod", "unknown") or not commands(facts):
        return ("pinned-back",) if mode in _OF_MACHINE else ("address-back-in-engine",)
    if mode == "none":
        return address(facts, mode, facts.pinned_ip)
    if can_be_given(facts, mode, facts.pinned_ip):
        return ("take-back", "pinned-correct")
    return (*pin(facts), "pinned-correct") if mode == "default-bridge" else None
