"""Acts on many licences are recorded together, each as it would be alone."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, text

from license_core.keyset import TrustedKeyset
from license_server.actor import COMMAND
from license_server.catalog import merging, products
from license_server.db.database import Database
from license_server.erasure import customer_erasure
from license_server.licenses import issuing, recording
from license_server.licenses.acts import ACTS, MANY
from license_server.licenses.planning import ActRequest
from license_server.sheets import importer
from license_server.sheets.batches import Line
from license_server.webhooks import endpoints
from tests.support.ledger import ISSUER, NOW, Ledger, add_webhook, line, new_ledger
from tests.support.postgres import new_database
from tests.support.sql import statements

MEMBERS: dict[str, dict[str, Any]] = {"renew": {"days": 60}}
BEFORE = {"reinstate": "suspend", "unrevoke": "revoke"}
"""What is done before it."""


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ledger]:
    url = None if request.param == "sqlite" else new_database()
    made = new_ledger(tmp_path_factory.mktemp("many"), url)
    yield made
    assert made.faults() == []
    made.link()
    assert made.faults() == []
    made.site.database.close()


_hosts = iter(range(1, 1 << 30))


def sold(ledger: Ledger, count: int, product: str = "darwin") -> list[str]:
    """So many licences, each of a customer of its own."""
    order = {"product": product, "days": 30}
    each = ((at, next(_hosts)) for at in range(1, count + 1))
    some = [Line(at, order | {"customer": f"Customer {n}", "host": line(n)}) for at, n in each]
    return [str(one.number) for one in do(ledger, some)]


def lines(ledger: Ledger, act: str, numbers: Sequence[str], *, seen: bool = True) -> list[Line]:
    """The lines of a job of *act* on licences; *seen*: as they are now."""
    etags = ledger.site.database.read(lambda c: recording.etags(c, numbers)) if seen else {}
    members = MEMBERS.get(act, {}) | {"reason": "as agreed"}
    each = enumerate(numbers, 1)
    return [Line(at, members, None, ACTS[act], one, etags.get(one)) for at, one in each]


def do(ledger: Ledger, some: list[Line], random: Callable[[int], bytes] = os.urandom) -> list[Any]:
    """What becomes of lines."""
    site = ledger.site
    given = (site.database, site.issuer, some, ISSUER, NOW, random, None)
    return [one for batch in importer.issue(*given) for one in batch]


def rows(database: Database, query: str, **given: Any) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(one._mapping) for one in connection.execute(text(query), given)]


@pytest.mark.parametrize("act", [act.name for act in MANY])
def test_as_many_statements_for_thirty_as_for_three(ledger: Ledger, act: str) -> None:
    before = BEFORE.get(act)
    said: list[Counter[str]] = []
    for count in (1, 3, 30):
        numbers = sold(ledger, count)
        if before is not None:
            do(ledger, lines(ledger, before, numbers))
        asked = lines(ledger, act, numbers)
        with statements(ledger.site.database.engine) as heard:
            assert {one.slug for one in do(ledger, asked)} == {None}
        each = (one.lower().partition("values")[0] for one in heard)
        said.append(Counter(one for one in each if "signatures" not in one))
    assert said[1] == said[2]
    assert said[1].total() < 25


@pytest.mark.parametrize("act", ["renew", "suspend", "revoke", "reinstate", "unrevoke"])
def test_each_is_recorded_and_told_to_webhooks_as_if_alone(ledger: Ledger, act: str) -> None:
    database = ledger.site.database
    if not rows(database, "select id from webhooks"):
        made = add_webhook(ledger, "CRM")
        database.write(lambda c: endpoints.change(c, made.id, {"events": None}, (), COMMAND, NOW))
    more = {"contract": "PO-7", "limits": {"gpus": 2}}
    each = (next(_hosts) for _ in range(3))
    alone, *several = (ledger.issue(one, customer=f"Customer {one}", **more) for one in each)
    before = BEFORE.get(act)
    if before is not None:
        do(ledger, lines(ledger, before, [alone, *several]))
    if ACTS[act].issues:
        ledger.act(act, alone, **MEMBERS.get(act, {}), reason="as agreed")
    else:
        ledger.end(act, alone, "as agreed")
    assert {one.slug for one in do(ledger, lines(ledger, act, several))} == {None}
    expected, *others = (everything(database, one) for one in (alone, *several))
    assert expected["audit_events"][-1]["action"] == ACTS[act].event
    assert expected["webhook_deliveries"], "nothing was told"
    for other in others:
        assert other == expected


def everything(database: Database, number: str) -> dict[str, list[dict[str, Any]]]:
    """All that is kept of a line of licences, but for what each has of its own."""
    of_line = rows(
        database,
        "select * from licenses where line = :number order by id",
        number=number,
    )
    names = {one["number"]: f"licence {at}" for at, one in enumerate(of_line)}
    names |= {of_line[0]["host_key"]: "key", of_line[0]["host_name"]: "host"}
    (who,) = rows(
        database,
        "select name from customers where id = :id",
        id=of_line[0]["customer_id"],
    )
    names[who["name"]] = "customer"
    found = {"licenses": of_line}
    for table in ("audit_events", "webhook_deliveries"):
        query = f"select * from {table} where subject = :number order by id"
        found[table] = [one for each in of_line for one in rows(database, query, **only(each))]
    return {table: [plain(one, names) for one in some] for table, some in found.items()}


def only(of: dict[str, Any]) -> dict[str, Any]:
    return {"number": of["number"]}


OWN = {"id", "customer_id", "token", "request", "salt", "position", "link", "webhook_id", "message"}


def plain(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A row without what is its own, and with *names* by what they stand for."""

    def told(value: Any) -> Any:
        if isinstance(value, bytes | memoryview):
            value = bytes(value).decode("utf-8", "replace")
        if isinstance(value, str):
            for name, short in names.items():
                value = value.replace(name, short)
        return value

    kept = {name: told(value) for name, value in row.items() if name not in OWN}
    if kept.get("rows"):  # the digests are of those rows
        kept["rows"] = sorted(json.loads(kept["rows"]))
    return kept


