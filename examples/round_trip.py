"""The whole round trip, in one go: what `make demo` plays.

Everything is real: a `license-server` process on SQLite, HTTP over loopback, `cmd/cli.py` as an
operator runs it, and a platform's `start.sh`. It happens in a temporary folder and leaves nothing.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import httpx

from license_core.problems import PROBLEMS

HOME = Path(__file__).resolve().parents[1]
CLI = HOME / "cmd" / "cli.py"
PLATFORM = HOME / "examples" / "darwin-platform"
PRODUCT = "darwin"
SERVER = [sys.executable, "-m", "license_server"]

WRONG_HOST = PROBLEMS["WrongHostError"].exit_code
UNIDENTIFIABLE = PROBLEMS["HostUnidentifiableError"].exit_code


class Story:
    """Tells the steps, one line each, and stops at the first that goes otherwise."""

    def __init__(self) -> None:
        self._step = 0

    def act(self, title: str) -> None:
        """Begin a part of the story."""
        print(f"\n{title}\n", flush=True)

    def tell(self, who: str, does: str) -> None:
        """One step: who does what, and what came of it."""
        self._step += 1
        print(f"{self._step:>3}  {who:<9} {does}", flush=True)

    def fail(self, what: str, done: "subprocess.CompletedProcess[str]") -> NoReturn:
        """End here, with all that the step said."""
        sys.exit(f"\n{what}: exit {done.returncode}\n{done.stdout}{done.stderr}")


class Vendor:
    """The vendor's side: a server process, and its API."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = _bare_environment() | {
            "LICENSE_SERVER_DATA": str(folder),
            "LICENSE_SERVER_PASSPHRASE": os.urandom(12).hex(),
            "LICENSE_SERVER_ADMIN_PASSWORD": os.urandom(12).hex(),
        }
        self._process: subprocess.Popen[str] | None = None
        self._http = httpx.Client(timeout=60)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One `license-server` command."""
        return subprocess.run(
            [*SERVER, *arguments], env=self._environment, capture_output=True, text=True
        )

    def serve(self, token: str) -> str:
        """Start the server on a free port and return its URL."""
        self._process = subprocess.Popen(
            [*SERVER, "serve", "--port", "0"],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None  # noqa: S101  # it is a pipe
        line = self._process.stdout.readline()
        url = next((word for word in line.split() if word.startswith("http")), None)
        if url is None:
            sys.exit(f"the server did not start: {line}")
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60
        )
        return url

    def issue(self, host: str) -> dict[str, str]:
        """Issue a licence over the API for what the operator sent."""
        order = {
            "customer": "ACME Corporation",
            "product": PRODUCT,
            "host": host,
            "days": 365,
            "limits": {"gpus": 4},
            "features": ["export"],
        }
        answer = self._http.post("/api/v1/licenses", json=order)
        answer.raise_for_status()
        issued: dict[str, str] = answer.json()
        return issued

    def download(self, number: str) -> bytes:
        """The licence file."""
        answer = self._http.get(f"/api/v1/licenses/{number}/license.dat")
        answer.raise_for_status()
        return answer.content

    def close(self) -> None:
        """Stop the server."""
        self._http.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=20)
            if self._process.stdout is not None:
                self._process.stdout.close()


class Operator:
    """The customer's side: a platform's folder, and a host that its client looks at."""

    def __init__(self, platform: Path, root_key: Path, host: Path | None = None) -> None:
        shutil.copytree(PLATFORM, platform)
        shutil.copy(root_key, platform / "keys")
        self.platform = platform
        self._host = [] if host is None else ["--root", str(host)]

    def cli(self, *arguments: str, text: bytes | None = None) -> "subprocess.CompletedProcess[str]":
        """One `python cmd/cli.py` command, with *text* on its standard input."""
        done = subprocess.run(
            [sys.executable, str(CLI), *self._host, *arguments],
            env=self._environment(),
            input=text or b"",
            capture_output=True,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def sh(self, script: str) -> "subprocess.CompletedProcess[str]":
        """`sh start.sh`, with no one at the keyboard."""
        return subprocess.run(
            ["sh", script],
            cwd=self.platform,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def _environment(self) -> dict[str, str]:
        return _bare_environment() | {
            "LICENSE_CONF": str(self.platform / "conf"),
            "LICENSE_KEYS": str(self.platform / "keys"),
            "LICENSE_CLI": str(CLI),
            "LICENSE_PYTHON": sys.executable,
        }


def _bare_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def main() -> None:
    """Play the story in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="hostseal-demo-") as folder:
        vendor = Vendor(Path(folder, "vendor"))
        try:
            _play(Path(folder), vendor)
        finally:
            vendor.close()


