"""docs/HOWTO.md: every recipe is run as written, each on its own server.

A recipe's blocks are run in order by bash and must end with 0; then what the page says came of them
is looked up in the files, the ledger and the processes that they left.
"""

import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from license_core import license as licensed
from license_core.verify import open_license
from license_server.signing.errors import PassphraseWrongError
from license_server.signing.signers import pkcs8
from tests.support import hosts, server, softhsm
from tests.support.cli import CLI, DAY, World
from tests.support.postgres import new_database

pytestmark = softhsm.about_key_files

PAGE = (server.REPOSITORY / "docs" / "HOWTO.md").read_text("utf-8")
RECIPES = {
    title: re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
POSTGRESQL = "postgresql://hostseal@db.example.com/hostseal"

SERVER = """\
#!{python}
# `serve` is left running once it is ready to issue; everything else is the command as it is.
import os, subprocess, sys, urllib.request
command = [sys.executable, "-m", "license_server", *sys.argv[1:]]
if "serve" not in sys.argv:
    os.execv(sys.executable, command)
command[-1:] = ["0"] if "--port" in command else [command[-1], "--port", "0"]
with open("server.log", "ab") as log:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
with open("served", "a") as served:
    print(process.pid, file=served)
url = process.stdout.readline().decode().strip()
sys.exit(urllib.request.urlopen(url + "/readyz").status != 200)
"""
PYTHON = """\
#!/bin/sh
# The operator's commands look at the container of this test.
if [ "$1" = cmd/cli.py ]; then shift; set -- {cli} {options} "$@"; fi
exec {python} "$@"
"""


class Shop(NamedTuple):
    """A vendor's server, and a customer's container with the product, in one folder."""

    folder: Path
    container: World
    database: str

    @property
    def license(self) -> licensed.License:
        """The licence in ``license.dat``."""
        roots = server.roots(self.folder / "server")
        return open_license((self.folder / "license.dat").read_bytes(), roots=roots).license

    def run(self, script: str) -> str:
        """Run a script in this folder, after those before it; what it printed."""
        carried = f". ./environment\n{script}\nexport -p > environment\n"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", carried],
            cwd=self.folder,
            env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def follow(self, block: str) -> str:
        """Run one block of the page."""
        script = re.sub(r"\bNUMBER\b", self.license.jti, block)
        return self.run(script.replace(POSTGRESQL, shlex.quote(self.database)))

    def exported(self, what: str, *options: str) -> list[list[str]]:
        """The rows of an export of the server that the last block spoke of."""
        text = self.run(shlex.join(["license-server", *options, "export", what, "-o", "-"]))
        return [line.split(",") for line in text.splitlines()[1:]]


def open_shop(folder: Path, title: str) -> Shop:
    """A shop that has issued its first licence, for the container where it is installed."""
    blocks = "".join(RECIPES[title])
    database = new_database() if POSTGRESQL in blocks else ""
    begins_there = bool(database) and " restore " not in blocks
    data = server.make(folder / "server", database if begins_there else None).data
    shop = Shop(folder, World(folder / "platform", int(time.time())), database)
    (shop.container.keys / "root.pub.pem").write_bytes((data / "root.pub.pem").read_bytes())
    files = {
        "passphrase": f"{server.PASSPHRASE}\n",
        "environment": "export LICENSE_SERVER_DATA=server "
        "LICENSE_SERVER_PASSPHRASE_FILE=passphrase "
        f"LICENSE_SERVER_DATABASE={shlex.quote(database if begins_there else '')}\n",
        "bin/license-server": SERVER.format(python=sys.executable),
        "bin/python": PYTHON.format(
            cli=CLI, options=shlex.join(shop.container.options()), python=sys.executable
        ),
    }
    (folder / "bin").mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o700)
    request, license_ = folder / "request.txt", folder / "license.dat"
    asked = shop.container.run("request", "-o", str(request), now=int(time.time()))
    assert asked.exit_code == 0, asked.err
    env = server.environment(data, database if begins_there else None)
    order = f"--customer ACME --product darwin --days 30 --limit gpus=2 --host @{request}"
    contact = "--contact-name Ann --contact-email ann@acme.example --notes 'calls at night'"
    for command in (f"issue {order} -o {license_}", f"customer change ACME {contact}"):
        done = server.at_once(*shlex.split(command), env=env)
        assert done.returncode == 0, done.stderr
    shop.container.put(license_.read_bytes())
    return shop


@pytest.fixture
def shop(tmp_path: Path, title: str) -> Iterator[Shop]:
    """A shop, whose servers are stopped at the end."""
    yield open_shop(tmp_path, title)
    served = tmp_path / "served"
    for pid in served.read_text("ascii").split() if served.exists() else ():
        os.kill(int(pid), signal.SIGTERM)


def follow(shop: Shop, title: str) -> None:
    """Run the recipe from the first block to the last."""
    assert RECIPES[title]
    for block in RECIPES[title]:
        shop.follow(block)


def recipe(title: str) -> pytest.MarkDecorator:
    """Marks the test of a recipe."""
    return pytest.mark.parametrize("title", [title])


