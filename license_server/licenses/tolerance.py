"""Which changes of its host a licence would survive.

Pure: from the operator's request to words, by the rules of SPEC sections 3.4 and 7.2.
"""

from typing import NamedTuple

from license_core.hostkey import COMPONENTS, LATER_PROFILES, PROFILES
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_server.catalog import client_commands
from license_server.catalog.client_commands import Commands

REFUSED, WARNED, HOLDS = "invalid", "valid, with a warning", "valid"
_EFFECTS = (
    (REFUSED, "invalidates it"),
    (WARNED, "causes a warning"),
    (HOLDS, "has no effect"),
)
LABELS = {
    "hostname": "hostname",
    "ip": "IP address",
    "machine_id": "machine",
    "container_id": "container",
    "cluster_uid": "cluster",
    "site": "site",
    "roster": "machines of the site",
}
_ANCHORS = ("machine_id", "container_id")
_DRIFTING = ("hostname", "ip")
_BARE = "a host key line has no host tags; ask the operator for the output of {request}"
_UNANCHORED = "the request has no host tags of machine or container"
_OF_MANY = "under this profile nothing may change that the licence is bound to"
_COPYABLE = (
    "nothing outside its image identifies this container, so any change would make the licence "
    "invalid too; mount the Docker host's /etc/machine-id and send a new request"
)


class Change(NamedTuple):
    """What happens when one component of the host changes."""

    name: str
    evidence: str
    """Whether the client can say later that it was this one."""
    exact: str
    anchored: str | None
    """None: such a licence is not to be had for this request."""

    @property
    def label(self) -> str:
        """The component, as people call it."""
        return LABELS[self.name]


class Tolerance(NamedTuple):
    """Both choices for one request."""

    changes: tuple[Change, ...]
    objection: str | None
    """Why ``anchored`` cannot be chosen, or would gain nothing."""

    def sentence(self, match: str) -> str:
        """What *match* would tolerate, in one sentence."""
        told = []
        for outcome, words in _EFFECTS:
            names = [c.label for c in self.changes if getattr(c, match) == outcome]
            if names:
                told.append(f"a change of {_listed(names)} {words}")
        return "; ".join(told)


def of(request: LicenseRequest, commands: Commands = client_commands.DEFAULT) -> Tolerance:
    """What ``exact`` and ``anchored`` would tolerate for *request*.

    *commands*: of the product that is asked for.
    """
    tags = request.tags or {}
    objection = None
    names = dict.fromkeys((*COMPONENTS, *PROFILES[request.profile]))
    if request.profile in LATER_PROFILES:
        objection = _OF_MANY
    elif not tags:
        objection = Reason(_BARE, request=commands.request)
    elif not any(name in tags for name in _ANCHORS):
        objection = _UNANCHORED
    elif not any(name in tags for name in _DRIFTING):
        objection = _COPYABLE
    return Tolerance(tuple(_change(request, name, objection) for name in names), objection)


def _change(request: LicenseRequest, name: str, objection: str | None) -> Change:
    if (request.profile, name) == ("hk1-site", "machine_id"):
        return Change(name, "none", REFUSED, None)  # unless the other one is on the roster, too
    if name not in PROFILES[request.profile]:
        outside = Reason("not used ({profile})", profile=request.profile)
        return Change(name, outside, HOLDS, HOLDS)
    tags = request.tags or {}
    evidence = "tagged" if name in tags else "absent" if tags and not objection else "none"
    if objection:
        return Change(name, evidence, REFUSED, REFUSED if objection == _COPYABLE else None)
    return Change(name, evidence, REFUSED, WARNED if name in _DRIFTING else REFUSED)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
