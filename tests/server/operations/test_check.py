"""``check`` finds what is wrong with a server, each with its remedy; a clean one has nothing."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import sqlalchemy

from license_server.actor import COMMAND
from license_server.audit import events
from license_server.audit.kinds import BACKED_UP
from license_server.catalog.terms import DAY
from license_server.db.database import Database
from license_server.db.errors import InputInvalidError
from license_server.db.mail_tables import mails
from license_server.db.tables import products
from license_server.db.webhook_tables import webhooks
from license_server.mail import mailbox_store
from license_server.operations import data_folder
from license_server.operations.checkup import of_clock
from license_server.operations.checkup.examine import Examined, examine
from license_server.operations.checkup.finding import ROWS, Finding
from license_server.operations.checkup.of_database import mounted_at
from license_server.operations.checkup.subject import Subject
from license_server.operations.errors import CheckFailedError
from license_server.settings import ServerSettings
from license_server.signing import keyset_store, keysets
from license_server.signing.issuer import read_trust
from license_server.signing.signers import open_signer
from tests.support import loopback, ports, server, softhsm
from tests.support.desk import Desk
from tests.support.problems import exit_code
from tests.support.server import LINE, PASSPHRASE
from tests.support.shell import run

pytestmark = softhsm.about_key_files
NOW = 1_900_000_000
LOCAL = "22 1 0:1 / / rw,relatime - ext4 /dev/sda1 rw"
SECRET = "a secret of this test"
EMPTY: Mapping[str, Any] = {}


class World(NamedTuple):
    """A server that a mistake is made with."""

    data: Path
    given: dict[str, Any]
    """Settings."""
    seen: dict[str, Any]
    """What else of the subject is otherwise."""

    @property
    def passphrase_file(self) -> Path:
        return self.data.parent / "passphrase"

    def secret(self, name: str) -> Path:
        """A file with a secret that only its owner can read."""
        path = self.data.parent / name
        path.write_text(f"{SECRET}\n")
        path.chmod(0o600)
        return path

    def change(self, work: Callable[[sqlalchemy.Connection], object]) -> None:
        """Change its database."""
        with_database(server.settings(self.data), lambda database: database.write(work))

    def examine(self) -> Examined:
        """What ``check`` finds."""
        plain = {"passphrase_file": self.passphrase_file, "rate": server.UNLIMITED}
        settings = ServerSettings.model_validate(
            ServerSettings.model_construct().model_dump() | plain | {"data": self.data} | self.given
        )
        told: dict[str, Any] = {"environ": {}, "mounts": LOCAL, "now": NOW} | self.seen
        told.pop("free", None)  # which the disk tells
        return examine(Subject(settings=settings, server="license-server", **told))


def with_database(settings: ServerSettings, work: Callable[[Database], object]) -> None:
    database = data_folder.open_database(settings)
    try:
        work(database)
    finally:
        database.close()


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server without a fault: its root key is elsewhere, and it was backed up."""
    made = server.make(tmp_path_factory.mktemp("check") / "server", now=NOW - DAY)
    made.root_key.unlink()
    with_database(
        made,
        lambda database: database.write(
            lambda c: events.record(c, NOW - 3600, COMMAND, BACKED_UP, "a.tar")
        ),
    )
    return made.data


@pytest.fixture
def world(clean: Path, tmp_path: Path) -> World:
    shutil.copytree(clean, tmp_path / "server")
    made = World(tmp_path / "server", {}, {})
    made.passphrase_file.write_text(f"{PASSPHRASE}\n")
    made.passphrase_file.chmod(0o600)
    return made


def setting(also: Mapping[str, Any] = EMPTY, /, **given: Any) -> Callable[[World], None]:
    """A mistake in settings."""
    return lambda world: world.given.update({**also, **given})


def seen(**given: Any) -> Callable[[World], None]:
    return lambda world: world.seen.update(given)


