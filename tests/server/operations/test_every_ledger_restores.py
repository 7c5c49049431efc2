"""Whatever ``backup`` wrote, ``restore`` takes: the same rows, in which ``fsck`` finds nothing."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from license_server.access import access_store, accounts, invitations, totp
from license_server.actor import COMMAND, Actor
from license_server.catalog import customers, products
from license_server.db.tables import drafts
from license_server.permissions import ROLES
from license_server.sheets import jobs, uploads
from license_server.sheets.job_state import RUNNING, Job, Progress
from tests.support import server
from tests.support.ledger import ISSUER, Ledger, new_ledger
from tests.support.postgres import new_database
from tests.support.stored_rows import everything

KINDS = ("sqlite", "postgresql")
PERSON = Actor("user:issuer@example.com", ROLES["issuer"])
# What a person may type: any script, quotes, what looks like the end of a line to somebody else.
CHARACTERS = st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp"))
LARGE = st.sampled_from((0, 1, 100, 5_000, 64_000))


def texts(longest: int) -> st.SearchStrategy[str]:
    """A text of one to *longest* characters."""
    return st.text(CHARACTERS, min_size=1, max_size=longest).filter(
        lambda text: text == text.strip()
    )


CONTENTS = st.fixed_dictionaries(
    {
        "customers": st.lists(texts(60), max_size=4, unique_by=str.casefold),
        "notes": st.lists(st.tuples(texts(20), LARGE), max_size=4),
        "licences": st.integers(0, 6),
        "proposals": st.lists(LARGE.map(lambda size: min(size, 2_000)), max_size=3),
        "people": st.integers(0, 4),
        "invited": st.integers(0, 3),
        "tokens": st.integers(0, 3),
        "sheets": st.lists(st.sampled_from((1, 70_000, 3_300_000)), max_size=4),
        "drafts": st.lists(LARGE, max_size=4),
    }
)


def url_of(kind: str) -> str | None:
    return None if kind == "sqlite" else new_database()


def fill(ledger: Ledger, wanted: Mapping[str, Any]) -> None:
    """Do what leaves the ledger that is *wanted*."""
    write, now = ledger.site.database.write, ledger.site.clock()
    for name in ("darwin", "guarded"):
        rules = {"name": name, "needs_approval": name == "guarded"}
        write(partial(products.add, members=rules, actor=COMMAND, now=now))
    for name in wanted["customers"]:
        write(partial(_customer, name=name, now=now))
    for number, (text, size) in enumerate(wanted["notes"]):
        members = {"name": f"noted {number}", "notes": (text * size)[:2000] or None}
        write(partial(customers.add, members=members, actor=ISSUER, now=now))
    for host in range(wanted["licences"]):
        ledger.issue(host, key=f"order {host}")
    for host, size in enumerate(wanted["proposals"]):
        ledger.issue(host, product="guarded", reason="r" * min(size, 500) or "why")
    for number in range(wanted["people"]):
        write(partial(_person, number=number, now=now))
    for number in range(wanted["invited"]):
        write(partial(_invite, number=number, now=now))
    for number in range(wanted["tokens"]):
        server.new_token(ledger.site.database, f"token {number}", now)
    for number, size in enumerate(wanted["sheets"]):
        write(partial(_sheet, number=number, size=size, now=now))
    for number, size in enumerate(wanted["drafts"]):
        write(partial(_draft, number=number, size=size, now=now))
    ledger.checkpoint()


def _customer(connection: Connection, name: str, now: int) -> None:
    customers.add(connection, {"name": name}, ISSUER, now)


def _invite(connection: Connection, number: int, now: int) -> None:
    email = f"invited{number}@example.com"
    invitations.invite(connection, email, "reader", COMMAND, now, os.urandom)


def _draft(connection: Connection, number: int, size: int, now: int) -> None:
    row = {"actor": PERSON.name, "id": str(number), "path": "/", "created_at": now}
    connection.execute(insert(drafts), row | {"fields": "f" * size})


def _person(connection: Connection, number: int, now: int) -> None:
    email = f"person{number}@example.com"
    accounts.add(connection, email, f"a password of {number}", "issuer", COMMAND, now)
    user = access_store.user_by_email(connection, email)
    assert user is not None
    totp.new_recovery_codes(connection, user, COMMAND, now, os.urandom)
    if number % 2:
        accounts.end(connection, user, COMMAND, now)


def _sheet(connection: Connection, number: int, size: int, now: int) -> None:
    sheet = f"customer,product,host\n{number},上海".ljust(size).encode()
    id_ = uploads.keep(connection, sheet, PERSON, now)
    jobs.begin(connection, Job(id_, RUNNING, now, Progress(1), {"darwin": "rules"}), PERSON)


def check_restores(folder: Path, ledger: Ledger, url: str | None, into: str) -> None:
    """What is backed up of *ledger* is the same in a database of the kind *into*."""
    data, file = ledger.settings.data, folder / "backup.tar"
    done = server.at_once("backup", "-o", str(file), env=server.environment(data, url))
    assert done.returncode == 0, done.stderr
    new, there = folder / "restored", url_of(into)
    env = server.environment(new, there)
    done = server.at_once("restore", str(file), "--thorough", env=env)
    assert done.returncode == 0, done.stderr
    assert everything(server.settings(new, there)) == everything(server.settings(data, url))
    done = server.at_once("fsck", env=env)
    assert done.returncode == 0, done.stdout


FULL: dict[str, Any] = {
    "customers": ["Ä 上海 'x'; --", '"\\n", <b>'],
    "notes": [("é🙂", 1_000), ("n", 0)],
    "licences": 3,
    "proposals": [0, 500],
    "people": 2,
    "invited": 1,
    "tokens": 1,
    "sheets": [1, 3_300_000],
    "drafts": [0, 64_000],
}
"""A ledger with something of everything."""


@pytest.mark.parametrize(
    "examples", [0, pytest.param(60, marks=pytest.mark.torture)], ids=["full", "many"]
)
@pytest.mark.parametrize(("kind", "other"), [KINDS, KINDS[::-1]])
def test_backup_of_every_ledger_restores_into_either_database(
    kind: str, other: str, examples: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Each takes seconds: none is made smaller.
    phases = (Phase.explicit, Phase.generate) if examples else (Phase.explicit,)

    @settings(
        max_examples=max(1, examples),
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @example(FULL, other)
    @given(CONTENTS, st.sampled_from(KINDS))
    def check(wanted: Mapping[str, Any], into: str) -> None:
        url, folder = url_of(kind), tmp_path_factory.mktemp("ledger")
        ledger = new_ledger(folder, url)
        fill(ledger, wanted)
        ledger.site.database.close()
        check_restores(folder, ledger, url, into)

    check()
