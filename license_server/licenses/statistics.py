"""The overview's figures: when licences end, and what was done in the months of a time zone.

A small ledger is counted whenever somebody looks. In a large one that takes longer than anybody
should wait for a page, so each process keeps what it counted (docs/adr/0016): for a minute it is
taken as it is, for an hour it is shown while it is counted anew behind it. It says when it was.
Readers choose their time zones: one count goes on at a time, and so many zones are kept.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from license_server.licenses import license_store, statistics_store, term_days
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.statistics_store import Counted, Standing

MONTHS = 12
SOON_DAYS = 30
MOVED_DAYS = 365
SMALL = 5_000
"""With so many licences a ledger is counted each time."""
_FRESH, _STALE = 60, 3600  # seconds
_TIMES = 300
"""… or so many times as long as counting took, where that is longer."""
LATER = 1.0
"""How long a count waits that nobody waits for, in seconds: it takes nothing from their page."""
_MOST_MOVED = 6
_MOST_ZONES = 16
Count = Callable[[Connection], "Board"]
Read = Callable[[Count], Awaitable["Board"]]


class Period(NamedTuple):
    """Part of a month: its first day, and the one after its last."""

    first: date
    after: date


class Moved(NamedTuple):
    """A licence that moved often: the newest of its line, and how often it was."""

    license: StoredLicense
    often: int


class Board(NamedTuple):
    """What was counted at an instant."""

    at: int
    zone: str
    """The time zone of its days."""
    today: date
    standing: Standing
    ahead: list[Period]
    """The rest of this month, and the next months."""
    ending: list[Counted]
    past: list[Period]
    """The last months; the last is the present one."""
    issued: list[Counted]
    products: dict[int, str]
    """The names of the products in *ending*."""
    moved: list[Moved]


def count(connection: Connection, there: ZoneInfo, now: int) -> Board:
    """Count: six statements, however many licences there are."""
    today = datetime.fromtimestamp(now, there).date()
    this = today.replace(day=1)
    firsts = [_months_from(this, n) for n in range(1 - MONTHS, MONTHS + 2)]
    past, ahead = firsts[: MONTHS + 1], [today, *firsts[MONTHS:]]
    ending = statistics_store.ending(connection, [term_days.number_of(day) for day in ahead], now)
    bounds = [_midnight(day, there) for day in past]
    since = _midnight(today - timedelta(MOVED_DAYS), there)
    moved = dict(statistics_store.moved(connection, since, _MOST_MOVED))
    newest = {one.line: one for one in license_store.newest_of_lines(connection, list(moved))}
    return Board(
        now,
        there.key,
        today,
        statistics_store.standing(
            connection, now, term_days.number_of(today), term_days.number_of(today) + SOON_DAYS
        ),
        _periods(ahead),
        ending,
        _periods(past),
        statistics_store.issued(connection, bounds),
        statistics_store.product_names(connection, _named(ending)),
        [Moved(newest[line], often) for line, often in moved.items() if line in newest],
    )


class Kept:
    """What this process counted last, for each time zone that somebody reads in.

    Where those are many, for further readers it is counted in *zone*, the vendor's.
    """

    def __init__(self, zone: ZoneInfo, later: float = 0) -> None:
        self._zone = zone
        self._later = later
        self._fresh: dict[str, float] = {}
        self._turn = asyncio.Semaphore(1)
        self._boards: dict[str, Board] = {}
        self._counting: dict[str, asyncio.Future[Board]] = {}

    async def board(self, read: Read, there: ZoneInfo, now: int) -> Board:
        """The figures at *now* or a little before; *read* counts them. Raises what it raises."""
        there = self._admitted(there, now)
        kept = self._boards.get(there.key)
        age = _STALE if kept is None else abs(now - kept.at)
        if kept is not None and age < self._fresh[there.key]:
            return kept
        waits = kept is None or age >= _STALE
        # Whoever comes meanwhile waits for the same; nobody's leaving ends it.
        later = 0 if waits else self._later
        counting = self._counting.get(there.key) or self._begin(read, there, now, later)
        return await asyncio.shield(counting) if waits or kept is None else kept

    def _admitted(self, there: ZoneInfo, now: int) -> ZoneInfo:
        """The time zone to count in for somebody who is *there*."""
        old = [zone for zone, board in self._boards.items() if abs(now - board.at) >= _STALE]
        for zone in old:
            del self._boards[zone]
        taken = (self._boards.keys() | self._counting.keys()) - {self._zone.key}
        return there if there.key in taken or len(taken) < _MOST_ZONES else self._zone

    async def _count(self, read: Read, there: ZoneInfo, now: int, later: float) -> Board:
        if later:
            await asyncio.sleep(later)
        async with self._turn:
            began = asyncio.get_running_loop().time()
            board = await read(lambda connection: count(connection, there, now))
            took = asyncio.get_running_loop().time() - began
            self._fresh[there.key] = min(max(_FRESH, took * _TIMES), _STALE / 2)
            return board

    def _begin(
        self, read: Read, there: ZoneInfo, now: int, later: float
    ) -> "asyncio.Future[Board]":
        counting = asyncio.ensure_future(self._count(read, there, now, later))
        self._counting[there.key] = counting
        counting.add_done_callback(lambda done: self._end(there.key, done))
        return counting

    def _end(self, zone: str, done: "asyncio.Future[Board]") -> None:
        del self._counting[zone]
        if done.cancelled() or done.exception() is not None:
            return  # who waits for it is told; the next one tries again
        self._boards[zone] = done.result()


def _named(ending: Sequence[Counted]) -> list[int]:
    totals: Counter[Any] = Counter()
    for one in ending:
        totals[one.kind] += one.number
    return [kind for kind, _ in totals.most_common(6)]


def _months_from(first: date, months: int) -> date:
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _periods(days: Sequence[date]) -> list[Period]:
    return [Period(*pair) for pair in pairwise(days)]


def _midnight(day: date, there: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), there).timestamp())
