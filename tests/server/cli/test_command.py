"""``license-server`` as a person types it: what it makes, says, and refuses."""

import base64
import json
import os
import re
import shlex
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from license_core.request import LicenseRequest
from license_core.verify import open_license
from license_server.cli import main
from tests.support import server, softhsm
from tests.support.problems import exit_code
from tests.support.server import EMAIL, KEY, LINE, PASSPHRASE, PASSWORD

SCRYPT = bytes.fromhex("02024000020108020108")
"""In DER: the costs n = 16384, r = 8, p = 8."""
ISSUE = ("issue", "--customer", "ACME", "--product", "darwin", "--host", LINE, "--days", "30")


def run(data: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    done = server.at_once(*arguments, env=server.environment(data) | env)
    assert "Traceback" not in done.stderr + done.stdout
    assert PASSPHRASE not in done.stderr + done.stdout
    return done


@softhsm.about_key_files
def test_init_makes_a_server_whose_private_keys_are_sealed(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "server"
    words = ("init", "--vendor", "上海", "--admin", EMAIL)
    done = server.command(*words, env=server.environment(data))  # a process: keys as people have
    assert done.returncode == 0, done.stderr
    assert PASSWORD not in done.stdout
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for name in ("root", "signing", "record", "seeds"):
        path = data / "keys" / f"{name}.key.pem"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        pem = path.read_bytes()
        assert SCRYPT in base64.b64decode(b"".join(pem.splitlines()[1:-1]))
        assert load_pem_private_key(pem, PASSPHRASE.encode())
        with pytest.raises(ValueError, match="password"):
            load_pem_private_key(pem, b"another passphrase")
    assert sorted(p.name for p in data.parent.iterdir()) == ["server"]
    assert sorted(p.name for p in data.iterdir()) == [
        "hostseal.db",
        "keys",
        "record.pub.pem",
        "root.pub.pem",
    ]
    stored = sqlite3.connect(data / "hostseal.db").execute("select * from users").fetchall()
    assert PASSWORD not in str(stored)
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in str(stored)  # RFC 9106 section 4, the second choice


def test_openssl_reads_the_keys(data: Path) -> None:
    key = str(data / "keys" / "root.key.pem")
    line = ["openssl", "pkey", "-in", key, "-pubout", "-passin", "stdin"]
    try:
        done = subprocess.run(line, input=PASSPHRASE.encode(), capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is missing: apt-get install openssl")
    assert done.stdout == (data / "root.pub.pem").read_bytes()


def test_a_password_that_was_not_given_is_made_and_told_once(tmp_path: Path) -> None:
    env = server.environment(tmp_path / "server")
    del env["LICENSE_SERVER_ADMIN_PASSWORD"]
    done = server.command("init", env=env)
    assert done.returncode == 0
    assert len(done.stdout.split("(shown this once): ")[1].strip()) >= 20


def test_a_second_init_is_refused_and_changes_nothing(data: Path) -> None:
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    done = run(data, "init")
    assert done.returncode == exit_code("already-initialised")
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"LICENSE_SERVER_PASSPHRASE": ""}, "passphrase-missing"),
        ({"LICENSE_SERVER_PASSPHRASE_FILE": "/nonexistent"}, "input-invalid"),
        ({"LICENSE_SERVER_ADMIN_PASSWORD": "short"}, "input-invalid"),
        ({"LICENSE_SERVER_PASSPHRASE": "x"}, "input-invalid"),
        (
            {"LICENSE_SERVER_PASSPHRASE": "", "LICENSE_SERVER_PASSPHRASE_FILE": ""},
            "passphrase-missing",
        ),
        ({"LICENSE_SERVER_DATABASE": "nonsense"}, "input-invalid"),
        ({"LICENSE_SERVER_SESSION_HOURS": "many"}, "input-invalid"),
        (
            {"LICENSE_SERVER_DATABASE": "postgresql://u:secretword@127.0.0.1:1/x"},
            "database-unavailable",
        ),
    ],
)
def test_an_init_that_cannot_be_done_leaves_nothing(
    tmp_path: Path, change: dict[str, str], slug: str
) -> None:
    done = run(tmp_path / "server", "init", **change)
    assert done.returncode == exit_code(slug), done.stderr
    assert "secretword" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_init_in_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "notes").touch()
    assert run(tmp_path / "server", "init").returncode == exit_code("input-invalid")
    assert [p.name for p in tmp_path.rglob("*")] == ["server", "notes"]


