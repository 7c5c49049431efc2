"""Real containers that are made anew on the machines of a site, and a stranger with its folder."""

from pathlib import Path

import pytest

from license_core.request import parse
from tests.support.cli import World, code
from tests.support.containers.engine import Container, Engine
from tests.support.containers.stories import Stage, bound_to, client

pytestmark = pytest.mark.xdist_group("docker")
MACHINES = ("1d" * 16, "2e" * 16, "3f" * 16)
ENV = ("LICENSE_SITE=/site",)


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.torture)])
def test_containers_made_anew_hold_the_licence_of_their_site_and_a_copied_folder_does_not(
    engine: Engine, world: World, tmp_path: Path, times: int
) -> None:
    stage, site = Stage(engine, world.folder), tmp_path / "site"
    site.mkdir()

    def made(machine: int, name: str, mode: str = ":ro") -> Container:
        """A container on a machine, with the folder of the site."""
        file = tmp_path / f"machine-id-{machine}"
        file.write_text(f"{MACHINES[machine]}\n")
        return stage.run(
            name, hostname=None, binds=(f"{site}:/site{mode}", f"{file}:/etc/machine-id:ro")
        )

    first = made(0, "first", "")
    assert client(first, "site", "init", MACHINES[1], env=ENV).exit_code == 0
    asked = parse(client(first, "request", "--profile", "hk1-site", env=ENV).out)
    assert asked.machines == 2
    world.put(world.file(world.claims()._replace(host=bound_to(asked, "exact"))))
    first.remove()
    for number in range(times):
        one = made(number % 2, f"product-{number}")
        done = client(one, "verify", env=ENV)
        assert done.exit_code == 0, done.err
        one.remove()
    stranger = client(made(2, "stranger"), "verify", env=ENV)
    assert stranger.exit_code == code("host-not-in-site")
    assert "A copy of a site's folder does not make a machine part of it." in stranger.err
