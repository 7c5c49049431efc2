"""``init``: a complete server or nothing, with encrypted private keys."""

import base64
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from license_core.errors import ClockWrongError
from license_server.access import access_store, invitations
from license_server.operations import data_folder
from tests.support import server, softhsm
from tests.support.need import need
from tests.support.postgres import new_database
from tests.support.problems import exit_code
from tests.support.server import EMAIL, LINE, PASSPHRASE, PASSWORD
from tests.support.shell import run

SCRYPT = bytes.fromhex("02024000020108020108")
"""In DER: the costs n = 16384, r = 8, p = 8."""
ISSUE = ("issue", "--customer", "ACME", "--product", "darwin", "--host", LINE, "--days", "30")


@softhsm.about_key_files
def test_init_encrypts_the_private_keys(tmp_path: Path) -> None:
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
        with pytest.raises(ValueError):  # of the password, or once in 256 of what it made of it
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


def test_openssl_reads_the_root_key(data: Path) -> None:
    key = str(data / "keys" / "root.key.pem")
    line = ["openssl", "pkey", "-in", key, "-pubout", "-passin", "stdin"]
    try:
        done = subprocess.run(line, input=PASSPHRASE.encode(), capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is missing: apt-get install openssl")
    assert done.stdout == (data / "root.pub.pem").read_bytes()


def test_init_generates_and_shows_a_missing_admin_password(tmp_path: Path) -> None:
    env = server.environment(tmp_path / "server")
    del env["LICENSE_SERVER_ADMIN_PASSWORD"]
    done = server.command("init", env=env)
    assert done.returncode == 0
    assert len(done.stdout.split("(shown only once): ")[1].strip()) >= 20


def test_init_prints_the_root_key_and_the_first_invitation(tmp_path: Path) -> None:
    data = tmp_path / "server"
    more = {"LICENSE_SERVER_PUBLIC_URL": "https://licences.example.com"}
    done = run(data, "init", "--invite", "--admin", EMAIL, **more)
    assert done.returncode == 0, done.stderr
    (key,) = server.roots(data)
    assert f"The fingerprint of the root key: {key.kid}\n" in done.stdout
    before, secret = done.stdout.rstrip("\n").split("/invitation?secret=")
    assert before.endswith("\nhttps://licences.example.com")
    database = data_folder.open_database(server.settings(data))
    now = int(time.time())
    database.write(lambda c: invitations.accept(c, secret, "a hash", None, now))
    user = database.read(lambda c: access_store.user_by_email(c, EMAIL))
    database.close()
    assert user is not None
    assert user.role == "administrator"


def test_second_init_is_rejected_and_changes_nothing(data: Path) -> None:
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
def test_failed_init_leaves_nothing_behind(
    tmp_path: Path, change: dict[str, str], slug: str
) -> None:
    done = run(tmp_path / "server", "init", **change)
    assert done.returncode == exit_code(slug), done.stderr
    assert "secretword" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_init_rejects_a_database_for_texts_of_some_languages(tmp_path: Path, encoding: str) -> None:
    database = new_database(encoding)
    done = run(tmp_path / "server", "init", LICENSE_SERVER_DATABASE=database)
    assert done.returncode == exit_code("input-invalid"), done.stderr
    assert f"its encoding is {encoding}" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_init_rejects_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "notes").touch()
    assert run(tmp_path / "server", "init").returncode == exit_code("input-invalid")
    assert [p.name for p in tmp_path.rglob("*")] == ["server", "notes"]


def test_user_add_does_not_prompt_without_a_terminal(data: Path) -> None:
    env = server.environment(data)
    del env["LICENSE_SERVER_ADMIN_PASSWORD"]
    arguments = ("user", "add", "second@example.com", "--role", "issuer")
    done = server.command(*arguments, env=env, start_new_session=True, input="a password\n")
    assert done.returncode == exit_code("input-invalid")
    assert "LICENSE_SERVER_ADMIN_PASSWORD_FILE" in done.stderr
    assert "Warning" not in done.stderr


def test_init_in_a_removed_working_folder_reports_the_folder(
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
    assert done.stderr.startswith("[E]: The folder . does not exist.")


def test_upgrade_of_a_new_server_succeeds(data: Path) -> None:
    assert run(data, "upgrade").returncode == 0
    assert run(data, *ISSUE, "-o", "-").returncode == 0


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (253_096_300_799, "it says 9990-04-21"),
        (10**12, "it says a year after 9999"),
        (0, "it says 1970-01-01 00:00:00 UTC"),
        (-1, "it says that 1970 has not begun"),
    ],
)
def test_init_at_an_impossible_time_blames_the_clock(tmp_path: Path, now: int, told: str) -> None:
    with pytest.raises(ClockWrongError, match=told):
        server.make(tmp_path / "server", now=now)
    assert list(tmp_path.iterdir()) == []


def test_clock_that_python_cannot_hold_is_a_sentence(tmp_path: Path) -> None:
    """What it imports fails at it, before any code of a command."""
    faketime = shutil.which("faketime") or need("faketime", "apt-get install faketime")
    server_command = ("-m", "license_server", "--data", str(tmp_path / "server"), "init")
    for line in (server_command, ("cmd/cli.py", "verify")):
        done = subprocess.run(
            [str(faketime), "9990-01-01", sys.executable, *line],
            env=server.environment(tmp_path),
            cwd=server.REPOSITORY,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == exit_code("clock-wrong"), done.stderr
        assert done.stderr.startswith("[E]: The clock of this machine is wrong: it says a year")
        assert "Correct the clock" in done.stderr
    assert list(tmp_path.iterdir()) == []
