"""The calendar of what expires, as another program reads it, and who may read it."""

import random
import re
from datetime import date
from typing import Any, NamedTuple

import pytest

from license_server.access import accounts
from license_server.actor import COMMAND
from license_server.renewals import calendar
from license_server.renewals.calendar import Event
from tests.support.desk import Desk, last_event, unique
from tests.support.desk_user import DeskUser
from tests.support.ledger import line


class Property(NamedTuple):
    """A line of a calendar, read as RFC 5545 says."""

    name: str
    parameters: dict[str, str]
    value: str


def properties(content: bytes) -> list[Property]:
    """Reads a calendar without anything of what writes it: lines, unfolded, each in its parts."""
    assert content.endswith(b"\r\n")
    lines = content.split(b"\r\n")[:-1]
    assert not any(b"\r" in one or b"\n" in one for one in lines)
    assert max(map(len, lines)) <= 75
    for one in lines:
        one.decode("utf-8")  # no character is cut in two
    found = []
    for text in content.decode("utf-8").replace("\r\n ", "").split("\r\n")[:-1]:
        head, _, value = text.partition(":")
        name, *given = head.split(";")
        found.append(Property(name, dict(one.split("=", 1) for one in given), value))
    return found


def unescaped(value: str) -> str:
    """A text as it was before it became a value."""
    assert not re.search(r"(?<!\\)(?:\\\\)*[,;]", value)
    return re.sub(r"\\(.)", lambda it: "\n" if it[1] in "nN" else it[1], value)


def events(content: bytes) -> list[dict[str, Property]]:
    """The events of a calendar, each by the names of its properties."""
    found: list[dict[str, Property]] = []
    inside: list[str] = []
    for one in properties(content):
        if one.name == "BEGIN":
            inside.append(one.value)
            found += [{}] if one.value == "VEVENT" else []
        elif one.name == "END":
            assert inside.pop() == one.value
        elif inside[-1] == "VEVENT":
            assert one.name not in found[-1]
            found[-1][one.name] = one
    assert inside == []
    return found


def test_what_is_written_is_what_another_program_reads() -> None:
    chance = random.Random(40)
    signs = 'abc,;\\:"\n 上海云渲é\U0001f4c5\u202eشركة\t\x00nN'
    for _ in range(300):
        text = "".join(chance.choice(signs) for _ in range(chance.randrange(1, 200)))
        plain = text.replace("\t", " ").replace("\x00", " ")
        made = Event("u@v", 1_795_000_000, date(2027, 12, 31), text, text, None)
        (event,) = events(calendar.write(text, [made]))
        assert unescaped(event["SUMMARY"].value) == plain
        assert unescaped(event["DESCRIPTION"].value) == plain
        assert event["DTSTAMP"].value == "20261118T110640Z"
        assert event["DTSTART"] == Property("DTSTART", {"VALUE": "DATE"}, "20271231")
        assert event["DTEND"].value == "20280101"
        assert "VALARM" not in event


def test_last_day_of_the_calendar_has_no_day_after_it() -> None:
    made = Event("u@v", 0, date.max, "s", "d", "https://v.example/1")
    (event,) = events(calendar.write("n", [made]))
    assert "DTEND" not in event
    assert event["URL"].value == "https://v.example/1"


@pytest.fixture
def reader(desk: Desk) -> DeskUser:
    return DeskUser(desk, "reader")


@pytest.fixture
def issuer(desk: Desk) -> DeskUser:
    return DeskUser(desk, "issuer")


def made(user: DeskUser) -> str:
    """The path of a calendar that somebody makes."""
    page = user.post("/account/calendar")
    assert page.status_code == 200
    found = re.search(r"/calendar/[A-Za-z0-9_-]{43}\.ics", page.text)
    assert found is not None
    return found[0]


def test_calendar_shows_last_days_and_a_renewal_moves_its_event(
    desk: Desk, reader: DeskUser, issuer: DeskUser
) -> None:
    path, customer = made(reader), unique(desk, "Zeta, Ltd; \\")
    order: dict[str, Any] = {"customer": customer, "product": "darwin"}
    number = issuer.issue(**order, days=40, time_zone="Asia/Shanghai", host=line(7041))
    desk.client.cookies.clear()
    first = desk.client.get(path)
    assert first.headers["content-type"] == "text/calendar; charset=utf-8"

    def mine(content: bytes) -> list[dict[str, Property]]:
        return [one for one in events(content) if customer in unescaped(one["SUMMARY"].value)]

    (event,) = mine(first.content)
    again = desk.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    desk.clock.now += 3600
    assert desk.client.get(path).content == first.content
    renewed = issuer.do(number, "renew", days="80").headers["location"].split("/")[2][:16]
    desk.client.cookies.clear()
    after = desk.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    (moved,) = mine(after.content)
    assert moved["UID"] == event["UID"]
    assert moved["DTSTART"].value > event["DTSTART"].value
    assert renewed in unescaped(moved["DESCRIPTION"].value)


def test_address_ends_with_another_one_with_its_withdrawal_and_with_the_account(
    desk: Desk, reader: DeskUser
) -> None:
    first = made(reader)
    second = made(reader)
    assert desk.client.get(first).status_code == 404
    assert desk.client.get(second).status_code == 200
    assert reader.post("/account/calendar/end").status_code == 303
    assert last_event(desk, reader.email)[1] == "user.calendar-withdrawn"
    assert desk.client.get(second).status_code == 404
    third = made(reader)
    secret = third.removeprefix("/calendar/").removesuffix(".ics")
    for wrong in (secret[:-1], secret + "A", secret.swapcase(), "A" * 43, "A" * 5000, "%00"):
        assert desk.client.get(f"/calendar/{wrong}.ics").status_code == 404
    write, now = desk.site.database.write, desk.clock.now
    write(lambda c: accounts.end(c, accounts.find(c, reader.email), COMMAND, now))
    assert desk.client.get(third).status_code == 404
    with desk.site.database.reading() as connection:
        rows = connection.exec_driver_sql("select secret_hash from calendar_feeds").all()
    assert all(secret.encode() not in bytes(row[0]) for row in rows)
