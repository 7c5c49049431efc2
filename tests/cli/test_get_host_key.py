"""``get_host_key``: the host key line, and the warning that the address may change."""

import json
import re

import pytest

from tests.support import hosts
from tests.support.cli import World


def test_get_host_key_prints_exactly_one_line_of_json(world: World) -> None:
    done = world.run("get_host_key")
    key, hostname = json.loads(done.out)
    assert done.out == f'["{key}", "{hostname}"]\n'
    assert re.fullmatch("[0-9a-f]{40}", key)
    assert hostname == hosts.HOSTNAME


def test_get_host_key_warns_of_a_changing_address_with_a_command(world: World) -> None:
    said = world.run("get_host_key").err
    assert said.startswith("[W]: ")
    for own in (hosts.IP, hosts.CONTAINER_ID[:12], hosts.HOSTNAME, "docker network create"):
        assert own in said
    assert "--ip-range" in said  # without it, another container can take the address


@pytest.mark.parametrize("declared", [hosts.IP, None])
def test_correct_pinned_address_silences_the_warning(world: World, declared: str | None) -> None:
    env = {"LICENSE_PINNED_IP": declared} if declared else {}
    assert bool(world.run("get_host_key", env=env).err) is (declared is None)


def test_machine_and_container_ids_are_never_printed(world: World) -> None:
    world.put()
    for command in ("get_host_key", "request", "verify", "show"):
        for arguments in ([command], ["--json", command]):
            if arguments == ["--json", "request"]:
                continue
            done = world.run(*arguments)
            assert hosts.MACHINE_ID not in done.out + done.err
            assert hosts.CONTAINER_ID not in done.out + done.err
