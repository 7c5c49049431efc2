"""The host key, and the tags that later explain a mismatch (SPEC section 3).

Pure: from HostFacts to text. The key is a hash over the identity of a host; a tag lets the same
host recognise one component again, and tells nobody else what it was.
"""

from __future__ import annotations

from license_core.engine import UNKNOWN
from license_core.errors import HostUnidentifiableError
from license_core.facts import HostFacts
from license_core.kept import lru_cache
from license_core.reason import Reason
from license_core.record import NamedTuple
from license_core.sha256 import hmac_sha256, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

COMPONENTS = ("hostname", "ip", "machine_id", "container_id")
PROFILES: dict[str, tuple[str, ...]] = {
    "hk1": COMPONENTS,
    "hk1-host": ("hostname", "ip", "machine_id"),
    "hk1-cluster": ("cluster_uid",),
    "hk1-site": ("site", "roster"),
}
DEFAULT_PROFILE = "hk1"
LATER_PROFILES = ("hk1-cluster", "hk1-site")
"""Those that a client of before 2026-11-30 does not know: a licence says that it needs them."""
_SHARED = ("cluster_uid", "site")
"""Components that many hosts have in common: what they remember is sealed under them."""

VERSION_2 = 1795910400
"""From this instant on (2026-11-29T00:00:00Z) licences are for hosts as SPEC 3.7 has them."""

_KEY_DIGITS = 40
_TAG_DIGITS = 16
# An address or a name could be searched for: their tags are keyed. An id could not.
_KEYED = frozenset({"hostname", "ip", "layer"})


class HostKey(NamedTuple):
    """The key of a host under a profile."""

    key: str
    """40 lower-case hexadecimal digits."""
    hostname: str | None
    profile: str


def components(facts: HostFacts, profile: str) -> dict[str, str | None]:
    """The components that *profile* looks at, in their order."""
    return {name: getattr(facts, name) for name in PROFILES[profile]}


def tagged(profile: str) -> tuple[str, ...]:
    """The components of which a request or licence under *profile* may have tags."""
    return PROFILES[profile] if profile in LATER_PROFILES else COMPONENTS


def canonical_text(values: dict[str, str | None], profile: str) -> bytes:
    """The bytes that are hashed (SPEC section 3.2)."""
    text = profile
    for name in PROFILES[profile]:
        value = values[name]
        if value is None:
            text += f"\n{name}=!missing"
        else:
            text += f"\n{name}={len(value.encode())}:{value}"
    return f"{text}\n".encode()


def key_of(values: dict[str, str | None], profile: str) -> str:
    """The key of a host with these component values: 40 hexadecimal digits."""
    return sha256(canonical_text(values, profile)).hex()[:_KEY_DIGITS]


@lru_cache(maxsize=8)
def derive(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> HostKey:
    """The key of the host under *profile*; made once a process for the same facts.

    Raises HostUnidentifiableError where nothing tells this host from its copies (of a container of
    an unknown engine nothing that its image may carry does); under another profile than ``hk1``
    as membership.check does.
    """
    if profile != DEFAULT_PROFILE:
        from license_core import membership

        membership.check(facts, profile)
    elif facts.container_id is None and not _machine_id_counts(facts):
        raise _unidentifiable(facts)
    return HostKey(key_of(components(facts, profile), profile), facts.hostname, profile)


def keys_of_smaller_site(facts: HostFacts) -> Iterator[tuple[int, str]]:
    """How many machines the site once had, and the key that it had then: the latest first."""
    tags = (facts.roster or "").split(",")
    for count in range(len(tags) - 1, 0, -1):
        former = facts._replace(roster=",".join(tags[:count]))
        yield count, key_of(components(former, "hk1-site"), "hk1-site")


def _machine_id_counts(facts: HostFacts) -> bool:
    """Whether there is a machine id, and not one that may be the image's."""
    return facts.machine_id is not None and (facts.engine != UNKNOWN or facts.machine_id_bound)


def _unidentifiable(facts: HostFacts) -> HostUnidentifiableError:
    if facts.engine != UNKNOWN:
        why = Reason(
            "There is neither a machine id nor a container id under {root}", root=facts.root
        )
        error = HostUnidentifiableError(root=facts.root, why=why)
        return error.advised(("pod-in-cluster",)) if facts.engine == "kubernetes" else error
    sign = facts.engine_sign or "?"
    why = Reason(
        "This is a container ({sign} shows it) whose engine gives it no id, and its machine id "
        "may be the same in every copy of its image",
        sign=sign,
    )
    error = HostUnidentifiableError(root=facts.root, why=why)
    return error.advised(("in-container", "not-contained") if "/ns/" in sign else ("in-container",))


def as_issued(facts: HostFacts, issued_at: int) -> HostFacts:
    """The host as the rules saw it that a licence was issued under (SPEC section 3.7).

    Before VERSION_2 a container of an engine that nobody knew was a machine: what was issued for
    it then goes on holding there.
    """
    if issued_at >= VERSION_2:
        return facts
    if facts.once_bare:
        facts = facts._replace(engine=None, container_id=None)
    facts = facts._replace(machine_id_of_image=False)
    return facts._replace(machine_id_bound=True) if facts.once_bound else facts


def anchor(values: dict[str, str | None]) -> bytes:
    """The 32-byte secret of a host (SPEC section 3.4). It never leaves the host.

    *values* are the components of a profile: one that the profile leaves out counts as missing.
    """
    secret = f"{values.get('machine_id') or ''}\n{values.get('container_id') or ''}"
    secret += "".join(f"\n{values[name] or ''}" for name in _SHARED if name in values)
    return sha256(b"hostseal anchor\n" + secret.encode("ascii"))


def is_copyable(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> bool:
    """Whether nothing but an image may tell this host from another.

    So it is in a container whose own id is unknown or left out, where its machine id is not bound
    in from the host, and on a machine whose machine id is that of a system image: then the anchor
    is no secret, and a copy of the image would share it. Under a profile that tells containers
    apart, one of an unknown engine without an id is copyable whatever its machine id is: a copy on
    the same machine would share that.
    """
    values = components(facts, profile)
    if facts.engine is None:
        return facts.machine_id_of_image
    if values.get("container_id") is not None:
        return False
    return not facts.machine_id_bound or (facts.engine == UNKNOWN and "container_id" in values)


def tags(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> dict[str, str]:
    """A tag of 16 hexadecimal digits for each component that is known (SPEC section 3.4).

    On a copyable host the components that could be searched for get no tag.
    """
    hidden = _KEYED if is_copyable(facts, profile) else frozenset()
    values = components(facts, profile)
    secret = anchor(values)
    return {
        name: _tag(name, value, secret)
        for name, value in values.items()
        if value is not None and name not in hidden
    }


def layer_tag(facts: HostFacts, profile: str = DEFAULT_PROFILE) -> str | None:
    """A tag of the layer that the container writes to: 16 hexadecimal digits (SPEC section 3.4).

    It tells a container of Docker from one that shares its network, and so its key. None under a
    profile that leaves the container out, and where no layer is seen.
    """
    values = components(facts, profile)
    if facts.layer is None or values.get("container_id") is None:
        return None
    return _tag("layer", facts.layer, anchor(values))


def _tag(name: str, value: str, secret: bytes) -> str:
    message = f"{name}\n{value}".encode()
    if name in _KEYED:
        return hmac_sha256(secret, message).hex()[:_TAG_DIGITS]
    return sha256(message).hex()[:_TAG_DIGITS]
