"""Host facts: what is known of a host, without judgement (SPEC section 3.1)."""

from __future__ import annotations

from license_core.record import NamedTuple


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
    """Whether the machine id file is a mount of its own, as one bound in from the host is. One in
    memory is not: it was drawn when this host was started."""
    machine_id_lasts: bool = True
    """Whether the file is still the same after the next boot, as far as can be seen."""
    machine_id_of_image: bool = False
    """Of a machine: whether the file may be that of a system image, the same in every copy."""
    is_wsl: bool = False
    """Whether this is a distribution of WSL, whose address Windows may change at any start."""
    engine: str | None = None
    """``docker``, ``podman``, ``kubernetes``, ``unknown``; None on a bare machine."""
    engine_sign: str | None = None
    """Of an unknown engine: the file that shows that this is a container."""
    once_bare: bool = False
    """Whether the rules of version 1 took this container for a machine (SPEC section 3.7)."""
    once_bound: bool = False
    """Whether they took a machine id in memory for one that is bound in."""
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
    in_older_network: bool = False
    """Whether its network is seen to be older than this container: then it is another's."""
    layer_digest: str | None = None
    """An id of the overlay's layer that ``/`` is written to, which is another in each container."""
    layer: str | None = None
    """Of a container of Docker: its engine's name of that layer, for the tag ``layer``."""
    gateway: str | None = None
    """The IPv4 address of the default gateway."""
    nameservers: tuple[str, ...] = ()
    network_lost: bool = False
    """Whether there is no ``ip``, and the engine's files tell of a network that there was."""
    pinned_ip: str | None = None
    """The address that the operator declares to be fixed (pin.py); as it was typed where it is no
    address."""
    cluster_uid: str | None = None
    """The UID of the cluster that a pod runs in, as its operator hands it in."""
    cluster_why: str | None = None
    """Why there is none, though LICENSE_CLUSTER_UID is set."""
    site: str | None = None
    """The identity of the site: 64 lower-case hexadecimal digits."""
    roster: str | None = None
    """The tags of the site's machines, as they were added, with commas between."""
    site_file: str | None = None
    """Where the site stands; None: LICENSE_SITE is not set."""
    site_why: str | None = None
    """Why there is no site in that file."""
    gpus: int | None = 0
    """How many NVIDIA GPUs can be used here; a part of one (MIG) counts with its card. None: there
    is a driver, but they could not be counted."""
    root: str = "/"
    """Where the host was read."""
