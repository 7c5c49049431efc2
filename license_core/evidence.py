"""Host facts shown to support beside the key, and never in it (SPEC section 3.6).

Reads files under a root, as the probe does, but only for ``doctor``. What cannot be read is missing
and says why; nothing here refuses.
"""

import os
from typing import NamedTuple

from license_core import hostfile, stability
from license_core.facts import HostFacts

STABLE, MAY_CHANGE, RANDOM, MISSING = "stable", "may change", "random", "missing"
_BOOT_ID = "proc/sys/kernel/random/boot_id"
_PRODUCT_UUID = "sys/class/dmi/id/product_uuid"
_GPUS = "proc/driver/nvidia/gpus"
_MOST_GPUS = 64


class Trait(NamedTuple):
    """One piece of evidence."""

    name: str
    """``mac``, ``boot_id``, ``product_uuid`` or ``gpu``."""
    of: str | None
    """The interface or the card; None where a host has but one."""
    value: str | None
    lasting: str
    why: str


def read(facts: HostFacts) -> tuple[Trait, ...]:
    """The evidence of the host that *facts* were read from."""
    return (*_macs(facts), _boot_id(facts.root), _product_uuid(facts.root), *_gpus(facts.root))


def _macs(facts: HostFacts) -> list[Trait]:
    names = sorted({name for name, address in facts.interfaces if address})
    return [_mac(facts, name) for name in names if name.isprintable() and "/" not in name]


def _mac(facts: HostFacts, name: str) -> Trait:
    value, why = _line(facts.root, f"sys/class/net/{name}/address")
    if value is None:
        return Trait("mac", name, None, MISSING, why)
    if stability.network_mode(facts) in ("bare", "host"):
        return Trait("mac", name, value, STABLE, "of the machine's network card")
    if value in {_of_address(a) for n, a in facts.interfaces if n == name}:
        return Trait("mac", name, value, MAY_CHANGE, "made from the address, and changes with it")
    return Trait("mac", name, value, RANDOM, "drawn by the engine; --mac-address would fix it")


def _of_address(address: str) -> str | None:
    """The MAC that Docker up to 27 makes of an IPv4 address."""
    parts = address.split(".")
    return ":".join(["02", "42", *(f"{int(part):02x}" for part in parts)]) if parts[1:] else None


def _boot_id(root: str) -> Trait:
    value, why = _line(root, _BOOT_ID)
    if value is None:
        return Trait("boot_id", None, None, MISSING, why)
    return Trait("boot_id", None, value, RANDOM, "drawn whenever the machine starts")


def _product_uuid(root: str) -> Trait:
    value, why = _line(root, _PRODUCT_UUID)
    if value is None:
        return Trait("product_uuid", None, None, MISSING, why)
    return Trait("product_uuid", None, value, STABLE, "of the mainboard; only root may read it")


def _gpus(root: str) -> list[Trait]:
    try:
        cards = sorted(os.listdir(os.path.join(root, _GPUS)))[:_MOST_GPUS]
    except OSError:
        return []  # no driver, or one that does not show this folder
    return [_gpu(root, card) for card in cards]


def _gpu(root: str, card: str) -> Trait:
    text, why = _text(root, f"{_GPUS}/{card}/information")
    for line in (text or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "GPU UUID" and value.strip() and "?" not in value:
            return Trait("gpu", card, value.strip(), STABLE, "of the card, as long as it is given")
    return Trait("gpu", card, None, MISSING, why or "the driver has not read it yet")


def _line(root: str, path: str) -> tuple[str | None, str]:
    """The one line in a file, else why there is none."""
    text, why = _text(root, path)
    value = (text or "").strip()
    if text is not None and not (value.isprintable() and 0 < len(value) <= 64):
        return None, "the file does not hold one"
    return value or None, why


def _text(root: str, path: str) -> tuple[str | None, str]:
    try:
        data = hostfile.read(os.path.join(root, path))
    except PermissionError:
        return None, "only root may read it"
    except OSError:
        return None, "it cannot be read"
    return (None, "not shown here") if data is None else (data.decode("utf-8", "replace"), "")
