"""Host facts: what is known of a host, without judgement (SPEC section 3.1)."""

from typing import NamedTuple


class HostFacts(NamedTuple):
    """A host as a probe saw it. None: this host does not have it, or it cannot be read.

    The first four are the components of a host key; all others are evidence, never in a key.
    """

    hostname: str | None
    """ASCII letters in lower case, no trailing dot."""
    ip: str | None
    """The address that speaks for the host, in the one text that inet_ntop writes."""
    machine_id: str | None
    """32 lower-case hexadecimal digits."""
    container_id: str | None
    """64 lower-case hexadecimal digits."""

    machine_id_file: str | None = None
    """Where the machine id stands."""
    container_id_file: str | None = None
    """Where the container id stands."""
    machine_id_bound: bool = False
    """Whether the machine id file is a mount of its own, as one bound in from the host is."""
    engine: str | None = None
    """``docker``, ``podman``, ``kubernetes``; None on a bare machine."""
    interfaces: tuple[tuple[str, str], ...] = ()
    """(interface, address), loopback and link-local left out, in the order of the names."""
    former_ip: str | None = None
    """The address that the rule of version 1 takes for ``ip``, where it is another one that this
    host has: licences issued under that rule go on holding (SPEC section 3.7)."""
    ip_is_lent: bool = False
    """Whether ``ip`` ends unless a server (DHCP) or a router lends it again."""
    own_link: bool = False
    """Whether the interface of ``ip`` is seen to be the machine's own; a container's own ends in
    another network namespace."""
    network_container: str | None = None
    """The id of the container whose network this one shares (``--network container:X``)."""
    gateway: str | None = None
    """The IPv4 address of the default gateway."""
    nameservers: tuple[str, ...] = ()
    pinned_ip: str | None = None
    """The address that the operator declares to be fixed: LICENSE_PINNED_IP."""
    gpus: int = 0
    """How many NVIDIA GPUs are visible; a part of one (MIG) counts with its card."""
    root: str = "/"
    """Where the host was read."""
