"""A profile is one thing, from the first line to the last renewal."""

import json
from pathlib import Path

import pytest

from license_core import hostkey
from license_core.license import HostBinding
from license_core.request import parse
from tests.support.cases import POD, bound
from tests.support.cli import Done, World, code


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A container with the machine id of its machine."""
    world = World(tmp_path)
    bound(ip="172.30.0.10")(world.host)
    return world


def licensed(world: World, profile: str) -> bytes:
    """A licence for the key that ``get_host_key --profile`` prints."""
    key = hostkey.derive(world.facts(), profile)
    tags = hostkey.tags(world.facts(), profile)
    binding = HostBinding(key.key, key.hostname, profile, tags=tags)
    return world.file(world.claims()._replace(host=binding))


def line(done: Done) -> list[str]:
    """What the host key line says."""
    found: list[str] = json.loads(done.out)
    return found


def test_the_line_of_another_profile_names_it(world: World) -> None:
    assert len(line(world.run("get_host_key"))) == 2
    assert line(world.run("get_host_key", "--profile", "hk1")) == line(world.run("get_host_key"))
    key, name, profile = line(world.run("get_host_key", "--profile", "hk1-host"))
    assert profile == "hk1-host"
    asked = parse(world.run("get_host_key", "--profile", "hk1-host").out)
    assert (asked.key, asked.name, asked.profile) == (key, name, profile)


@pytest.mark.parametrize("profile", ["hk1", "hk1-host"])
def test_what_is_ordered_next_has_the_profile_of_the_installed_licence(
    world: World, profile: str
) -> None:
    world.put(licensed(world, profile))
    key = hostkey.derive(world.facts(), profile).key
    assert line(world.run("get_host_key"))[0] == key
    assert world.json("get_host_key").json()["profile"] == profile
    request = parse(world.run("request").out)
    assert (request.key, request.profile) == (key, profile)
    assert request.replaces is not None
    assert world.json("doctor").json()["host_key"] == key


def test_a_licence_that_expired_or_is_of_the_former_container_still_says_the_profile(
    world: World,
) -> None:
    world.put(licensed(world, "hk1-host"))
    bound(ip="172.30.0.99", container_id="cd" * 32)(world.host)
    late = world.now + 999 * 86400
    assert world.run("verify", now=late).exit_code == code("wrong-host")
    assert parse(world.run("request", now=late).out).profile == "hk1-host"


def test_a_profile_that_is_named_is_taken(world: World) -> None:
    world.put(licensed(world, "hk1-host"))
    assert parse(world.run("request", "--profile", "hk1").out).profile == "hk1"
    assert len(line(world.run("get_host_key", "--profile", "hk1"))) == 2


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_licence_that_cannot_be_read_says_no_profile(world: World, damage: bytes | None) -> None:
    world.put(licensed(world, "hk1-host") if damage is None else damage)
    if damage is None:
        (world.keys / "root.pub.pem").unlink()
    assert len(line(world.run("get_host_key"))) == 2


def test_a_pod_that_orders_hk1_host_hears_that_the_next_one_has_another_address(
    world: World,
) -> None:
    bound(ip="10.244.1.7")(world.host)
    done = world.run("get_host_key", "--profile", "hk1-host", env=POD)
    assert "the next one will have another address" in done.err
    assert "`python cmd/cli.py request --profile hk1-host`" in done.err
    assert "pod-is-replaced" in world.json("get_host_key", env=POD).notices()


def test_a_licence_that_names_another_profile_than_its_line_had_is_told_as_that(
    world: World,
) -> None:
    key = hostkey.derive(world.facts(), "hk1-host")
    world.put(world.file(world.claims()._replace(host=HostBinding(key.key, key.hostname))))
    said = world.run("verify")
    assert said.exit_code == code("wrong-host")
    assert "The host is the licensed one, but under profile hk1-host" in said.err
    problem = world.json("verify").json()["problems"][0]
    assert problem["facts"]["evidence"] == "key"
