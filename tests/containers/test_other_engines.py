"""The rows of docs/CASES.md on containerd, runc, LXC and systemd-nspawn, seen in the engines."""

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from license_core.license import HostBinding
from license_core.request import parse
from tests.support.cases import CASES, Case, Seen, said_of, see
from tests.support.cli import World, code
from tests.support.containers import others
from tests.support.containers.engine import EngineUnavailableError
from tests.support.containers.others import OtherContainer, Others
from tests.support.need import need

pytestmark = pytest.mark.xdist_group("docker")
NUMBERS = itertools.count(1)
"""Of containers: no name is used twice."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Others]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(others.running_others(tmp_path_factory.mktemp("others")))
        except EngineUnavailableError as error:
            need("a machine for containers", f"run these tests as root ({error})")


def observe(case: Case, machine: Others, world: World) -> Seen:
    """The outcome of the case for two containers of one image, one beside the other."""
    missing = others.missing_here(case.real)
    if missing is not None:
        need(case.real, missing)
    bound = None
    if "mounted" in case.what:
        bound = world.folder / "machine-id"
        bound.write_text(f"{'9c1d' * 8}\n")
    profile = ("--profile", case.profile)
    with ExitStack() as stack:
        names = [f"gpu{next(NUMBERS)}" for _ in range(2)]
        one, other = (
            stack.enter_context(others.running(machine, case.real, name, world.folder, bound))
            for name in names
        )
        asked = one.client("--json", "get_host_key", *profile)
        page = json.loads(one.client("--json", "doctor").out)
        assert (page["network"]["engine"], page["network"]["mode"]) == ("unknown", "unknown")
        if asked.exit_code:
            assert other.client("get_host_key", *profile).exit_code == asked.exit_code
            refused = one.client("get_host_key", "--profile", "hk1-host").exit_code
            assert refused == code("host-machine-id-not-bound")
            return Seen(False, asked.slugs(), [], asked.exit_code)
        said_before = asked.notices()
        key = order(one, case, world)
        now = other.client("--json", "get_host_key", *profile).json()["host_key"]
        (world.conf / "license.state").unlink()
        done = other.client("--json", "verify")
        assert one.client("verify").exit_code == 0
        return Seen(now == key, said_before, said_of(done), done.exit_code)


def order(container: OtherContainer, case: Case, world: World) -> str:
    """Order a licence for *container* and put it in place; the key."""
    asked = parse(container.client("request", "--profile", case.profile).out)
    binding = HostBinding(
        asked.key, asked.name, profile=asked.profile, match=case.match, tags=asked.tags
    )
    world.put(world.file(world.claims()._replace(host=binding)))
    holds = container.client("verify")
    assert holds.exit_code == 0, holds.err
    return asked.key


@pytest.mark.parametrize(
    "case", [c for c in CASES if c.real in others.PROGRAMS], ids=lambda c: c.what
)
def test_two_containers_of_one_image_do_what_the_table_says(
    case: Case, machine: Others, tmp_path: Path
) -> None:
    world = World(tmp_path / "real", now=int(time.time()))
    assert observe(case, machine, world) == see(case, tmp_path / "files")
