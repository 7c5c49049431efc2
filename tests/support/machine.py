"""A bare machine in namespaces: private network, mounts and hostname, no container engine."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.cli import CLI, Done, World

MACHINE_ID = "9c1d" * 8
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
mount -t overlay overlay -o "lowerdir=$1:/etc" /etc
set +e
echo ready
while read -r line; do
  eval "$line" </dev/null >"$2/out" 2>"$2/err"
  echo $?
done
"""
_WITHOUT_NETIFACES = (
    "import runpy, sys; sys.modules['netifaces'] = None; sys.argv = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


class MachineUnavailableError(Exception):
    """No namespaces can be made here."""


class Machine(NamedTuple):
    """Namespaces in which commands run, one at a time."""

    process: "subprocess.Popen[str]"
    world: World
    etc: Path

    def do(self, *lines: str) -> None:
        """Run lines of shell, which must go well."""
        for line in lines:
            done = self._run(line)
            assert done.exit_code == 0, f"{line}: {done.err}"

    def client(self, *arguments: str, netifaces: bool = True, root: str = "/") -> Done:
        """One command of the client; without *netifaces* as if it had not been installed."""
        python = [sys.executable] if netifaces else [sys.executable, "-c", _WITHOUT_NETIFACES]
        places = ["--conf", str(self.world.conf), "--keys", str(self.world.keys), "--root", root]
        environment = ["env", "-i", f"PATH={_PATH}", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"]
        done = self._run(shlex.join([*environment, *python, str(CLI), *places, *arguments]))
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

    def _run(self, line: str) -> Done:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        out, err = ((self.world.folder / name).read_text("utf-8") for name in ("out", "err"))
        return Done(code, out, err)


@contextmanager
def running_machine(world: World) -> Iterator[Machine]:
    """A machine named studio2_gpu with nothing but loopback, for as long as the context lasts.

    Raises MachineUnavailableError with what the system said.
    """
    etc = world.folder / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "machine-id").write_text(f"{MACHINE_ID}\n")
    spaces = ["--net", "--mount", "--uts", "--cgroup"]
    if os.geteuid() != 0:
        spaces += ["--user", "--map-root-user"]
    process = subprocess.Popen(
        ["unshare", *spaces, "bash", "-c", _SETUP, "bash", str(etc), str(world.folder)],
        env={"PATH": _PATH},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        assert process.stdout is not None
        said = process.stdout.readline()
        if said != "ready\n":
            raise MachineUnavailableError(said + process.stdout.read())
        machine = Machine(process, world, etc)
        machine.do("echo studio2_gpu > /proc/sys/kernel/hostname")
        yield machine