def test_issue_writes_a_file_that_verifies(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "license.dat"
    done = run(
        data, *ISSUE, "--limit", "gpus=4", "--feature", "a", "--feature", "b", "-o", str(out)
    )
    assert done.returncode == 0, done.stderr
    license_ = open_license(out.read_bytes(), roots=server.roots(data)).license
    assert (license_.limits, license_.features) == ({"gpus": 4}, ("a", "b"))
    assert license_.jti in done.stderr
    assert "exact: a change of hostname, IP address, machine or container is refused" in done.stderr
    assert "anchored: the bare line of get_host_key carries no evidence" in done.stderr


def test_issue_says_what_the_licence_and_the_other_choice_tolerate(data: Path) -> None:
    tags = dict.fromkeys(("hostname", "ip", "machine_id"), "0123456789abcdef")
    text = LicenseRequest(KEY, "x", "hk1-host", tags).to_text()
    done = run(data, *ISSUE, "--host", text, "--match", "anchored", "-o", "-")
    assert "anchored: a change of machine is refused; a change of hostname or IP" in done.stderr
    assert "a change of container is ignored" in done.stderr
    assert "exact would have been: a change of hostname, IP address or machine" in done.stderr


@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_passphrase_that_others_can_read_is_warned_of_once(
    data: Path, tmp_path: Path, mode: int, warned: int
) -> None:
    path = tmp_path / "pass phrase"
    path.write_text(f"{PASSPHRASE}\n", "utf-8")
    path.chmod(mode)
    done = run(data, *ISSUE, "-o", "-", LICENSE_SERVER_PASSPHRASE_FILE=str(path))
    assert done.returncode == 0
    assert done.stderr.count("[W]:") == done.stderr.count(f"chmod 600 '{path}'") == warned
    assert "chmod" not in done.stdout


def test_every_option_and_command_has_a_description() -> None:
    def parameters(command: click.Command) -> Iterator[click.Parameter]:
        assert command.help, command.name
        yield from command.params
        for one in getattr(command, "commands", {}).values():
            yield from parameters(one)

    for parameter in parameters(main.cli):
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("text", [f"{LINE}\n", LicenseRequest(key=KEY, name="x").to_text()])
def test_issue_reads_what_the_operator_sent_from_a_file(
    data: Path, tmp_path: Path, text: str
) -> None:
    sent = tmp_path / "request.txt"
    sent.write_text(text, "utf-8")
    done = run(data, *ISSUE, "--host", f"@{sent}", "-o", "-")
    license_ = open_license(done.stdout.encode(), roots=server.roots(data)).license
    assert license_.host.key == KEY


def licenses(data: Path) -> int:
    stored = sqlite3.connect(data / "hostseal.db").execute("select count(*) from licenses")
    return int(stored.fetchone()[0])


def test_a_folder_is_no_place_for_a_licence_and_nothing_is_issued(
    data: Path, tmp_path: Path
) -> None:
    done = run(data, *ISSUE, "-o", str(tmp_path))
    assert done.returncode == exit_code("path-is-folder"), done.stderr
    assert f"{tmp_path} is a folder" in done.stderr
    assert licenses(data) == 0


def test_a_licence_whose_file_cannot_be_written_is_told_with_the_way_to_fetch_it(
    data: Path, tmp_path: Path
) -> None:
    device = tmp_path / "full"
    device.symlink_to("/dev/full")  # by a name of its own: what would replace it hurts nobody
    for output in (str(device), "-"):
        with open("/dev/full", "wb") as full:
            line = [sys.executable, "-m", "license_server", *ISSUE, "-o", output]
            done = subprocess.run(
                line,
                env=server.environment(data),
                cwd=server.REPOSITORY,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert done.returncode == exit_code("license-not-written"), done.stderr
        number = re.search(r"Licence (HS-\S+) was issued", done.stderr)
        assert number
        command = re.search(r"`(.* file HS-.* -o) FILE`", done.stderr)
        assert command
        assert "xception" not in done.stderr
        fetched = subprocess.run(
            [*shlex.split(command[1]), str(tmp_path / "license.dat")],
            env=server.environment(data),
            cwd=server.REPOSITORY,
            capture_output=True,
        )
        assert fetched.returncode == 0, fetched.stderr
        file = (tmp_path / "license.dat").read_bytes()
        assert open_license(file, roots=server.roots(data)).license.jti == number[1]


def test_a_file_that_was_there_and_a_licence_that_holds_beside_are_told(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "license.dat"
    first = run(data, *ISSUE, "-o", str(out))
    assert "[W]" not in first.stderr
    number = first.stderr.split()[0]
    second = run(data, *ISSUE, "-o", str(out))
    assert second.returncode == 0
    assert f"[W]: {out} was there already, and was replaced." in second.stderr
    assert f"`--replaces {number}`" in second.stderr
    third = run(data, *ISSUE, "-o", "-", "--replaces", number)
    assert third.stderr.count("[W]") == 1  # the second one; the first was named


def test_a_forgotten_sign_before_the_name_of_a_file_is_told(data: Path, tmp_path: Path) -> None:
    sent = tmp_path / "request.txt"
    sent.write_text(LINE, "utf-8")
    done = run(data, *ISSUE, "--host", str(sent), "-o", "-")
    assert done.returncode == exit_code("input-invalid")
    assert f"`--host @{sent}`" in done.stderr


def test_remedies_name_the_command_that_was_typed(data: Path, tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("license-server")
    env = server.environment(data)
    del env["LICENSE_SERVER_DATA"]

    def said(command: str, *arguments: str, path: str = "/usr/bin") -> str:
        done = subprocess.run(
            [command, *arguments],
            env=env | {"PATH": path},
            cwd=script.parent.parent,
            capture_output=True,
            text=True,
        )
        assert done.returncode != 0
        return done.stderr

    here = f"bin/{script.name}"
    folder = ("--data", str(data))
    assert f"`{here} --data {data} token list`" in said(here, *folder, "token", "revoke", "nope")
    nobody = said(here, *folder, "user", "passwd", "nobody@example.com")
    assert f"`{here} --data {data} user add nobody@example.com`" in nobody
    assert f"`{here} --data {data} serve`" in said(here, *folder, "init")
    in_path = said(str(script), *folder, "issue", path=str(script.parent))
    assert f"`license-server --data {data} issue --help`" in in_path
    module = said(sys.executable, "-m", "license_server", "token", "create")
    assert f"`{sys.executable} -m license_server token create --help`" in module


def test_a_password_is_not_asked_for_where_nobody_is(data: Path) -> None:
    env = server.environment(data)
    del env["LICENSE_SERVER_ADMIN_PASSWORD"]
    arguments = ("user", "add", "second@example.com")
    done = server.command(*arguments, env=env, start_new_session=True, input="a password\n")
    assert done.returncode == exit_code("input-invalid")
    assert "LICENSE_SERVER_ADMIN_PASSWORD_FILE" in done.stderr
    assert "Warning" not in done.stderr


def test_issue_to_standard_output_is_the_file_and_nothing_else(data: Path) -> None:
    done = run(data, *ISSUE, "-o", "-")
    assert open_license(done.stdout.encode(), roots=server.roots(data))


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        (["--limit", "gpus"], "input-invalid"),
        (["--limit", "gpus=-1"], "input-invalid"),
        (["--limit", f"gpus={'9' * 5000}"], "input-invalid"),
        (["--limit", "gpus=1", "--limit", "gpus=9"], "input-invalid"),
        (["--customer", os.fsdecode(b"\xff")], "input-invalid"),
        (["--host", "@/nonexistent/request.txt"], "file-unreadable"),
        (["--host", "hello"], "request-unreadable"),
        (["--days", "0"], "input-invalid"),
        (["--days", "many"], "usage"),
        (["-o", "/nonexistent/folder/file"], "folder-missing"),
    ],
)
def test_an_issue_that_cannot_be_done_records_nothing(
    data: Path, tmp_path: Path, arguments: list[str], slug: str
) -> None:
    done = run(data, *ISSUE, "-o", str(tmp_path / "license.dat"), *arguments)
    assert done.returncode == exit_code(slug), done.stderr
    assert not (tmp_path / "license.dat").exists()
    assert licenses(data) == 0


@softhsm.about_key_files
def test_a_wrong_passphrase_is_told_as_such(data: Path) -> None:
    done = run(data, *ISSUE, "-o", "-", LICENSE_SERVER_PASSPHRASE="wrong")
    assert done.returncode == exit_code("passphrase-wrong")


def test_a_token_that_cannot_be_told_is_no_success(data: Path) -> None:
    line = [sys.executable, "-m", "license_server", "token", "create", "ci"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            line,
            env=server.environment(data),
            cwd=server.REPOSITORY,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == exit_code("output-failed")
    assert b"Exception" not in done.stderr


def test_tokens_are_made_listed_and_revoked(data: Path) -> None:
    made = run(data, "token", "create", "ci").stdout.strip()
    listed = run(data, "token", "list").stdout
    assert "ci" in listed
    assert made.split("_", 2)[2] not in listed
    assert made.split("_", 2)[2].encode() not in (data / "hostseal.db").read_bytes()
    assert run(data, "token", "create", "ci").returncode == exit_code("name-taken")
    assert run(data, "token", "revoke", "ci").returncode == 0
    assert run(data, "token", "revoke", "ci").returncode == exit_code("not-found")


def test_users_are_added_and_given_passwords(data: Path) -> None:
    given = {"LICENSE_SERVER_ADMIN_PASSWORD": "another password"}
    assert run(data, "user", "add", "Second@Example.com", **given).returncode == 0
    again = run(data, "user", "add", "second@example.com", **given)
    assert again.returncode == exit_code("input-invalid")
    assert run(data, "user", "passwd", "second@example.com", **given).returncode == 0
    nobody = run(data, "user", "passwd", "nobody@example.com", **given)
    assert nobody.returncode == exit_code("not-found")


def _no_server(data: Path) -> None:
    (data / "root.pub.pem").unlink()


def _older(data: Path) -> None:
    with sqlite3.connect(data / "hostseal.db") as connection:
        connection.execute("update alembic_version set version_num = '9999'")


def _no_database(data: Path) -> None:
    (data / "hostseal.db").write_bytes(b"this is no database" * 100)


def _no_signing_key(data: Path) -> None:
    (data / "keys" / "signing.key.pem").unlink()


def _open_signing_key(data: Path) -> None:
    (data / "keys" / "signing.key.pem").write_text("no key\n")


def _other_root(data: Path) -> None:
    other = server.make(data.with_name("other")).root_pub_pem
    (data / "root.pub.pem").write_bytes(other.read_bytes())


def _broken_root(data: Path) -> None:
    (data / "root.pub.pem").write_text("no key\n")


@pytest.mark.parametrize(
    ("damage", "slug"),
    [
        (_no_server, "not-initialised"),
        (_older, "schema-newer"),
        (_no_database, "database-unavailable"),
        pytest.param(_no_signing_key, "signer-unavailable", marks=softhsm.about_key_files),
        pytest.param(_open_signing_key, "signer-unavailable", marks=softhsm.about_key_files),
        (_other_root, "signer-unavailable"),
        (_broken_root, "trusted-key-invalid"),
    ],
)
def test_a_server_that_is_not_whole_says_what_is_missing(
    data: Path, damage: Callable[[Path], None], slug: str
) -> None:
    damage(data)
    done = run(data, "serve", "--port", "0")
    assert done.returncode == exit_code(slug), done.stderr
    assert done.stderr.startswith("[E]: ")


def test_the_server_runs_without_the_private_root_key(data: Path) -> None:
    (data / "keys" / "root.key.pem").unlink()
    assert run(data, *ISSUE, "-o", "-").returncode == 0


def test_an_address_that_is_taken_is_told(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(data, "serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == exit_code("address-in-use")


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", os.fsdecode(b"\xff")])
def test_a_host_that_is_not_this_machine_s_is_not_called_a_port(data: Path, host: str) -> None:
    done = run(data, "serve", "--host", host, "--port", "0")
    assert done.returncode == exit_code("input-invalid"), done.stderr
    assert "[E]: --host: " in done.stderr
    assert "port" not in done.stderr


def test_a_server_whose_url_cannot_be_said_ends_without_noise(data: Path) -> None:
    line = [sys.executable, "-m", "license_server", "serve", "--port", "0"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            line,
            env=server.environment(data),
            cwd=server.REPOSITORY,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=120,
        )
    assert done.returncode == exit_code("output-failed")
    assert done.stderr.startswith(b"[E]: The answer could not be written"), done.stderr


def test_an_init_in_a_folder_that_was_removed_does_not_blame_standard_output(
    tmp_path: Path,
) -> None:
    (tmp_path / "gone").mkdir()
    done = subprocess.run(
        [
            *("sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh"),
            *(sys.executable, "-m", "license_server", "--data", "rel", "init"),
        ],
        env=server.environment(tmp_path) | {"PYTHONPATH": str(server.REPOSITORY)},
        cwd=tmp_path / "gone",
        capture_output=True,
        text=True,
    )
    assert done.returncode == exit_code("folder-missing"), done.stderr
    assert done.stderr.startswith("[E]: There is no folder .")


def closing(data: Path, redirection: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``license-server`` started by somebody who has closed a stream."""
    line = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "license_server"]
    environment = server.environment(data)
    return subprocess.run(
        [*line, *arguments], env=environment, cwd=server.REPOSITORY, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("redirection", "arguments", "slug"),
    [
        ("<&-", [*ISSUE, "-o", "-", "--host", "-"], "input-invalid"),
        (">&-", [*ISSUE, "-o", "-"], "output-failed"),
        (">&-", ["token", "list"], None),
        (">&- 2>&-", ["token", "list"], None),
    ],
)
def test_a_closed_stream_is_no_defect_and_issues_nothing(
    data: Path, redirection: str, arguments: list[str], slug: str | None
) -> None:
    done = closing(data, redirection, *arguments)
    assert done.returncode == (exit_code(slug) if slug else 0), done.stderr
    assert "does not know" not in done.stderr
    stored = sqlite3.connect(data / "hostseal.db").execute("select count(*) from licenses")
    assert stored.fetchone() == (0,)


@pytest.mark.parametrize(
    "arguments", [["token", "revoke"], ["token", "create"], ["file", "-o", "-"]]
)
def test_a_name_that_is_no_text_is_no_defect(data: Path, arguments: list[str]) -> None:
    done = run(data, *arguments, os.fsdecode(b"\xff"))
    assert done.returncode in (
        exit_code("usage"),
        exit_code("input-invalid"),
        exit_code("not-found"),
    )
    assert "does not know" not in done.stderr


def test_a_device_or_link_that_a_licence_is_written_to_stays_what_it_is(
    data: Path, tmp_path: Path
) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    link.symlink_to(target)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run(data, *ISSUE, "-o", str(pipe)).returncode == 0
        assert open_license(os.read(reader, 65536), roots=server.roots(data))
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert run(data, *ISSUE, "-o", str(link)).returncode == 0
    assert link.is_symlink()
    assert open_license(target.read_bytes(), roots=server.roots(data))


def test_an_upgrade_of_what_is_new_changes_nothing(data: Path) -> None:
    assert run(data, "upgrade").returncode == 0
    assert run(data, *ISSUE, "-o", "-").returncode == 0


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["issue"], ["serve", "--port", "x"], ["token", "create"]]
)
def test_a_line_that_is_not_understood_is_refused_with_help(
    tmp_path: Path, arguments: list[str]
) -> None:
    done = run(tmp_path / "server", *arguments)
    assert done.returncode == exit_code("usage")
    assert "--help" in done.stderr


def test_the_log_of_a_day_at_the_desk_has_no_secret(tmp_path: Path) -> None:
    import httpx

    with server.running_server(tmp_path) as running:
        with httpx.Client(base_url=running.url) as client:
            page = client.get("/login").text
            token = page.split('name="form_token" value="')[1].split('"')[0]
            fields = {"form_token": token, "email": EMAIL, "password": PASSWORD}
            session = client.post("/login", data=fields).cookies["hostseal_session"]
            client.get("/licenses", params={"q": "x"})
            order = {"customer": "ACME", "product": "darwin", "days": 1, "host": LINE}
            client.post("/api/v1/licenses", json=order, headers=running.bearer)
            client.post("/login", data=fields | {"password": "wrong password"})
        running.process.terminate()
        assert running.process.wait(30) in (0, -15)
    log = (tmp_path / "server.log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line.get("route") for line in lines} >= {"/login", "/api/v1/licenses"}
    for secret in (PASSWORD, PASSPHRASE, "wrong password", session, token, running.token[-20:]):
        assert secret not in log


def test_the_database_holds_no_secret_in_clear(tmp_path: Path) -> None:
    import httpx

    with server.running_server(tmp_path) as running:
        with httpx.Client(base_url=running.url) as client:
            page = client.get("/login").text
            token = page.split('name="form_token" value="')[1].split('"')[0]
            fields = {"form_token": token, "email": EMAIL, "password": PASSWORD}
            session = client.post("/login", data=fields).cookies["hostseal_session"]
        stored = b"".join(p.read_bytes() for p in running.data.glob("hostseal.db*"))
        for secret in (PASSWORD, session, running.token.split("_", 2)[2]):
            assert secret.encode() not in stored
    assert os.listdir(tmp_path)
