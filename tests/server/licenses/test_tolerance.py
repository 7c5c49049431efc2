"""The tolerance shown to the vendor matches what the client does."""

from pathlib import Path
from typing import Any

import pytest

from license_core import hostkey
from license_core.license import HostBinding
from license_core.probe import read_facts
from license_core.request import LicenseRequest
from license_core.settings import Settings
from license_core.verify import check
from license_server.licenses import tolerance
from tests.support import hosts
from tests.support.cli import World
from tests.support.server import KEY


@pytest.mark.parametrize("profile", ["hk1", "hk1-host"])
@pytest.mark.parametrize("match", ["exact", "anchored"])
def test_tolerance_told_to_the_vendor_matches_the_client(
    tmp_path: Path, profile: str, match: str
) -> None:
    world = World(tmp_path)
    bound = hosts.mountinfo(hosts.CONTAINER_ID)
    bound += "9 699 8:1 /etc/machine-id /etc/machine-id ro - ext4 /dev/sda1 ro\n"
    hosts.write(world.host, {"/proc/self/mountinfo": bound})
    facts = world.facts()
    key, tags = hostkey.derive(facts, profile), hostkey.tags(facts, profile)
    binding = HostBinding(key.key, key.hostname, profile, match, tags)
    told = tolerance.of(LicenseRequest(key.key, key.hostname, profile, tags))
    world.put(world.file(world.claims()._replace(host=binding)))
    others: dict[str, Any] = {
        "hostname": "other",
        "ip": "172.17.0.9",
        "machine_id": "1234" * 8,
        "container_id": "abcd" * 16,
    }
    for change in told.changes:
        changed = facts._replace(**{change.name: others[change.name]})
        report = check(
            world.license.read_bytes(),
            roots=(world.root.public_key,),
            facts=changed,
            now=world.now,
            settings=Settings(product="darwin"),
            memory=None,
        )
        drifted = "host-drifted" in {notice.slug for notice in report.notices}
        did = "invalid" if not report.ok else "valid, with a warning" if drifted else "valid"
        assert did == getattr(change, match), change


def test_tolerance_is_stated_in_one_sentence() -> None:
    tags = dict.fromkeys(hostkey.COMPONENTS, "0123456789abcdef")
    told = tolerance.of(LicenseRequest(KEY, "x", tags=tags))
    assert told.sentence("exact") == (
        "a change of hostname, IP address, machine or container invalidates it"
    )
    assert told.sentence("anchored") == (
        "a change of machine or container invalidates it; "
        "a change of hostname or IP address causes a warning"
    )
    assert told.objection is None


def test_copyable_container_is_recognised_from_its_request(tmp_path: Path) -> None:
    host = hosts.container(tmp_path / "host", container_id=None)
    hosts.write(host, {"/run/.containerenv": ""})
    facts = read_facts(str(host), {})
    assert hostkey.is_copyable(facts)
    told = tolerance.of(LicenseRequest(KEY, "x", tags=hostkey.tags(facts)))
    assert told.objection is not None
    assert "its image" in told.objection
