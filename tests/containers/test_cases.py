"""What docs/CASES.md says of files, seen in real engines: the same is said, and the same survives.

A story is what happens to a container: it yields the container when the licence is to be ordered,
and again when what may break it has happened.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from license_core.license import HostBinding
from license_core.request import parse
from tests.support.cases import CASES, DOCKER, PODMAN, Case, Seen, said_of, see
from tests.support.cli import Done, World, code
from tests.support.containers.docker import restart_daemon
from tests.support.containers.engine import PROJECT, Container, Engine, EngineError
from tests.support.containers.image import OPERATOR

pytestmark = pytest.mark.xdist_group("docker")

HOME = "/opt/darwin"
CLI = str(PROJECT / "cmd" / "cli.py")
SUBNET, GATEWAY, DYNAMIC_RANGE = "172.30.0.0/24", "172.30.0.1", "172.30.0.128/25"
PINNED = "172.30.0.10"
STARTS, STARTS_TORTURE = 20, 100


class Stage(NamedTuple):
    """An engine, and the folder that its containers see as the product's."""

    engine: Engine
    folder: Path

    def run(self, name: str = "gpu", *command: str, **more: Any) -> Container:
        options = {"hostname": "studio2_gpu", "binds": ()} | more
        binds = [f"{self.folder}:{HOME}", *options.pop("binds")]
        return self.engine.run(name, *command, binds=binds, **options)

    def network(self, name: str = "licnet", ip_range: str | None = DYNAMIC_RANGE) -> str:
        return self.engine.network_create(name, subnet=SUBNET, gateway=GATEWAY, ip_range=ip_range)

    def with_the_address_taken(self, container: Container, network: str | None = None) -> None:
        """Stop the container, let another come up meanwhile, and start it again."""
        container.stop()
        self.engine.run("newcomer", network=network)
        container.start()


Story = Callable[[Stage], Iterator[Container]]


def client(container: Container, *arguments: str, env: tuple[str, ...] = (), **more: Any) -> Done:
    """One command of the client inside."""
    places = [f"LICENSE_CONF={HOME}/conf", f"LICENSE_KEYS={HOME}/keys"]
    done = container.exec(
        sys.executable,
        CLI,
        *arguments,
        env=[*places, *env, "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8"],
        **more,
    )
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def key_of(container: Container, profile: tuple[str, ...] = (), **more: Any) -> str:
    key: str = client(container, "--json", "get_host_key", *profile, **more).json()["host_key"]
    return key


# Stories of Docker


def restarted(stage: Stage) -> Iterator[Container]:
    gpu = stage.run()
    yield gpu
    gpu.restart()
    yield gpu


def address_taken(stage: Stage) -> Iterator[Container]:
    gpu = stage.run()
    yield gpu
    stage.with_the_address_taken(gpu)
    yield gpu


def swapped(stage: Stage) -> Iterator[Container]:
    gpu, other = stage.run(), stage.engine.run("other")
    addresses = gpu.ip(), other.ip()
    yield gpu
    stage.engine.call("stop", "--time", "1", gpu.name, other.name)
    stage.engine.call("start", other.name)
    gpu.start()
    assert (other.ip(), gpu.ip()) == addresses
    yield gpu


def daemon_restarted(stage: Stage) -> Iterator[Container]:
    """The daemon starts containers in any order; here the order is made certain by a link."""
    always = ["--restart", "always"]
    first = stage.engine.run("first")
    other = stage.engine.run("other", options=always)
    gpu = stage.run(options=[*always, "--link", "other"])  # the daemon starts the other first
    first.remove()
    gpu.restart()
    addresses = gpu.ip(), other.ip()
    yield gpu
    restart_daemon(stage.engine)
    assert (other.ip(), gpu.ip()) == addresses
    yield gpu


def bridge_moved(stage: Stage) -> Iterator[Container]:
    gpu = stage.run()
    yield gpu
    try:
        restart_daemon(stage.engine, bip="10.200.0.1/24")
        gpu.start()
        assert client(gpu, "--json", "get_host_key").notices() == ["address-may-change"]
        yield gpu
    finally:
        restart_daemon(stage.engine, bip="172.17.0.1/16")


def ip_without_network(stage: Stage) -> Iterator[Container]:
    try:
        gpu = stage.run(ip="172.17.0.77")
    except EngineError:  # Docker 25 and later refuse it: then it cannot deceive anybody
        gpu = stage.run("gpu2")
    assert gpu.ip() != "172.17.0.77"
    yield gpu
    stage.with_the_address_taken(gpu)
    yield gpu


def pinned(stage: Stage) -> Iterator[Container]:
    network = stage.network()
    gpu = stage.run(network=network, ip=PINNED)
    yield gpu
    stage.with_the_address_taken(gpu, network)
    yield gpu


