"""Lines of one kind are planned as each would be by itself."""

import csv
import io
import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from license_core.request import LicenseRequest
from license_server.actor import COMMAND
from license_server.catalog import customers, products
from license_server.licenses import planning
from license_server.sheets import batches, order_sheet
from license_server.sheets.batches import Line, Planned, Refused
from tests.support.api import ORDER, issue
from tests.support.desk import Desk
from tests.support.server import LINE

TAGGED = LicenseRequest("5" * 40, "tagged", tags={"machine_id": "a" * 16}).to_text()
CLAIMING = LicenseRequest("6" * 40, "claiming", replaces="{number}")
USUAL = {
    "customer": ["Known", " Called Before", "Archived", "Nobody"],
    "product": ["darwin"],
    "host": [LINE, f'["{"7" * 40}", "机 1"]', TAGGED],
    "days": ["365"],
    "contract": ["", "C-1", "C-2"],
    "contact_email": ["", "a@example.com"],
}
ODD: dict[str, list[str | LicenseRequest]] = {
    "customer": ["", "a\x07b"],
    "product": ["shut", "new-product"],
    "host": ["none", "", LINE[:-3], CLAIMING],
    "days": ["30", "x", ""],
    "contract": ["x" * 200],
    "contact_email": ["no address"],
    "features": ["a b"],
    "match": ["anchored"],
    "reason": ["moved"],
    "replaces": ["{number}"],
    "language": ["zh", "xx"],
}
COLUMNS = tuple(dict.fromkeys((*USUAL, *ODD)))


def read(seed: int, number: str) -> Iterator[Line]:
    """A sheet whose rows are mostly of one kind, and right."""
    chosen, text = random.Random(seed), io.StringIO()
    write = csv.writer(text)
    write.writerow(COLUMNS)
    claiming = CLAIMING._replace(replaces=number).to_text()
    for _ in range(120):
        row = {name: chosen.choice(some) for name, some in USUAL.items()}
        if chosen.random() < 0.4:
            odd = chosen.choice([*ODD])
            value = chosen.choice(ODD[odd])
            row[odd] = claiming if value is CLAIMING else str(value).format(number=number)
        write.writerow([row.get(name, "") for name in COLUMNS])
    return order_sheet.read(io.BytesIO(text.getvalue().encode()))


def told(connection: Connection, lines: list[Line], now: int) -> list[object]:
    """All that is said of each."""
    return [
        (one.line.number, type(one.error), one.error.facts, one.error.sentence)
        if isinstance(one, Refused)
        else one
        for one in batches.each(connection, lines, COMMAND, now)
    ]


def test_lines_of_one_kind_are_planned_as_each_would_be_alone(desk: Desk) -> None:
    number = issue(desk, customer="Known").json()["id"]
    now = desk.clock.now

    def furnish(connection: Connection) -> None:
        called = customers.ensure(connection, "Called Before", COMMAND, now)
        customers.change(connection, called.id, {"name": "Called Now"}, COMMAND, now)
        archived = customers.ensure(connection, "Archived", COMMAND, now)
        customers.archive(connection, archived.id, COMMAND, now)
        products.ensure(connection, "shut", COMMAND, now)
        products.archive(connection, "shut", COMMAND, now)

    desk.site.database.write(furnish)
    planned = 0
    for seed in range(4):
        lines = [*read(seed, number)]
        assert len({line.kind for line in lines}) < len(lines) / 2
        alone = [line._replace(kind=None) for line in lines]
        with desk.site.database.reading() as connection:
            together, each = (told(connection, some, now) for some in (lines, alone))
        assert together == each
        planned += sum(isinstance(one, Planned) for one in each)
    assert planned > 100


def test_of_many_lines_of_one_kind_one_is_planned(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = []

    def count(*given: Any, **named: Any) -> Any:
        often.append(given)
        return plan(*given, **named)

    plan = planning.plan
    monkeypatch.setattr(planning, "plan", count)
    lines = [Line(number, ORDER | {"customer": f"C {number}"}, kind="one") for number in range(9)]
    with desk.site.database.reading() as connection:
        assert all(isinstance(one, tuple) for one in told(connection, lines, desk.clock.now))
    assert len(often) == 1
