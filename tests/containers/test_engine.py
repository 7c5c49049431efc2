"""Facts about container engines that the design relies on."""

import contextlib
import os
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.containers.engine import PROJECT, Engine
from tests.support.containers.image import MACHINE_ID, OPERATOR

pytestmark = pytest.mark.xdist_group("docker")

SUBNET, GATEWAY, DYNAMIC_RANGE = "172.30.0.0/24", "172.30.0.1", "172.30.0.128/25"


def licensed_network(engine: Engine) -> str:
    """The network that FACTS and the warnings prescribe: dynamic addresses kept to one half."""
    return engine.network_create("licnet", subnet=SUBNET, gateway=GATEWAY, ip_range=DYNAMIC_RANGE)


def test_restart_alone_keeps_address_id_and_hostname(engine: Engine) -> None:
    gpu = engine.run("gpu", hostname="studio2_gpu")
    before = (gpu.ip(), gpu.id, gpu.read("/proc/sys/kernel/hostname"))
    gpu.restart()
    assert (gpu.ip(), gpu.id, gpu.read("/proc/sys/kernel/hostname")) == before
    assert before[0].startswith("172.17.0.")
    assert before[2] == "studio2_gpu\n"


def test_mountinfo_contains_the_container_id(engine: Engine) -> None:
    gpu = engine.run("gpu")
    assert mounted_ids(gpu.read("/proc/self/mountinfo")) == {gpu.id}


def test_cgroup_shows_the_container_id_or_a_private_root(engine: Engine) -> None:
    gpu = engine.run("gpu")
    cgroup = gpu.read("/proc/self/cgroup")
    controllers = [line for line in cgroup.splitlines() if not line.startswith("0::")]
    if controllers:  # version 1: the host's path, with the id as its last part
        assert any(line.endswith(f"/docker/{gpu.id}") for line in controllers)
    else:  # version 2, where Docker gives each container a namespace of its own
        assert cgroup == "0::/\n"


def test_private_cgroup_namespace_hides_the_id_but_mountinfo_has_it(
    engine: Engine,
) -> None:
    gpu = engine.run("gpu", options=["--cgroupns", "private"])
    assert gpu.id not in gpu.read("/proc/self/cgroup")
    assert mounted_ids(gpu.read("/proc/self/mountinfo")) == {gpu.id}


def test_host_network_shows_the_hosts_bridge_and_hostname(engine: Engine) -> None:
    guest = engine.run("guest", network="host")
    assert "docker0:" in guest.read("/proc/net/dev")
    assert guest.read("/proc/sys/kernel/hostname") == Path("/proc/sys/kernel/hostname").read_text()


def test_container_without_a_network_has_only_loopback(engine: Engine) -> None:
    alone = engine.run("alone", network="none")
    interfaces = re.findall(r"^ *(\S+):", alone.read("/proc/net/dev"), re.MULTILINE)
    assert "eth0" not in interfaces
    assert "lo" in interfaces
    assert alone.ip() == ""


def test_resolv_conf_distinguishes_user_defined_networks(
    engine: Engine,
) -> None:
    network = licensed_network(engine)
    on_bridge, on_network = engine.run("on_bridge"), engine.run("on_network", network=network)
    assert "127.0.0.11" not in on_bridge.read("/etc/resolv.conf")
    assert "nameserver 127.0.0.11" in on_network.read("/etc/resolv.conf")


def test_default_hostname_is_the_start_of_the_container_id(engine: Engine) -> None:
    gpu = engine.run("gpu")
    assert gpu.read("/proc/sys/kernel/hostname") == f"{gpu.id[:12]}\n"


def test_recreated_container_has_a_new_id_and_the_images_machine_id(engine: Engine) -> None:
    gpu = engine.run("gpu", hostname="studio2_gpu")
    identity = gpu.id
    gpu.remove()
    again = engine.run("gpu", hostname="studio2_gpu")
    assert again.id != identity
    assert again.read("/etc/machine-id") == f"{MACHINE_ID}\n"


@pytest.mark.parametrize("user", ["root", OPERATOR])
def test_checkout_and_interpreter_work_inside_the_container(engine: Engine, user: str) -> None:
    gpu = engine.run("gpu")
    script = "import os, sys, cryptography; print(sys.prefix, os.getuid(), os.listdir(sys.argv[1]))"
    done = gpu.exec(sys.executable, "-c", script, str(PROJECT), user=user)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{sys.prefix} {0 if user == 'root' else 1000} [")
    assert "'tests'" in done.stdout


def test_checkout_is_read_only_and_bind_mounts_are_writable(engine: Engine, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    conf.mkdir()
    gpu = engine.run("gpu", binds=[f"{conf}:/srv/conf"], env=["GREETING=hello"])
    refused = gpu.exec("touch", str(PROJECT / "written"))
    assert "Read-only file system" in refused.stderr
    assert gpu.exec("sh", "-c", "echo $GREETING > /srv/conf/said").returncode == 0
    assert (conf / "said").read_text() == "hello\n"


def test_exec_passes_stdin_environment_and_exit_code(engine: Engine) -> None:
    gpu = engine.run("gpu")
    done = gpu.exec("sh", "-c", 'cat; echo "$WORD" >&2; exit 7', env=["WORD=hi"], stdin="fed\n")
    assert (done.stdout, done.stderr, done.returncode) == ("fed\n", "hi\n", 7)


def test_killed_test_run_leaves_no_engine_behind(session_engine: Engine, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib\n"
        "from tests.support.containers.docker import running_docker\n"
        "with running_docker(pathlib.Path(sys.argv[1])) as engine:\n"
        "    print(engine.run('orphan').id, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        identity = owner.stdout.readline().strip()
        assert re.fullmatch("[0-9a-f]{64}", identity)
        processes = [os.pidfd_open(pid) for pid in processes_naming(tmp_path) if pid != owner.pid]
        assert processes
        owner.kill()
    for process in processes:
        assert select.select([process], [], [], 60)[0], "a process outlived its engine"
        os.close(process)
    assert processes_naming(tmp_path) == []
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
    assert not (tmp_path / "data").exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/{identity}"))


def processes_naming(path: Path) -> list[int]:
    """The processes, of every namespace, with `path` on their command line."""
    found = []
    for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            if os.fsencode(path) in cmdline.read_bytes():
                found.append(int(cmdline.parent.name))
    return found


def mounted_ids(mountinfo: str) -> set[str]:
    """The container ids in the sources of the files that Docker mounts over /etc."""
    sources = (line.split()[3:5] for line in mountinfo.splitlines())
    files = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
    return {
        identity
        for source, target in sources
        if target in files
        for identity in re.findall(r"/containers/([0-9a-f]{64})/", source)
    }