def pinned_in_both_families(stage: Stage) -> Iterator[Container]:
    six = ["--ipv6", "--subnet", "fd00:5ea1::/64"]
    network = stage.engine.network_create(
        "dualnet", subnet=SUBNET, gateway=GATEWAY, ip_range=DYNAMIC_RANGE, options=six
    )
    gpu = stage.run(network=network, ip=PINNED)
    assert "fd005ea1" in gpu.read("/proc/net/if_inet6")
    yield gpu
    stage.with_the_address_taken(gpu, network)
    yield gpu


def on_an_own_network(stage: Stage) -> Iterator[Container]:
    gpu = stage.run(network=stage.network())
    yield gpu
    gpu.restart()
    yield gpu


def given_to_another(stage: Stage) -> Iterator[Container]:
    network = stage.network()
    gpu = stage.run(network=network)
    yield gpu
    stage.with_the_address_taken(gpu, network)
    yield gpu


def stolen(stage: Stage) -> Iterator[Container]:
    network = stage.network(ip_range=None)
    gpu = stage.run(network=network, ip="172.30.0.2", env=["LICENSE_PINNED_IP=172.30.0.2"])
    yield gpu
    with pytest.raises(EngineError, match="Address already in use"):
        stage.with_the_address_taken(gpu, network)
    # Whoever helps himself gets it to start, at another address.
    stage.engine.call("network", "disconnect", "--force", network, gpu.name)
    stage.engine.network_connect(network, gpu)
    gpu.start()
    yield gpu


def moved_in_place(stage: Stage) -> Iterator[Container]:
    network, gpu = stage.network(), stage.run()
    stage.engine.network_disconnect("bridge", gpu)
    stage.engine.network_connect(network, gpu, ip=PINNED)
    assert "eth1\t00000000" in gpu.read("/proc/net/route")
    yield gpu
    stage.with_the_address_taken(gpu, network)
    assert "eth0\t00000000" in gpu.read("/proc/net/route")
    yield gpu


def on_two_own_networks(stage: Stage) -> Iterator[Container]:
    network = stage.network()
    gpu = stage.run(network=network, ip=PINNED)
    stage.engine.network_connect(stage.engine.network_create("other"), gpu)
    yield gpu
    gpu.restart()
    yield gpu


def on_two_networks(stage: Stage) -> Iterator[Container]:
    gpu = stage.run(network=stage.network(), ip=PINNED)
    stage.engine.network_connect("bridge", gpu)  # its name comes first: it gets the route
    yield gpu
    stage.with_the_address_taken(gpu)
    yield gpu


def on_the_host_network(stage: Stage) -> Iterator[Container]:
    # Podman shows no bridge as long as no container is on one.
    stage.engine.on_machine("ip", "link", "add", "lan0", "type", "bridge")
    try:
        stage.engine.on_machine("ip", "address", "add", "192.168.7.20/24", "dev", "lan0")
        stage.engine.on_machine("ip", "link", "set", "lan0", "up")
        gpu = stage.run(network="host", hostname=None)
        yield gpu
        gpu.restart()
        yield gpu
    finally:
        stage.engine.on_machine("ip", "link", "delete", "lan0")


def without_network(stage: Stage) -> Iterator[Container]:
    gpu = stage.run(network="none")
    yield gpu
    gpu.restart()
    yield gpu


def guest_restarted(stage: Stage) -> Iterator[Container]:
    owner = stage.engine.run("owner")
    gpu = stage.run(network="container:owner", hostname=None)
    yield gpu
    owner.restart()
    gpu.restart()
    yield gpu


def guest_moved(stage: Stage) -> Iterator[Container]:
    owner = stage.engine.run("owner")
    gpu = stage.run(network="container:owner", hostname=None)
    yield gpu
    stage.with_the_address_taken(owner)
    gpu.restart()
    yield gpu


def run_again(stage: Stage) -> Iterator[Container]:
    network = stage.network()
    gpu = stage.run(network=network, ip=PINNED)
    yield gpu
    gpu.remove()
    yield stage.run(network=network, ip=PINNED)


def run_again_nameless(stage: Stage) -> Iterator[Container]:
    network = stage.network()
    gpu = stage.run(network=network, ip=PINNED, hostname=None)
    yield gpu
    gpu.remove()
    yield stage.run(network=network, ip=PINNED, hostname=None)


def committed(stage: Stage) -> Iterator[Container]:
    network = stage.network()
    gpu = stage.run(network=network, ip=PINNED)
    yield gpu
    image = gpu.commit("clone:test")
    gpu.remove()
    yield stage.run(network=network, ip=PINNED, image=image)


