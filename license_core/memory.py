"""The state file: the clock's high-water mark, versions seen, and former hosts.

Pure: bytes to Memory and back (SPEC section 7.3). The memory is authenticated under the anchor of
the host, so another host's is not believed; it is safe to lose. Who is root can delete it.

The former hosts need no authentication: one is believed only where it hashes to the very key that
the licence names.
"""

from __future__ import annotations

from license_core import claims, strictjson
from license_core.facts import HostFacts
from license_core.hostkey import (
    COMPONENTS,
    DEFAULT_PROFILE,
    LATER_PROFILES,
    PROFILES,
    anchor,
    as_issued,
    components,
    key_of,
)
from license_core.record import NamedTuple
from license_core.sha256 import hmac_sha256, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from license_core.license import License

TOLERANCE = 24 * 3600
"""By how many seconds a clock may be behind the mark without being called set back."""
LEAP = 30 * 24 * 3600
"""By how many seconds a clock may be ahead of what was seen without being called leapt."""
SETTLED = 7 * 24 * 3600
"""For how many seconds a clock must go on from where it leapt to before it is believed."""
MAX_HOSTS = 8
MAX_LINES = 8
MAX_RETURNED = 16
"""Of so many hosts a file remembers something: of those that wrote it last."""


class SeenList(NamedTuple):
    """A list that was verified under the keyset that is remembered, and spares one licence."""

    digest: str
    """SHA-256 of its file, in hexadecimal digits."""
    number: int
    iat: int
    exp: int | None
    kid: str
    jti: str
    """The licence that it does not list."""


