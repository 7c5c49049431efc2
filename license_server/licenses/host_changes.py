"""What differs between the host of a licence and another one, as far as a vendor can tell.

Pure: from what licences and requests say of their hosts, which is a key, a hostname, and host tags
where they were not made of the host key line (SPEC section 3.4). A key says only "different". What
it means for the file on the former host is said as carefully as it is known: with a kept volume,
the former host's ``conf`` may be the very folder of the new one. Where there are no tags, what the
client reported counts, and is called that: nobody signed it.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from license_core import comparison
from license_core.hostkey import COMPONENTS, LATER_PROFILES, PROFILES
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_server.catalog.client_commands import Commands
from license_server.licenses import tolerance

PLACES = HERE, PERHAPS, ELSEWHERE = "here", "perhaps", "elsewhere"
"""Whether the file of the former host is where that of the new one goes: it is the same container
or machine; it may be; nothing says so."""
_ANCHORS = ("machine_id", "container_id")
_DRIFTING = ("hostname", "ip")
_DRAWN = re.compile(r"[0-9a-f]{12}")
"""A hostname that a container has of its id, where nobody gave it one."""
_BARE = "the licence was ordered with the host key line only, which carries no host tags"
_BARE_NOW = "what was sent of the host now carries no host tags"
_REPORTED = "{what} So says the host's own report."
_COPYABLE = "nothing outside its image tells this host from a copy of it"
_PINNING = (
    "To prevent it next time, have the operator pin the address: `{doctor}` prints the commands "
    "for that host"
)
_NAMING = "To prevent it next time, give the container a fixed name: `--hostname {name}`"
_KEEPING_NAME = Reason("To prevent it next time, keep the hostname of the machine")
_OR_ANCHORED = Reason(
    "Or choose the binding anchored: then IP address and hostname may change, as long as machine "
    "and container stay"
)
_ANCHORED = Reason(
    "The new licence is anchored: IP address and hostname may change from now on, as long as "
    "machine and container stay"
)
_RECREATED = (
    "To prevent it next time, restart a container instead of recreating it. Where containers are "
    "recreated, as with Compose, mount the machine's id (`-v /etc/machine-id:/etc/machine-id:ro`), "
    "pin hostname and address, and ask for the output of `{request} --profile hk1-host`: such a "
    "licence outlasts the container"
)
_NEW_IMAGE = Reason(
    "To prevent it next time, mount the machine's id (`-v /etc/machine-id:/etc/machine-id:ro`): "
    "without that, it comes from the image, and a new image has another one"
)
_KEEPING_MACHINE = Reason(
    "To prevent it next time, keep the file /etc/machine-id: a new image or installation draws "
    "another id"
)
_OTHER_HOST = Reason("Nothing on the host would have prevented it: it is another one")
_WHOLE = (
    "With the output of `{request}` it can be told what changed, and the binding anchored can be "
    "chosen"
)
_TOLD = Reason("This request carries host tags: next time it can be told what changed")
_SITE = Reason(
    "To prevent it next time, add all machines to the site before the licence is ordered"
)


class Host(Protocol):
    """What a licence (HostBinding) and a request (LicenseRequest) say of their host."""

    @property
    def key(self) -> str:
        """Its key, 40 hexadecimal digits."""
        ...

    @property
    def name(self) -> str | None:
        """Its hostname."""
        ...

    @property
    def profile(self) -> str:
        """Which of its facts the key is made of."""
        ...

    @property
    def tags(self) -> Mapping[str, str] | None:
        """Component to tag; None where nobody sent any."""
        ...

    @property
    def layer(self) -> str | None:
        """The tag of the container's layer."""
        ...