def add_mail(world: World, state: str) -> None:
    row = {
        "queued_at": NOW - 2 * 3600,
        "queued_by": "command",
        "recipient": "it@acme.example",
        "subject": "Your licence",
        "body": "Here it is.",
        "message_id": "<1@vendor.example>",
        "automatic": False,
        "state": state,
        "attempts": 0,
        "due_at": NOW,
    }
    world.change(lambda c: c.execute(sqlalchemy.insert(mails), row))


def paused_webhook(world: World) -> None:
    row = {
        "name": "crm",
        "url": "https://crm.example.com/",
        "secret": b"x",
        "created_at": 1,
        "paused_at": 2,
        "paused_why": "unreachable",
    }
    world.change(lambda c: c.execute(sqlalchemy.insert(webhooks), row))


def ruled_product(world: World) -> None:
    row = {"name": "darwin", "created_at": 1, "approval": False, "mail_plan": "Trial"}
    columns = {one.name for one in products.columns}
    world.change(
        lambda c: c.execute(
            sqlalchemy.insert(products), {k: v for k, v in row.items() if k in columns}
        )
    )


def failing_mailbox(world: World) -> None:
    world.given.update(imap_host="127.0.0.1", imap_user="support", imap_tls="none")
    world.given.update(imap_password_file=world.secret("imap"))
    world.seen["asks"] = False
    place = "support 127.0.0.1 INBOX"
    world.change(
        lambda c: mailbox_store.set_place(
            c, place, done=0, failing_since=NOW - 600, problem="it is gone."
        )
    )


def unreachable_mailbox(world: World) -> None:
    world.given.update(imap_host="127.0.0.1", imap_user="support", imap_tls="none")
    world.given.update(imap_password_file=world.secret("imap"), imap_port=ports.REFUSES)


def listed_revocations(world: World, after: int, *acts: tuple[str, ...]) -> None:
    """A server of today, on which something was done; it is looked at *after* so many days."""
    for act in acts:
        done = run(world.data, *act)
        assert done.returncode == 0, done.stderr
    world.seen["now"] = int(time.time()) + after * DAY


def set_up_today(world: World) -> None:
    """A server whose commands go by the clock of this machine; nobody has backed it up."""
    shutil.rmtree(world.data)
    server.make(world.data).root_key.unlink()


def listed(world: World) -> None:
    set_up_today(world)
    listed_revocations(world, 25, ("revocations", "publish"))


def revoked(world: World) -> None:
    set_up_today(world)
    done = run(
        world.data, "issue", "--customer", "A", "--product", "b", "--days", "99", "--host", LINE,
        "-o", "-",
    )  # fmt: skip
    number = re.search(r"HS-\d{4}-\w{8}", done.stdout + done.stderr)
    assert number is not None, done.stderr
    listed_revocations(world, 2, ("revoke", number[0], "--reason", "a test", "--yes"))


def of_another(world: World) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away: run the tests as root")
    os.chown(world.data / "hostseal.db", 12345, -1)
    os.chown(world.data / "keys" / "seeds.key.pem", 12345, -1)


def folder_of_another(world: World) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give files away: run the tests as root")
    for path in (world.data, *world.data.rglob("*")):
        os.chown(path, 12345, -1)


def nearly_full(world: World) -> None:
    world.seen["free"] = 9 * 1024 * 1024


def outdated(world: World) -> None:
    query = sqlalchemy.text("update alembic_version set version_num = '0001'")
    world.change(lambda c: c.execute(query))


