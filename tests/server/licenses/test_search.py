"""Search and filters, compared with a scan of every licence, on both databases."""

import secrets
import string
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from license_server.catalog import catalog_store
from license_server.db.database import Database
from license_server.db.tables import licenses, metadata
from license_server.finding import finding_store, following, words
from license_server.finding.texts import fold
from license_server.licenses import conditions, license_store, search, term_days, typed_text
from license_server.licenses.license_store import NewLicense, StoredLicense
from license_server.licenses.search import Filter, Search
from tests.support.api import issue
from tests.support.desk import Desk
from tests.support.postgres import new_database

NOW = 1000
CUSTOMERS = (
    "ACME Corporation",
    "Acorn & Sons",
    "上海机器智能",
    "Shanghai Motors",
    "Ünal AG",
    "7F3",
)
PRODUCTS = ("darwin", "studio", "acme")
HOSTS = ("studio2_gpu", "studio10", "acme-01", "7f3k.example", None)
PARTS = ("7F3K9QXB", "7F3K0000", "ACME0000", "00000000")
TYPED = (
    *CUSTOMERS,
    *PRODUCTS,
    *("acme", "son", "shanghai mot", "海机器", "上", "ünal", "7F3K9QXB", "7f3k9qxb", "7f3", "a"),
    *(
        "HS-2026",
        "hs-2026-7f3k9qxb",
        "STUDIO",
        "Studio2_GPU",
        "55",
        "zzz",
        "acme corp",
        "-",
        "sons a",
    ),
    *("acme studio", "acorn darwin", "studio2 sons", "shanghai 7f3k", "acme 7F3K9QXB", "& acme"),
    *("studio10 acme studio", "上海 darwin", "7f3 studio1", "acme 550000"),
    *("tudio2g", "o10", "cme-0", "hanghai", "器", "0815", "o-2026/08", "2026 0815", "rwi", "Unal"),
    *("studio 7 sons", "acme 0815"),
    *("7F3KO", "  studio ", "100%", "a_", "智能", "corp acme", "2026-7F3K"),
)


class Given(NamedTuple):
    """What there is to find."""

    connection: Connection
    rows: list[StoredLicense]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("search")
    sqlite = f"sqlite:///{folder}/search.db"
    url = sqlite if request.param == "sqlite" else new_database()
    made = Database(url.replace("postgresql://", "postgresql+psycopg://"), create=True)
    made.write(_fill_parties)
    yield made
    made.close()


def _fill_parties(connection: Connection) -> None:
    metadata.create_all(connection)
    for table, names, add in (
        ("customers", CUSTOMERS, catalog_store.add_customer),
        ("products", PRODUCTS, catalog_store.add_product),
    ):
        for name in names:
            row = add(connection, name, 1)
            assert row is not None
            finding_store.add(connection, following.uses([(table, row._asdict())]))
    keyset = {"version": 1, "token": "keyset", "created_at": 1}
    connection.execute(metadata.tables["keysets"].insert(), keyset)


