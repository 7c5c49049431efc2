"""Vectors of hosts (SPEC section 3): their components and their key."""

from collections.abc import Iterator
from typing import Any

from license_core import (
    hostkey,
)
from tests.vectors.material import HOST, Case, dumps
from tests.vectors.members import belonging
from tests.vectors.ours import facts

SECTIONS = {"hk1-host": "3.3", "hk1-cluster": "3.9", "hk1-site": "3.9"}


def hosts() -> Iterator[Case]:
    """Components, and the key of a host (section 3)."""

    def case(
        name: str, host: dict[str, Any], profile: str = "hk1", refused: str = "", spec: str = ""
    ) -> Case:
        known = facts(host)
        section = spec or SECTIONS.get(profile, "3.2")
        lines = {"kind": "host", "spec": section}
        lines["profile"] = profile
        if refused:
            lines["expect"] = f"refused {refused}"
        else:
            lines["tags"] = dumps(hostkey.tags(known, profile))
            lines["expect"] = f"key {hostkey.derive(known, profile).key}"
        return Case(f"host-{name}", lines, (dumps(host) + "\n").encode())

    yield case("docker", HOST)
    yield case("other-address", {**HOST, "ip": "172.17.0.3"})
    yield case("other-name", {**HOST, "hostname": "studio3_gpu"})
    yield case("ipv6", {**HOST, "ip": "2001:db8::2"})
    yield case("no-address", {**HOST, "ip": None})
    yield case("no-name", {**HOST, "hostname": None})
    yield case("not-ascii", {**HOST, "hostname": "工作站"})
    yield case("line-break-in-name", {**HOST, "hostname": "a\nip=10:172.17.0.2"})
    yield case("bare-machine", {**HOST, "container_id": None, "engine": None})
    yield case("copyable", {**HOST, "container_id": None})
    yield case("without-machine-id", {**HOST, "machine_id": None})
    bound = {**HOST, "machine_id_bound": True}
    yield case("hk1-host", bound, "hk1-host")
    yield case("hk1-host-other-container", {**bound, "container_id": "ab" * 32}, "hk1-host")
    yield case("hk1-host-image-id", HOST, "hk1-host", "host-machine-id-not-bound")
    unknown = {**HOST, "container_id": None, "engine": "unknown"}
    by_machine = {**unknown, "machine_id_bound": True}
    yield case("unknown-engine-image-id", unknown, refused="host-unidentifiable", spec="3.7")
    yield case(
        "unknown-engine-no-machine-id",
        {**by_machine, "machine_id": None},
        refused="host-unidentifiable",
        spec="3.7",
    )
    yield case("unknown-engine-bound", by_machine, spec="3.7")
    yield case("unknown-engine-layer", {**by_machine, "container_id": "1a" * 32}, spec="3.7")
    yield case("unknown-engine-own-id", {**unknown, "container_id": "ab" * 32}, spec="3.7")
    yield case("hk1-host-unknown-engine-bound", by_machine, "hk1-host")
    yield case("hk1-host-unknown-engine-image-id", unknown, "hk1-host", "host-machine-id-not-bound")
    machine = {**HOST, "container_id": None, "engine": None}
    yield case("system-image", {**machine, "machine_id_of_image": True}, spec="3.4")
    for name, host, profile, refused in belonging():
        yield case(name, host, profile, refused)
    yield case(
        "nobody", {**HOST, "machine_id": None, "container_id": None}, "hk1", "host-unidentifiable"
    )
