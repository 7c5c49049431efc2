"""Containers that are made anew hold one licence: the pods of a cluster, the machines of a site."""

import json
from pathlib import Path
from typing import Any

import pytest

from license_core.license import HostBinding
from license_core.request import LicenseRequest, parse
from tests.support import hosts
from tests.support.cases import POD, bound
from tests.support.cli import DAY, Done, World, code

TIMES = 20
UID, OTHER_UID = (f"0b6ff6b7-2a4d-4c0e-9d3f-6a1c1f2e3d{end}" for end in ("4c", "4d"))
CLUSTER = {**POD, "LICENSE_CLUSTER_UID": UID}
SITE = {"LICENSE_SITE": "/site"}
FIRST, SECOND, THIRD = ("1d" * 16, "2e" * 16, "3f" * 16)


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    (world.host / "site").mkdir()
    return world


def remade(world: World, number: int, machine_id: str | None = FIRST) -> None:
    """The next container: another id, name and address."""
    new: dict[str, Any] = {"ip": f"10.244.1.{number + 7}", "container_id": f"{number:02x}" * 32}
    make = hosts.container if machine_id is None else lambda root, **v: bound(**v)(root)
    make(world.host, hostname=f"train-7c9-x{number}", machine_id=machine_id, **new)


def ordered(
    world: World, profile: str, env: dict[str, str], *, line: bool = False
) -> LicenseRequest:
    """Order a licence, and install it; what was asked."""
    command = "get_host_key" if line else "request"
    done = world.run(command, "--profile", profile, env=env)
    assert done.exit_code == 0, done.err
    asked = parse(done.out)
    binding = HostBinding(asked.key, asked.name, asked.profile, tags=asked.tags)
    world.put(world.file(world.claims()._replace(host=binding)))
    return asked


def verified(world: World, env: dict[str, str]) -> tuple[int, list[str]]:
    """The exit code of ``verify``, and the details of a refusal."""
    done = world.json("verify", env=env)
    told = [d["slug"] for p in done.json()["problems"] for d in p["facts"].get("details", ())]
    return done.exit_code, told


def site(world: World, *arguments: str) -> Done:
    return world.run("site", *arguments, env=SITE)


def test_a_pod_made_anew_20_times_holds_its_licence_and_the_clock_of_the_cluster(
    world: World,
) -> None:
    remade(world, 0, None)
    ordered(world, "hk1-cluster", CLUSTER)
    for number in range(TIMES):
        remade(world, number, None)
        assert verified(world, CLUSTER) == (0, [])
    assert len((world.conf / "license.state").read_bytes().splitlines()) == 1
    assert world.run("verify", now=world.now - 9 * DAY, env=CLUSTER).exit_code != 0


def test_another_cluster_is_refused_and_told_why_by_request_and_by_line(world: World) -> None:
    for line in (False, True):
        ordered(world, "hk1-cluster", CLUSTER, line=line)
        other = {**POD, "LICENSE_CLUSTER_UID": OTHER_UID}
        assert verified(world, other) == (code("wrong-host"), ["cluster-uid-differs"])
        said = world.run("verify", "--explain", env=other, now=world.now + 350 * DAY)
        assert OTHER_UID in said.err
        assert said.err.count("request`") == 1, said.err
        assert "expires" not in said.err  # nobody renews the licence of another cluster
        assert "identical" not in said.out
        assert verified(world, POD)[0] == code("host-cluster-unknown")
        outside = {"LICENSE_CLUSTER_UID": UID}
        assert verified(world, outside)[0] == code("host-cluster-unknown")


def test_cluster_uid_may_be_in_a_file_that_an_init_container_wrote(world: World) -> None:
    hosts.write(world.host, {"/run/cluster/uid": f"{UID}\n"})
    by_file = {**POD, "LICENSE_CLUSTER_UID": "/run/cluster/uid"}
    lines = [
        world.run("get_host_key", "--profile", "hk1-cluster", env=e).out for e in (CLUSTER, by_file)
    ]
    assert lines[0] == lines[1]
    assert json.loads(lines[0])[2] == "hk1-cluster"


def test_containers_made_anew_20_times_on_two_machines_hold_the_licence_of_the_site(
    world: World,
) -> None:
    remade(world, 0)
    assert site(world, "init").exit_code == 0
    assert site(world, "add", SECOND).exit_code == 0
    asked = ordered(world, "hk1-site", SITE)
    assert asked.machines == 2
    for number in range(TIMES):
        remade(world, number, (FIRST, SECOND)[number % 2])
        assert verified(world, SITE) == (0, [])


