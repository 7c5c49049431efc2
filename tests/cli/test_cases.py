"""Case by case: does the key survive, what is said before, what afterwards (docs/CASES.md).

The page is made by these tests: ``python -m tests.cli.test_cases`` writes it. What engines really
do in each case is shown in tests/containers.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from license_core import hostkey
from license_core.license import HostBinding
from license_core.probe import read_facts
from license_core.problems import NOTICES
from tests.support import hosts
from tests.support.cli import REPOSITORY, World

PAGE = REPOSITORY / "docs" / "CASES.md"
POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
OTHER_ID = "c0ffee00" * 8
Make = Callable[[Path], object]


def container(**values: Any) -> Make:
    return lambda root: hosts.container(root, **values)


def own_network(**values: Any) -> Make:
    return container(nameserver="127.0.0.11", **values)


def podman(**values: Any) -> Make:
    def make(root: Path) -> None:
        hosts.container(root, **({"ip": "10.88.0.5"} | values))
        hosts.write(root, {"/run/.containerenv": ""})

    return make


def host_network(root: Path) -> None:
    hosts.container(root, ip="192.168.7.20")
    text = "Inter-|\n face |\n    lo: 0\n  eth0: 0\n  docker0: 0\n"
    hosts.write(root, {"/proc/net/dev": text})


def bound(**values: Any) -> Make:
    """A container into which the machine's own id is bound."""

    def make(root: Path) -> None:
        container_id = values.get("container_id", hosts.CONTAINER_ID)
        hosts.container(root, **values)
        line = "799 699 8:1 /etc/machine-id /etc/machine-id ro - ext4 /dev/sda1 rw\n"
        hosts.write(root, {"/proc/self/mountinfo": hosts.mountinfo(container_id) + line})

    return make


class Case(NamedTuple):
    what: str
    before: Make
    after: Make
    env: dict[str, str] = {}  # noqa: RUF012  # a tuple's default, never changed
    match: str = "exact"
    profile: str = "hk1"
    address_lost: bool = False
    quiet: bool = False
    """Whether a warning beforehand would be a false alarm."""


PINNED = {"LICENSE_PINNED_IP": hosts.IP}
NAMELESS = hosts.CONTAINER_ID[:12]
CASES = [
    Case("Docker, default network: restart alone", container(), container()),
    Case(
        "Docker, default network: another container took the address, or the daemon restarted",
        container(),
        container(ip="172.17.0.3"),
        address_lost=True,
    ),
    Case(
        "Docker, default network moved (`bip`)",
        container(),
        container(ip="172.20.0.2"),
        address_lost=True,
    ),
    Case(
        "Docker, own network, address pinned and declared: restart",
        own_network(),
        own_network(),
        PINNED,
        quiet=True,
    ),
    Case("Docker, own network, nothing declared: restart", own_network(), own_network()),
    Case(
        "Docker, own network, nothing declared: the address was given to another",
        own_network(),
        own_network(ip="172.17.0.3"),
        address_lost=True,
    ),
    Case(
        "Docker, pinned and declared, but the address was stolen",
        own_network(),
        own_network(ip="172.17.0.3"),
        PINNED,
        quiet=True,
    ),
    Case("Docker, host network: restart", host_network, host_network, quiet=True),
    Case(
        "Docker: removed and run again with the same flags",
        own_network(),
        own_network(container_id=OTHER_ID),
        PINNED,
        quiet=True,
    ),
    Case(
        "Docker: removed and run again, no `--hostname`",
        own_network(hostname=NAMELESS),
        own_network(hostname=OTHER_ID[:12], container_id=OTHER_ID),
        PINNED,
        quiet=True,
    ),
    Case(
        "Docker: `commit`, and the copy run on another machine",
        own_network(),
        own_network(container_id=OTHER_ID),
        PINNED,
        quiet=True,
    ),
    Case(
        "Docker: made anew, machine id bound in, profile hk1-host, pinned",
        bound(nameserver="127.0.0.11"),
        bound(nameserver="127.0.0.11", container_id=OTHER_ID),
        PINNED,
        profile="hk1-host",
        quiet=True,
    ),
    Case("podman, default network: restart", podman(), podman(ip="10.88.0.6"), address_lost=True),
    Case(
        "Kubernetes: the container restarted",
        container(ip="10.244.1.7"),
        container(ip="10.244.1.7", container_id=OTHER_ID),
        POD,
    ),
    Case(
        "Kubernetes: the pod was made anew",
        container(ip="10.244.1.7"),
        container(ip="10.244.1.9", container_id=OTHER_ID),
        POD,
        address_lost=True,
    ),
    Case(
        "Kubernetes: the pod was made anew; hk1-host, anchored",
        bound(ip="10.244.1.7"),
        bound(ip="10.244.1.9", container_id=OTHER_ID),
        POD,
        match="anchored",
        profile="hk1-host",
        quiet=True,
    ),
    Case(
        "Anchored licence: address and name drift",
        container(),
        container(ip="172.17.0.9", hostname="renamed"),
        match="anchored",
    ),
    Case(
        "Anchored licence in another container",
        container(),
        container(container_id=OTHER_ID),
        match="anchored",
    ),
    Case(
        "Machine: restart", container(container_id=None), container(container_id=None), quiet=True
    ),
    Case(
        "Machine: renamed",
        container(container_id=None),
        container(container_id=None, hostname="renamed"),
        quiet=True,
    ),
    Case(
        "Machine: reinstalled",
        container(container_id=None),
        container(container_id=None, machine_id="ab" * 16),
        quiet=True,
    ),
]


