"""docs/UPGRADING.md: its commands are run as written, and what it promises of formats is tried."""

import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from license_server.db.database import Database
from license_server.operations import schema
from tests.support import former, former_commit, page_commands, release, server, softhsm
from tests.support.server import LINE, PASSPHRASE, REPOSITORY

pytestmark = softhsm.about_key_files
BLOCKS = page_commands.blocks("docs/UPGRADING.md")
CLIENTS = ("b88c707", "008cf91", "a41f694")
"""Commits of 29, 26 and 24 November 2026, before the portal, the tokens and the ledger's acts."""
OPEN = """
import sys
sys.path.insert(0, sys.argv[1])
from license_core.publickey import PublicKey
from license_core import verify
assert verify.__file__.startswith(sys.argv[1])
key = PublicKey.from_pem(open(sys.argv[2]).read())
print(verify.open_license(open(sys.argv[3], "rb").read(), roots=(key,)).license.jti)
"""


def test_commands_of_the_page_check_install_and_upgrade(tmp_path: Path) -> None:
    checking, installing, upgrading, back = BLOCKS
    env = {"PATH": os.environ["PATH"], "LICENSE_SERVER_PASSPHRASE": PASSPHRASE}
    wheels = tmp_path / "wheels"
    wheel = release.wheel(wheels)
    assert server.at_once("root", "create", str(tmp_path / "r.key.pem"), env=env).returncode == 0
    digest = subprocess.run(["sha256sum", wheel.name], cwd=wheels, capture_output=True, text=True)
    (wheels / release.SUMS).write_text(digest.stdout)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LICENSE_SERVER_PASSPHRASE", PASSPHRASE)
        release.sign(wheels, str(tmp_path / "r.key.pem"))
    subprocess.run(["bash", "-euc", checking], cwd=tmp_path, env=env, check=True)
    # As it is written, but that nothing is installed into the Python of the tests.
    line = installing.replace(
        "python3 -m pip install", f"{sys.executable} -m pip install --dry-run"
    )
    assert line != installing
    subprocess.run(
        ["bash", "-euc", f"{line.rstrip()} --no-deps"], cwd=tmp_path, env=env, check=True
    )

    data = tmp_path / "server"
    settings, was = former.make(data)
    given = server.environment(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        for block in (upgrading, back):
            for command in block.splitlines():
                program, *words = shlex.split(command)
                assert program == "license-server"
                done = server.at_once(*words, env=given)
                assert done.returncode == 0, (command, done.stderr)
    with closing(Database(settings.database_url)) as database, database.reading() as connection:
        schema.check(connection, "")
    assert (tmp_path / "restored" / "keys").is_dir()
    assert len(was.files) == 24


@pytest.mark.parametrize("commit", CLIENTS)
def test_older_clients_open_a_licence_of_today(commit: str, tmp_path: Path) -> None:
    archive = ["git", "archive", commit, "license_core"]
    done = subprocess.run(archive, cwd=REPOSITORY, capture_output=True)
    if done.returncode != 0:
        pytest.skip(f"the history here does not go back to {commit}: git fetch --unshallow")
    (tmp_path / "client").mkdir()
    subprocess.run(["tar", "-x"], cwd=tmp_path / "client", input=done.stdout, check=True)
    data = server.make(tmp_path / "server").data
    file = tmp_path / "license.dat"
    terms = "--days 30 --edition pro --feature export --limit gpus=4 --grace-days 7 --notify-days 5"
    words = f"issue --customer ACME --product darwin {terms} --host".split()
    made = server.at_once(*words, LINE, "-o", str(file), env=server.environment(data))
    assert made.returncode == 0, made.stderr
    line = [
        sys.executable,
        "-c",
        OPEN,
        str(tmp_path / "client"),
        str(data / "root.pub.pem"),
        str(file),
    ]
    opened = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path)
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.strip().encode() in file.read_bytes()


SERVERS = ("bd2b97d7", "b88c707", "694b3682")
"""Commits of 26, 29 and 30 November 2026: their schemas are 0006, 0007 and 0031."""


@pytest.mark.parametrize(
    "commit",
    [
        former_commit.SUPPORT_DESK,
        *(pytest.param(one, marks=pytest.mark.torture) for one in SERVERS),
    ],
)
def test_what_an_older_commit_wrote_in_every_table_is_upgraded_and_sound(
    commit: str, tmp_path: Path
) -> None:
    data = former_commit.make(tmp_path, commit)
    before = counted(data)
    env = server.environment(data)
    assert min(before.values()) > 0
    assert server.at_once("upgrade", env=env).returncode == 0
    after = counted(data)
    # What things are found by is made anew, and the upgrade has events of its own.
    found_by = {name for name in before if name.startswith("text")} | {"customer_words"}
    kept = before.keys() - found_by - {"audit_events"}
    assert {name: after.get(name) for name in kept} == {name: before[name] for name in kept}
    checked = server.at_once("fsck", "--checkpoint", str(tmp_path / "checkpoint.txt"), env=env)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = server.at_once("list", "--limit", "100", env=env)
    assert listed.stdout.count("HS-2026-") >= before["licenses"]


def counted(data: Path) -> dict[str, int]:
    """How many rows each table of a data folder has."""
    tables = "select name from sqlite_master where type = 'table' and name not like 'sqlite%'"
    with closing(sqlite3.connect(data / "hostseal.db")) as connection:
        names = [name for (name,) in connection.execute(tables)]
        return {
            name: connection.execute(f"select count(*) from {name}").fetchone()[0] for name in names
        }


REVISIONS = sorted(path.name[:4] for path in (REPOSITORY / "alembic" / "versions").glob("0*.py"))
SHORT = ("0001", "0012", "0026")


@pytest.mark.parametrize(
    "revision",
    [pytest.param(one, marks=[] if one in SHORT else [pytest.mark.torture]) for one in REVISIONS],
)
def test_database_of_every_revision_is_upgraded_and_sound(revision: str, tmp_path: Path) -> None:
    """With 24 licences that were taken over from 0001, in the tables of that revision."""
    data = tmp_path / "server"
    settings, was = former.make(data)
    with closing(Database(settings.database_url)) as database:
        database.write(lambda c: schema.upgrade(c, former.THEN + 86400))
        database.write(lambda c: schema.downgrade(c, revision))
        assert database.read(schema.found) == revision
    env = server.environment(data)
    assert server.at_once("upgrade", env=env).returncode == 0
    checked = server.at_once("fsck", env=env)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    listed = server.at_once("list", "--limit", "100", env=env)
    assert all(number in listed.stdout for number in was.files)
