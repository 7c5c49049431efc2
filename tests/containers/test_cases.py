"""docs/CASES.md confirmed in real engines."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from license_core.license import HostBinding
from license_core.request import parse
from tests.support.cases import CASES, DOCKER, PODMAN, Case, Seen, said_of, see
from tests.support.cli import World, code
from tests.support.containers.engine import Container, Engine
from tests.support.containers.image import OPERATOR
from tests.support.containers.stories import CLI, HOME, PINNED, STORIES, Stage, bound_to, client

pytestmark = pytest.mark.xdist_group("docker")
STARTS, STARTS_TORTURE = 4, 100
EVERY = 4
"""Of the cases one in so many is in the suite, and all are in `make torture`."""


def real(engine: str) -> list[Any]:
    """The cases of an engine."""
    cases = [case for case in CASES if case.real == engine]
    torture = [(pytest.mark.torture,) if number % EVERY else () for number in range(len(cases))]
    return [
        pytest.param(case, marks=marks, id=case.what)
        for case, marks in zip(cases, torture, strict=True)
    ]


def key_of(container: Container, profile: tuple[str, ...] = (), **more: Any) -> str:
    key: str = client(container, "--json", "get_host_key", *profile, **more).json()["host_key"]
    return key


def observe(case: Case, stage: Stage, world: World) -> Seen:
    """What is seen of the case in an engine; *world* is the vendor."""
    happening = STORIES[case.what](stage)
    gpu = next(happening)
    declared = gpu.exec("sh", "-c", 'echo "$LICENSE_PINNED_IP"').stdout.strip() or PINNED
    env = (f"LICENSE_PINNED_IP={declared}",) if case.env else ()
    profile = ("--profile", case.profile)
    before = client(gpu, "--json", "get_host_key", *profile, env=env)
    asked = parse(client(gpu, "request", *profile, env=env).out)
    binding = bound_to(asked, case.match)
    world.put(world.file(world.claims()._replace(host=binding)))
    holds = client(gpu, "--json", "verify", env=env)
    assert holds.exit_code == 0, holds.out

    gpu = next(happening)
    # What has another address than the declared one gets no key: it is asked without.
    key = key_of(gpu, profile=profile, env=("LICENSE_PINNED_IP=",))
    (world.conf / "license.state").unlink()  # so that the licence alone explains
    done = client(gpu, "--json", "verify", env=env)
    assert list(happening) == []
    return Seen(key == asked.key, before.notices(), said_of(done), done.exit_code)


@pytest.mark.parametrize("case", real(DOCKER))
def test_docker_confirms_the_cases_page(case: Case, engine: Engine, tmp_path: Path) -> None:
    world = World(tmp_path / "real", now=int(time.time()))
    seen = observe(case, Stage(engine, world.folder), world)
    assert seen == see(case, tmp_path / "files")


@pytest.mark.parametrize("case", real(PODMAN))
def test_podman_confirms_the_cases_page(case: Case, podman_engine: Engine, tmp_path: Path) -> None:
    world = World(tmp_path / "real", now=int(time.time()))
    seen = observe(case, Stage(podman_engine, world.folder), world)
    assert seen == see(case, tmp_path / "files")


def test_podman_restart_changes_the_address_and_verify_names_both(
    podman_engine: Engine, tmp_path: Path
) -> None:
    world = World(tmp_path, now=int(time.time()))
    gpu = Stage(podman_engine, world.folder).run()
    seen = {(gpu.ip(), gpu.mac())}
    asked = parse(client(gpu, "get_host_key").out)
    world.put(world.file(world.claims()._replace(host=HostBinding(asked.key, asked.name))))
    assert client(gpu, "verify").exit_code == 0
    first = gpu.ip()
    for _ in range(2):
        gpu.restart()
        seen.add((gpu.ip(), gpu.mac()))
    assert len(seen) == len({ip for ip, _ in seen}) == len({mac for _, mac in seen}) == 3
    done = client(gpu, "verify")
    assert done.exit_code == code("wrong-host")
    assert (
        f"The address was {first} when the licence was ordered and is now {gpu.ip()}." in done.err
    )


@pytest.mark.parametrize("cgroupns", ["private", pytest.param("host", marks=pytest.mark.torture)])
def test_podman_container_has_its_own_id_and_one_key_for_all_users(
    cgroupns: str, podman_engine: Engine, tmp_path: Path
) -> None:
    stage = Stage(podman_engine, World(tmp_path).folder)
    owner = stage.run("owner", options=["--cgroupns", cgroupns])
    guest = stage.run(network="container:owner", hostname=None, options=["--cgroupns", cgroupns])
    for container in (owner, guest):
        page = client(container, "--json", "doctor").json()
        shown = {part["name"]: part["value"] for part in page["components"]}
        assert shown["container_id"] == container.id[:12]
        assert key_of(container, user=OPERATOR) == key_of(container)
    assert key_of(guest) != key_of(owner)
    guest.remove()  # podman removes no container whose network another has


def test_docker_guest_in_a_private_cgroup_shares_the_owners_key_and_not_its_request(
    engine: Engine, tmp_path: Path
) -> None:
    """What a guest has there is the owner's, but for the layer that it writes to (SPEC 3.4)."""
    world = World(tmp_path, now=int(time.time()))
    stage = Stage(engine, world.folder)
    private = ["--cgroupns", "private"]
    owner = stage.run("owner", options=private)
    guest = stage.run(network="container:owner", hostname=None, options=private)
    assert key_of(guest) == key_of(owner)
    world.put(world.file(world.claims()._replace(host=HostBinding(key_of(owner), None))))
    told = [client(container, "--json", "verify") for container in (owner, owner, guest, owner)]
    assert {done.exit_code for done in told} == {0}
    warned = ["container-is-shared" in done.notices() for done in told]
    assert warned == [False, False, True, True]
    warned = ["network-of-another" in done.notices() for done in told]
    assert warned == [False, False, True, False]

    for one, other in ((owner, guest), (guest, owner)):
        asked = parse(client(one, "request").out)
        binding = HostBinding(asked.key, asked.name, tags=asked.tags, layer=asked.layer)
        world.put(world.file(world.claims()._replace(host=binding)))
        held, refused = (client(container, "--json", "verify") for container in (one, other))
        assert (held.exit_code, refused.exit_code) == (0, code("wrong-host"))
        assert "network-of-another" not in held.notices()
        assert said_of(refused) == ["wrong-host", "layer-differs"]
    owner.restart()
    guest.restart()
    assert [client(container, "verify").exit_code for container in (guest, owner)] == [
        0,
        code("wrong-host"),
    ]
    for options, warns in (([], True), (["--cgroupns", "host"], False)):
        name = f"third{len(options)}"
        third = stage.run(
            name, network="container:owner", hostname=None, options=options or private
        )
        assert (key_of(third) == key_of(owner)) is warns
        shown = client(third, "--json", "get_host_key")
        assert ("network-of-another" in shown.notices()) is warns


