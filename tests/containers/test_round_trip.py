"""The whole way in a real Docker engine: key, licence over HTTP, install, verify, start."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from license_core.problems import PROBLEMS
from tests.support.containers.engine import PROJECT, Container, Engine
from tests.support.containers.image import OPERATOR
from tests.support.containers.paste import paste
from tests.support.server import Running, running_server
from tests.support.talking import talking

pytestmark = pytest.mark.xdist_group("docker")

HOSTNAME = "studio2_gpu"
HOME = "/opt/darwin"
CLI = str(PROJECT / "cmd" / "cli.py")
WRONG_HOST = PROBLEMS["WrongHostError"].exit_code


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_server(tmp_path_factory.mktemp("vendor")) as running:
        yield running


def environment() -> list[str]:
    """What the client and start.sh are told in a container."""
    return [
        f"LICENSE_CONF={HOME}/conf",
        f"LICENSE_KEYS={HOME}/keys",
        f"LICENSE_CLI={CLI}",
        f"LICENSE_PYTHON={sys.executable}",
        "PYTHONDONTWRITEBYTECODE=1",
    ]


class Platform(NamedTuple):
    """The product's folder, as it is mounted into a container."""

    folder: Path
    container: Container

    def cli(self, *arguments: str, user: str | None = None) -> "subprocess.CompletedProcess[str]":
        done = self.container.exec(sys.executable, CLI, *arguments, user=user, env=environment())
        assert "Traceback" not in done.stderr
        return done

    def key(self, user: str | None = None) -> list[str]:
        done = self.cli("get_host_key", user=user)
        assert done.returncode == 0, done.stderr
        answer: list[str] = json.loads(done.stdout)
        return answer

    def start_sh(self) -> "subprocess.CompletedProcess[str]":
        return self.container.exec("sh", f"{HOME}/start.sh", env=environment())

    def stop_sh(self) -> None:
        assert self.container.exec("sh", f"{HOME}/stop.sh").returncode == 0

    def services(self) -> int:
        """How many stand-ins run inside."""
        listed = self.container.exec("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        return listed.stdout.count("sleep 86400000")

    def order(self, vendor: Running, text: str | None = None) -> str:
        """The number of a licence for what the operator sends; its file is put in place."""
        sent = text or self.cli("get_host_key").stdout
        order = {"customer": "ACME", "product": "darwin", "host": sent, "days": 365}
        with httpx.Client(base_url=vendor.url, headers=vendor.bearer, timeout=60) as client:
            issued = client.post("/api/v1/licenses", json=order | {"limits": {"gpus": 4}})
            assert issued.status_code == 201, issued.text
            file = client.get(issued.json()["links"]["file"])
        (self.folder / "mailed.dat").write_bytes(file.content)
        return str(issued.json()["id"])

    def install(self) -> "subprocess.CompletedProcess[str]":
        return self.cli("install", f"{HOME}/mailed.dat")

    def licensed(self, vendor: Running) -> str:
        number = self.order(vendor)
        done = self.install()
        assert done.returncode == 0, done.stderr
        return number


def platform_folder(folder: Path, vendor: Running) -> Path:
    shutil.copytree(PROJECT / "examples" / "darwin-platform", folder)
    shutil.copy(vendor.root_pub_pem, folder / "keys")
    return folder


def run(
    engine: Engine, name: str, folder: Path, network: str | None = None, ip: str | None = None
) -> Platform:
    container = engine.run(
        name, network=network, ip=ip, hostname=HOSTNAME, binds=[f"{folder}:{HOME}"]
    )
    return Platform(folder, container)


def start_with_the_address_taken(engine: Engine, platform: Platform) -> None:
    """Stop the container, let another come up meanwhile, and start it again."""
    platform.container.stop()
    engine.run("newcomer", network=None)
    platform.container.start()


def test_default_bridge_address_change_invalidates_the_licence(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    platform = run(engine, "gpu", platform_folder(tmp_path / "darwin", vendor))

    asked = platform.cli("get_host_key")
    assert asked.returncode == 0
    key, hostname = json.loads(asked.stdout)
    assert asked.stdout.count("\n") == 1
    assert hostname == HOSTNAME
    licensed_ip = platform.container.ip()
    assert "[W]:" in asked.stderr
    assert licensed_ip in asked.stderr
    assert "docker network create" in asked.stderr
    assert platform.container.id[:12] in asked.stderr

    number = platform.licensed(vendor)
    verified = platform.cli("verify")
    assert verified.returncode == 0, verified.stderr
    assert number in verified.stdout
    started = platform.start_sh()
    assert started.returncode == 0, started.stderr
    assert f'[N]: Using production build at "{HOME}"' in started.stdout
    assert "Starting redis[  OK  ]" in started.stdout
    assert platform.services() == 3
    platform.stop_sh()

    start_with_the_address_taken(engine, platform)
    present_ip = platform.container.ip()
    assert present_ip != licensed_ip
    assert platform.key() != [key, hostname]
    refused = platform.cli("verify")
    assert refused.returncode == WRONG_HOST
    assert licensed_ip in refused.stderr
    assert present_ip in refused.stderr
    not_started = platform.start_sh()
    assert not_started.returncode == WRONG_HOST
    assert "Starting" not in not_started.stdout
    assert platform.services() == 0

    # Step 5 of the manual: apply again.
    platform.licensed(vendor)
    assert platform.start_sh().returncode == 0
    assert platform.services() == 3


def test_licence_from_a_request_explains_an_address_change(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    platform = run(engine, "gpu", platform_folder(tmp_path / "darwin", vendor))
    platform.order(vendor, platform.cli("request").stdout)
    assert platform.install().returncode == 0
    (platform.folder / "conf" / "license.state").unlink()
    start_with_the_address_taken(engine, platform)
    refused = platform.cli("--json", "verify")
    (problem,) = json.loads(refused.stdout)["problems"]
    assert problem["slug"] == "wrong-host"
    assert "ip-differs" in refused.stdout
    assert platform.container.ip() in refused.stdout


def test_pinned_address_keeps_the_licence_valid_after_a_restart(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    network = engine.network_create(
        "licnet", subnet="172.30.0.0/24", gateway="172.30.0.1", ip_range="172.30.0.128/25"
    )
    folder = platform_folder(tmp_path / "darwin", vendor)
    platform = run(engine, "gpu", folder, network, "172.30.0.10")
    key = platform.key()
    platform.licensed(vendor)
    platform.container.stop()
    engine.run("newcomer", network=network)
    platform.container.start()
    assert platform.key() == key
    assert platform.start_sh().returncode == 0
    assert platform.services() == 3


def test_copied_platform_is_rejected_in_a_second_container(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    first = run(engine, "gpu", platform_folder(tmp_path / "darwin", vendor))
    first.licensed(vendor)
    copied = shutil.copytree(tmp_path / "darwin", tmp_path / "copied")
    first.container.stop()  # so that even the address is the same
    second = run(engine, "gpu2", copied)
    assert second.container.ip() == "172.17.0.2"
    refused = second.cli("verify")
    assert refused.returncode == WRONG_HOST
    assert "this is not the licensed container" in refused.stderr
    assert second.start_sh().returncode == WRONG_HOST
    assert second.services() == 0


def test_install_onto_a_mounted_file_says_to_mount_the_folder(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    folder = platform_folder(tmp_path / "darwin", vendor)
    (folder / "conf" / "license.dat").write_text("old\n")
    mounted = f"{folder}/conf/license.dat:{HOME}/conf/license.dat"
    container = engine.run("gpu", hostname=HOSTNAME, binds=[f"{folder}:{HOME}", mounted])
    platform = Platform(folder, container)
    platform.order(vendor)
    refused = platform.install()
    assert refused.returncode == PROBLEMS["FileIsMountedError"].exit_code
    assert f"{HOME}/conf" in refused.stderr
    assert (folder / "conf" / "license.dat").read_text() == "old\n"
    assert not list((folder / "conf").glob("*.tmp"))


def test_root_and_an_unprivileged_user_have_the_same_key(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    platform = run(engine, "gpu", platform_folder(tmp_path / "darwin", vendor))
    key = platform.key()
    assert platform.key(user=OPERATOR) == key
    platform.licensed(vendor)
    assert platform.cli("verify", user=OPERATOR).returncode == 0


def test_remedy_printed_by_doctor_keeps_the_licence_valid(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    platform = run(engine, "gpu", platform_folder(tmp_path / "darwin", vendor))
    page = json.loads(platform.cli("--json", "doctor").stdout)
    assert page["network"]["mode"] == "default-bridge"
    lasting = {part["name"]: part["lasting"] for part in page["components"]}
    assert (lasting["ip"], lasting["container_id"]) == ("may change", "until remade")

    (warning,) = [f for f in page["findings"] if f["slug"] == "address-may-change"]
    for done in paste(warning["remedy"], platform.container, tmp_path):
        assert done.exit_code == 0, done.err

    page = json.loads(platform.cli("--json", "doctor").stdout)
    assert page["network"]["mode"] == "user-defined"
    assert [f["slug"] for f in page["findings"] if "address" in f["slug"]] == []
    platform.licensed(vendor)
    start_with_the_address_taken(engine, platform)
    assert platform.cli("verify").returncode == 0


def test_explain_names_the_differing_id_in_a_copied_container(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    folder = platform_folder(tmp_path / "darwin", vendor)
    first = run(engine, "first", folder)
    number = first.order(vendor, first.cli("request").stdout)
    assert first.install().returncode == 0
    first.container.stop()
    (folder / "conf" / "license.state").unlink()  # a memory would know even the address
    copy = run(engine, "copy", folder)
    done = copy.cli("--json", "verify", "--explain")
    assert done.returncode == WRONG_HOST
    answer = json.loads(done.stdout)
    assert answer["license"]["jti"] == number
    verdicts = {c["name"]: c["verdict"] for c in answer["explanation"]["components"]}
    assert answer["explanation"]["evidence"] == "tags"
    assert verdicts["container_id"] == "differs"
    assert verdicts["ip"] == "unknown"


def test_guard_stops_the_platform_in_its_container(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    platform = run(engine, "gpu", platform_folder(tmp_path / "darwin", vendor))
    platform.licensed(vendor)
    client = f"{sys.executable} {CLI}"
    line = f"{client} guard --interval 1 --on-end 'rm -f {HOME}/running' -- sleep 86400000"
    (platform.folder / "running").touch()
    (platform.folder / "end.sh").write_text(
        f"{line} & guard=$!\n"
        "while ! grep -qs 86400000 /proc/[0-9]*/cmdline; do :; done\n"
        f"rm {HOME}/conf/license.dat; wait $guard; echo $?\n"
    )
    done = platform.container.exec("sh", f"{HOME}/end.sh", env=environment())
    assert done.stdout.split()[-1] == str(PROBLEMS["LicenseMissingError"].exit_code), done.stderr
    assert not (platform.folder / "running").exists()
    assert platform.services() == 0


def wait_for_log(engine: Engine, name: str, words: str, times: int) -> None:
    """Read a container's log until it has said *words* so many times."""
    line = [*engine.command, "logs", "--follow", name]
    with talking(line, engine.environment) as following:
        assert following.stdout is not None
        seen = (line for line in following.stdout if words in line)
        assert sum(1 for _ in zip(range(times), seen, strict=False)) == times
        following.kill()


def test_start_sh_as_pid_1_stops_with_docker_stop_and_starts_again(
    engine: Engine, vendor: Running, tmp_path: Path
) -> None:
    folder = platform_folder(tmp_path / "darwin", vendor)
    os.mkfifo(folder / "licensed")
    waiting = f'[ -e "{HOME}/conf/license.dat" ] || read -r _ <"{HOME}/licensed"'
    container = engine.run(
        "gpu",
        *("/bin/sh", "-c", f"{waiting}; exec sh {HOME}/start.sh"),
        hostname=HOSTNAME,
        binds=[f"{folder}:{HOME}"],
        env=environment(),
    )
    platform = Platform(folder, container)
    platform.licensed(vendor)
    (folder / "licensed").write_text("go\n")
    for times in (1, 2):
        wait_for_log(engine, "gpu", "Starting designer[  OK  ]", times)
        assert platform.services() == 3
        engine.call("stop", "--time", "60", "gpu")
        state = engine.call("inspect", "--format", "{{.State.ExitCode}} {{.State.Status}}", "gpu")
        assert state.stdout == "0 exited\n"
        container.start()
