"""The drill: a signing key has leaked, and every licence it signed is reissued.

From the commands of docs/KEYS.md, as processes, to a check on each host: what was issued again
holds there, and what the lost key signed is refused where the new keyset is known.
"""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy
from sqlalchemy import Connection

from license_core import hostkey
from license_core.errors import SigningKeyRevokedError
from license_core.facts import HostFacts
from license_core.request import LicenseRequest
from license_core.settings import Settings
from license_core.verify import check
from license_server.actor import COMMAND
from license_server.audit.verify import Fault
from license_server.catalog import customers, merging
from license_server.erasure import customer_erasure
from license_server.licenses import (
    issuing,
    license_store,
    recording,
    reissue,
)
from license_server.licenses.acts import ACTS
from license_server.licenses.planning import ActRequest
from license_server.licenses.search import Filter
from license_server.operations import data_folder, fsck
from license_server.operations.fsck import Trusted
from license_server.settings import ServerSettings
from license_server.sheets import importer
from license_server.sheets.batches import Line
from license_server.signing.issuer import read_roots
from tests.support import server, softhsm
from tests.support.postgres import new_database

pytestmark = softhsm.about_key_files

DAY = 86400


def facts(host: int) -> HostFacts:
    """The host of this number: a container with an address of its own."""
    return HostFacts(
        hostname=f"node{host}",
        ip=f"10.{host >> 16}.{host >> 8 & 255}.{host & 255}",
        machine_id=f"{host + 1:032x}",
        container_id=f"{host + 1:064x}",
        engine="docker",
    )


def line(host: int) -> Line:
    """An order for that host: from a whole request, or a bare line; some anchored."""
    known = facts(host)
    key = hostkey.derive(known)
    whole = host % 2 == 0
    sent = LicenseRequest(key.key, known.hostname, tags=hostkey.tags(known) if whole else None)
    order = {
        "customer": f"Customer {host % 40}",
        "product": f"product-{host % 3}",
        "host": sent.to_text(),
        "features": ["train", "export"],
        "limits": {"gpus": host % 8 + 1},
        "match": "anchored" if whole else "exact",
        "contact_email": f"it@customer{host % 40}.example",
    }
    term = {"perpetual": True} if host % 10 == 0 else {"days": 30 + host % 300, "grace_days": 7}
    return Line(host + 2, order | term)


class Sold(NamedTuple):
    """A vendor who has sold licences; the files that its customers have."""

    settings: ServerSettings
    url: str | None
    kid: str
    files: dict[str, bytes]
    hosts: dict[str, int]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = server.environment(self.settings.data, self.url)
        done = server.at_once(*arguments, env=env)
        assert done.returncode == 0, done.stderr
        return done


def sell(folder: Path, count: int, url: str | None) -> Sold:
    now = int(time.time())
    settings = server.make(folder / "server", url, now)
    database, issuer = data_folder.open_vault(settings)
    numbers: list[str] = []
    for batch in importer.issue(
        database, issuer, map(line, range(count)), COMMAND, now, os.urandom, "sold"
    ):
        numbers += [str(one.number) for one in batch]
        assert not [one for one in batch if one.slug], batch
    with database.reading() as connection:
        found = license_store.listed(connection, Filter(), now, before=None, limit=count).rows
    files = {one.number: issuing.file_of(one) for one in found}
    database.close()
    hosts = {number: host for host, number in enumerate(numbers)}
    return Sold(settings, url, issuer.signer.public_key.kid, files, hosts)