class Memory(NamedTuple):
    """What was seen at earlier checks."""

    seen_at: int = 0
    """The latest instant that this host has seen, in seconds."""
    license_iat: int = 0
    """When the latest licence that was seen was issued."""
    license_jti: str | None = None
    hosts: tuple[Mapping[str, str | None], ...] = ()
    """The components of this host as keys were derived from them, latest first."""
    authentic: bool = True
    """Whether the mark was written on this host."""
    trust: tuple[int, int] = (0, 0)
    """The highest versions of roots and keyset that were seen, as ``Trust.version`` has them."""
    revocations_number: int = 0
    """The highest number of a revocation list that was seen."""
    revocations_kid: str | None = None
    """Of the key that signed that list: the number counts while the key does."""
    list: SeenList | None = None
    """The list that was beside the licence."""
    leapt_at: int | None = None
    """The first instant after a leap of the clock that is not believed yet; None: there is none."""
    layer: str | None = None
    """``HostFacts.layer_digest`` of the container that wrote it."""
    profile: str = DEFAULT_PROFILE
    """Under which this host seals it: that of the licence, so that both last equally long."""
    returned: tuple[str, ...] = ()
    """Numbers and holder lines (SPEC section 4.6) of what was given back here, the latest first."""
    others: tuple[bytes, ...] = ()
    """The lines of other hosts that use the same folder, as they wrote them."""

    def host_of(self, key: str, profile: str) -> Mapping[str, str | None] | None:
        """The remembered components that hash to *key*: what the licensed host was.

        None under a profile of others than the four that are remembered.
        """
        if profile in LATER_PROFILES:
            return None
        for host in self.hosts:
            values = {name: host[name] for name in COMPONENTS}
            if key_of(values, profile) == key:
                return host
        return None

    def is_of_other_layer(self, facts: HostFacts) -> bool:
        """Whether another container wrote it, which has the identity of this one."""
        known = self.authentic and self.profile == DEFAULT_PROFILE
        both = self.layer is not None and facts.layer_digest is not None
        return known and both and self.layer != facts.layer_digest

    def remember_host(self, facts: HostFacts) -> Memory:
        """With this host first among the former ones."""
        present = components(facts, "hk1")
        others = [host for host in self.hosts if dict(host) != present]
        return self._own()._replace(hosts=(present, *others[: MAX_HOSTS - 1]))

    def give_back(self, license_: License, older: License | None) -> Memory:
        """With *license_* as given back, and with *older*, which is kept beside it."""
        memory = self._own()
        given = [license_.jti, license_.replaces or license_.jti]
        for one in (license_, older) if older else (license_,):
            given += [one.jti, f"{_holder(one)} {one.iat}"]
        said = tuple(dict.fromkeys((*given, *memory.returned)))
        return memory._replace(returned=said[:MAX_RETURNED])

    def gave_back(self, license_: License) -> bool:
        """Whether *license_*, or a later one of its product and customer, was given back here."""
        if not self.authentic or not self.returned:
            return False
        holder = _holder(license_)
        lines = (one.partition(" ") for one in self.returned)
        is_older = any(
            of == holder and iat.isdecimal() and license_.iat <= int(iat) for of, _, iat in lines
        )
        return license_.jti in self.returned or is_older

    def _own(self) -> Memory:
        """What of it may be written as this host's: no mark of another must become ours."""
        return self if self.authentic else Memory(hosts=self.hosts, others=self.others)

    def mark(self, license_jti: str, license_iat: int) -> int:
        """The high-water mark that counts for this licence.

        One that was issued later than all that were seen begins a new count, so that a repaired
        clock never shuts a site out for good.
        """
        begins_anew = license_jti != self.license_jti and license_iat > self.license_iat
        return 0 if begins_anew or not self.authentic else self.seen_at

    def seen_number(self, trusts: Callable[[str | None], bool]) -> int:
        """The number below which no list is let in, where *trusts* says which keys may sign one.

        What a key has signed that was revoked since counts no more, or whoever has stolen one
        could set the number as high as numbers go.
        """
        return self.revocations_number if self.authentic and trusts(self.revocations_kid) else 0

    def learn(
        self, trust: tuple[int, int], number: int, kid: str | None, seen: SeenList | None
    ) -> Memory:
        """After a check with this *trust*: *number* and *kid* are those of the list that counts.

        A number of 0 stands for no list, *seen* for the one beside the licence. Of a list that was
        opened under an older trust than the one that is remembered nothing is kept.
        """
        memory = self._own()
        if trust < memory.trust:
            return memory._replace(list=None)  # who may sign a list was decided anew since
        memory = memory._replace(trust=trust, list=seen)
        if number:
            memory = memory._replace(revocations_number=number, revocations_kid=kid)
        return memory

    def advance(self, now: int, license_jti: str, license_iat: int, *, holds: bool) -> Memory:
        """After a check of this licence at *now*.

        Only a licence that *holds* here sets the mark back: anybody has a later one of another
        host or product. A leap leaves the mark where it was, or one wrong day of a clock would
        shut the site out for years.
        """
        memory = self._own()
        mark = memory.mark(license_jti, license_iat) if holds else memory.seen_at
        if license_iat > memory.license_iat:
            memory = memory._replace(license_iat=license_iat, license_jti=license_jti)
        known_at = max(mark, license_iat)
        leapt_at = memory._leapt_at(known_at, now)
        seen_at = max(mark, now) if leapt_at is None else known_at
        return memory._replace(seen_at=seen_at, leapt_at=leapt_at)

    def _leapt_at(self, known_at: int, now: int) -> int | None:
        """When the clock leapt to about *now* from *known_at*; None where it is believed."""
        if now - known_at <= LEAP:
            return None
        if self.leapt_at is None or not 0 <= now - self.leapt_at <= LEAP:
            return now
        return self.leapt_at if now - self.leapt_at < SETTLED else None


def _holder(license_: License) -> str:
    """Who holds a licence of what, in 64 hexadecimal digits (SPEC section 4.6)."""
    return sha256(f"hostseal returned\n{license_.aud}\n{license_.sub}".encode()).hex()


def parse(data: bytes, facts: HostFacts) -> Memory:
    """Read what ``dump`` wrote: this host's line, else a memory that is not ``authentic``.

    A host has several where it was checked under several profiles, as by a check that was told of
    no cluster: then the one that knows the latest licence, and the latest mark, counts. Raises
    ValueError where it is damaged beyond reading.
    """
    lines = data.splitlines()[:MAX_LINES] or [b""]
    read = [_read(line, facts) for line in lines]
    own = [number for number, memory in enumerate(read) if memory.authentic]
    if own:
        best = max(own, key=lambda number: (read[number].license_iat, read[number].seen_at))
        return read[best]._replace(others=tuple(lines[:best] + lines[best + 1 :]))
    hosts = [host for memory in read for host in memory.hosts]
    return read[0]._replace(hosts=tuple(hosts[:MAX_HOSTS]), others=tuple(lines))


