"""What an operator sees when things go right, or nearly."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from license_core import request
from tests.support import hosts
from tests.support.cli import CLI, DAY, NOW, NUMBER, World, code

# get_host_key, request


def test_the_key_is_one_line_of_json_and_nothing_else(world: World) -> None:
    done = world.run("get_host_key")
    key, hostname = json.loads(done.out)
    assert done.out == f'["{key}", "{hostname}"]\n'
    assert re.fullmatch("[0-9a-f]{40}", key)
    assert hostname == hosts.HOSTNAME


def test_the_warning_comes_before_a_licence_is_ordered_and_can_be_pasted(world: World) -> None:
    said = world.run("get_host_key").err
    assert said.startswith("[W]: ")
    for own in (hosts.IP, hosts.CONTAINER_ID[:12], hosts.HOSTNAME, "docker network create"):
        assert own in said
    assert "--ip-range" in said  # without it, another container can take the address


@pytest.mark.parametrize("declared", [hosts.IP, None])
def test_a_declared_address_that_is_true_silences_the_warning(
    world: World, declared: str | None
) -> None:
    env = {"LICENSE_PINNED_IP": declared} if declared else {}
    assert bool(world.run("get_host_key", env=env).err) is (declared is None)


def test_the_ids_of_the_host_are_never_shown(world: World) -> None:
    world.put()
    for command in ("get_host_key", "request", "verify", "show"):
        for arguments in ([command], ["--json", command]):
            if arguments == ["--json", "request"]:
                continue
            done = world.run(*arguments)
            assert hosts.MACHINE_ID not in done.out + done.err
            assert hosts.CONTAINER_ID not in done.out + done.err


def test_a_request_carries_what_the_vendor_needs(world: World) -> None:
    hosts.container(world.host, gpus=4)
    world.put()
    out = world.folder / "request.txt"
    done = world.run("request", "-o", str(out), "--customer", "ACME 上海")
    assert (done.exit_code, done.out) == (0, "")
    found = request.parse(out.read_text())
    key, hostname = json.loads(world.run("get_host_key").out)
    assert (found.key, found.name, found.gpus) == (key, hostname, 4)
    assert (found.customer, found.product, found.replaces) == ("ACME 上海", "darwin", NUMBER)
    assert found.tags
    assert set(found.tags) == {"hostname", "ip", "machine_id", "container_id"}
    assert hosts.IP not in out.read_text()


def test_a_request_on_standard_output_is_the_same_text(world: World) -> None:
    out = world.folder / "request.txt"
    world.run("request", "-o", str(out))
    assert world.run("request").out == out.read_text()


# install


def test_install_puts_the_file_in_place_byte_for_byte_and_keeps_the_former(world: World) -> None:
    first, second = world.file(), world.file(world.claims(jti="HS-2027-SECOND00"))
    assert world.run("install", world.write(first)).exit_code == 0
    assert world.license.read_bytes() == first
    done = world.run("install", world.write(second))
    assert world.license.read_bytes() == second
    assert (world.conf / "license.dat.old").read_bytes() == first
    assert "HS-2027-SECOND00" in done.out
    assert "license.dat.old" in done.out


def test_installing_the_same_licence_again_keeps_the_one_before_it(world: World) -> None:
    first, second = world.file(), world.file(world.claims(jti="HS-2027-SECOND00"))
    world.run("install", world.write(first))
    source = world.write(second)
    world.run("install", source)
    for again in (source, str(world.license)):
        done = world.run("install", again)
        assert done.exit_code == 0
        assert "license.dat.old" not in done.out
        assert world.license.read_bytes() == second
        assert (world.conf / "license.dat.old").read_bytes() == first


def test_an_install_that_is_refused_has_not_taken_place(world: World) -> None:
    first = world.file()
    world.put(first)
    (world.conf / "license.dat.old" / "kept").mkdir(parents=True)
    renewed = world.write(world.file(world.claims(jti="HS-2027-0000NEXT")))
    done = world.run("install", renewed)
    assert done.exit_code == code("path-is-folder"), done.err
    assert f"{world.license}.old is a folder" in done.err
    assert world.license.read_bytes() == first
    assert sorted(path.name for path in world.conf.glob("license.dat*")) == [
        "license.dat",
        "license.dat.old",
    ]


def test_an_install_that_has_taken_place_is_not_called_refused(world: World) -> None:
    world.put()
    renewed = world.file(world.claims(jti="HS-2027-0000NEXT"))
    source = world.write(renewed)

    def fsync(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))  # a file system without it

    with patch("os.fsync", fsync):
        done = world.run("install", source)
    assert (done.exit_code, world.license.read_bytes()) == (0, renewed), done.err


@pytest.mark.parametrize(("former", "expected"), [(None, 0o644), (0o640, 0o640), (0o644, 0o644)])
def test_a_product_of_another_user_can_read_what_is_installed_under_any_umask(
    world: World, former: int | None, expected: int
) -> None:
    source = world.write(world.file())
    written = (world.license, world.conf / "license.state")
    owner = os.geteuid()
    if former is not None:
        world.put()
        world.run("verify")
        owner = 65534 if owner == 0 else owner
        for path in written:
            path.chmod(former)
            os.chown(path, owner, -1)
    umask = os.umask(0o077)
    try:
        assert world.run("install", source, now=NOW + 9 * DAY).exit_code == 0
    finally:
        os.umask(umask)
    for path in written:
        assert (path.stat().st_mode & 0o777, path.stat().st_uid) == (expected, owner), path


def test_install_reads_standard_input(world: World) -> None:
    file = world.file()
    assert world.run("install", "-", stdin=file).exit_code == 0
    assert world.license.read_bytes() == file


@pytest.mark.parametrize("slug", ["wrong-host", "wrong-product", "license-expired", "mail"])
def test_what_does_not_hold_here_is_refused_and_the_old_file_stays(world: World, slug: str) -> None:
    former = world.file()
    world.put(former)
    binding = world.claims().host._replace(key="ab" * 20, tags=None)
    files = {
        "wrong-host": world.file(world.claims(host=binding)),
        "wrong-product": world.file(world.claims(aud="other")),
        "license-expired": world.file(world.claims(iat=NOW - 9, nbf=NOW - 9, exp=NOW)),
        "mail": b"Dear customer, your licence is attached.\n",
    }
    done = world.run("install", world.write(files[slug]))
    assert done.exit_code == code("license-block-missing" if slug == "mail" else slug)
    assert world.license.read_bytes() == former
    assert not (world.conf / "license.dat.old").exists()
    assert not list(world.conf.glob("*.tmp"))


def test_a_refused_first_licence_leaves_no_file(world: World) -> None:
    done = world.run("install", world.write(world.file()[:500]))
    assert done.exit_code == code("license-damaged")
    assert not world.license.exists()


def test_a_link_at_the_place_of_the_licence_is_followed(world: World) -> None:
    volume = world.folder / "volume"
    volume.mkdir()
    world.license.symlink_to(volume / "license.dat")
    assert world.run("install", world.write(world.file())).exit_code == 0
    assert world.license.is_symlink()
    assert (volume / "license.dat").read_bytes() == world.file()


def test_an_install_from_a_url_is_checked_like_any_other(world: World) -> None:
    from tests.support.loopback import answering

    with answering(200, world.file(), "application/octet-stream") as url:
        assert world.run("install", url).exit_code == 0
    former = world.license.read_bytes()
    for body in (b"<html>Welcome to the hotel's network</html>", b"x" * 70000, b""):
        with answering(200, body, "text/html") as url:
            assert world.run("install", url).exit_code in {
                code("license-block-missing"),
                code("file-too-large"),
            }
        assert world.license.read_bytes() == former


# remedies


def test_a_remedy_looks_where_the_command_looked(world: World) -> None:
    assert "`python cmd/cli.py install FILE`" in world.run("verify").err
    elsewhere = world.run("verify", home=Path("/opt/darwin"))
    folders = f"--conf {world.conf} --keys {world.keys}"
    assert f"`python cmd/cli.py {folders} install FILE`" in elsewhere.err
    told = world.json("verify", home=Path("/opt/darwin")).json()["problems"][0]["remedy"]
    assert f"`python cmd/cli.py {folders} request`" in told


def test_a_remedy_of_a_command_that_start_sh_runs_can_be_pasted_by_a_person(
    present: World, tmp_path: Path
) -> None:
    platform = tmp_path / "a platform" / "deep"
    platform.mkdir(parents=True)
    detour = os.path.relpath(CLI, platform)
    environment = {
        "PATH": "/usr/bin:/bin",
        "LICENSE_CONF": str(present.conf),
        "LICENSE_KEYS": f"{platform}/../../keys",
    }
    line = [sys.executable, f"{platform}/{detour}", "--root", str(present.host), "verify"]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    command = re.search("run `(.*install) FILE`", done.stderr)
    assert command
    assert "/.." not in command[1]
    source = present.write(present.file())
    pasted = f"{command[1]} {source}".replace("cli.py ", f"cli.py --root {present.host} ")
    ran = subprocess.run(["sh", "-c", pasted], env={"PATH": "/usr/bin:/bin"}, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    assert present.license.read_bytes() == present.file()


def test_a_line_that_is_not_understood_names_the_help_of_its_command(world: World) -> None:
    assert "`python cmd/cli.py verify --help`" in world.run("verify", "--nonsense").err


# verify


def test_a_licence_that_holds_is_said_in_one_line(world: World) -> None:
    world.put()
    world.run("verify")
    done = world.run("verify")
    assert done.exit_code == 0
    (line,) = done.out.splitlines()
    assert line.startswith("[N]: ")
    assert NUMBER in line
    assert "2028-01-15" in line


def test_quiet_says_nothing_but_warnings(world: World) -> None:
    world.put()
    assert world.run("verify", "--quiet").out == ""
    done = world.run("verify", "--quiet", now=NOW + 360 * DAY)
    assert (done.exit_code, done.out) == (0, "")
    assert "in 5 days" in done.err


@pytest.mark.parametrize(
    ("days_left", "options", "warned"),
    [
        (31, [], False),
        (30, [], True),
        (31, ["--warn-days", "31"], True),
        (1, ["--warn-days", "0"], False),
    ],
)
def test_an_end_that_is_near_is_a_warning(
    world: World, days_left: int, options: list[str], warned: bool
) -> None:
    world.put()
    done = world.json("verify", *options, now=NOW + (365 - days_left) * DAY)
    assert done.exit_code == 0
    assert ("expires-soon" in done.notices()) is warned


def test_grace_is_announced_and_not_hidden(world: World) -> None:
    world.put(world.file(world.claims(grace_until=NOW + 370 * DAY)))
    done = world.run("verify", now=NOW + 366 * DAY)
    assert done.exit_code == 0
    assert "[W]: The licence ended 2028-01-15 08:00:00 UTC; it is tolerated until" in done.err


@pytest.mark.parametrize("tags", [True, False])
def test_a_changed_address_is_named_with_the_licensed_one(world: World, tags: bool) -> None:
    world.put(world.file(world.claims(tags=tags)))
    assert world.run("verify").exit_code == 0
    hosts.container(world.host, ip="172.17.0.3")
    done = world.run("verify")
    assert done.exit_code == code("wrong-host")
    assert "The address was 172.17.0.2 when licensed and is 172.17.0.3 now." in done.err


def test_without_memory_and_tags_nothing_is_guessed(world: World) -> None:
    world.put(world.file(world.claims(tags=False)))
    hosts.container(world.host, ip="172.17.0.3")
    done = world.json("verify")
    details = done.json()["problems"][0]["facts"]["details"]
    assert [detail["slug"] for detail in details] == ["change-unknown"]


def test_another_container_is_called_so(world: World) -> None:
    world.put()
    hosts.container(world.host, container_id="ab" * 32)
    assert "another container than the licensed one" in world.run("verify").err


@pytest.mark.parametrize(
    "state", [b"", b"{", b"\xff" * 50, b'{"ver":1}', b"x" * 70000, b'{"ver":1,"hosts":[{}]}']
)
def test_a_memory_that_is_damaged_is_a_warning_and_made_anew(world: World, state: bytes) -> None:
    world.put()
    (world.conf / "license.state").write_bytes(state)
    first = world.json("verify")
    assert (first.exit_code, "memory-invalid" in first.notices()) == (0, True)
    assert "memory-invalid" not in world.json("verify").notices()


def test_the_memory_of_another_host_is_not_believed(world: World) -> None:
    world.put()
    world.run("verify", now=NOW + 300 * DAY)
    hosts.container(world.host, container_id="ab" * 32)
    world.put()
    done = world.json("verify", now=NOW + DAY)
    assert (done.exit_code, "memory-invalid" in done.notices()) == (0, True)


def test_a_repaired_clock_does_not_shut_a_site_out_for_good(world: World) -> None:
    world.put()
    assert world.run("verify", now=NOW + 300 * DAY).exit_code == 0  # a battery was empty
    assert world.run("verify", now=NOW + 10 * DAY).exit_code == code("clock-set-back")
    renewed = world.claims(jti="HS-2027-RENEWED0", iat=NOW + 9 * DAY, nbf=NOW + 9 * DAY)
    assert world.run("install", world.write(world.file(renewed)), now=NOW + 10 * DAY).exit_code == 0
    assert world.run("verify", now=NOW + 11 * DAY).exit_code == 0


def test_a_folder_that_cannot_be_written_is_a_warning_for_verify(world: World) -> None:
    world.put()
    state = world.conf / "license.state"
    state.mkdir()  # what cannot be replaced, even by root
    done = world.json("verify")
    assert done.exit_code == 0
    assert "memory-not-written" in done.notices()


def test_an_anchored_licence_tolerates_another_address_and_says_so(world: World) -> None:
    world.put(world.file(world.claims(match="anchored")))
    hosts.container(world.host, ip="172.17.0.3", hostname="other")
    done = world.json("verify")
    assert (done.exit_code, "host-drifted" in done.notices()) == (0, True)


# show


def test_show_tells_what_is_signed_and_nothing_else(world: World) -> None:
    world.put()
    done = world.run("show")
    assert done.exit_code == 0
    for said in (NUMBER, "ACME", "darwin", "gpus 4", "export", hosts.HOSTNAME):
        assert said in done.out
    assert "nobody signed" not in done.out


def test_show_of_a_forged_file_shows_nothing_of_it(world: World) -> None:
    forged = world.file().replace(b"For people", b"Licence for EVIL")
    body = forged.replace(b"-----BEGIN LICENSE-----\ne", b"-----BEGIN LICENSE-----\nf")
    world.put(body)
    done = world.run("show")
    assert done.exit_code == code("signing-key-unknown")
    assert "EVIL" not in done.out + done.err
    assert done.out == ""


def test_show_of_a_licence_for_another_host_says_that_it_does_not_hold_here(world: World) -> None:
    path = world.write(world.file(world.claims(aud="other")))
    done = world.run("show", path)
    assert done.exit_code == 0
    assert "does not hold: The licence is for another product" in done.out


# A product's own code


def test_a_product_reads_what_is_licensed_and_sees_a_replaced_file(world: World) -> None:
    from license_core import check_installed

    def look() -> tuple[bool, tuple[str, ...], dict[str, int]]:
        report = check_installed(world.conf, world.keys, root=world.host, now=NOW + DAY)
        return report.ok, report.features, dict(report.limits)

    assert look() == (False, (), {})
    world.put()
    assert look() == (True, ("export",), {"gpus": 4})
    world.put(world.file(world.claims(features=("train",), limits={"gpus": 8})))
    assert look() == (True, ("train",), {"gpus": 8})
    world.put(world.file(world.claims(aud="other")))
    assert look() == (False, (), {})


def test_a_product_that_names_itself_does_not_depend_on_the_settings(world: World) -> None:
    from license_core import check_installed

    world.put(world.file(world.claims(aud="cheaper")))
    (world.conf / "hostseal.toml").write_text('product = "cheaper"\n')
    folders = (world.conf, world.keys)
    assert check_installed(*folders, root=world.host, now=NOW + DAY).ok
    report = check_installed(*folders, product="darwin", root=world.host, now=NOW + DAY)
    assert [error.slug for error in report.problems] == ["wrong-product"]


def test_the_report_raises_its_primary_problem_on_demand(world: World) -> None:
    from license_core import check_installed
    from license_core.errors import LicenseMissingError

    with pytest.raises(LicenseMissingError):
        check_installed(world.conf, world.keys, root=world.host).require_valid()


def test_no_command_but_those_of_the_operator_writes_anything(world: World) -> None:
    world.put()
    before = sorted(os.listdir(world.conf))
    world.run("show")
    assert sorted(os.listdir(world.conf)) == before
    assert Path(world.license).read_bytes() == world.file()


# verify --explain


def explained(world: World) -> dict[str, str]:
    done = world.json("verify", "--explain")
    found = done.json()["explanation"]
    return {"evidence": found["evidence"]} | {c["name"]: c["verdict"] for c in found["components"]}


SAME = dict.fromkeys(("hostname", "ip", "machine_id", "container_id"), "same")


def test_a_licence_of_this_host_is_explained_as_such(world: World) -> None:
    world.put()
    assert explained(world) == {"evidence": "key", **SAME}
    assert "The host keys are equal" in world.run("verify", "--explain").out


@pytest.mark.parametrize(
    "change",
    [
        {"ip": "172.17.0.9"},
        {"hostname": "other"},
        {"ip": "172.17.0.9", "hostname": "other"},
        {"container_id": "ab" * 32},
        {"machine_id": "ab" * 16, "ip": "172.17.0.9"},
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("evidence", ["memory", "tags", "none"])
def test_what_differs_is_told_as_far_as_it_is_known(
    world: World, change: dict[str, Any], evidence: str
) -> None:
    differing = set(change)
    world.put(world.file(world.claims(tags=evidence == "tags")))
    if evidence == "memory":
        world.run("get_host_key")
    hosts.container(world.host, **change)
    wanted = {"evidence": evidence, **SAME, **dict.fromkeys(differing, "differs")}
    if evidence == "none":
        wanted |= dict.fromkeys(SAME, "unknown")
    elif evidence == "tags" and differing & {"machine_id", "container_id"}:
        wanted |= {"ip": "unknown", "hostname": "unknown"}
    assert explained(world) == wanted
    done = world.run("verify", "--explain")
    assert done.exit_code == code("wrong-host")
    assert ("172.17.0.2 when licensed" in done.out) is (evidence == "memory" and "ip" in differing)
    for secret in (hosts.MACHINE_ID, hosts.CONTAINER_ID, "ab" * 16):
        assert secret not in done.out + done.err


def test_a_tag_that_was_withheld_is_no_evidence_of_being_the_same(world: World) -> None:
    hosts.container(world.host, container_id=None, cgroup="0::/\n")
    (world.host / "run").mkdir()
    (world.host / "run" / ".containerenv").touch()  # a copy of its image would have its ids
    world.put()
    (world.host / "proc" / "sys" / "kernel" / "hostname").write_text("other\n")
    found = explained(world)
    assert (found["evidence"], found["hostname"], found["ip"]) == ("tags", "unknown", "unknown")


def test_what_cannot_be_verified_is_not_explained(world: World) -> None:
    world.put(b"nothing")
    assert "explanation" not in world.json("verify", "--explain").json()


def test_below_an_error_a_missing_memory_is_told_only_where_the_clock_matters(
    world: World,
) -> None:
    world.put()
    assert "no memory of earlier checks" in world.run("verify").err
    world.license.with_name("license.state").unlink()
    hosts.container(world.host, container_id="abcd" * 16)
    done = world.run("verify")
    assert done.exit_code == code("wrong-host")
    assert "memory" not in done.err
    world.license.with_name("license.state").unlink()
    assert "memory-missing" in world.json("verify").notices()
    world.license.with_name("license.state").unlink()
    hosts.container(world.host)
    world.put(world.file(world.claims(nbf=NOW + 9 * DAY)))
    done = world.run("verify")
    assert done.exit_code == code("license-not-yet-valid")
    assert "no memory of earlier checks" in done.err
