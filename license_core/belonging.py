"""Where a host belongs, as its operator hands it in: LICENSE_CLUSTER_UID and LICENSE_SITE.

From texts to facts (SPEC section 3.1). What is handed in and cannot be used says why; whoever needs
it refuses then (membership.py).
"""

from __future__ import annotations

from license_core import pin, sitefile
from license_core.reason import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

CLUSTER_UID = "LICENSE_CLUSTER_UID"
SITE = "LICENSE_SITE"
_GROUPS = (8, 4, 4, 4, 12)
_HEX = frozenset("0123456789abcdef")
_MOST_SHOWN = 64


def facts(environ: Mapping[str, str], read: Callable[[str], bytes | None]) -> dict[str, Any]:
    """Those members of HostFacts that *environ* hands in.

    *read* gives the bytes of a file of the host, None where there is none, and raises for one that
    cannot be read.
    """
    return {**_cluster(environ.get(CLUSTER_UID, ""), read), **_site(environ.get(SITE, ""), read)}


def uid(text: str) -> str | None:
    """The UID that *text* means, in lower case; None where it is none."""
    bare = text.strip(pin.WRAPPING).lower()
    groups = bare.split("-")
    is_one = tuple(map(len, groups)) == _GROUPS and all(map(_HEX.issuperset, groups))
    return bare if is_one and set(bare) != {"0", "-"} else None


def _cluster(said: str, read: Callable[[str], bytes | None]) -> dict[str, Any]:
    """The UID, or the file that has it, as an init container writes one."""
    if not said:
        return {}
    text = said
    if said.startswith("/"):
        data = read(said)
        if data is None:
            return {"cluster_why": Reason("{path} does not exist", path=said)}
        text = data.decode("utf-8", "replace")
    found = uid(text)
    if found is None:
        return {"cluster_why": Reason("{said} is not a UID", said=_shown(text) or said)}
    return {"cluster_uid": found}


def _site(folder: str, read: Callable[[str], bytes | None]) -> dict[str, Any]:
    if not folder:
        return {}
    if not folder.startswith("/"):
        why = Reason("LICENSE_SITE is {path}, which does not begin with a slash", path=folder)
        return {"site_why": why}
    path = f"{folder.rstrip('/')}/{sitefile.FILE}"
    found: dict[str, Any] = {"site_file": path}
    data = read(path)
    if data is None:
        return {**found, "site_why": Reason("{path} does not exist", path=path)}
    try:
        site = sitefile.parse(data)
    except ValueError as error:
        why = Reason("{path} is damaged: {reason}", path=path, reason=str(error))
        return {**found, "site_why": why}
    return {**found, "site": site.identity, "roster": site.roster}


def _shown(text: str) -> str:
    return text.strip(pin.WRAPPING)[:_MOST_SHOWN]
