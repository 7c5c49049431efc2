"""The figures of the overview: what they count, and how long they are cached."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from sqlalchemy import Connection

from license_server.db.database import Database
from license_server.db.tables import (
    licenses,
)
from license_server.licenses import statistics, statistics_store
from license_server.licenses.statistics import Board, Kept
from tests.support import large_ledger
from tests.support.large_ledger import NOW, put
from tests.support.sql import statements

DAY = 86400
SHANGHAI = ZoneInfo("Asia/Shanghai")
UTC_ZONE = ZoneInfo("UTC")


def seconds(text: str, zone: ZoneInfo | Any = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Database]:
    """A ledger of no licences yet, with two products."""
    database = Database(f"sqlite:///{tmp_path}/small.db", create=True)
    large_ledger.fill(database.engine, 1, seed=1)
    database.write(lambda connection: connection.execute(licenses.delete()))
    yield database
    database.close()


def counted(database: Database, zone: ZoneInfo = SHANGHAI, now: int = NOW) -> Board:
    return database.read(lambda connection: statistics.count(connection, zone, now))


def months(board: Board) -> dict[str, int]:
    """What ends in each month of the board, where anything does."""
    return {
        f"{board.ahead[month].first:%Y-%m}": sum(
            one.number for one in board.ending if one.month == month
        )
        for month in {one.month for one in board.ending}
    }


def test_a_licence_ends_in_the_month_of_its_own_last_day_whoever_reads(small: Database) -> None:
    def fill(connection: Connection) -> None:
        for number, zone in enumerate(("Asia/Shanghai", "UTC", "America/New_York"), 1):
            midnight = seconds("2027-01-01T00:00", ZoneInfo(zone))
            put(connection, number, expires_at=midnight, time_zone=zone)
            put(connection, number + 10, expires_at=midnight + DAY, time_zone=zone)

    small.write(fill)
    for zone in ("Asia/Shanghai", "UTC", "America/New_York", "Pacific/Kiritimati"):
        assert months(counted(small, ZoneInfo(zone))) == {"2026-12": 3, "2027-01": 3}


def test_only_valid_licences_expiring_within_a_year_are_counted(small: Database) -> None:
    def fill(connection: Connection) -> None:
        for number, state in enumerate(("replaced", "suspended", "revoked"), 1):
            put(connection, number, expires_at=NOW + 40 * DAY, state=state)
        put(connection, 4, expires_at=NOW)  # over
        put(connection, 5, expires_at=NOW + 400 * DAY)
        put(connection, 6)
        put(connection, 7, expires_at=NOW + 300 * DAY)

    small.write(fill)
    board = counted(small)
    assert sum(months(board).values()) == 1
    assert board.standing == statistics_store.Standing(valid=3, soon=0, grace=0, lapsed=1)


def test_each_licence_counts_in_exactly_one_current_figure(small: Database) -> None:
    end = seconds("2026-12-19T00:00", SHANGHAI)  # the last of the 30 days to come is the 18th

    def fill(connection: Connection) -> None:
        put(connection, 1, expires_at=end)
        put(connection, 2, expires_at=end + 1)
        put(connection, 3, expires_at=NOW, grace_until=NOW + 1)
        put(connection, 4, expires_at=NOW - 1, grace_until=NOW)
        put(connection, 5, expires_at=NOW - 1, state="replaced")

    small.write(fill)
    assert f"{counted(small).today}" == "2026-11-18"
    assert counted(small).standing == statistics_store.Standing(valid=2, soon=1, grace=1, lapsed=1)


def test_issued_licences_are_counted_by_month_and_action(small: Database) -> None:
    begin = seconds("2026-11-01T00:00", SHANGHAI)

    def fill(connection: Connection) -> None:
        put(connection, 1, issued_at=begin)
        put(connection, 2, issued_at=begin - 1, act="renew")
        put(connection, 3, issued_at=seconds("2025-11-30T23:00", SHANGHAI))  # too long ago

    small.write(fill)
    board = counted(small)
    found = {(f"{board.past[one.month].first:%Y-%m}", one.kind): one.number for one in board.issued}
    assert found == {("2026-11", "issue"): 1, ("2026-10", "renew"): 1}


def test_licences_rehosted_twice_within_a_year_are_listed(small: Database) -> None:
    def fill(connection: Connection) -> None:
        for line, often, days in (("A", 3, 9), ("B", 2, 9), ("C", 1, 9), ("D", 2, 500)):
            for turn in range(often):
                number = ord(line) * 100 + turn
                later = None if turn == often - 1 else f"HS-2026-{number + 1:08}"
                put(
                    connection,
                    number,
                    line=line,
                    act="rehost",
                    issued_at=NOW - days * DAY,
                    replaced_by=later,
                )

    small.write(fill)
    moved = counted(small).moved
    assert [(one.license.line, one.often) for one in moved] == [("A", 3), ("B", 2)]
    assert moved[0].license.number == f"HS-2026-{ord('A') * 100 + 2:08}"


@pytest.mark.parametrize("count", [1_000, 5_000, pytest.param(20_000, marks=pytest.mark.torture)])
def test_statistics_use_five_queries_on_covering_indexes(tmp_path: Path, count: int) -> None:
    database = Database(f"sqlite:///{tmp_path}/{count}.db", create=True)
    large_ledger.fill(database.engine, count, seed=count)
    with statements(database.engine) as said, database.reading() as connection:
        statistics.count(connection, SHANGHAI, NOW)
    assert len([one for one in said if one.startswith("SELECT")]) == 5  # nothing was moved here
    whole = [one for one in said if "count(" in one]
    assert len(whole) == 4
    with database.reading() as connection:
        for query in whole:
            given = (NOW,) * query.count("?")
            plan = connection.exec_driver_sql(f"explain query plan {query}", given).all()
            read = [row[3] for row in plan if "licenses" in row[3]]
            assert read
            for step in read:
                assert "COVERING INDEX" in step or "ix_licenses_moves" in step, step
    database.close()


class Reads:
    """Counts how often a ledger is counted; each count waits until it is let go."""

    def __init__(self, database: Database) -> None:
        self.database, self.often = database, 0
        self.go = asyncio.Event()

    async def __call__(self, query: statistics.Count) -> Board:
        self.often += 1
        await self.go.wait()
        return self.database.read(query)


def test_concurrent_requests_share_one_count(small: Database) -> None:
    async def ask() -> None:
        kept, reads = Kept(UTC_ZONE), Reads(small)
        asking = [asyncio.create_task(kept.board(reads, SHANGHAI, NOW)) for _ in range(5)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who leaves takes nothing from the others
        await asyncio.sleep(0)
        reads.go.set()
        boards = await asyncio.gather(*asking[1:])
        assert (reads.often, {board.at for board in boards}) == (1, {NOW})
        assert (await kept.board(reads, SHANGHAI, NOW + 59)).at == NOW
        assert reads.often == 1
        await kept.board(reads, ZoneInfo("UTC"), NOW)
        assert reads.often == 2  # its months are other ones

    asyncio.run(ask())


def test_figures_refresh_in_background_until_an_hour_old(small: Database) -> None:
    async def ask() -> None:
        kept, reads = Kept(UTC_ZONE), Reads(small)
        half = 1800  # however long the count took, it is older then than it is fresh
        reads.go.set()
        await kept.board(reads, SHANGHAI, NOW)
        reads.go.clear()
        old = await kept.board(reads, SHANGHAI, NOW + half)
        assert old.at == NOW
        await asyncio.sleep(0)
        assert reads.often == 2
        reads.go.set()
        while (await kept.board(reads, SHANGHAI, NOW + half + 1)).at == NOW:
            await asyncio.sleep(0)
        assert (await kept.board(reads, SHANGHAI, NOW + half + 3600)).at == NOW + half + 3600

    asyncio.run(ask())


def test_failed_count_raises_and_is_retried(small: Database) -> None:
    async def ask() -> None:
        kept, reads = Kept(UTC_ZONE), Reads(small)

        async def fail(_: statistics.Count) -> Board:
            raise RuntimeError("the database is gone")

        with pytest.raises(RuntimeError):
            await kept.board(fail, SHANGHAI, NOW)
        reads.go.set()
        assert (await kept.board(reads, SHANGHAI, NOW)).at == NOW

    asyncio.run(ask())


def test_number_of_time_zones_counted_is_bounded(small: Database) -> None:
    async def ask() -> None:
        kept, going, zones = Kept(UTC_ZONE), [0], []

        async def read(query: statistics.Count) -> Board:
            going[0] += 1
            assert going == [1]
            await asyncio.sleep(0)
            board = small.read(query)
            zones.append(board.zone)
            going[0] -= 1
            return board

        await kept.board(read, SHANGHAI, NOW)
        every = [ZoneInfo(name) for name in sorted(available_timezones())]
        for _ in range(2):
            boards = await asyncio.gather(*(kept.board(read, zone, NOW) for zone in every))
        assert len(zones) == len(set(zones)) == 17
        assert {board.zone for board in boards} == set(zones) >= {"UTC", "Asia/Shanghai"}
        tokyo = ZoneInfo("Asia/Tokyo")
        assert (await kept.board(read, tokyo, NOW)).zone == "UTC"
        assert (await kept.board(read, tokyo, NOW + 3600)).zone == "Asia/Tokyo"  # they left

    asyncio.run(ask())
