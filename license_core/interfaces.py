"""Whose an interface is: the host's own, or one of an engine or a tunnel (SPEC section 3.1)."""

from __future__ import annotations

import os
import re
from collections.abc import Collection

from license_core import hostfile

OWN, INNER, ENGINE, TUNNEL = range(4)
"""From the first to the last whose address may speak for a host."""

_TUNNELS = frozenset(
    {"tun", "wireguard", "ovpn", "ppp", "vxlan", "geneve", "bareudp", "gtp", "amt", "xfrm"}
    | {"ipip", "ip6tnl", "sit", "gre", "gretap", "ip6gre", "ip6gretap", "erspan", "ip6erspan"}
    | {"vti", "vti6"}
)
_TUNNEL_HARDWARE = frozenset({512, 768, 769, 776, 778, 823, 65534})
"""ARPHRD_PPP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE and NONE."""
_MOST_DIGITS = 5  # the kernel keeps it in 16 bits
_TUNNEL_NAMES = r"(?:tun|tap|wg|ppp|tailscale|ipsec|utun)[0-9]+$|zt[0-9a-z]{8,}$"
_ENGINE_NAMES = (
    r"(?:docker|cni|podman|cni-podman|virbr|lxcbr|lxdbr|incusbr|mpqemubr|nerdctl|cbr|vmnet|vboxnet"
    r"|waydroid)[0-9]+$|br-[0-9a-f]{12}$|docker_gwbridge$|kube-|nodelocaldns$|cilium_|flannel|weave"
)


def rank(name: str, kind: str = "", hardware: int = 1, ports: Collection[str] | None = None) -> int:
    """OWN, INNER, ENGINE or TUNNEL.

    *kind* and *hardware* are those of ``netlink.Link``; *ports* the kinds of the ports of a bridge,
    None where they are not known.
    """
    if kind in _TUNNELS or hardware in _TUNNEL_HARDWARE or re.match(_TUNNEL_NAMES, name):
        return TUNNEL
    if re.match(_ENGINE_NAMES, name):
        return ENGINE
    if kind == "bridge" and ports is not None and not set(ports) - {"veth", "tun"}:
        return INNER  # nothing leaves the machine by it
    return OWN


def recorded_rank(root: str, name: str) -> int:
    """The rank of an interface, by what ``/sys/class/net`` under *root* shows of it."""
    if "/" in name or "\0" in name:
        return OWN  # no kernel has such a one
    folder = os.path.join(root, "sys/class/net", name)
    kind = re.search(r"^DEVTYPE=(\w+)$", _text(folder, "uevent"), re.MULTILINE)
    hardware = _text(folder, "type").strip()
    is_tun = os.path.exists(os.path.join(folder, "tun_flags"))
    return rank(
        name,
        "tun" if is_tun else kind[1] if kind else "",
        _number(hardware),
    )


def numbers(root: str, name: str) -> tuple[str, str]:
    """The number of an interface and that of its other end, as texts; empty where not shown."""
    folder = os.path.join(root, "sys/class/net", name)
    return _text(folder, "ifindex").strip(), _text(folder, "iflink").strip()


def is_vlan(root: str, name: str) -> bool:
    """Whether an interface is a VLAN on another of the same machine."""
    return "DEVTYPE=vlan\n" in _text(os.path.join(root, "sys/class/net", name), "uevent")


def _number(text: str) -> int:
    """The type of hardware that *text* names; that of Ethernet where it names none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else 1


def _text(folder: str, name: str) -> str:
    try:
        data = hostfile.read(os.path.join(folder, name))
    except OSError:
        data = None  # the interface went away meanwhile, or is odd: nothing is known of it
    return (data or b"").decode("utf-8", "replace")
