"""The site file: an identity that is drawn once, and the roster of its machines (SPEC section 3.9).

Pure: bytes to Site and back. A machine stands there by a tag of its machine id, keyed with the
identity, so that nobody can tell from two rosters that a machine is on both. The roster only grows:
a licence is for as many of its machines as there were when it was ordered.
"""

from __future__ import annotations

from license_core.record import NamedTuple
from license_core.sha256 import hmac_sha256

FILE = "license.site"
MOST = 256
"""Machines on a roster."""
_FIRST = [b"hostseal-site", b"1"]
_HEX = frozenset(b"0123456789abcdef")
_TAG_DIGITS, _IDENTITY_DIGITS = 16, 64


class Site(NamedTuple):
    """What the file says."""

    identity: str
    """64 lower-case hexadecimal digits."""
    machines: tuple[tuple[str, str], ...]
    """Tag and name, in the order in which they were added; the name is for people."""

    @property
    def roster(self) -> str:
        """The tags, with commas between: the component of the host key."""
        return ",".join(tag for tag, _ in self.machines)

    def tag_of(self, machine_id: str) -> str:
        """What stands on this roster for the machine."""
        return machine_tag(self.identity, machine_id)

    def has(self, machine_id: str) -> bool:
        """Whether the machine is on the roster."""
        return self.tag_of(machine_id) in dict(self.machines)

    def plus(self, machine_id: str, name: str) -> Site:
        """With one machine more, the last."""
        return self._replace(machines=(*self.machines, (self.tag_of(machine_id), name)))


def machine_tag(identity: str, machine_id: str) -> str:
    """The tag of a machine on the roster of the site with this *identity*."""
    message = b"machine_id\n" + machine_id.encode("ascii")
    return hmac_sha256(bytes.fromhex(identity), message).hex()[:_TAG_DIGITS]


def parse(data: bytes) -> Site:
    """Read what ``dump`` wrote. Raises ValueError with a reason for people."""
    lines = [words for words in (line.split() for line in data.split(b"\n")) if words]
    if lines[:1] != [_FIRST]:
        raise ValueError("it does not begin with `hostseal-site 1`")
    if len(lines) < 2 or not _is_hex(lines[1], _IDENTITY_DIGITS) or len(lines[1]) > 1:
        raise ValueError("its second line is not 64 hexadecimal digits")
    machines = lines[2:]
    if not all(_is_hex(words, _TAG_DIGITS) for words in machines):
        raise ValueError("a machine's line does not begin with 16 hexadecimal digits")
    if not 1 <= len(machines) <= MOST or len({words[0] for words in machines}) < len(machines):
        raise ValueError("it does not list 1 to 256 different machines")
    named = (
        (words[0].decode(), b" ".join(words[1:]).decode("utf-8", "replace")) for words in machines
    )
    return Site(lines[1][0].decode(), tuple(named))


def dump(site: Site) -> bytes:
    """The bytes of the file."""
    rows = (f"{tag} {name}".rstrip() for tag, name in site.machines)
    return "".join(f"{row}\n" for row in ("hostseal-site 1", site.identity, *rows)).encode()


def _is_hex(words: list[bytes], digits: int) -> bool:
    return len(words[0]) == digits and _HEX.issuperset(words[0])