def test_a_copied_site_folder_on_another_machine_is_refused_and_told_why(world: World) -> None:
    remade(world, 0)
    site(world, "init")
    ordered(world, "hk1-site", SITE)
    remade(world, 1, THIRD)
    done = world.run("verify", env=SITE)
    assert done.exit_code == code("host-not-in-site")
    assert "A copy of a site's folder does not make a machine part of it." in done.err
    explained = world.run("verify", "--explain", env=SITE).out
    assert "machine       not on the roster" in explained
    assert "identical" not in explained
    # Who adds it there has another key.
    assert site(world, "add").exit_code == 0
    assert verified(world, SITE) == (code("wrong-host"), ["machine-added-later"])
    # The machine that is licensed goes on, and says that the site has grown.
    remade(world, 2)
    assert world.json("verify", env=SITE).notices() == ["site-has-grown"]
    # An id of an image is no machine's.
    hosts.container(world.host, machine_id=FIRST)
    assert verified(world, SITE)[0] == code("host-machine-id-not-bound")


def test_another_site_and_a_former_roster_are_told_apart(world: World) -> None:
    remade(world, 0)
    site(world, "init")
    file = world.host / "site" / "license.site"
    former = file.read_bytes()
    site(world, "add", SECOND)
    ordered(world, "hk1-site", SITE)
    file.write_bytes(former)
    assert verified(world, SITE) == (code("wrong-host"), ["roster-differs"])
    file.unlink()
    site(world, "init")
    assert verified(world, SITE) == (code("wrong-host"), ["site-differs"])


def test_site_adds_a_machine_once_and_refuses_what_is_no_machine_id(world: World) -> None:
    remade(world, 0)
    assert site(world, "add").exit_code == code("host-site-unknown")
    relative = world.run("site", "init", env={"LICENSE_SITE": "site"})
    assert relative.exit_code == code("host-site-unknown")
    assert "LICENSE_SITE is site, which does not begin with a slash" in relative.err
    assert not list((world.host / "site").iterdir())
    site(world, "init", SECOND)
    file = world.host / "site" / "license.site"
    before = file.read_bytes()
    assert site(world, "add", SECOND.upper(), FIRST).exit_code == 0
    assert file.read_bytes() == before
    assert site(world, "add", "studio-1").exit_code == code("usage")
    assert FIRST.encode() not in before
    told = world.json("site", "show", env=SITE).json()
    assert [machine["this"] for machine in told["machines"]] == [True, False]
    assert f"{told['machines'][0]['tag']} (this one)\n" in site(world, "show").out


def test_site_is_the_same_to_its_command_as_to_a_check_however_large_the_file(world: World) -> None:
    remade(world, 0)
    site(world, "init", SECOND)
    file = world.host / "site" / "license.site"
    for size in (70_000, 1_100_000):
        file.write_bytes(file.read_bytes().rstrip() + b"\n" + b" " * size)
        assert site(world, "show").exit_code == 0
        assert world.run("get_host_key", "--profile=hk1-site", env=SITE).exit_code == 0


@pytest.mark.parametrize(
    ("env", "machine_id", "slug"),
    [
        (POD, None, "pod-is-replaced"),
        (CLUSTER, None, "pod-is-replaced"),
        ({}, FIRST, "machine-may-fit"),
        (SITE, FIRST, "site-may-fit"),
    ],
)
def test_the_profile_that_fits_is_proposed_before_a_licence_is_ordered(
    world: World, env: dict[str, str], machine_id: str | None, slug: str
) -> None:
    remade(world, 0, FIRST)
    site(world, "init")
    remade(world, 1, machine_id)
    asked = world.json("get_host_key", env=env)
    found = {notice["slug"] for notice in world.json("doctor", env=env).json()["findings"]}
    if asked.exit_code == 0:
        assert slug in asked.notices()
    assert slug in found
    remedies = world.run("doctor", env=env).out
    profile = {"pod": "hk1-cluster", "mac": "hk1-host", "sit": "hk1-site"}[slug[:3]]
    assert f"--profile {profile}`" in " ".join(remedies.split())


def test_doctor_shows_cluster_and_site_but_a_bundle_names_neither(world: World) -> None:
    remade(world, 0)
    site(world, "init")
    bundle = world.folder / "bundle.json"
    env = {**CLUSTER, **SITE}
    for profile in ("hk1-cluster", "hk1-site"):
        page = world.run("doctor", "--profile", profile, "--bundle", str(bundle), env=env).out
        assert f"({profile})" in page
        text = bundle.read_text()
        assert UID not in text
        identity = (world.host / "site/license.site").read_text().split()[2]
        assert identity not in page + text