def meanwhile(ledger: Ledger, act: Callable[[Connection], object]) -> Callable[[int], bytes]:
    """Random bytes; *act* is done where they are drawn: once the lines were planned."""
    waiting = [act]

    def random(count: int) -> bytes:
        while waiting:
            ledger.site.database.write(waiting.pop())
        return os.urandom(count)

    return random


@pytest.mark.parametrize("seen", [True, False])
def test_what_became_of_one_meanwhile_is_told_at_its_line_and_keeps_no_other_from_being_done(
    ledger: Ledger, *, seen: bool
) -> None:
    first, revoked, merged, erased, last = sold(ledger, 5)
    asked = lines(ledger, "renew", [first, revoked, merged, erased, last, revoked], seen=seen)
    into = sold(ledger, 1)
    drawn: list[int] = []

    def act(connection: Connection) -> None:
        ended = ActRequest(ACTS["revoke"], {"reason": "stolen"}, revoked)
        recording.end(connection, ended, COMMAND, NOW)
        of = {number: issuing.find(connection, number).customer_id for number in (merged, *into)}
        merging.merge(connection, of[merged], of[into[0]], COMMAND, NOW)
        gone = issuing.find(connection, erased).customer_id
        customer_erasure.begin(connection, gone, COMMAND, NOW, "asked for", live=True)

    happens = meanwhile(ledger, act)

    def random(count: int) -> bytes:
        drawn.append(count)
        return happens(count)

    told = do(ledger, asked, random)
    changed = "changed-meanwhile"
    assert [one.slug for one in told] == [
        None,
        changed if seen else "license-state",
        changed,
        "not-found",
        None,
        "license-state",  # it stands there twice
    ]
    assert sum(drawn) == 5 * 5, "the batch was drawn up again"
    state = {
        one["number"]: one["state"] for one in rows(ledger.site.database, "select * from licenses")
    }
    numbers = (first, revoked, merged, erased, last)
    assert [state[one] for one in numbers] == [
        "replaced",
        "revoked",
        "active",
        "active",
        "replaced",
    ]
    ends = do(ledger, lines(ledger, "suspend", [merged, revoked, "HS-2026-00000000"], seen=False))
    assert [one.slug for one in ends] == [None, "license-state", "not-found"]


def test_product_that_needs_approval_meanwhile_gets_proposals_and_the_rest_is_done(
    ledger: Ledger,
) -> None:
    write, product = ledger.site.database.write, f"guarded-{next(_hosts)}"
    write(lambda c: products.add(c, {"name": product}, COMMAND, NOW))
    guarded, free = *sold(ledger, 1, product=product), *sold(ledger, 1)
    rule = {"needs_approval": True}
    random = meanwhile(ledger, lambda c: products.change(c, product, rule, COMMAND, NOW))
    told = do(ledger, lines(ledger, "renew", [guarded, free]), random)
    assert [(one.slug, one.proposal is None) for one in told] == [(None, False), (None, True)]


def test_one_that_cannot_be_signed_is_told_at_its_line(ledger: Ledger) -> None:
    """The key is for one of two products."""
    ours, other = *sold(ledger, 1), *sold(ledger, 1, product="other")
    site = ledger.site
    keys = [one._replace(products=("darwin",)) for one in site.issuer.keyset.keyset.keys]
    keyset = TrustedKeyset(site.issuer.keyset.keyset._replace(keys=tuple(keys)))
    site = site._replace(issuer=site.issuer._replace(keyset=keyset))
    told = do(ledger._replace(site=site), lines(ledger, "renew", [other, ours]))
    assert [one.slug for one in told] == ["signer-unavailable", None]
    assert "is not for the product other" in str(told[0].detail)


def test_number_that_is_taken_lets_nothing_be_half_done(ledger: Ledger) -> None:
    first, second = sold(ledger, 2)
    taken = iter([b"\0" * 5, b"\0" * 5])  # the same number twice
    told = do(ledger, lines(ledger, "renew", [first, second]), lambda n: next(taken, os.urandom(n)))
    assert [one.slug for one in told] == [None, None]
    made = rows(
        ledger.site.database, "select * from licenses where replaces in (:a, :b)", a=first, b=second
    )
    assert sorted(one["replaces"] for one in made) == sorted([first, second])