class Seen(NamedTuple):
    survives: bool
    said_before: list[str]
    said_after: list[str]
    exit_code: int


def see(case: Case, folder: Path) -> Seen:
    world = World(folder)
    case.before(world.host)
    before = world.json("get_host_key", "--profile", case.profile, env=case.env)
    facts = read_facts(str(world.host), case.env)
    key = hostkey.derive(facts, case.profile)
    binding = HostBinding(
        key.key,
        key.hostname,
        profile=case.profile,
        match=case.match,
        tags=hostkey.tags(facts, case.profile),
    )
    world.put(world.file(world.claims()._replace(host=binding)))
    assert world.run("verify", env=case.env).exit_code == 0
    case.after(world.host)
    now = hostkey.derive(read_facts(str(world.host), case.env), case.profile)
    (world.conf / "license.state").unlink()  # so that the licence alone explains
    done = world.json("verify", env=case.env)
    said = [
        slug
        for problem in done.json()["problems"]
        for slug in (problem["slug"], *(d["slug"] for d in problem["facts"].get("details", ())))
    ]
    said += [slug for slug in done.notices() if slug == "host-drifted"]
    return Seen(now.key == key.key, before.notices(), said, done.exit_code)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_case_is_announced_and_explained(case: Case, tmp_path: Path) -> None:
    seen = see(case, tmp_path)
    warned = [slug for slug in seen.said_before if NOTICES[slug].level == "warning"]
    if case.quiet:
        assert not warned, "a false alarm"
    if case.address_lost:
        assert seen.said_before, "nobody was told beforehand"
        assert not seen.survives
    if not seen.survives and seen.exit_code:
        assert "change-unknown" not in seen.said_after
        assert seen.said_after


def page() -> str:
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            seen = see(case, Path(folder))
        words = [
            case.what,
            "yes" if seen.survives else "no",
            " ".join(f"`{slug}`" for slug in seen.said_before) or "nothing",
            "holds" if seen.exit_code == 0 else f"refused ({seen.exit_code})",
            " ".join(f"`{slug}`" for slug in seen.said_after) or "nothing",
        ]
        rows.append(f"| {' | '.join(words)} |\n")
    return (
        "# Case by case\n\n"
        "What happens to a licence when a host changes: does its key survive, what does\n"
        "`get_host_key` say before a licence is ordered, and what does `verify` say\n"
        "afterwards, with nothing but the licence to explain it. Written by\n"
        "`python -m tests.cli.test_cases` from the tests that prove it; what engines really\n"
        "do is shown in tests/containers. The words of the slugs: license_core/problems.py.\n\n"
        "| case | key survives | said beforehand | licence | said afterwards |\n"
        "| --- | --- | --- | --- | --- |\n" + "".join(rows)
    )


def test_the_page_is_what_these_tests_write() -> None:
    assert PAGE.read_text("utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
