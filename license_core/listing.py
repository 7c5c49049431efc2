"""The interfaces and addresses that the C library lists, by netifaces.

For kernels that can be asked neither by rtnetlink nor by ``/proc``: those of the BSDs, say. What
is temporary or lent is not in this list.
"""

from __future__ import annotations

from license_core.exhaustion import is_memory_plenty


def interfaces() -> list[tuple[str, str]]:
    """(interface, address) for each address as netifaces writes it, and ``""`` where none is.

    Empty where there is no netifaces, or it cannot list them. Raises MemoryError where there is too
    little for it: it is native code, and would end the process.
    """
    if not is_memory_plenty():
        raise MemoryError
    try:
        import netifaces
    except ImportError:
        return []
    found: list[tuple[str, str]] = []
    try:
        for name in sorted(netifaces.interfaces()):
            families = netifaces.ifaddresses(name)
            entries = [
                entry
                for family in (netifaces.AF_INET, netifaces.AF_INET6)
                for entry in families.get(family, ())
            ]
            found += [(name, entry["addr"]) for entry in entries if "addr" in entry] or [(name, "")]
    except (OSError, ValueError):
        pass  # an interface that went away meanwhile: what there was until then
    return found
