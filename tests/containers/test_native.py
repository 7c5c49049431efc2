"""The client in Go reads containers of real engines as this one does, from inside."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from license_core import hostkey
from tests.support import native_hosts
from tests.support.cli import REPOSITORY
from tests.support.containers.engine import Container, Engine
from tests.support.native_hosts import Question

pytestmark = pytest.mark.xdist_group("docker")

MACHINE_ID = "9c1d" * 8


def answers(container: Container, *command: str) -> list[dict[str, Any]]:
    asked = [json.dumps(Question("/", {}, profile)._asdict()) for profile in hostkey.PROFILES]
    path = f"PYTHONPATH={REPOSITORY}"
    done = container.exec("env", path, *command, stdin="\n".join(asked))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def read_alike(engine: Engine, folder: Path, others: dict[str, list[str]]) -> None:
    program = native_hosts.build(folder)
    (folder / "machine-id").write_text(f"{MACHINE_ID}\n")
    engine.network_create("own", subnet="172.30.0.0/24")
    binds = [f"{program}:/hosttest:ro"]
    owner = engine.run("owner", network="own", ip="172.30.0.10", binds=binds)
    ways: dict[str, list[str]] = {
        "default": [],
        "machines": ["--network", "host"],
        "none": ["--network", "none"],
        "guest": ["--network", f"container:{owner.name}"],
        "bound": ["--volume", f"{folder}/machine-id:/etc/machine-id:ro"],
        **others,
    }
    containers = [owner]
    containers += [engine.run(name, binds=binds, options=ways[name]) for name in ways]
    keys = set()
    for container in containers:
        found = answers(container, "/hosttest")
        assert found == answers(container, sys.executable, "-m", native_hosts.__name__), container
        keys.add(found[0].get("key"))
    assert len(keys - {None}) >= len(containers) - 1  # a guest may have the key of its owner
    containers[list(ways).index("guest") + 1].remove()


def test_containers_of_docker_are_read_alike(engine: Engine, tmp_path: Path) -> None:
    read_alike(engine, tmp_path, {"machines-groups": ["--cgroupns", "host"]})


def test_containers_of_podman_are_read_alike(podman_engine: Engine, tmp_path: Path) -> None:
    read_alike(podman_engine, tmp_path, {"read-only": ["--read-only"]})
