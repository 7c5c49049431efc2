"""What happens to containers: restarted, recreated, copied; and the client inside them.

A story yields the container when the licence is to be ordered, and again when what may break it
has happened.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from license_core.license import HostBinding
from license_core.request import LicenseRequest
from tests.support.cli import Done
from tests.support.containers.docker import restart_daemon
from tests.support.containers.engine import PROJECT, Container, Engine, EngineError

HOME = "/opt/darwin"
CLI = str(PROJECT / "cmd" / "cli.py")
SUBNET, GATEWAY, DYNAMIC_RANGE = "172.30.0.0/24", "172.30.0.1", "172.30.0.128/25"
PINNED = "172.30.0.10"


class Stage(NamedTuple):
    """An engine, and the folder that its containers see as the product's."""

    engine: Engine
    folder: Path

    def run(self, name: str = "gpu", *command: str, **more: Any) -> Container:
        options = {"hostname": "studio2_gpu", "binds": ()} | more
        binds = [f"{self.folder}:{HOME}", *options.pop("binds")]
        return self.engine.run(name, *command, binds=binds, **options)

    def network(self, name: str = "licnet") -> str:
        if self.engine.call("network", "inspect", name, check=False).returncode == 0:
            return name  # a container that was pinned before has it
        return self.engine.network_create(
            name, subnet=SUBNET, gateway=GATEWAY, ip_range=DYNAMIC_RANGE
        )

    def with_the_address_taken(self, container: Container, network: str | None = None) -> None:
        """Stop the container, let another come up meanwhile, and start it again."""
        container.stop()
        self.engine.run("newcomer", network=network)
        container.start()


Story = Callable[[Stage], Iterator[Container]]


def bound_to(asked: LicenseRequest, match: str) -> HostBinding:
    """How a licence is bound to the host that has *asked* for it."""
    return HostBinding(
        asked.key,
        asked.name,
        profile=asked.profile,
        match=match,
        tags=asked.tags,
        layer=asked.layer,
    )


def client(container: Container, *arguments: str, env: tuple[str, ...] = (), **more: Any) -> Done:
    """Run one command of the client inside the container."""
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
        "dualnet",
        subnet="172.28.0.0/24",
        gateway="172.28.0.1",
        ip_range="172.28.0.128/25",
        options=six,
    )
    gpu = stage.run(network=network, ip="172.28.0.10", env=["LICENSE_PINNED_IP=172.28.0.10"])
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
    # Without a range for those who do not ask for an address, anybody may get this one.
    network = stage.engine.network_create("loose", subnet="172.29.0.0/24", gateway="172.29.0.1")
    gpu = stage.run(network=network, ip="172.29.0.2", env=["LICENSE_PINNED_IP=172.29.0.2"])
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


def guest_in_private_control_groups(stage: Stage) -> Iterator[Container]:
    private = ["--cgroupns", "private"]
    owner = stage.run(network=stage.network(), ip=PINNED, options=private)
    yield owner
    yield stage.run("guest", network=f"container:{owner.name}", hostname=None, options=private)


def owner_of_the_network(stage: Stage) -> Iterator[Container]:
    owner, guest = guest_in_private_control_groups(stage)
    yield guest
    yield owner


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
    "Docker, network of another container, private control groups: run in that other": (
        guest_in_private_control_groups
    ),
    "Docker, network of another container, private control groups: ordered in that other": (
        owner_of_the_network
    ),
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
