"""``get_host_key``: the host key line, and the warning that the address may change."""

import json
import re

import pytest

from license_core import received, request
from license_core.errors import RequestDamagedError
from tests.support import hosts
from tests.support.cases import bound
from tests.support.cli import World, code


def test_get_host_key_prints_exactly_one_line_of_json(world: World) -> None:
    done = world.run("get_host_key")
    key, hostname = json.loads(done.out)
    assert done.out == f'["{key}", "{hostname}"]\n'
    assert re.fullmatch("[0-9a-f]{40}", key)
    assert hostname == hosts.HOSTNAME


@pytest.mark.parametrize("profile", ["hk1", "hk1-host"])
def test_check_code_stands_last_where_it_is_asked_for(world: World, profile: str) -> None:
    bound()(world.host)
    command = ["get_host_key", "--profile", profile]
    plain = json.loads(world.run(*command).out)
    line = world.run(*command, "--check").out
    *rest, check = json.loads(line)
    assert (rest, check[:6]) == (plain, "check ")
    assert request.parse(line) == request.parse(json.dumps(plain))
    assert json.loads(world.run("--json", *command, "--check").out)["check"] == check
    assert "check" not in json.loads(world.run("--json", *command).out)
    wrong = line.replace(rest[0][-4:], "0000")
    with pytest.raises(RequestDamagedError):
        request.parse(wrong)


@pytest.mark.parametrize("profile", ["hk1", "hk1-host"])
def test_telephone_code_is_read_back_as_the_same_host(world: World, profile: str) -> None:
    bound()(world.host)
    command = ["get_host_key", "--profile", profile]
    printed = world.run(*command, "--phone")
    lines = printed.out.splitlines()
    assert [len(line) for line in lines] == [27, 27, 20, len(hosts.HOSTNAME) + 2]
    assert received.parse(printed.out) == request.parse(world.run(*command).out)
    assert "Read the groups to your vendor in their order" in printed.err
    answer = json.loads(world.run("--json", *command, "--phone").out)
    assert answer["telephone_code"] == " ".join(lines[:3])
    assert "telephone_code" not in json.loads(world.run("--json", *command).out)


def test_telephone_code_is_said_in_chinese(world: World) -> None:
    assert "请按顺序把各组数字读给厂商" in world.run("--lang", "zh", "get_host_key", "--phone").err


def test_get_host_key_warns_of_a_changing_address_with_a_command(world: World) -> None:
    said = world.run("get_host_key").err
    assert said.startswith("[W]: ")
    for own in (hosts.IP, hosts.CONTAINER_ID[:12], hosts.HOSTNAME, "docker network create"):
        assert own in said
    assert "--ip-range" in said  # without it, another container can take the address


@pytest.mark.parametrize("declared", [hosts.IP, None])
def test_correct_pinned_address_silences_the_warning(world: World, declared: str | None) -> None:
    hosts.container(world.host, nameserver="127.0.0.11")
    env = {"LICENSE_PINNED_IP": declared} if declared else {}
    assert bool(world.run("get_host_key", env=env).err) is (declared is None)


def test_pinned_address_on_dockers_default_network_is_not_believed(world: World) -> None:
    told = world.run("get_host_key", env={"LICENSE_PINNED_IP": hosts.IP}).err
    assert "may give that address to another one" in told
    assert "LICENSE_PINNED_IP pins nothing on Docker's default network" in told
    hosts.podman(world.host)
    assert world.run("get_host_key", env={"LICENSE_PINNED_IP": "10.88.0.5"}).err == ""


@pytest.mark.parametrize(
    "typed",
    [" {}", "{}\r", "{}\n", '"{}"', "'{}'", "\ufeff{}", "\u201c{}\u201d", "[{}]", "({})", "`{}`"],
)
@pytest.mark.parametrize("ip", [hosts.IP, "１７２．１７．０．２", "172。17。0。2"])
def test_pinned_address_may_be_typed_with_what_is_around_it(
    world: World, typed: str, ip: str
) -> None:
    hosts.container(world.host, nameserver="127.0.0.11")
    for env in ({"LICENSE_PINNED_IP": typed.format(ip)}, {}):
        done = world.run("get_host_key", env=env)
        assert (done.exit_code, done.err) == (0, "")
        assert world.run("pin", typed.format(ip)).exit_code == 0  # for the second time


def test_pinned_ipv6_address_may_be_typed_in_any_form(world: World) -> None:
    six = "20010db8000000000000000000000abc 02 40 00 80     eth0\n"
    hosts.container(world.host, ip=None, nameserver="127.0.0.11")
    hosts.write(world.host, {"/proc/net/if_inet6": six})
    for typed in ("[2001:DB8::ABC]", "2001:0db8:0:0:0:0:0:0abc", "2001:db8::abc "):
        done = world.run("get_host_key", env={"LICENSE_PINNED_IP": typed})
        assert (done.exit_code, done.err) == (0, "")


@pytest.mark.parametrize("typed", ["yes", "172.30.0", "172.30.0.256", "172.30.0.10/24", "eth0"])
def test_pinned_address_that_is_none_is_told_as_none(world: World, typed: str) -> None:
    for done in (
        world.run("get_host_key", env={"LICENSE_PINNED_IP": typed}),
        world.run("pin", typed),
    ):
        assert (done.exit_code, done.out) == (code("pinned-address-invalid"), "")
        assert f"`{typed}`, which is not an IP address" in done.err


def test_pin_declares_the_present_address_only_and_the_environment_counts_before(
    world: World,
) -> None:
    hosts.container(world.host, nameserver="127.0.0.11")
    refused = world.run("pin", "172.30.0.10")
    assert refused.exit_code == code("pinned-address-differs")
    assert not (world.conf / "license.pin").exists()
    assert world.run("pin", hosts.IP).exit_code == 0
    assert world.run("get_host_key").err == ""
    other = world.run("get_host_key", env={"LICENSE_PINNED_IP": "172.30.0.10"})
    assert other.exit_code == code("pinned-address-differs")
    assert "cannot be seen" in world.run("get_host_key", env={"LICENSE_PINNED_IP": ""}).err
    hosts.container(world.host, nameserver="127.0.0.11", ip="172.17.0.9")
    moved = world.run("get_host_key")
    assert moved.exit_code == code("pinned-address-differs")
    for done in (refused, moved):  # nobody has set that variable
        assert "The declared address (LICENSE_PINNED_IP, or `pin`) is" in done.err


def test_machine_and_container_ids_are_never_printed(world: World) -> None:
    world.put()
    for command in ("get_host_key", "request", "verify", "show"):
        for arguments in ([command], ["--json", command]):
            if arguments == ["--json", "request"]:
                continue
            done = world.run(*arguments)
            assert hosts.MACHINE_ID not in done.out + done.err
            assert hosts.CONTAINER_ID not in done.out + done.err