SMTP: dict[str, Any] = {
    "smtp_host": "127.0.0.1",
    "mail_from": "a@vendor.example",
    "smtp_tls": "none",
}
BEHIND: dict[str, Any] = {"public_url": "https://licences.example.com"}
OPENID: dict[str, Any] = {"openid_issuer": "http://id.example.com"}
MISTAKES: dict[str, tuple[str, Callable[[World], object]]] = {
    "misspelt": ("setting-unknown", seen(environ={"LICENSE_SERVER_PORTALL": "true"})),
    "portal without address": ("public-url-missing", setting(portal=True)),
    "no TLS": ("public-url-plain", setting(public_url="http://licences.example.com")),
    "nobody at the address": (
        "public-url-elsewhere",
        lambda world: world.given.update(public_url=f"http://127.0.0.1:{ports.REFUSES}"),
    ),
    "no proxy named": ("proxies-missing", setting(**BEHIND)),
    "all are proxies": ("proxies-wide", setting(BEHIND, trusted_proxies="0.0.0.0/0")),
    "metrics for all": ("metrics-wide", setting(metrics_from="::/0")),
    "webhooks to all": ("webhook-networks-wide", setting(webhook_networks="0.0.0.0/0")),
    "webhooks to metadata": ("webhook-networks-wide", setting(webhook_networks="169.254.0.0/16")),
    "single sign-on without TLS": (
        "openid-plain",
        lambda world: world.given.update(OPENID, openid_client_secret_file=world.secret("openid")),
    ),
    "single sign-on without secret": (
        "input-invalid",
        setting(OPENID, openid_issuer="https://id.example.com"),
    ),
    "password in the URL": (
        "database-password-shown",
        setting(database=f"postgresql://hostseal:{SECRET.replace(' ', '-')}@127.0.0.1:1/hostseal"),
    ),
    "open folder": ("data-folder-open", lambda world: world.data.chmod(0o755)),
    "open secret": ("secret-readable", lambda world: world.passphrase_file.chmod(0o644)),
    "open key": (
        "secret-file-open",
        lambda world: (world.data / "keys" / "record.key.pem").chmod(0o640),
    ),
    "no secret": ("input-invalid", lambda world: world.passphrase_file.unlink()),
    "file of another user": ("files-of-another", of_another),
    "folder of another user": ("folder-of-another", folder_of_another),
    "root key": (
        "root-key-here",
        lambda world: shutil.copy(
            world.data / "keys/seeds.key.pem", world.data / "keys/root.key.pem"
        ),
    ),
    "wrong passphrase": (
        "passphrase-wrong",
        lambda world: world.passphrase_file.write_text("another one\n"),
    ),
    "no signing key": (
        "signer-unavailable",
        lambda world: (world.data / "keys" / "signing.key.pem").unlink(),
    ),
    "no key of the audit log": (
        "record-key-unavailable",
        lambda world: (world.data / "record.pub.pem").unlink(),
    ),
    "key ends": ("signing-ends", seen(now=NOW + 3600 * DAY)),
    "key has ended": ("signing-over", seen(now=NOW + 4000 * DAY)),
    "clock behind": ("clock-behind", seen(now=NOW - 2 * 3600)),
    "clock before 1970": ("clock-wrong", seen(now=-1)),
    "network file system": (
        "database-on-network",
        seen(mounts=f"{LOCAL}\n23 22 0:2 / / rw - nfs4 nas:/srv rw"),
    ),
    "little room": ("disk-nearly-full", nearly_full),
    "former version": ("schema-outdated", outdated),
    "no database": (
        "database-unavailable",
        lambda world: (world.data / "hostseal.db").write_bytes(b"no database" * 99),
    ),
    "another folder": ("not-initialised", lambda world: (world.data / "root.pub.pem").unlink()),
    "former ledger": (
        "ledger-superseded",
        lambda world: (world.data / "ledger").write_text("another\n"),
    ),
    "mail without TLS": ("mail-plain", setting(SMTP, smtp_host="mail.example.com")),
    "no mail server": (
        "mail-server-unreachable",
        lambda world: world.given.update(SMTP, smtp_port=ports.REFUSES),
    ),
    "mail of nobody": ("input-invalid", setting(smtp_host="127.0.0.1")),
    "no mailbox": ("mailbox-unreadable", unreachable_mailbox),
    "mailbox fails": ("mailbox-failing", failing_mailbox),
    "rule without a name": ("authserv-missing", ruled_product),
    "outbox stuck": ("outbox-stuck", lambda world: add_mail(world, "waiting")),
    "mail held": ("mails-undecided", lambda world: add_mail(world, "held")),
    "webhook paused": ("webhooks-paused", paused_webhook),
    "old backup": ("backup-old", seen(now=NOW + 30 * DAY)),
    "list ends": (
        "revocations-due",
        listed,
    ),
    "list waits": ("revocations-waiting", revoked),
    "clock kept by nobody": ("clock-not-kept", seen(synchronised=False)),
    "setting that cannot be": (
        "input-invalid",
        seen(invalid=(InputInvalidError(field="LICENSE_SERVER_RATE", reason="it is no number"),)),
    ),
}
BESIDE = {
    "single sign-on without TLS": {"public-url-missing"},
    "single sign-on without secret": {"public-url-missing"},
    "password in the URL": {"database-unavailable"},
    "key ends": {"backup-old"},
    "key has ended": {"backup-old"},
    "clock before 1970": {"clock-behind", "signer-unavailable"},
    "list ends": {"backup-missing"},
    "list waits": {"backup-missing"},
}
"""What follows from the same mistake."""


