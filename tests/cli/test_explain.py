"""``verify --explain``: which host facts changed."""

from typing import Any

import pytest

from tests.support import hosts
from tests.support.cli import World, code


def explained(world: World) -> dict[str, str]:
    done = world.json("verify", "--explain")
    found = done.json()["explanation"]
    return {"evidence": found["evidence"]} | {c["name"]: c["verdict"] for c in found["components"]}


SAME = dict.fromkeys(("hostname", "ip", "machine_id", "container_id"), "same")


def test_explain_reports_identical_host_keys(world: World) -> None:
    world.put()
    assert explained(world) == {"evidence": "key", **SAME}
    assert "The host keys are identical" in world.run("verify", "--explain").out


@pytest.mark.parametrize(
    "change",
    [
        {"ip": "172.17.0.9"},
        {"hostname": "other"},
        {"ip": "172.17.0.9", "hostname": "other"},
        {"container_id": "ab" * 32},
        {"machine_id": "ab" * 16, "ip": "172.17.0.9"},
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("evidence", ["memory", "tags", "none"])
def test_explain_names_changed_facts_as_far_as_they_are_known(
    world: World, change: dict[str, Any], evidence: str
) -> None:
    differing = set(change)
    world.put(world.file(world.claims(tags=evidence == "tags")))
    if evidence == "memory":
        world.run("get_host_key")
    hosts.container(world.host, **change)
    wanted = {"evidence": evidence, **SAME, **dict.fromkeys(differing, "differs")}
    if evidence == "none":
        wanted |= dict.fromkeys(SAME, "unknown")
    elif evidence == "tags" and differing & {"machine_id", "container_id"}:
        wanted |= {"ip": "unknown", "hostname": "unknown"}
    assert explained(world) == wanted
    done = world.run("verify", "--explain")
    assert done.exit_code == code("wrong-host")
    assert ("172.17.0.2 when ordered" in done.out) is (evidence == "memory" and "ip" in differing)
    for secret in (hosts.MACHINE_ID, hosts.CONTAINER_ID, "ab" * 16):
        assert secret not in done.out + done.err


def test_withheld_tag_leaves_its_fact_unknown(world: World) -> None:
    hosts.container(world.host, container_id=None, cgroup="0::/\n")
    (world.host / "run").mkdir()
    (world.host / "run" / ".containerenv").touch()  # a copy of its image would have its ids
    world.put()
    (world.host / "proc" / "sys" / "kernel" / "hostname").write_text("other\n")
    found = explained(world)
    assert (found["evidence"], found["hostname"], found["ip"]) == ("tags", "unknown", "unknown")


def test_unreadable_licence_is_not_explained(world: World) -> None:
    world.put(b"nothing")
    assert "explanation" not in world.json("verify", "--explain").json()


def test_address_of_a_network_that_was_left_is_not_promised_back(world: World) -> None:
    hosts.container(world.host, nameserver="127.0.0.11")
    world.put()
    world.run("verify")
    hosts.container(world.host, nameserver="127.0.0.11", ip="172.17.0.9")
    assert "--ip 172.17.0.2" in world.run("verify").err
    hosts.container(world.host, nameserver="127.0.0.11", ip="172.30.0.9")
    assert "--ip 172.17.0.2" not in world.run("verify").err


def test_nothing_is_said_of_an_address_where_the_container_is_another(world: World) -> None:
    world.put()
    world.run("verify")
    hosts.container(world.host, ip="172.17.0.9", container_id="ab" * 32)
    (problem,) = world.json("verify").json()["problems"]
    told = {detail["slug"]: detail["remedy"] for detail in problem["facts"]["details"]}
    assert told.get("ip-changed", "") == ""