def is_told(folder: Path) -> list[dict[str, str]]:
    """The lines of the sheet that says whom each file is for, and that is its owner's alone."""
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
    with (folder / "licenses.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def drill(sold: Sold, out: Path) -> dict[str, float]:
    """Do all of it, and check each licence on its host; how long each part took, in seconds."""
    took: dict[str, float] = {}
    count = len(sold.files)

    def timed(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        began = time.perf_counter()
        done = sold.run(*arguments)
        took[name] = time.perf_counter() - began
        return done

    seen = timed("preview", "keys", "leaked", sold.kid)
    assert f"Licences signed: {count};" in seen.stdout
    assert f"Live licences: {count}; products: product-0, product-1, product-2." in seen.stdout
    timed("new keyset", "keys", "leaked", sold.kid, "--yes")
    done = timed("re-issue", "keys", "reissue", sold.kid, "-o", str(out))
    assert done.stderr.splitlines()[-1].startswith(f"Reissued {count} licences; files in ")
    known = sold.run("keys", "file", "-o", "-").stdout.encode()
    began = time.perf_counter()
    roots, now = server.roots(sold.settings.data), int(time.time()) + 5
    told = is_told(out)
    assert {one["replaces"] for one in told} == sold.files.keys()
    for one in told:
        host = sold.hosts[one["replaces"]]
        given = {
            "roots": roots,
            "facts": facts(host),
            "now": now,
            "settings": Settings(f"product-{host % 3}"),
            "memory": None,
        }
        new = (out / one["file"]).read_bytes()
        report = check(new, **given)  # type: ignore[arg-type]
        assert report.ok, (one, report.problems)
        former = check(sold.files[one["replaces"]], **given)  # type: ignore[arg-type]
        assert former.ok
        after = check(sold.files[one["replaces"]], known=known, **given)  # type: ignore[arg-type]
        assert isinstance(after.problems[0], SigningKeyRevokedError)
        assert check(new, known=known, **given).ok  # type: ignore[arg-type]
        assert report.license is not None
        assert former.license is not None
        assert report.license.replaces == one["replaces"]
        kept = report.license._replace(jti="", iat=0, replaces=None)
        assert kept == former.license._replace(jti="", iat=0, replaces=None)
        assert one["customer"] == f"Customer {host % 40}"
        assert one["contact_email"] == f"it@customer{host % 40}.example"
    took["checks on the hosts"] = time.perf_counter() - began
    assert len([path for path in out.iterdir() if path.suffix == ".dat"]) == count
    return took


def faults(sold: Sold) -> list[Fault]:
    """What fsck finds."""
    found: list[Fault] = []
    trusted = Trusted(read_roots(sold.settings), data_folder.read_record_key(sold.settings))
    database = data_folder.open_database(sold.settings)
    with database.snapshot() as connection:
        fsck.check(connection, trusted, [], found.append, lambda _: None)
    database.close()
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else new_database()


def test_every_licence_of_a_leaked_key_is_reissued(tmp_path: Path, url: str | None) -> None:
    sold = sell(tmp_path, 120, url)
    drill(sold, tmp_path / "out")
    assert faults(sold) == []


@pytest.mark.torture
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_ten_thousand_licences_of_a_leaked_key_are_reissued(tmp_path: Path, kind: str) -> None:
    sold = sell(tmp_path, 10_000, None if kind == "sqlite" else new_database())
    took = drill(sold, tmp_path / "out")
    assert faults(sold) == []
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items())
    print(f"10,000 licences, {kind}: {told}")


def test_killed_reissue_resumes_and_reissues_each_licence_once(tmp_path: Path) -> None:
    sold, out = sell(tmp_path, 2 * reissue.BATCH + 50, None), tmp_path / "out"
    sold.run("keys", "leaked", sold.kid, "--yes")
    words = ["keys", "reissue", sold.kid, "-o", str(out)]
    env = server.environment(sold.settings.data)
    database = data_folder.open_database(sold.settings)
    with subprocess.Popen(
        [sys.executable, "-m", "license_server", *words],
        env=env,
        cwd=server.REPOSITORY,
        stderr=subprocess.DEVNULL,
    ) as process:
        server.until(process, lambda: database.read(_reissued) >= reissue.BATCH)
        begun = database.read(_reissued)
        process.send_signal(signal.SIGKILL)
    stopped = database.read(_reissued)
    assert reissue.BATCH <= begun <= stopped < len(sold.files)
    assert not (out / "licenses.csv").exists()
    done = sold.run(*words)
    rest = len(sold.files) - stopped
    assert f"Reissued {rest} licences; files in {out}: {len(sold.files)}." in done.stderr
    assert database.read(_reissued) == len(sold.files)
    database.close()
    told = is_told(out)
    assert {one["replaces"] for one in told} == sold.files.keys()
    assert len(told) == len(sold.files) == len({one["file"] for one in told})
    assert faults(sold) == []


def _reissued(connection: Connection) -> int:
    query = sqlalchemy.text("select count(*) from licenses where act = 'reissue'")
    return int(connection.execute(query).scalar_one())


def test_only_live_licences_are_reissued_under_current_customer_names(
    tmp_path: Path,
) -> None:
    sold, out = sell(tmp_path, 12, None), tmp_path / "out"
    database = data_folder.open_database(sold.settings)
    now = int(time.time())
    first, second, third, *others = sold.files

    def act(connection: Connection) -> None:
        for name, number in (("revoke", first), ("suspend", second)):
            recording.end(
                connection, ActRequest(ACTS[name], {"reason": "not paid"}, number), COMMAND, now
            )
        host = sold.hosts[third]
        stored = issuing.find(connection, third)
        found = customers.find(connection, stored.customer)
        customers.change(connection, found.id, {"name": f"Now {host}"}, COMMAND, now)

    database.write(act)
    database.close()
    sold.run("keys", "leaked", sold.kid, "--yes")
    sold.run("keys", "reissue", sold.kid, "-o", str(out))
    told = {one["replaces"]: one for one in is_told(out)}
    assert told.keys() == {third, *others}
    assert told[third]["customer"] == f"Now {sold.hosts[third]}"
    assert f"Now {sold.hosts[third]}" in (out / told[third]["file"]).read_text("utf-8")
    assert faults(sold) == []


def test_what_becomes_of_some_while_they_are_reissued_keeps_no_other_from_it(
    tmp_path: Path,
) -> None:
    """Where numbers are drawn, one is revoked, one merged, and one customer is to be erased."""
    sold = sell(tmp_path, 6, None)
    sold.run("keys", "leaked", sold.kid, "--yes")
    database, issuer = data_folder.open_vault(sold.settings)
    now = int(time.time())
    revoked, merged, into, erased, *others = sold.files
    waiting = [None]

    def act(connection: Connection) -> None:
        ended = ActRequest(ACTS["revoke"], {"reason": "not paid"}, revoked)
        recording.end(connection, ended, COMMAND, now)
        who = [issuing.find(connection, one).customer_id for one in (merged, into, erased)]
        merging.merge(connection, who[0], who[1], COMMAND, now)
        customer_erasure.begin(connection, who[2], COMMAND, now, "asked for", live=True)

    def random(count: int) -> bytes:
        while waiting:
            waiting.pop()
            database.write(act)
        return os.urandom(count)

    done = list(reissue.reissue(database, issuer, sold.kid, COMMAND, "lost", now, random))
    new = {one.replaces: one for page in reissue.reissued(database, sold.kid) for one in page}
    database.close()
    assert new.keys() == {merged, into, *others}
    assert sum(one.done for one in done) == len(new)
    assert new[merged].customer == new[into].customer
    left = [one for batch in done for one in batch.left]
    assert [(number, error.slug) for number, error in left] == [(erased, "not-found")]
    assert faults(sold) == []


def test_reissue_in_the_grace_period_keeps_the_whole_term(tmp_path: Path) -> None:
    sold = sell(tmp_path, 2, None)
    sold.run("keys", "leaked", sold.kid, "--yes")
    database, issuer = data_folder.open_vault(sold.settings)
    with database.reading() as connection:
        stored = issuing.find(connection, next(n for n, host in sold.hosts.items() if host == 1))
    assert stored.expires_at is not None
    later = stored.expires_at + 3 * DAY
    list(reissue.reissue(database, issuer, sold.kid, COMMAND, "lost", later, os.urandom))
    with database.reading() as connection:
        (new,) = [
            one
            for page in reissue.reissued(database, sold.kid)
            for one in page
            if one.replaces == stored.number
        ]
    database.close()
    license_ = issuing.claims_of(new)
    assert (license_.nbf, license_.exp, license_.iat) == (
        stored.issued_at - issuing.LEEWAY,
        stored.expires_at,
        later,
    )
    assert license_.state(later) == "grace"


def test_key_in_use_and_unknown_keys_cannot_be_reissued(tmp_path: Path) -> None:
    sold = sell(tmp_path, 1, None)
    env = server.environment(sold.settings.data)
    out = str(tmp_path / "out")
    refused = server.at_once("keys", "reissue", sold.kid, "-o", out, env=env)
    assert (refused.returncode, "is the key in use" in refused.stderr) == (76, True)
    unknown = server.at_once("keys", "reissue", "nobody", "-o", out, env=env)
    assert (unknown.returncode, "no key in the keyset called nobody" in unknown.stderr) == (
        77,
        True,
    )
    assert "Nothing was changed" in server.at_once("keys", "leaked", sold.kid, env=env).stderr
    assert sold.run("keys", "list").stdout.startswith("Keyset version 1 ")
    assert re.search(
        r"\d+ live of 1  Customer 0 <it@customer0.example>",
        sold.run("keys", "leaked", "--", sold.kid[:9]).stdout,
    )