@pytest.fixture
def disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with as much room as the mistake has it, whatever this machine's is."""

    def statvfs(_: object) -> SimpleNamespace:
        free = world.seen.get("free", 1 << 40)
        return SimpleNamespace(f_bavail=free // 4096, f_frsize=4096)

    monkeypatch.setattr(os, "statvfs", statvfs)


@pytest.mark.usefixtures("disk")
def test_clean_server_has_no_finding(world: World) -> None:
    assert world.examine().findings == []


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_found_with_its_remedy(world: World, mistake: str) -> None:
    slug, make = MISTAKES[mistake]
    make(world)
    if ".example.com" in str(world.given):
        world.seen["asks"] = False  # of no other machine
    findings = world.examine().findings
    assert {one.slug for one in findings} - BESIDE.get(mistake, set()) == {slug}
    found = next(one for one in findings if one.slug == slug)
    assert found.sentence.endswith((".", "?"))
    assert re.search(r"`[^`]+`|^  \S", found.remedy, re.MULTILINE) or slug not in ROWS, found.remedy
    assert not re.search(r"[{}]", found.sentence + found.remedy)
    assert SECRET not in found.sentence + found.remedy
    assert SECRET.replace(" ", "-") not in found.sentence + found.remedy


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, b'{"alive": true}', None),
        (200, b"<p>Welcome to nginx!", "something else"),
        (200, b'"alive"', "it answers 200"),
        (502, b"", "it answers 502"),
    ],
)
def test_public_url_is_to_lead_to_a_server_of_ours(
    world: World, status: int, body: bytes, told: str | None
) -> None:
    with loopback.answering(status, body, "application/json") as url:
        world.given["public_url"] = url.removesuffix("/license.dat")
        sentences = [one.sentence for one in world.examine().findings]
    assert len(sentences) == (told is not None)
    assert told is None or told in sentences[0]


def test_every_kind_of_finding_is_planted() -> None:
    elsewhere = {"commits-not-durable", "backup-missing"}  # below, and beside others
    assert {slug for slug, _ in MISTAKES.values()} >= ROWS.keys() - elsewhere
    assert len({slug for slug, _ in MISTAKES.values()}) >= 20


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("mistake", ["open folder", "open secret", "open key"])
def test_remedy_that_is_pasted_mends(world: World, mistake: str) -> None:
    MISTAKES[mistake][1](world)
    (found,) = world.examine().findings
    pasted = re.search(r"`([^`]+)`|^  (.+)$", found.remedy, re.MULTILINE)
    assert pasted is not None
    subprocess.run(["sh", "-c", pasted[1] or pasted[2]], check=True)
    assert world.examine().findings == []


def in_force(world: World, path: Path, now: int, *, key: int, keyset: int | None) -> None:
    """Let the signing key and the keyset end so many seconds after *now*; the root key signs."""
    made = server.settings(world.data)
    database = data_folder.open_database(made)
    try:
        trust = read_trust(made, database)
        root = open_signer(f"file:{path}", made.read_passphrase)
        present = trust.keyset.keyset
        keys = tuple(one._replace(exp=now + key) for one in present.keys)
        exp = None if keyset is None else now + keyset
        ended = present._replace(version=2, keys=keys, exp=exp)
        text = keysets.written((), (ended.sign(root),))
        database.write(lambda c: keyset_store.add_keyset(c, 2, text, now))
    finally:
        database.close()