def run_again_with_the_machine_id(stage: Stage) -> Iterator[Container]:
    machine_id = stage.folder / "machine-id"
    machine_id.write_text(f"{'9c1d' * 8}\n")
    network, binds = stage.network(), [f"{machine_id}:/etc/machine-id:ro"]
    gpu = stage.run(network=network, ip=PINNED, binds=binds)
    yield gpu
    gpu.remove()
    yield stage.run(network=network, ip=PINNED, binds=binds)


def replaced(stage: Stage) -> Iterator[Container]:
    gpu = stage.run()
    yield gpu
    gpu.stop()  # so that even the address is the same
    yield stage.run("gpu2")


STORIES: dict[str, Story] = {
    "Docker, default network: restart alone": restarted,
    "Docker, default network: another container took the address": address_taken,
    "Docker, default network: two containers restarted in the other order": swapped,
    "Docker, default network: the daemon restarted, several `--restart always`": daemon_restarted,
    "Docker, default network moved (`bip`)": bridge_moved,
    "Docker, `--ip` without `--network`: ignored, and the address was taken": ip_without_network,
    "Docker, custom network, address pinned and declared: restart": pinned,
    "Docker, custom IPv4 and IPv6 network, pinned and declared: restart": pinned_in_both_families,
    "Docker, custom network, nothing declared: restart": on_an_own_network,
    "Docker, custom network, nothing declared: the address was given to another": given_to_another,
    "Docker, pinned and declared, but the address was stolen": stolen,
    "Docker, connected to a custom network, then restarted": moved_in_place,
    "Docker, two custom networks: restart": on_two_own_networks,
    "Docker, two networks, default route on the default one: address taken": on_two_networks,
    "Docker, host network: restart": on_the_host_network,
    "Docker, no network: restart": without_network,
    "Docker, network of another container: both restarted": guest_restarted,
    "Docker, network of another container, whose address was taken": guest_moved,
    "Docker, removed and run again with the same flags": run_again,
    "Docker, removed and run again, no `--hostname`": run_again_nameless,
    "Docker, `commit`, and the copy run in its place or elsewhere": committed,
    "Docker, recreated, machine id mounted, profile hk1-host, pinned": (
        run_again_with_the_machine_id
    ),
    "Docker, anchored licence: the address drifts": address_taken,
    "Docker, anchored licence in another container": replaced,
    "podman, default network: restart": restarted,
    "podman, custom network, address pinned and declared: restart": pinned,
    "podman, custom network, address pinned, nothing declared: restart": pinned,
    "podman, custom network, nothing pinned: restart": on_an_own_network,
    "podman, host network: restart": on_the_host_network,
    "podman, removed and run again with the same flags": run_again,
}


def observe(case: Case, stage: Stage, world: World) -> Seen:
    """What is seen of the case in an engine; *world* is the vendor."""
    happening = STORIES[case.what](stage)
    gpu = next(happening)
    declared = gpu.exec("sh", "-c", 'echo "$LICENSE_PINNED_IP"').stdout.strip() or PINNED
    env = (f"LICENSE_PINNED_IP={declared}",) if case.env else ()
    profile = ("--profile", case.profile)
    before = client(gpu, "--json", "get_host_key", *profile, env=env)
    asked = parse(client(gpu, "request", *profile, env=env).out)
    binding = HostBinding(
        asked.key, asked.name, profile=asked.profile, match=case.match, tags=asked.tags
    )
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


@pytest.mark.parametrize("case", [c for c in CASES if c.real == DOCKER], ids=lambda c: c.what)
def test_docker_does_what_the_table_says(case: Case, engine: Engine, tmp_path: Path) -> None:
    world = World(tmp_path / "real", now=int(time.time()))
    seen = observe(case, Stage(engine, world.folder), world)
    assert seen == see(case, tmp_path / "files")


@pytest.mark.parametrize("case", [c for c in CASES if c.real == PODMAN], ids=lambda c: c.what)
def test_podman_does_what_the_table_says(case: Case, podman_engine: Engine, tmp_path: Path) -> None:
    world = World(tmp_path / "real", now=int(time.time()))
    seen = observe(case, Stage(podman_engine, world.folder), world)
    assert seen == see(case, tmp_path / "files")


# What the table has no room for


def paste(remedy: str, engine: Engine, first: int, last: int) -> None:
    """Run the lines of a remedy that are to be pasted, as they stand."""
    lines = [line.strip() for line in remedy.splitlines() if line.startswith("  ")]
    for line in lines[first:last]:
        program, *arguments = line.split()
        assert any(word.endswith(f"/{program}") for word in engine.command)
        engine.call(*arguments)


def warning_of(container: Container) -> Any:
    (notice,) = client(container, "--json", "get_host_key").json()["notices"]
    assert notice["slug"] == "address-may-change"
    return notice


