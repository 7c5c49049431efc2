"""docs/HOWTO.md: every recipe is run as written, each on its own server.

A recipe's blocks are run in order by bash and must end with 0; then what the page says came of them
is looked up in the files, the ledger and the processes that they left.
"""

import csv
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
from tests.support import forked, hosts, server, softhsm
from tests.support.cli import CLI, DAY, World
from tests.support.cli_tables import rows
from tests.support.postgres import new_database

pytestmark = softhsm.about_key_files

PAGE = (server.REPOSITORY / "docs" / "HOWTO.md").read_text("utf-8")
RECIPES = {
    title: re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
POSTGRESQL = "postgresql://hostseal@db.example.com/hostseal"
SETTINGS = ["LICENSE_SERVER_DATA=server", "LICENSE_SERVER_PASSPHRASE_FILE=passphrase"]

SERVER = """\
#!{python}
# `serve` is left running once it is ready to issue; everything else is the command as it is.
import os, sys, urllib.request
sys.path.append({repository!r})
from tests.support.forked import Forked, ask
command, where, files = sys.argv[1:], os.getcwd(), (0, 1, 2)
if "serve" in command:
    command[-1:] = ["0"] if "--port" in command else [command[-1], "--port", "0"]
    reading, writing = os.pipe()
    files = (0, writing, os.open("server.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT))
asked = ask({address!r}, command, dict(os.environ), where, files, "tests.support.quick_keys")
process = Forked(asked, None)
if "serve" not in command:
    sys.exit(process.wait())
with open("served", "a") as served:
    print(process.pid, file=served)
url = os.fdopen(reading).readline().strip()
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
    followed: set[str]
    """The lines of the page that were run."""

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

    def follow(self, block: str, **instead: str) -> str:
        """Run one block of the page, with other words in place of some of its own."""
        self.followed.update(block.splitlines())
        instead = {"NUMBER": self.license.jti, POSTGRESQL: shlex.quote(self.database), **instead}
        for word, other in instead.items():
            block = block.replace(word, other)
        return self.run(block)

    def exported(self, what: str, *options: str, kind: str = "") -> list[list[str]]:
        """The rows of an export of the server that the last block spoke of."""
        of_kind = ["--kind", kind] if kind else []
        line = ["license-server", *options, "export", what, *of_kind, "-o", "-"]
        text = self.run(shlex.join(line))
        return [line.split(",") for line in text.splitlines()[1:]]


def open_shop(folder: Path, title: str) -> Shop:
    """A shop that has issued its first licence, for the container where it is installed."""
    blocks = "".join(RECIPES[title])
    database = new_database() if POSTGRESQL in blocks else ""
    begins_there = bool(database) and " restore " not in blocks
    data = server.make(folder / "server", database if begins_there else None).data
    shop = Shop(folder, World(folder / "platform", int(time.time())), database, set())
    (shop.container.keys / "root.pub.pem").write_bytes((data / "root.pub.pem").read_bytes())
    files = {
        "passphrase": f"{server.PASSPHRASE}\n",
        "environment": f"export {' '.join(SETTINGS)} "
        f"LICENSE_SERVER_DATABASE={shlex.quote(database if begins_there else '')}\n",
        "bin/license-server": SERVER.format(
            python=sys.executable,
            repository=str(server.REPOSITORY),
            address=forked.shared().address,
        ),
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
    """A shop, whose servers are stopped at the end, once all of the recipe was followed."""
    shop = open_shop(tmp_path, title)
    yield shop
    served = tmp_path / "served"
    for pid in served.read_text("ascii").split() if served.exists() else ():
        os.kill(int(pid), signal.SIGTERM)
    assert shop.followed >= {line for block in RECIPES[title] for line in block.splitlines()}


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


def test_settings_of_the_page_are_those_of_its_recipes() -> None:
    (line,) = re.findall(r"^    export (.+)$", PAGE, re.MULTILINE)
    assert line.split() == SETTINGS


def test_table_of_contents_names_every_recipe() -> None:
    assert re.findall(r"^- \[(.+?)\]\(#", PAGE, re.MULTILINE) == list(RECIPES)


@recipe("File and issue a request")
def test_request_is_filed_once_and_issued(shop: Shop, title: str) -> None:
    before, (filing, issuing) = shop.license, RECIPES[title]
    assert "Filed as request 1." in (said := shop.follow(filing))
    assert re.search(r"^1 +new .* ACME +darwin ", said, re.MULTILINE)
    assert f"{before.jti} is valid on this host." in said
    assert "This was asked before: it is request 1" in shop.follow(filing)
    shop.follow(issuing)
    assert shop.license.jti != before.jti
    assert shop.license.exp is not None
    assert 364 * DAY < shop.license.exp - shop.license.iat <= 366 * DAY
    assert shop.run("license-server requests list").splitlines()[1:] == []


@recipe("Let a customer help themselves")
def test_a_portal_link_is_made_listed_and_withdrawn(shop: Shop, title: str) -> None:
    (links,) = RECIPES[title]
    shop.run(
        "export LICENSE_SERVER_PORTAL=true LICENSE_SERVER_PUBLIC_URL=https://licences.example.com"
    )
    said = shop.follow(links)
    assert "https://licences.example.com/portal/" in said
    assert "plant Ningbo" in said
    assert "withdrawn" in shop.run("license-server portal list ACME")


@recipe("The customer gives a licence back")
def test_licence_that_was_given_back_is_over(shop: Shop, title: str) -> None:
    giving, ending = RECIPES[title]
    shop.follow(giving)
    assert not shop.container.license.exists()
    assert "returned" in shop.follow(ending)
    (row,) = shop.exported("licenses")
    assert "returned" in row


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
    (shop.folder / "trial-host.txt").write_text(server.OTHER_LINE)
    *before, last = RECIPES[title]
    for block in before:
        shop.follow(block)
    trial = shop.license
    assert (trial.edition, trial.limits) == ("trial", {"gpus": 1})
    assert trial.exp is not None
    assert 29 * DAY < trial.exp - trial.iat <= 31 * DAY
    assert trial.notify_from == trial.exp - 7 * DAY
    shop.follow(last)
    assert (shop.license.replaces, shop.license.edition) == (trial.jti, "full")
    listed = shop.follow("license-server export licenses --kind trial -o -").splitlines()[1:]
    assert [row.split(",")[0] for row in listed] == [trial.jti]


@recipe("Bridge a few days with a stop-gap")
def test_stop_gap_runs_on_the_other_host_and_the_licence_stays(shop: Shop, title: str) -> None:
    before = shop.license
    hosts.container(shop.container.host, container_id="0b1c2d3e" * 8)
    (shop.folder / "request.txt").unlink()
    asked = shop.container.run(
        "request", "-o", str(shop.folder / "request.txt"), now=int(time.time())
    )
    assert asked.exit_code == 0, asked.err
    follow(shop, title)
    gap = shop.license
    assert (gap.limits, gap.replaces) == (before.limits, None)
    assert gap.exp is not None
    assert 6 * DAY < gap.exp - gap.iat <= 8 * DAY
    assert shop.container.json("verify", now=int(time.time())).slugs() == []
    (state,) = (row[1] for row in shop.exported("licenses") if row[0] == before.jti)
    assert state == "valid"


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


@recipe("Serve a site that has only a telephone")
def test_licence_for_what_was_read_aloud_installs(shop: Shop, title: str) -> None:
    shop.container.license.unlink()
    follow(shop, title)
    lines = (shop.folder / "code.txt").read_text().splitlines()
    assert [len(line) for line in lines[:3]] == [27, 27, 20]
    assert shop.license.host.name == hosts.HOSTNAME
    assert shop.license.host.tags is None
    assert shop.container.json("verify", now=int(time.time())).slugs() == []


@recipe("See what ends next")
def test_what_ends_next_is_listed_and_written_into_a_file(shop: Shop, title: str) -> None:
    first, second = RECIPES[title][0].splitlines()
    number = shop.license.jti
    listed = shop.follow(first, **{"2027-12-31": "2999-12-31"}).splitlines()
    assert [line.split()[0] for line in listed] == ["Number", number]
    shop.follow(second, **{"gpu ": f"{number[-8:]} "})
    heading, row = (shop.folder / "gpus.csv").read_text("utf-8").splitlines()
    assert heading == "Number,Customer,Host,Order or contract number,State"
    assert row.startswith(f"{number},ACME,")


@recipe("Remind customers of what ends")
def test_product_reminds_and_what_is_due_is_listed_with_its_owner(shop: Shop, title: str) -> None:
    setting, listing = RECIPES[title]
    shop.follow(setting, **{"ada@example.com": server.EMAIL})
    (line,) = rows(shop.follow(listing))
    number, last, _, customer, product, _, owner, given, following, why_not = line.values()
    assert (number, customer, product) == (shop.license.jti, "ACME", "darwin")
    assert last.endswith(")")
    assert owner == server.EMAIL
    assert (given, why_not) == ("", "")
    assert following.split()[0] in ("90", "30", "7")
    shop.follow("license-server customer change ACME --no-reminders")
    (line,) = rows(shop.follow(listing))
    assert list(line.values())[-1] != ""


@recipe("Renew all licences of a customer")
def test_all_licences_of_a_customer_are_renewed(shop: Shop, title: str) -> None:
    before = shop.license.jti
    looked, renewed = RECIPES[title][0].splitlines()
    later = {"2027-12-31": "2999-12-31"}
    assert shop.follow(looked, **later) == "renew, possible: 1\n"
    assert shop.follow(renewed, **later) == "renew, done: 1\n"
    _, row = (shop.folder / "renewed.csv").read_text("utf-8").splitlines()
    assert row.startswith(f"1,{before},ACME,darwin,")
    assert ",renew,done," in row


@recipe("The customer recreated the container")
def test_licence_moves_to_the_recreated_container(shop: Shop, title: str) -> None:
    before = shop.license
    hosts.container(shop.container.host, container_id="0a1b2c3d" * 8)
    assert shop.container.json("verify", now=int(time.time())).slugs() == ["wrong-host"]
    follow(shop, title)
    assert shop.container.json("verify", now=int(time.time())).slugs() == []
    assert (shop.license.replaces, shop.license.exp) == (before.jti, before.exp)
    assert (shop.container.conf / "license.revocations").exists()
    mail = (shop.folder / "request.txt").read_text("utf-8")
    (shop.folder / "mail.txt").write_text(f"Hello, it does not start.\n\n{mail}\nLi\n", "utf-8")
    assert shop.license.jti in shop.follow("license-server why mail.txt")
    shop.follow("license-server product change darwin --rehosts 3")


@recipe("Put your product's commands into the letters")
def test_letters_name_the_products_commands(shop: Shop, title: str) -> None:
    commands, letter, reset = RECIPES[title]
    shop.follow(commands)
    told = shop.run("license-server product commands darwin")
    assert "start\tsystemctl start darwin\n" in told
    assert "environment\t-\n" in told
    assert "verify\t./hostseal verify\n" in told
    shop.follow(letter)
    shown = "license-server product letter show darwin issued en"
    assert "Questions? Call +86 21 5555 0100.\n\nKind regards\n{vendor}\n" in shop.run(shown)
    own = {"KIND": "issued", "LANGUAGE": "en", "TEXT": "own"}
    assert own in rows(shop.run("license-server product letter list darwin"))
    shop.follow(reset)
    assert "Questions" not in shop.run(shown)


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
def test_erasure_leaves_of_a_customer_what_was_sold(shop: Shop, title: str) -> None:
    follow(shop, title)
    table = shop.run("license-server export customers -o -")
    erased, example = list(csv.reader(table.splitlines()))[1:]
    assert erased[1] == f"#{erased[0]}, erased"
    assert (example[1], example[4]) == ("Example", "")
    with closing(sqlite3.connect(shop.folder / "server" / "hostseal.db")) as ledger:
        rows = "\n".join(ledger.iterdump())
    hers = ("ACME", "Ann", "ann@acme.example", "calls at night", "li@example.com")
    assert not [word for word in hers if word in rows]
    assert "ACME" not in shop.run("license-server export licenses -o -")
    assert shop.license.sub == "ACME"


@recipe("A colleague has left")
def test_colleague_who_left_is_erased_from_the_ledger(shop: Shop, title: str) -> None:
    known = f"LICENSE_SERVER_ADMIN_PASSWORD={shlex.quote(server.PASSWORD)}"
    shop.run(f"{known} license-server user add bob@example.com --role issuer")
    follow(shop, title)
    with closing(sqlite3.connect(shop.folder / "server" / "hostseal.db")) as ledger:
        assert not [one for one in ledger.iterdump() if "bob@" in one]
    assert "left in November" in shop.run("license-server user erased")


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