class HostChange(NamedTuple):
    """What differs, in the names of components (hostkey.COMPONENTS)."""

    differs: tuple[str, ...]
    same: tuple[str, ...]
    unknown: tuple[str, ...]
    place: str
    """HERE, PERHAPS or ELSEWHERE."""
    why: str | None
    """Why some of it is unknown."""
    is_reported: bool = False
    """Whether the client said so, on the host itself, and no host tags prove it."""

    @property
    def may_recur(self) -> bool:
        """Whether only what an anchored licence allows to change differs."""
        return bool(self.differs) and not set(self.differs) - set(_DRIFTING) and not self.unknown

    @property
    def tells_of_site(self) -> bool:
        """Whether it is the same site, which has other machines."""
        return "site" in self.same

    def what(self, number: str) -> Reason:
        """It in words, beside the host of the licence of this *number*."""
        if not self.differs:
            why = self.why or "every part that the licence has a host tag for is the same"
            told = Reason(
                "What differs from the host of {number} cannot be told: {reason}.",
                number=number,
                reason=why,
            )
        elif len(self.differs) == 1 and not self.unknown and self.differs != ("roster",):
            told = Reason(
                "Only the {part} differs from the host of {number}.",
                number=number,
                part=listed(self.differs),
            )
        else:
            told = Reason(
                "This differs from the host of {number}: {parts}.",
                number=number,
                parts=listed(self.differs),
            )
        if self.same:
            same = Reason("The same: {parts}.", parts=listed(self.same))
            told = Reason("{first} {second}", first=told, second=same)
        if self.unknown and self.differs:
            unknown = Reason("Not known: {parts}.", parts=listed(self.unknown))
            told = Reason("{first} {second}", first=told, second=unknown)
        return Reason(_REPORTED, what=told) if self.is_reported else told

    def cause(self) -> Reason:
        """A reason for moving a licence because of it, for the audit log."""
        if not self.differs:
            return Reason("another host key")
        return Reason("changed: {parts}", parts=listed(self.differs))

    def prevention(self, asked: LicenseRequest, match: str, commands: Commands) -> Reason:
        """What would prevent it next time on the host of *asked*, of a licence bound by *match*.

        *commands*: of its product.
        """
        if self.tells_of_site:
            return _ended(_SITE)
        if self.place != ELSEWHERE and (self.unknown or not self.differs):
            if asked.tags is None:
                return _ended(Reason(_WHOLE, request=commands.request))
            if self.why == _BARE:
                return _ended(_TOLD)
        if self.may_recur:
            if match == "anchored":
                return _ended(_ANCHORED)
            first = Reason(_PINNING, doctor=commands.doctor)
            if "ip" not in self.differs:
                naming = Reason(_NAMING, name=_name(asked) or "NAME")
                first = naming if self._is_contained(asked) else _KEEPING_NAME
            allowed = tolerance.of(asked).objection is None
            return _ended(first, *([_OR_ANCHORED] if allowed else []))
        if self.place == ELSEWHERE:
            return _ended(_OTHER_HOST)
        if "machine_id" in self.differs:
            return _ended(_NEW_IMAGE if self._is_contained(asked) else _KEEPING_MACHINE)
        return _ended(Reason(_RECREATED, request=commands.request))

    def _is_contained(self, asked: LicenseRequest) -> bool:
        """Whether the host of *asked* is a container, as far as anybody said."""
        return "container_id" in (asked.tags or (*self.differs, *self.same))


def between(
    former: Host, now: Host, reported: Mapping[str, str] | None = None
) -> HostChange | None:
    """What differs between the host of a licence and another; None where it is the same.

    *reported*: what a client on that other host said of it, by component. It counts where one of
    them has no host tags.
    """
    layers = {former.layer, now.layer} - {None}
    if former.key == now.key and len(layers) < 2:
        return None
    if reported and "differs" in reported.values() and not (former.tags and now.tags):
        return as_told({**reported, **_names(former, now)})
    verdicts, why = _verdicts(former, now)
    return HostChange(*_parts(verdicts), _place(former, now, verdicts), why)


def as_told(verdicts: Mapping[str, str]) -> HostChange:
    """What a client says that differs: its *verdicts* by component, on the host itself."""
    anchors = [verdicts[name] for name in (*_ANCHORS, "site") if name in verdicts]
    is_here = bool(anchors) and set(anchors) == {"same"}
    place = HERE if is_here else PERHAPS
    parts = _parts({name: verdicts[name] for name in tolerance.LABELS if name in verdicts})
    return HostChange(*parts, place, None, is_reported=True)