def _play(folder: Path, vendor: Vendor) -> None:
    story = Story()
    story.act("Setting up the vendor")
    _expect(story, "init", vendor.run("init", "--vendor", "Example Vendor"))
    story.tell("vendor", "license-server init: a root key, a signing key, an empty ledger")
    token = _expect(story, "token", vendor.run("token", "create", "demo")).strip().split()[-1]
    _expect(story, "product", vendor.run("product", "add", PRODUCT))
    story.tell("vendor", f"license-server product add {PRODUCT}: as its hostseal.toml names it")
    story.tell("vendor", f"license-server serve: {vendor.serve(token)}, on SQLite")
    _on_this_machine(folder, vendor, story)
    _in_a_container(folder, vendor, story)
    print(
        "\nThat was all of it. Next:\n"
        "  make serve                          a vendor's server to click through\n"
        "  .venv/bin/python cmd/cli.py --help  the commands that an operator has\n"
        "  examples/darwin-platform/           how a product hooks the check in\n"
        "  docs/SPEC.md                        the formats, the order of checks, the exit codes"
    )


def _on_this_machine(folder: Path, vendor: Vendor, story: Story) -> None:
    story.act("On this machine")
    operator = Operator(folder / "here", vendor.folder / "root.pub.pem")
    asked = operator.cli("get_host_key")
    if asked.returncode == UNIDENTIFIABLE:
        story.tell("operator", "get_host_key: this machine has no machine id; on to a container")
        return
    _licensed(operator, vendor, story, _expect(story, "get_host_key", asked))
    started = _expect(story, "start.sh", operator.sh("start.sh"))
    story.tell("operator", f"sh start.sh: {_last_line(started)}")
    _expect(story, "stop.sh", operator.sh("stop.sh"))


def _in_a_container(folder: Path, vendor: Vendor, story: Story) -> None:
    story.act("In a container on Docker's default network (its files, as they were recorded)")
    host = folder / "container"
    _record_container(host, "172.17.0.2")
    operator = Operator(folder / "there", vendor.folder / "root.pub.pem", host)
    asked = operator.cli("get_host_key")
    line = _expect(story, "get_host_key", asked)
    _licensed(operator, vendor, story, line, warning=asked.stderr)

    _record_container(host, "172.17.0.3")
    story.tell("engine", "the container is started again and gets another address")
    refused = operator.cli("verify")
    if refused.returncode != WRONG_HOST:
        story.fail("verify should have refused", refused)
    story.tell("operator", f"verify: exit {refused.returncode}, and it says why:")
    for said in refused.stderr.splitlines():
        print(f"     | {said}")


def _licensed(
    operator: Operator, vendor: Vendor, story: Story, line: str, warning: str = ""
) -> None:
    """From the line of get_host_key to a licence that holds."""
    story.tell("operator", f"get_host_key: {line.strip()}")
    if warning:
        print(f"     | {warning.splitlines()[0]}")
    issued = vendor.issue(line)
    story.tell("vendor", f"POST /api/v1/licenses: {issued['id']} for {issued['customer']}")
    text = vendor.download(issued["id"])
    installed = _expect(story, "install", operator.cli("install", "-", text=text))
    story.tell("operator", f"install: {installed.splitlines()[0]}")
    report = json.loads(_expect(story, "verify", operator.cli("--json", "verify")))
    limits = report["license"]["limits"]
    story.tell("operator", f"verify: exit {report['exit_code']}, gpus {limits['gpus']}")


def _expect(story: Story, what: str, done: "subprocess.CompletedProcess[str]") -> str:
    """The output of a step that had to succeed."""
    if done.returncode != 0:
        story.fail(what, done)
    return done.stdout


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def _record_container(host: Path, ip: str) -> None:
    """Write what a container on Docker's default network shows of itself, as far as it counts."""
    identity = "5f0c1b7e" * 8
    files = {
        "proc/sys/kernel/hostname": "studio2_gpu\n",
        "etc/machine-id": f"{'9c1d' * 8}\n",
        "etc/resolv.conf": "nameserver 192.0.2.53\n",
        "proc/self/cgroup": "0::/\n",
        "proc/self/mountinfo": (
            f"700 699 8:1 /var/lib/docker/containers/{identity}/hostname"
            " /etc/hostname rw,relatime - ext4 /dev/sda1 rw\n"
        ),
        "proc/net/route": (
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
            "eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
            "eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        ),
        "proc/net/fib_trie": f"Local:\n     |-- {ip}\n        /32 host LOCAL\n",
        "proc/net/dev": "Inter-|\n face |\n    lo: 0\n  eth0: 0\n",
    }
    for name, text in files.items():
        path = host / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "ascii")


if __name__ == "__main__":
    main()