def test_every_recipe_with_commands_has_a_test() -> None:
    tested = {
        mark.args[1][0]
        for test in globals().values()
        for mark in getattr(test, "pytestmark", ())
        if mark.name == "parametrize"
    }
    assert tested == {title for title, blocks in RECIPES.items() if blocks}


def test_table_of_contents_names_every_recipe() -> None:
    assert re.findall(r"^- \[(.+?)\]\(#", PAGE, re.MULTILINE) == list(RECIPES)


@recipe("Extend a licence by ten days")
def test_licence_is_extended_by_ten_days_and_installed(shop: Shop, title: str) -> None:
    before = shop.license
    follow(shop, title)
    assert before.exp is not None
    assert shop.license.exp == before.exp + 10 * DAY
    assert (shop.license.replaces, shop.license.limits) == (before.jti, before.limits)
    assert shop.container.license.read_bytes() == (shop.folder / "license.dat").read_bytes()


@recipe("Give a 30-day trial")
def test_trial_expires_after_30_days_and_is_replaced_when_bought(shop: Shop, title: str) -> None:
    first, second = RECIPES[title]
    shop.follow(first)
    trial = shop.license
    assert (trial.edition, trial.limits) == ("trial", {"gpus": 1})
    assert trial.exp is not None
    assert 29 * DAY < trial.exp - trial.iat <= 31 * DAY
    assert trial.notify_from == trial.exp - 7 * DAY
    shop.follow(second)
    assert (shop.license.replaces, shop.license.edition) == (trial.jti, "full")


@recipe("Limit a licence to four GPUs")
def test_licence_limited_to_four_gpus_rejects_a_fifth(shop: Shop, title: str) -> None:
    follow(shop, title)
    assert shop.license.limits == {"gpus": 4, "seats": 20}
    shop.run(
        "license-server issue --customer ACME --product darwin --host @request.txt -o license.dat"
    )
    assert shop.license.limits == {"gpus": 4}
    shop.container.put((shop.folder / "license.dat").read_bytes())
    for gpus, problems in ((4, []), (5, ["gpus-not-licensed"])):
        hosts.container(shop.container.host, gpus=gpus)
        assert shop.container.json("verify", now=int(time.time())).slugs() == problems


@recipe("The customer recreated the container")
def test_licence_moves_to_the_recreated_container(shop: Shop, title: str) -> None:
    before = shop.license
    hosts.container(shop.container.host, container_id="0a1b2c3d" * 8)
    assert shop.container.json("verify", now=int(time.time())).slugs() == ["wrong-host"]
    follow(shop, title)
    assert shop.container.json("verify", now=int(time.time())).slugs() == []
    assert (shop.license.replaces, shop.license.exp) == (before.jti, before.exp)
    assert (shop.container.conf / "license.revocations").exists()


@recipe("Change the passphrase")
def test_every_key_opens_with_the_new_passphrase_only(shop: Shop, title: str) -> None:
    old = (shop.folder / "passphrase").read_bytes().strip()
    follow(shop, title)
    new = (shop.folder / "passphrase").read_bytes().strip()
    keys = sorted((shop.folder / "server" / "keys").iterdir())
    assert len(keys) == 4
    for key in keys:
        assert key.stat().st_mode & 0o777 == 0o600
        pkcs8.decrypt(key.read_bytes(), new, key.name)
        with pytest.raises(PassphraseWrongError):
            pkcs8.decrypt(key.read_bytes(), old, key.name)
    shop.run(f"license-server renew {shop.license.jti} --days 5 -o license.dat")


@recipe("A customer asks for erasure")
def test_erasure_removes_the_contact_and_keeps_the_name_as_documented(
    shop: Shop, title: str
) -> None:
    follow(shop, title)
    ((_, name, _, *contact),) = shop.exported("customers")
    assert name == "Customer 4711"
    assert set(contact) <= {"", "en"}
    with closing(sqlite3.connect(shop.folder / "server" / "hostseal.db")) as ledger:
        rows = "\n".join(ledger.iterdump())
    assert "ACME" in rows
    assert not [word for word in ("Ann", "ann@acme.example", "calls at night") if word in rows]
    assert {row[2] for row in shop.exported("licenses")} == {"Customer 4711"}
    assert any("ACME" in row for row in shop.exported("events"))
    assert shop.license.sub == "ACME"


@recipe("Move from SQLite to PostgreSQL")
def test_whole_ledger_moves_to_postgresql(shop: Shop, title: str) -> None:
    before = shop.exported("licenses"), shop.exported("customers")
    follow(shop, title)
    new = ("--data", "server-new")
    assert (shop.exported("licenses", *new), shop.exported("customers", *new)) == before
    assert not (shop.folder / "server-new" / "hostseal.db").exists()
    shop.run(f"license-server --data server-new renew {shop.license.jti} --days 5 -o license.dat")


@recipe("Run two servers")
def test_two_servers_share_one_ledger(shop: Shop, title: str) -> None:
    follow(shop, title)
    assert len((shop.folder / "served").read_text("ascii").split()) == 2
    shop.run(f"license-server --data server-2 renew {shop.license.jti} --days 5 -o license.dat")
    numbers = [row[0] for row in shop.exported("licenses", "--data", "server")]
    assert shop.license.jti in numbers