def _parts(
    verdicts: Mapping[str, str],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The components that differ, are the same, and are not known."""

    def that(verdict: str) -> tuple[str, ...]:
        return tuple(name for name, other in verdicts.items() if other == verdict)

    return that("differs"), that("same"), that("unknown")


LIKELY, POSSIBLE = "likely", "possible"


def likeness(former: Host, now: Host) -> str | None:
    """Whether the host of a licence may be that of a request under another key.

    LIKELY where they have a hostname in common that somebody gave them, or the id of the container,
    or that of a machine or site where no container is told apart. The id of a machine beside that
    of a container proves little, since many containers may have it of one image: it makes two that
    drew their hostnames POSSIBLE.
    """
    ours, theirs = former.tags or {}, now.tags or {}
    if _name(former) is not None and _name(former) == _name(now):
        return LIKELY
    alike = {name for name in ours if ours[name] == theirs.get(name)}
    has_container = "container_id" in ours or "container_id" in theirs
    if alike & {"container_id", "site", "cluster_uid"}:
        return LIKELY
    if "machine_id" not in alike:
        return None
    if not has_container:
        return LIKELY
    return POSSIBLE if _name(former) is None and _name(now) is None else None


def listed(names: tuple[str, ...]) -> Reason:
    """*names* of components as people call them: *hostname, machine and container*."""
    labels = [Reason(tolerance.LABELS[name]) for name in names]
    told = labels[-1]
    for at, label in enumerate(reversed(labels[:-1])):
        template = "{first}, {rest}" if at else "{first} and {rest}"
        told = Reason(template, first=label, rest=told)
    return told


def _verdicts(former: Host, now: Host) -> tuple[dict[str, str], str | None]:
    """Component to ``differs``, ``same`` or ``unknown``, and why some are that."""
    if former.profile != now.profile and {former.profile, now.profile} & set(LATER_PROFILES):
        return {}, Reason("profile {profile} is made of other facts", profile=now.profile)
    names = PROFILES[now.profile] if now.profile in LATER_PROFILES else COMPONENTS
    if "container_id" in names and "hk1" not in (former.profile, now.profile):
        names = PROFILES["hk1-host"]
    ours, theirs = former.tags, now.tags
    if ours and theirs:
        is_copyable = not all(set(_DRIFTING) & set(tags) for tags in (ours, theirs))
        verdicts = comparison.of_tags(theirs, ours, names, is_copyable=is_copyable)
        why = _COPYABLE if is_copyable else None
        # What neither has is no part of either: a machine outside of containers.
        verdicts = {
            name: verdict for name, verdict in verdicts.items() if verdict != "same" or name in ours
        }
    else:
        verdicts = dict.fromkeys(names, "unknown")
        why = _BARE if not ours else _BARE_NOW
    if "hostname" in verdicts:
        verdicts |= _names(former, now)
    return verdicts, why


def _names(former: Host, now: Host) -> dict[str, str]:
    """The verdict on the hostname, where both have one."""
    if not former.name or not now.name:
        return {}
    is_same = former.name.lower() == now.name.lower()
    return {"hostname": "same" if is_same else "differs"}


def _place(former: Host, now: Host, verdicts: Mapping[str, str]) -> str:
    ours, theirs = former.tags or {}, now.tags or {}
    if ours.get("site") is not None and ours.get("site") == theirs.get("site"):
        return HERE
    anchored = [name for name in _ANCHORS if name in ours or name in theirs]
    is_proven = set(verdicts.values()) <= {"same", "differs"}
    if anchored and is_proven and all(verdicts.get(name) == "same" for name in anchored):
        return HERE
    names = {_name(former), _name(now)}
    if len(names) == 1 or None in names:  # whoever has none of their own may be called anything
        return PERHAPS
    return PERHAPS if verdicts.get("machine_id") == "same" else ELSEWHERE


def _name(host: Host) -> str | None:
    """The hostname that somebody gave a host; None where it has none, or draws it."""
    name = (host.name or "").lower()
    return None if not name or _DRAWN.fullmatch(name) else name


def _ended(*sentences: Reason) -> Reason:
    told = Reason("{first}.", first=sentences[0])
    for one in sentences[1:]:
        told = Reason("{first} {second}", first=told, second=Reason("{first}.", first=one))
    return told
