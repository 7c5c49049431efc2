"""Nobody learns a host's address or name from the tags in a request or licence.

The search that a holder could make: every address of the private networks' usual ranges is too many
for a test, so the right value itself is put into every computation that the holder has the parts
for. If any gave the tag, a search over all values would find it.
"""

import hashlib
import hmac
import itertools
import random

from license_core import hostkey
from license_core.facts import HostFacts
from license_core.request import LicenseRequest, parse

HOSTS = 1000
COUNTED = ("hostname", "ip")


def made(chance: random.Random) -> HostFacts:
    """A host of some kind."""
    kind = chance.choice(["container", "bound", "copyable", "machine"])
    return HostFacts(
        hostname=chance.choice(["studio2_gpu", f"host{chance.randrange(1000)}"]),
        ip=f"{chance.choice([10, 172, 192])}.{chance.randrange(256)}.0.{chance.randrange(256)}",
        machine_id=f"{chance.getrandbits(128):032x}",
        container_id=None if kind in ("copyable", "machine") else f"{chance.getrandbits(256):064x}",
        machine_id_bound=kind == "bound",
        engine=None if kind == "machine" else "docker",
    )


def computable(request: LicenseRequest, name: str, value: str) -> set[str]:
    """All that a holder can compute of a guess, with what the request gives away."""
    tags = request.tags or {}
    known = ["", request.key, request.name or "", *tags.values(), "hostseal anchor\n", "\n"]
    known += [f"{a}\n{b}" for a, b in itertools.product(tags.values(), repeat=2)]
    secrets = [text.encode() for text in known]
    secrets += [hashlib.sha256(b"hostseal anchor\n" + secret).digest() for secret in secrets]
    secrets += [bytes.fromhex(tag) for tag in tags.values()]
    found = set()
    for text in (value, f"{name}\n{value}", f"{name}={value}", f"{name}={len(value)}:{value}"):
        message = text.encode()
        for secret in secrets:
            found.add(hmac.digest(secret, message, "sha256").hex()[:16])
            found.add(hashlib.sha256(secret + message).hexdigest()[:16])
            found.add(hashlib.sha256(secret + b"\n" + message).hexdigest()[:16])
    return found


def test_no_tag_can_be_computed_from_a_guess_and_the_request() -> None:
    chance = random.Random(3)
    for _ in range(HOSTS):
        facts = made(chance)
        key = hostkey.derive(facts)
        sent = LicenseRequest(key=key.key, name=key.hostname, tags=hostkey.tags(facts)).to_text()
        request = parse(sent)  # what the vendor reads, and signs into the licence
        assert facts.ip is not None
        assert facts.ip not in sent
        for name in COUNTED:
            value = getattr(facts, name)
            tag = (request.tags or {}).get(name)
            assert tag is None or tag not in computable(request, name, value)


def test_copied_image_gets_no_address_or_hostname_tag() -> None:
    chance = random.Random(4)
    copyable = [facts for facts in (made(chance) for _ in range(HOSTS)) if _is_copy(facts)]
    assert len(copyable) > 100
    for facts in copyable:
        assert not set(COUNTED) & hostkey.tags(facts).keys()


def test_hosts_with_the_same_address_have_different_tags() -> None:
    chance = random.Random(5)
    one = made(chance)._replace(container_id="5f" * 32, engine="docker", ip="172.17.0.2")
    others = [one._replace(container_id=f"{n:064x}") for n in range(1, HOSTS)]
    assert len({hostkey.tags(host)["ip"] for host in (one, *others)}) == HOSTS


def _is_copy(facts: HostFacts) -> bool:
    return facts.engine is not None and facts.container_id is None and not facts.machine_id_bound