def test_what_docker_is_told_prevents_the_change(engine: Engine, tmp_path: Path) -> None:
    stage = Stage(engine, World(tmp_path).folder)
    gpu = stage.run()
    paste(warning_of(gpu)["remedy"], engine, 0, 3)
    key = key_of(gpu)
    stage.with_the_address_taken(gpu, "licnet")
    assert key_of(gpu) == key


def test_what_podman_is_told_prevents_the_change(podman_engine: Engine, tmp_path: Path) -> None:
    stage = Stage(podman_engine, World(tmp_path).folder)
    gpu = stage.run()
    warning = warning_of(gpu)
    assert "podman's default network" in warning["sentence"]
    paste(warning["remedy"], podman_engine, 0, 3)
    key = key_of(gpu)
    stage.with_the_address_taken(gpu, "licnet")
    assert key_of(gpu) == key
    assert client(gpu, "--json", "get_host_key").notices() == ["address-unconfirmed"]


@pytest.mark.parametrize("kind", ["engine", "podman_engine"])
def test_the_line_for_a_new_container_pins_and_declares(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    stage = Stage(request.getfixturevalue(kind), World(tmp_path).folder)
    gpu = stage.run()
    lines = [line.split() for line in warning_of(gpu)["remedy"].splitlines() if line[:2] == "  "]
    create, _, _, (_, run, detach, *options, image) = lines
    assert (run, detach, image) == ("run", "-d", "IMAGE")
    stage.engine.call(*create[1:])
    new = stage.run("new", hostname=None, options=options)
    done = client(new, "--json", "get_host_key")
    assert (done.exit_code, done.notices()) == (0, [])


def test_what_a_guest_of_another_containers_network_is_told_names_that_container(
    engine: Engine, tmp_path: Path
) -> None:
    stage = Stage(engine, World(tmp_path).folder)
    owner = stage.engine.run("owner")
    guest = stage.run(network="container:owner", hostname=None)
    remedy = warning_of(guest)["remedy"]
    assert owner.id[:12] in remedy
    assert guest.id[:12] not in remedy
    paste(remedy, engine, 0, 3)
    key = key_of(guest)
    stage.with_the_address_taken(owner, "licnet")
    guest.restart()
    assert key_of(guest) == key


def test_podman_changes_address_and_mac_at_every_start_and_verify_names_both_addresses(
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
    assert f"The address was {first} when licensed and is {gpu.ip()} now." in done.err


@pytest.mark.parametrize("cgroupns", ["host", "private"])
def test_the_own_id_is_found_in_podman_and_root_and_others_have_one_key(
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


def test_in_a_private_cgroup_namespace_a_guest_of_docker_has_the_key_of_its_owner(
    engine: Engine, tmp_path: Path
) -> None:
    """A limit: nothing that a guest can read there tells it from the other (SPEC section 3.1)."""
    stage = Stage(engine, World(tmp_path).folder)
    owner = stage.run("owner", options=["--cgroupns", "private"])
    guest = stage.run(network="container:owner", hostname=None, options=["--cgroupns", "private"])
    assert key_of(guest) == key_of(owner)


def test_a_declared_address_that_docker_did_not_give_stops_the_order(
    engine: Engine, tmp_path: Path
) -> None:
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


def test_a_hostname_is_one_in_upper_and_lower_case(engine: Engine, tmp_path: Path) -> None:
    gpu = Stage(engine, World(tmp_path).folder).run(hostname="Studio2_GPU")
    assert gpu.read("/proc/sys/kernel/hostname") == "Studio2_GPU\n"
    assert json.loads(client(gpu, "get_host_key").out)[1] == "studio2_gpu"


@pytest.mark.parametrize(
    "starts", [STARTS, pytest.param(STARTS_TORTURE, marks=pytest.mark.torture)]
)
def test_however_often_it_starts_with_the_address_kept_its_key_is_one(
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


@pytest.mark.parametrize("kind", ["engine", "podman_engine"])
def test_what_is_told_of_an_address_that_is_not_the_declared_one_gives_it(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    stage = Stage(request.getfixturevalue(kind), World(tmp_path).folder)
    gpu = stage.run(network=stage.network(), env=[f"LICENSE_PINNED_IP={PINNED}"])
    refused = client(gpu, "--json", "get_host_key")
    assert refused.slugs() == ["pinned-address-differs"]
    (problem,) = refused.json()["problems"]
    commands = [c for c in problem["remedy"].split("`")[1::2] if " network " in c]
    paste("".join(f"  {c}\n" for c in commands).replace("NETWORK", "licnet"), stage.engine, 0, 2)
    done = client(gpu, "--json", "get_host_key")
    assert (done.exit_code, done.notices()) == (0, [])