def test_wrong_pinned_address_prevents_a_request(engine: Engine, tmp_path: Path) -> None:
    """`--ip` without `--network`, which 20.10 ignores without a word."""
    stage = Stage(engine, World(tmp_path).folder)
    gpu = stage.run(env=["LICENSE_PINNED_IP=172.17.0.77"], options=ignored_ip(engine))
    for command in ("get_host_key", "request"):
        done = client(gpu, command)
        assert (done.exit_code, done.out) == (code("pinned-address-differs"), "")
        assert "172.17.0.77" in done.err
        assert gpu.ip() in done.err


def ignored_ip(engine: Engine) -> list[str]:
    """The option, where this Docker ignores it and does not refuse it (25 and later do)."""
    version = engine.call("version", "--format", "{{.Server.Version}}").stdout
    return ["--ip", "172.17.0.77"] if int(version.split(".")[0]) < 25 else []


def test_hostname_is_lowercased_in_the_host_key_line(engine: Engine, tmp_path: Path) -> None:
    gpu = Stage(engine, World(tmp_path).folder).run(hostname="Studio2_GPU")
    assert gpu.read("/proc/sys/kernel/hostname") == "Studio2_GPU\n"
    assert json.loads(client(gpu, "get_host_key").out)[1] == "studio2_gpu"


@pytest.mark.parametrize(
    "starts", [STARTS, pytest.param(STARTS_TORTURE, marks=pytest.mark.torture)]
)
def test_restarts_with_the_same_address_keep_the_host_key(
    engine: Engine, tmp_path: Path, starts: int
) -> None:
    """The container's own command says its key at every start, and ends."""
    folder = World(tmp_path).folder
    line = f"{sys.executable} {CLI} --conf {HOME}/conf get_host_key >> {HOME}/keys.txt"
    gpu = Stage(engine, folder).run("gpu", "/bin/sh", "-c", line)
    engine.call("wait", gpu.name)
    for _ in range(starts - 1):
        engine.call("start", "--attach", gpu.name)
    keys = (folder / "keys.txt").read_text().splitlines()
    assert (len(keys), len(set(keys))) == (starts, 1)