SOON, PAST, FAR = 2 * DAY, 0, 900 * DAY


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize(
    ("key", "keyset", "slug"),
    [
        (FAR, PAST, "signing-over"),
        (FAR, SOON, "signing-ends"),
        (PAST, None, "signing-over"),
        (SOON, None, "signing-ends"),
        (PAST, PAST, "signing-over"),
    ],
)
@pytest.mark.parametrize("root_is", ["here", "away", "another"])
def test_remedy_of_keys_that_end_is_pasted_and_mends(
    world: World, tmp_path: Path, key: int, keyset: int | None, slug: str, root_is: str
) -> None:
    shutil.rmtree(world.data)
    now = int(time.time())
    made = server.make(world.data, now=now - DAY)
    in_force(world, made.root_key, now, key=key, keyset=keyset)
    if root_is != "here":
        made.root_key.rename(tmp_path / "root.key.pem")
    if root_is == "another":
        shutil.copy(world.data / "keys/seeds.key.pem", made.root_key)
    world.seen["now"] = now

    def found() -> dict[str, Finding]:
        return {one.slug: one for one in world.examine().findings}

    told = found()
    assert {"signing-over", "signing-ends"} & told.keys() == {slug}
    assert "signer-unavailable" not in told
    env = server.environment(world.data)
    for line in re.findall(r"^  license-server (.+)$", told[slug].remedy, re.MULTILINE):
        words = [
            str(tmp_path / one) if one.endswith((".txt", ".pem")) else one for one in line.split()
        ]
        more = ["--yes"] if words[0] == "root" else []
        done = server.at_once(*words, *more, env=env)
        assert done.returncode == 0, (line, done.stderr)
    world.seen["now"] = int(time.time())
    assert not {"signing-over", "signing-ends", "signer-unavailable"} & found().keys()


@pytest.mark.parametrize(("later", "code"), [(100, 0), (-1, 166)])
def test_shell_issues_until_the_keyset_ends(world: World, later: int, code: int) -> None:
    shutil.rmtree(world.data)
    now = int(time.time())
    made = server.make(world.data, now=now - DAY)
    in_force(world, made.root_key, now, key=FAR, keyset=later * DAY)
    done = run(
        world.data, "issue", "--customer", "A", "--product", "b", "--days", "9", "--host", LINE,
        "-o", "-",
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert ("keyset 2 ended at" in done.stderr) is (code != 0)
    assert ("check` prints the commands" in done.stderr) is (code != 0)


def test_database_that_may_lose_commits_is_found(desk: Desk) -> None:
    def told() -> list[str]:
        subject = Subject(desk.settings, desk.clock.now, {}, LOCAL, "license-server")
        return [one.sentence for one in examine(subject).findings if "lost" in one.sentence]

    assert told() == []
    if desk.settings.database is None:
        return  # SQLite is told by the server itself
    url = sqlalchemy.make_url(desk.settings.database_url)
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    change = f'alter database "{url.database}"'
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"{change} set synchronous_commit = off")
        (one,) = told()
        assert "synchronous_commit = off" in one
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"{change} reset synchronous_commit")
        engine.dispose()


def command(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"LICENSE_SERVER_PASSPHRASE_FILE": str(world.passphrase_file)}
    return run(world.data, "check", *arguments, LICENSE_SERVER_PORTAL="false", **env)


