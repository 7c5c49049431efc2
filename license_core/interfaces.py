"""Whose an interface is: the host's own, or one of an engine or a tunnel (SPEC section 3.1)."""

from __future__ import annotations

import os

from license_core import hostfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

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
# What a name has before its number, and how others begin.
_TUNNEL_NAMES = frozenset({"tun", "tap", "wg", "ppp", "tailscale", "ipsec", "utun"})
_ENGINE_NAMES = frozenset(
    {"docker", "cni", "podman", "cni-podman", "virbr", "lxcbr", "lxdbr", "incusbr", "mpqemubr"}
    | {"nerdctl", "cbr", "vmnet", "vboxnet", "waydroid"}
)
_ENGINE_BEGINNINGS = ("kube-", "cilium_", "flannel", "weave")
_DIGITS = "0123456789"
_SMALL = "0123456789abcdefghijklmnopqrstuvwxyz"


def rank(name: str, kind: str = "", hardware: int = 1, ports: Collection[str] | None = None) -> int:
    """OWN, INNER, ENGINE or TUNNEL.

    *kind* and *hardware* are those of ``netlink.Link``; *ports* the kinds of the ports of a bridge,
    None where they are not known.
    """
    if kind in _TUNNELS or hardware in _TUNNEL_HARDWARE or _is_of_tunnel(name):
        return TUNNEL
    if _is_of_engine(name):
        return ENGINE
    if kind == "bridge" and ports is not None and not set(ports) - {"veth", "tun"}:
        return INNER  # nothing leaves the machine by it
    return OWN


def _is_of_tunnel(name: str) -> bool:
    if _before_number(name) in _TUNNEL_NAMES:
        return True
    return name.startswith("zt") and len(name) >= 10 and not name.strip(_SMALL)


def _is_of_engine(name: str) -> bool:
    if name in ("docker_gwbridge", "nodelocaldns") or name.startswith(_ENGINE_BEGINNINGS):
        return True
    if name.startswith("br-"):
        return len(name) == 15 and not name[3:].strip("0123456789abcdef")
    return _before_number(name) in _ENGINE_NAMES


def _before_number(name: str) -> str:
    """What a name has before the number that it ends in; empty where it ends in none."""
    before = name.rstrip(_DIGITS)
    return "" if before == name else before


def recorded_rank(root: str, name: str) -> int:
    """The rank of an interface, by what ``/sys/class/net`` under *root* shows of it."""
    if not _may_be_one(name):
        return OWN
    kind = next(filter(None, map(_kind, _text(root, name, "uevent").split("\n"))), "")
    hardware = _text(root, name, "type").strip()
    is_tun = os.path.exists(os.path.join(root, "sys/class/net", name, "tun_flags"))
    return rank(
        name,
        "tun" if is_tun else kind,
        _number(hardware),
    )


def _kind(line: str) -> str:
    """The kind of interface that a *line* of ``uevent`` names."""
    name, _, kind = line.partition("=")
    return kind if name == "DEVTYPE" and kind.replace("_", "a").isalnum() else ""


def numbers(root: str, name: str) -> tuple[str, str]:
    """The number of an interface and that of its other end, as texts; empty where not shown."""
    return _text(root, name, "ifindex").strip(), _text(root, name, "iflink").strip()


def is_vlan(root: str, name: str) -> bool:
    """Whether an interface is a VLAN on another of the same machine."""
    return "DEVTYPE=vlan\n" in _text(root, name, "uevent")


def _may_be_one(name: str) -> bool:
    """Whether a kernel may have an interface of this name."""
    return "/" not in name and "\0" not in name


def _number(text: str) -> int:
    """The type of hardware that *text* names; that of Ethernet where it names none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else 1


def _text(root: str, name: str, file: str) -> str:
    if not _may_be_one(name):
        return ""
    try:
        data = hostfile.read(os.path.join(root, "sys/class/net", name, file))
    except OSError:
        data = None  # the interface went away meanwhile, or is odd: nothing is known of it
    return (data or b"").decode("utf-8", "replace")
