"""A bare machine in namespaces: private network, mounts and hostname, no container engine."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.cli import CLI, Done, World
from tests.support.need import need
from tests.support.talking import LOOP, Shell, SilentError, heard, talking

MACHINE_ID = "9c1d" * 8
CABLE = [
    "ip link add eth0 type veth peer name far0",
    "ip link set eth0 up",
    "ip link set far0 up addrgenmode none",
]
SECOND_CABLE = [line.replace("0", "1") for line in CABLE]
V4 = ["ip address add 10.0.0.2/24 dev eth0"]
V4_ROUTE = [*V4, "ip route add default via 10.0.0.1"]
V6_ROUTE = [
    "ip address add 2001:db8:1::2/64 dev eth0 nodad",
    "ip route add default via 2001:db8:1::1",
]
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# As this machine may be a container itself, what would tell is taken away; /etc gets a layer that
# holds a machine id, as it may have none.
_SETUP = """
set -e
ip link set lo up
for file in /etc/hostname /etc/hosts /etc/resolv.conf /run/.containerenv; do
  umount "$file" 2>/dev/null || true
done
mount -t tmpfs tmpfs /run
mount -t sysfs sysfs /sys
mount -t overlay overlay -o "lowerdir=$1:/etc" /etc
set +e
folder=$2
echo ready
"""
# As in a sandbox: there is no such family of sockets.
_WITHOUT_NETLINK = (
    "import _socket, runpy, sys; kept = _socket.socket; sys.argv = sys.argv[1:]; "
    "_socket.socket = lambda family=-1, *rest: kept(99 if family == 16 else family, *rest); "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


class MachineUnavailableError(Exception):
    """No namespaces can be made here."""


class Machine(NamedTuple):
    """Namespaces in which commands run, one at a time."""

    shell: Shell
    world: World
    etc: Path

    def do(self, *lines: str) -> None:
        """Run lines of shell, which must go well."""
        for line in lines:
            done = self.shell.run(line)
            assert done.exit_code == 0, f"{line}: {done.err}"

    def client(
        self,
        *arguments: str,
        netlink: bool = True,
        root: str = "/",
        env: Mapping[str, str] | None = None,
    ) -> Done:
        """One command of the client; without *netlink* as where the kernel may not be asked."""
        python = [sys.executable] if netlink else [sys.executable, "-c", _WITHOUT_NETLINK]
        places = ["--conf", str(self.world.conf), "--keys", str(self.world.keys), "--root", root]
        environment = ["env", "-i", f"PATH={_PATH}", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"]
        environment += [f"{name}={value}" for name, value in (env or {}).items()]
        done = self.shell.run(shlex.join([*environment, *python, str(CLI), *places, *arguments]))
        assert "Traceback" not in done.err
        return done

    def recorded(self) -> str:
        """A folder that holds what the kernel shows of this machine's network."""
        folder = self.world.folder / "recorded"
        self.do(
            f"mkdir -p {folder}/proc/net {folder}/proc/sys/kernel {folder}/etc",
            f"cp /etc/machine-id {folder}/etc",
            f"cat /proc/sys/kernel/hostname > {folder}/proc/sys/kernel/hostname",
            f"for file in route fib_trie if_inet6 ipv6_route dev; do "
            f"cat /proc/net/$file > {folder}/proc/net/$file; done",
        )
        return str(folder)


def started(stack: ExitStack, world: World) -> Machine:
    """A machine that lasts as long as *stack*; skips where none can be made."""
    if shutil.which("unshare") is None or shutil.which("ip", path="/usr/sbin:/sbin") is None:
        need("a network namespace", "apt-get install iproute2 util-linux")
    try:
        return stack.enter_context(running_machine(world))
    except MachineUnavailableError as error:
        need("a network namespace", f"run these tests as root, who may make one ({error})")


@contextmanager
def running_machine(world: World) -> Iterator[Machine]:
    """A machine named studio2_gpu with nothing but loopback, for as long as the context lasts.

    Raises MachineUnavailableError with what the system said.
    """
    etc = world.folder / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "machine-id").write_text(f"{MACHINE_ID}\n")
    spaces = ["--net", "--mount", "--uts"]  # one of processes or cgroups would be a container's
    if os.geteuid() != 0:
        spaces += ["--user", "--map-root-user"]
    script = ["bash", "-c", _SETUP + LOOP, "bash", str(etc), str(world.folder)]
    with talking(["unshare", *spaces, *script], {"PATH": _PATH}) as process:
        try:
            heard(process, "ready")
        except SilentError as error:
            raise MachineUnavailableError(str(error)) from error
        machine = Machine(Shell(process, world.folder), world, etc)
        machine.do("echo studio2_gpu > /proc/sys/kernel/hostname")
        yield machine