@pytest.fixture
def present(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A server of today, on a machine whose clock is kept."""
    monkeypatch.setattr(of_clock, "MARK", str(world.data))
    set_up_today(world)
    done = run(world.data, "backup", "-o", str(world.data.parent / "a.tar"))
    assert done.returncode == 0, done.stderr
    return world


@pytest.mark.usefixtures("disk")
def test_command_says_that_all_is_well(present: World) -> None:
    done = command(present)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "All is well; nothing to do." in done.stdout
    told = json.loads(command(present, "--json").stdout)
    assert (told["exit_code"], told["findings"]) == (0, [])
    titles = [one["title"] for one in told["sections"]]
    assert {"Settings", "Data folder", "Clock", "Database", "Keys", "Mail out"} <= set(titles)


@pytest.mark.usefixtures("disk")
def test_command_exits_with_its_code_and_lays_the_page_out(present: World) -> None:
    present.passphrase_file.chmod(0o644)
    (present.data / "record.pub.pem").unlink()
    done = command(present)
    assert done.returncode == CheckFailedError.row.exit_code
    assert "1 error, 1 warning. See the end for what to do." in done.stdout
    assert f"        chmod 600 {present.passphrase_file}\n" in done.stdout
    assert "1 finding must be mended." in done.stderr
    assert all(len(line) <= 80 or "/" in line for line in done.stdout.splitlines())
    assert PASSPHRASE not in done.stdout
    told = json.loads(command(present, "--json").stdout)
    assert told["exit_code"] == CheckFailedError.row.exit_code
    assert [one["level"] for one in told["findings"]] == ["error", "warning"]


@pytest.mark.usefixtures("disk")
def test_invalid_settings_are_lines_of_the_page(present: World) -> None:
    wrong = {"LICENSE_SERVER_SMTP_PORT": "none", "LICENSE_SERVER_IMAP_DAYS": "0"}
    assert run(present.data, "list", **wrong).returncode == exit_code("input-invalid")
    given = wrong | {"LICENSE_SERVER_PASSPHRASE_FILE": str(present.passphrase_file)}
    done = run(present.data, "check", "--json", **given, LICENSE_SERVER_PORTAL="false")
    assert done.returncode == CheckFailedError.row.exit_code
    told = json.loads(done.stdout)["findings"]
    assert [one["slug"] for one in told] == ["input-invalid"] * 2
    assert all(any(name in one["sentence"] for one in told) for name in wrong)


def test_invalid_setting_leaves_those_whose_names_begin_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = {"LICENSE_SERVER_DATA": "here", "LICENSE_SERVER_DATABASE": "postgresql://db/hostseal"}
    for name, value in (kept | {"LICENSE_SERVER_DATABASE_CONNECTIONS": "1"}).items():
        monkeypatch.setenv(name, value)
    settings, (wrong,) = ServerSettings.read_valid(os.environ)
    assert wrong.field == "LICENSE_SERVER_DATABASE_CONNECTIONS"
    assert (str(settings.data), settings.database) == tuple(kept.values())


def test_clock_is_asked_of_the_system_or_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_clock, "MARK", str(tmp_path / "none"))
    assert of_clock.synchronised() in (True, False, None)
    monkeypatch.setattr(of_clock, "MARK", str(tmp_path))
    assert of_clock.synchronised() is True


@pytest.mark.usefixtures("disk")
def test_warnings_alone_exit_with_0(present: World) -> None:
    shutil.copy(present.data / "keys/seeds.key.pem", present.data / "keys/root.key.pem")
    done = command(present)
    assert done.returncode == 0
    assert "1 warning. See the end" in done.stdout
    assert f"mv {present.data}/keys/root.key.pem" in done.stdout


def test_file_system_is_the_one_that_was_mounted_last() -> None:
    mounts = "\n".join(
        (
            LOCAL,
            "23 22 0:2 / /srv rw shared:1 - nfs4 nas:/srv rw",
            "24 23 0:3 / /srv/my\\040disk rw - xfs /dev/sdb rw",
            "no mount",
        )
    )
    assert mounted_at("/srv/hostseal", mounts) == ("/srv", "nfs4")
    assert mounted_at("/srv/my disk/server", mounts) == ("/srv/my disk", "xfs")
    assert mounted_at("/srvx", mounts) == ("/", "ext4")