ENDS = (86400 - 8 * 3600, 86400 + 12 * 3600, 2 * 86400, 2 * 86400 - 14 * 3600, 10 * 86400)
"""Midnights of some time zone."""
ROW = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from(range(1, len(CUSTOMERS) + 1)),
        "product_id": st.sampled_from(range(1, len(PRODUCTS) + 1)),
        "host_key": st.sampled_from(("55", "5a", "ac")).map(lambda head: head.ljust(40, "0")),
        "host_name": st.sampled_from(HOSTS),
        "expires_at": st.sampled_from((None, 900, 1000, 1001, 2000, *ENDS)),
        "time_zone": st.sampled_from(("UTC", "Asia/Shanghai", "Etc/GMT+12", "Etc/GMT-14")),
        "contract": st.sampled_from((None, None, "PO-2026/0815", "studio-7")),
        "grace": st.booleans(),
        "state": st.sampled_from(license_store.STATES),
        "year": st.sampled_from((2026, 2026, 2027, 2031)),
        "part": st.sampled_from(PARTS)
        | st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=8, max_size=8),
    }
)
ASKED: dict[str, st.SearchStrategy[Any]] = {
    "customer": st.sampled_from((*CUSTOMERS, "Nobody")),
    "product": st.sampled_from((*PRODUCTS, "nothing")),
    "host_key": st.sampled_from(("5", "55", "ac", "f")),
    "host_name": st.sampled_from(("studio", "STUDIO2_GPU", "nohost")),
    "number": st.sampled_from(("HS-2026", "HS-2026-7F3K9QXB", "HS-20")),
    "state": st.sampled_from((*license_store.STATES, "active", "valid", "grace", "expired")),
    "line": st.sampled_from(("HS-2026-7F3K9QXB",)),
    "expires_from": st.sampled_from((0, 1, 2, 9)),
    "expires_until": st.sampled_from((0, 1, 2, 9)),
    "products": st.frozensets(st.sampled_from((*PRODUCTS, "nothing")), max_size=3),
}
# Few filters at once find anything.
FILTER = (
    st.sets(st.sampled_from(("state", *ASKED)), max_size=2)
    .flatmap(lambda names: st.fixed_dictionaries({name: ASKED[name] for name in sorted(names)}))
    .map(lambda asked: Filter(**asked))
)
TEXT = (
    st.none() | st.sampled_from(TYPED) | st.text(string.ascii_letters + "0123-_ 上海ü", max_size=4)
)


EXAMPLES, EXAMPLES_TORTURE = 20, 1_000
asked = given(
    rows=st.lists(ROW, min_size=8, max_size=40, unique_by=lambda row: (row["year"], row["part"])),
    wanted=FILTER | st.sampled_from((Filter(state="expired"), Filter(state="active"))),
    text=TEXT,
    few=st.sampled_from((0, 1, 4, 500)),
    limit=st.sampled_from((1, 3, 50)),
)


