"""Texts as they are looked for, and how the index of them follows what is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select

from license_server.actor import COMMAND, SERVER
from license_server.catalog import customers
from license_server.db.tables import metadata
from license_server.finding import finding_store, following, words
from license_server.finding.finding_store import Use
from license_server.finding.texts import LONGEST, Kind, fold, tails
from license_server.finding.words import Words
from license_server.operations import finding_again
from license_server.requests import filing, handling, outcomes
from license_server.requests.incoming import Received
from tests.support.api import issue
from tests.support.desk import Desk, unique
from tests.support.server import LINE

TABLES = ("texts", "text_tails", "text_uses")


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("GPU box_7", "gpubox7"),
        ("gpu-box-7.", "gpubox7"),
        ("Müller & Söhne", "mullersohne"),
        ("Straße", "strasse"),
        ("ＡＣＭＥ", "acme"),
        ("华为（深圳）", "华为深圳"),
        ("PO-2026/0815", "po20260815"),
        ("…", ""),
    ],
)
def test_texts_are_folded_to_letters_and_digits(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@given(text=st.text(max_size=200), part=st.tuples(st.integers(0, 200), st.integers(1, LONGEST)))
def test_any_part_of_a_text_begins_one_of_its_tails(text: str, part: tuple[int, int]) -> None:
    whole = fold(text)
    wanted = whole[part[0] : part[0] + part[1]]
    if part[0] + part[1] <= 150:  # a folded text may be longer than the text
        assert not wanted or any(tail.startswith(wanted) for tail in tails(text, fold(text)))


def test_a_long_text_is_found_by_its_words() -> None:
    text = "word " * 100 + "Contract FRA-2026-0815 signed by Zoë in 深圳市"
    found = tails(text, fold(text))
    for typed in ("fra20260815", "0815", "zoe", "市", "signedby"):
        assert any(tail.startswith(typed) for tail in found), typed
    assert len(tails("x" * 4000, "x" * 4000)) <= 200


def _rows(connection: Connection) -> dict[str, list[Any]]:
    found = {}
    for name in TABLES:
        table = metadata.tables[name]
        found[name] = sorted(tuple(row) for row in connection.execute(select(table)))
    return found


def test_the_index_is_the_same_when_it_is_made_anew(desk: Desk) -> None:
    """Whatever wrote: licences, acts, notes, customers changed."""
    made = issue(desk, customer=unique(desk, "Anew"), contract="PO 77/1", reason="first").json()
    here = f"/api/v1/licenses/{made['id']}"
    desk.client.post(f"{here}/notes", json={"note": "asked for 深圳"}, headers=desk.bearer)
    desk.client.post(f"{here}/renew", json={"days": 9, "reason": "r1"}, headers=desk.bearer)
    asked = Received("mail", "Anew, 请签发", sender_name="Zoë", subject="S", host=LINE)
    now, write = desk.clock.now, desk.site.database.write
    id_ = write(lambda c: filing.file(c, SERVER, asked, now)).request.id
    write(lambda c: handling.note(c, id_, {"text": "rang"}, COMMAND, now))
    write(lambda c: outcomes.refuse(c, id_, COMMAND, "no", now))
    with desk.site.database.reading() as connection:
        before = _rows(connection)

    def again(connection: Connection) -> dict[str, list[Any]]:
        finding_again.make(connection)
        return _rows(connection)

    after = desk.site.database.write(again)
    for name in TABLES:
        assert set(before[name]) == set(after[name]), name


def test_what_a_customer_no_longer_has_finds_nothing_and_leaves_nothing(desk: Desk) -> None:
    mark = unique(desk, "mark").replace(" ", "")

    def found(connection: Connection, typed: str) -> list[int] | None:
        return Words(connection).things((Kind.CUSTOMER, Kind.CONTACT), fold(typed))

    def do(connection: Connection) -> int:
        members = {"name": f"A {mark}", "contact_email": f"{mark}@old.example"}
        added = customers.add(connection, members, COMMAND, desk.clock.now)
        changed = {"name": f"B {mark}", "contact_email": f"{mark}@new.example"}
        customers.change(connection, added.id, changed, COMMAND, desk.clock.now)
        return added.id

    id_ = desk.site.database.write(do)
    with desk.site.database.reading() as connection:
        assert found(connection, f"{mark}@new") == found(connection, f"a {mark}") == [id_]
        assert found(connection, f"b {mark}") == [id_]
        assert found(connection, f"{mark}@old") == []
        tail = metadata.tables["text_tails"].c.tail
        left = select(func.count()).where(tail == fold(f"{mark}@old.example")[:LONGEST])
        assert connection.execute(left).scalar() == 0


def having(connection: Connection, *typed: str) -> list[int] | None:
    return Words(connection).things_with_all((Kind.PROPOSAL,), typed)


def test_what_is_longer_than_a_tail_is_looked_for_whole(desk: Desk) -> None:
    host = "a" * 40 + unique(desk, "end")
    desk.site.database.write(
        lambda connection: finding_store.add(connection, [Use(Kind.PROPOSAL, 7, host)])
    )
    with desk.site.database.reading() as connection:
        for typed, things in ((fold(host), [7]), ("a" * 39 + "b", []), (fold(host)[5:], [7])):
            assert having(connection, typed) == things


def test_words_that_many_have_are_found_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "FEW", 9)
    typed = [fold(unique(desk, word)) for word in ("one", "two")]
    uses = [
        Use(Kind.PROPOSAL, thing, f"{typed[0]} {typed[1] if thing % 9 == 0 else ''} {thing}")
        for thing in range(2000, 2060)
    ]
    uses += [Use(Kind.PROPOSAL, thing, f"{typed[1]} {thing}") for thing in range(2060, 2120)]

    desk.site.database.write(lambda connection: finding_store.add(connection, uses))
    both = [*range(2007, 2060, 9)]
    for looked_at in (2500, 60, 55, 10):  # all of each word, all of one, of none
        monkeypatch.setattr(words, "LOOKED_AT", looked_at)
        with desk.site.database.reading() as connection:
            found = [having(connection, *order) for order in (typed, typed[::-1])]
            assert found == ([both] * 2 if looked_at >= 60 else [None] * 2), looked_at
            assert having(connection, typed[0]) is None
            some, _ = Words(connection).some_with_all((Kind.PROPOSAL,), typed)
            assert set(some) <= set(both) and len(some) == len(set(some))
            some, _ = Words(connection).some_with_all((Kind.PROPOSAL,), [typed[0]])
            assert len(some) == 9 and set(some) <= {*range(2000, 2060)}
            assert having(connection, *typed, "2007") == [2007]
            assert having(connection, *typed, "2008") == []


def test_a_word_of_very_many_customers_finds_them_in_order_and_with_another_word(
    desk: Desk,
) -> None:
    mark = unique(desk, "many").replace(" ", "")
    names = [f"{mark} {at:03} {'late' if at > 540 else ''}".strip() for at in range(550)]

    def add(connection: Connection) -> None:
        table = metadata.tables["customers"]
        rows = [{"name": name, "created_at": 1} for name in names]
        connection.execute(insert(table), rows)
        mine = select(table).where(table.c.name.like(f"{mark}%"))
        stored = [("customers", row._asdict()) for row in connection.execute(mine)]
        finding_store.add(connection, following.uses(stored))

    def listed(text: str) -> list[str]:
        with desk.site.database.reading() as connection:
            return [one.name for one in customers.listed(connection, None, 9, text, COMMAND)]

    desk.site.database.write(add)
    assert listed(mark) == names[:9]
    assert listed(f"{mark} late") == names[541:]


def test_what_is_twice_in_one_text_is_not_counted_as_two_things(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else of too many things some would be taken for all."""
    word = fold(unique(desk, "twice"))
    uses = [
        Use(Kind.PROPOSAL, thing, f"{word}{thing}, {word}{thing}b") for thing in range(3000, 3008)
    ]
    desk.site.database.write(lambda connection: finding_store.add(connection, uses))
    for few in (9, 12, 20):
        monkeypatch.setattr(words, "FEW", few)
        with desk.site.database.reading() as connection:
            found = having(connection, word)
        assert found in (None, list(range(3000, 3008))), few