def _read(line: bytes, facts: HostFacts) -> Memory:
    members = strictjson.loads(line)
    if not isinstance(members, dict):
        raise ValueError("it is not an object")
    get = claims.required
    if get(claims.integer(members, "ver"), "ver") != 1:
        raise ValueError("its version is not supported")
    hosts = members.get("hosts")
    if not isinstance(hosts, list):
        raise ValueError("hosts is not an array")
    code = get(claims.text(members, "code"), "code")
    memory = Memory(
        seen_at=get(claims.instant(members, "seen_at"), "seen_at"),
        license_iat=get(claims.instant(members, "license_iat"), "license_iat"),
        license_jti=claims.text(members, "license_jti"),
        hosts=tuple(_host(host) for host in hosts[:MAX_HOSTS]),
        trust=(
            claims.integer(members, "roots_version") or 0,
            claims.integer(members, "keyset_version") or 0,
        ),
        revocations_number=claims.integer(members, "revocations_number") or 0,
        revocations_kid=claims.text(members, "revocations_kid"),
        list=_list(claims.mapping(members, "list")),
        leapt_at=claims.instant(members, "leapt_at"),
        layer=claims.text(members, "layer"),
        profile=claims.one_of(members, "profile", tuple(PROFILES)) or DEFAULT_PROFILE,
        returned=_numbers(members),
    )
    # A host that was taken for a machine once has sealed it as one.
    seen = {facts, as_issued(facts, 0)}
    return memory._replace(authentic=code in {_code(memory, one) for one in seen})


def dump(memory: Memory, facts: HostFacts) -> bytes:
    """The bytes of conf/license.state: a line for this host, and those of others."""
    own = strictjson.dumps({**_members(memory), "code": _code(memory, facts)})
    return b"".join(line + b"\n" for line in (own, *memory.others[: MAX_LINES - 1]))


def _members(memory: Memory) -> dict[str, Any]:
    members = {
        "ver": 1,
        "seen_at": memory.seen_at,
        "license_iat": memory.license_iat,
        "license_jti": memory.license_jti,
        "hosts": [{name: host[name] for name in COMPONENTS} for host in memory.hosts],
        # Left out while there is nothing to say, as a former client wrote it.
        "roots_version": memory.trust[0] or None,
        "keyset_version": memory.trust[1] or None,
        "revocations_number": memory.revocations_number or None,
        "revocations_kid": memory.revocations_kid,
        "list": memory.list and _filled(memory.list._asdict()),
        "leapt_at": memory.leapt_at,
        "layer": memory.layer,
        "profile": None if memory.profile == DEFAULT_PROFILE else memory.profile,
        "returned": list(memory.returned) or None,
    }
    return _filled(members)


def _filled(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _code(memory: Memory, facts: HostFacts) -> str:
    secret = anchor(components(facts, memory.profile))
    return hmac_sha256(secret, strictjson.dumps(_members(memory))).hex()


def _list(members: dict[str, Any] | None) -> SeenList | None:
    if members is None:
        return None
    get = claims.required
    return SeenList(
        get(claims.text(members, "digest"), "digest"),
        get(claims.integer(members, "number"), "number"),
        get(claims.instant(members, "iat"), "iat"),
        claims.instant(members, "exp"),
        get(claims.text(members, "kid"), "kid"),
        get(claims.text(members, "jti"), "jti"),
    )


def _numbers(members: dict[str, Any]) -> tuple[str, ...]:
    listed = members.get("returned", [])
    if not isinstance(listed, list):
        raise ValueError("returned is not an array")
    texts = (claims.text({"returned": one}, "returned") for one in listed[:MAX_RETURNED])
    return tuple(text for text in texts if text is not None)


def _host(members: Any) -> dict[str, str | None]:
    if not isinstance(members, dict) or set(members) != set(COMPONENTS):
        raise ValueError("a host has a component missing")
    for value in members.values():
        if value is not None and not isinstance(value, str):
            raise ValueError("a component is not a string")
    return {name: members[name] for name in COMPONENTS}