def for_so_many(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


@for_so_many(EXAMPLES)
@asked
def test_search_agrees_with_a_scan_of_all_licences(
    database: Database, monkeypatch: pytest.MonkeyPatch, **how: Any
) -> None:
    check_search(database, monkeypatch, **how)


@pytest.mark.torture
@for_so_many(EXAMPLES_TORTURE)
@asked
def test_search_agrees_with_a_scan_for_long(
    database: Database, monkeypatch: pytest.MonkeyPatch, **how: Any
) -> None:
    check_search(database, monkeypatch, **how)


def test_row_of_a_licence_that_has_what_was_typed_is_believed(database: Database) -> None:
    """Its texts stand elsewhere, and are looked up only where the row does not have it."""
    row = {"customer_id": 1, "product_id": 1, "host_key": "a" * 40, "year": 2026, "grace": False}
    row |= {"expires_at": None, "time_zone": "UTC", "state": "active"}
    with database.engine.connect() as connection:
        for part, host, contract in (("A", "gpu-7", None), ("B", None, "po-7"), ("C", "cpu", None)):
            _add(connection, row | {"part": part, "host_name": host, "contract": contract})
        has_it = conditions.Using("7", None, stands=True).holds(licenses.c)
        found = connection.execute(select(licenses.c.number).where(has_it)).scalars().all()
        connection.rollback()
    assert set(found) == {"HS-2026-A", "HS-2026-B"}


def test_what_was_typed_is_no_part_of_a_syllable(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Mac writes one as its parts, each a letter: the first is there, but folded it is not."""
    row = {"customer_id": 1, "product_id": 1, "host_key": "a" * 40, "year": 2026, "grace": False}
    row |= {"expires_at": None, "time_zone": "UTC", "state": "active", "contract": None}
    hosts = {"A": "\u1100\u1161-7", **{f"B{at}": "\u1100-7" for at in range(6)}}
    rows = [row | {"part": part, "host_name": host} for part, host in hosts.items()]
    for few in (0, 1):
        wanted = Filter(line="HS-2026-A")
        check_search(database, monkeypatch, rows, wanted, "\u1100 7", few=few, limit=3)


def check_search(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[dict[str, Any]],
    wanted: Filter,
    text: str | None,
    few: int,
    limit: int,
) -> None:
    """Page by page until the end, with many and with few that each condition tells."""
    monkeypatch.setattr(words, "FEW", few)
    monkeypatch.setattr(words, "LOOKED_AT", few * 2)
    monkeypatch.setattr(words, "ENOUGH", min(few, words.ENOUGH))
    monkeypatch.setattr(conditions, "SOME", few * 2)
    monkeypatch.setattr(typed_text, "ONES", min(few, typed_text.ONES))
    monkeypatch.setattr(search, "LOOKED_AT", max(few, 2))
    wanted = wanted._replace(text=text)
    with database.engine.connect() as connection:
        stored = [_add(connection, row) for row in rows]
        left = [("licenses", one._asdict()) for one in stored]
        finding_store.add(connection, following.uses(left))
        expected = [one.id for one in reversed(stored) if _naive(one, wanted)]
        found: list[int] = []
        below: int | None = None
        while True:
            page = license_store.listed(connection, wanted, NOW, before=below, limit=limit)
            assert len(page.rows) <= limit
            found += [one.id for one in page.rows]
            below = page.below
            if below is None:
                break
        of_some = Search(connection, wanted, NOW, some=True)
        some = of_some.found(None, limit, patient=True)
        whole = Search(connection, wanted, NOW)
        counted = whole.count(len(rows))
        shown = whole.found(None, limit, patient=True)
        connection.rollback()
    assert found == expected
    assert set(some.ids) <= set(expected) and sorted(some.ids, reverse=True) == some.ids
    if some.below is None and not of_some.some:
        assert some.ids == expected
    assert counted.least <= len(expected) and counted.whole <= (counted.least == len(expected))
    assert shown.ids == expected[: len(shown.ids)]
    assert shown.below is not None or shown.ids == expected


def _add(connection: Connection, row: dict[str, Any]) -> StoredLicense:
    number = f"HS-{row['year']}-{row['part']}"
    expires_at = row["expires_at"]
    new = NewLicense(
        number=number,
        customer_id=row["customer_id"],
        product_id=row["product_id"],
        host_key=row["host_key"],
        host_name=row["host_name"],
        contract=row["contract"],
        issued_at=1,
        expires_at=expires_at,
        grace_until=expires_at + 100 if expires_at and row["grace"] else None,
        replaces=None,
        token="token",
        keyset_version=1,
        issued_by="command",
        line=number,
        act="issue",
        request=None,
        time_zone=row["time_zone"],
        last_day=expires_at and term_days.last_number(expires_at, row["time_zone"]),
        state=row["state"],
    )
    license_store.add(connection, license_store.take_ids(connection, 1), [new])
    found = license_store.by_number(connection, number)
    assert found is not None
    return found


def _naive(one: StoredLicense, wanted: Filter) -> bool:
    over = one.grace_until or one.expires_at
    is_over = over is not None and over <= NOW
    expires, day = one.expires_at, one.last_day
    state = {
        "expired": one.state == "active" and is_over,
        "active": one.state == "active" and not is_over,
        "valid": one.state == "active" and (expires is None or expires > NOW),
        "grace": one.state == "active" and expires is not None and expires <= NOW and not is_over,
    }
    return all(
        (
            wanted.customer in (None, one.customer),
            wanted.product in (None, one.product),
            wanted.products is None or one.product in wanted.products,
            one.host_key.startswith(wanted.host_key or ""),
            wanted.host_name is None
            or (one.host_name or "\0").startswith(wanted.host_name.lower()),
            one.number.startswith(wanted.number or ""),
            wanted.state is None or state.get(wanted.state, one.state == wanted.state),
            wanted.line in (None, one.line),
            wanted.expires_from is None or (day is not None and day >= wanted.expires_from),
            wanted.expires_until is None or (day is not None and day <= wanted.expires_until),
            wanted.text is None or _meant(one, wanted.text.strip()),
        )
    )


def _meant(one: StoredLicense, typed: str) -> bool:
    each = [word for word in typed.split() if fold(word)]
    if len(each) > 1:
        found = all(_meant_by(one, word, telling=len(word) >= 6) for word in each)
        return found or _of_host(one, typed)
    return _meant_by(one, each[0] if each else typed) or _of_host(one, typed)


def _meant_by(one: StoredLicense, typed: str, *, telling: bool = True) -> bool:
    asked = fold(typed)
    named = (fold(name) for name in (one.customer, one.product))
    return _of_host(one, typed, telling=telling) or (
        bool(asked) and any(asked in name for name in named)
    )


def _of_host(one: StoredLicense, typed: str, *, telling: bool = True) -> bool:
    heard = typed.upper().replace("O", "0").replace("I", "1").replace("L", "1")
    part = heard.replace(" ", "").replace("-", "")
    texts = [fold(text) for text in (one.host_name, one.contract) if text is not None]
    return (bool(fold(typed)) and any(fold(typed) in text for text in texts)) or (
        telling
        and (
            one.host_key.startswith(typed.lower())
            or one.number.startswith(heard)
            or (part.isascii() and part.isalnum() and one.number[8:].startswith(part))
        )
    )


@pytest.mark.parametrize(
    "typed",
    [
        "{part}",
        "{low}",
        "{number}",
        "& {part}",
        "  {part} ",
        "{half}",
        "海云",
        "云端有限",
        "MUELLER",
        "mue hold",
    ],
)
def test_search_finds_a_licence_by_number_parts_and_name_words(desk: Desk, typed: str) -> None:
    """By the last part of the number, by any word of the name, by any part of a Chinese name."""
    chinese = "海" in typed or "云" in typed
    name = "上海云端有限公司" if chinese else f"Hans Mueller Holding {secrets.token_hex(3)}"
    made = issue(desk, customer=name).json()["id"]
    part = made.rpartition("-")[2]
    text = typed.format(part=part, low=part.lower(), number=made, half=part[:4] + " " + part[4:])
    found = desk.client.get("/api/v1/licenses", params={"q": text}, headers=desk.bearer).json()
    assert found["licenses"][0]["id"] == made


def test_search_combines_customer_host_product_and_number(desk: Desk) -> None:
    """Each word may be of the customer, the host, the product or the number."""
    name, host = f"Initech {secrets.token_hex(3)} Labs", f"gpu{secrets.token_hex(4)}"
    line = f'["{secrets.token_hex(20)}", "{host}"]'
    made = issue(desk, customer=name, host=line).json()["id"]
    issue(desk, customer=name)
    issue(desk, customer="Somebody else", host=line.replace(line[2:12], "0123456789"))
    for typed in (f"initech {host}", f"{host[:8]} labs init", f"initech darwin {made}"):
        found = desk.client.get("/api/v1/licenses", params={"q": typed}, headers=desk.bearer).json()
        assert [one["id"] for one in found["licenses"]] == [made], typed
    nothing = {"q": f"initech {host} nobody"}
    found = desk.client.get("/api/v1/licenses", params=nothing, headers=desk.bearer).json()
    assert found["licenses"] == []


def test_search_for_rare_matches_continues_after_a_short_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page may be short; its cursor leads to what was not looked at yet."""
    made = issue(desk, customer=f"Rare {desk.clock.now}").json()["id"]
    for _ in range(3):
        issue(desk)
    monkeypatch.setattr(words, "FEW", 0)
    monkeypatch.setattr(search, "LOOKED_AT", 2)
    found: list[str] = []
    given, pages = {"q": f"Rare {desk.clock.now}"}, 0
    while not found:
        page = desk.client.get("/api/v1/licenses", params=given, headers=desk.bearer).json()
        found += [one["id"] for one in page["licenses"]]
        given["cursor"], pages = page["next_cursor"], pages + 1
    assert (found, pages) == ([made], 2)
    with desk.site.database.reading() as connection:
        wanted, now = Filter(text=given["q"]), desk.clock.now
        page = license_store.listed(connection, wanted, now, before=None, limit=1, patient=True)
    assert [one.number for one in page.rows] == [made]
