"""Chosen licences: an act on many that there are, as it was looked at.

Which they are, as what each was seen (its ETag), and the last day that a new term has, are written
down once; so what is done is what was shown, whatever a filter finds or a day it is by then.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.catalog.faults import Faults
from license_server.catalog.parties import Parties
from license_server.catalog.terms import TERM
from license_server.db.errors import InputInvalidError
from license_server.licenses import acts, kinds, license_store, recording
from license_server.licenses.acts import ACTS, REASON, Act
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.search import Filter
from license_server.sheets.batches import Line

MOST = 5000
"""So many licences may be chosen at once."""
_AT_ONCE = 500
_TERM = (*TERM, "continue_from")


class Chosen(NamedTuple):
    """What is to be done to which licences."""

    act: Act
    members: Mapping[str, Any]
    """Of the order for each; with a ``reason`` where there is one."""
    rows: tuple[tuple[str, str | None, str | None], ...]
    """Of each licence the number, its ETag (None: there is none), and the last day of its new term
    (None: as *members* say)."""
    mark: str
    """What tells it from others that choose the same."""

    @property
    def numbers(self) -> list[str]:
        """The numbers of the licences."""
        return [number for number, _, _ in self.rows]

    def lines(self) -> Iterator[Line]:
        """The lines of its job."""
        rest = {name: value for name, value in self.members.items() if name not in _TERM}
        for place, (number, etag, last_day) in enumerate(self.rows, 1):
            members = self.members if last_day is None else _until(rest, last_day, self.members)
            yield Line(place, members, None, self.act, number, etag)

    def content(self) -> bytes:
        """It as it is kept."""
        return strictjson.dumps(
            {
                "act": self.act.name,
                "members": dict(self.members),
                "rows": [list(row) for row in self.rows],
                "mark": self.mark,
            }
        )


def read(content: bytes) -> Chosen:
    """What was kept."""
    said = strictjson.loads(content)
    rows = tuple((number, etag, last_day) for number, etag, last_day in said["rows"])
    return Chosen(ACTS[said["act"]], said["members"], rows, said["mark"])


def lines(content: bytes) -> Generator[Line, None, None]:
    """The lines of what was kept."""
    yield from read(content).lines()


def freeze(
    connection: Connection,
    act: Act,
    members: Mapping[str, Any],
    numbers: Sequence[str],
    actor: Actor,
    now: int,
    mark: str,
) -> Chosen:
    """What *act* on the licences of these *numbers* means at the instant *now*, in seconds.

    A number that is none of *actor*'s stays: what refuses it is told at its line. Raises
    InputInvalidError for *members* that are wrong for all, or NotFoundError where there is none of
    these licences.
    """
    check_members(act, members)
    wanted = list(dict.fromkeys(numbers))
    if len(wanted) > MOST:
        raise _too_many()
    rows: list[tuple[str, str | None, str | None]] = []
    parties = Parties(connection, actor)
    for first in range(0, len(wanted), _AT_ONCE):
        some = wanted[first : first + _AT_ONCE]
        etags = recording.etags(connection, some)
        found = license_store.by_numbers(connection, some)
        stored = {one.number: one for one in found if actor.may_use(one.product)}
        for number in some:
            known = stored.get(number)
            day = None if known is None else _last_day(known, act, members, parties, now)
            rows.append((number, etags[number] if known else None, day))
    if not any(etag for _, etag, _ in rows):
        raise NotFoundError(what="licence", name=wanted[0] if wanted else "that the filters find")
    return Chosen(act, members, tuple(rows), mark)


def check_members(act: Act, members: Mapping[str, Any]) -> None:
    """Raise InputInvalidError where *act* takes no such members, or misses its reason."""
    faults, rest = Faults(), dict(members)
    faults.read(REASON, acts.read_reason, rest, act.needs_reason)
    allowed = act.may_change
    reason = Reason("there is no such field; the fields are {allowed}", allowed=", ".join(allowed))
    faults.refuse_others(rest, allowed, reason)
    faults.check()


def found_by(connection: Connection, wanted: Filter, now: int) -> list[str]:
    """The numbers of the licences that a filter finds, the newest first.

    Raises InputInvalidError where they are more than MOST.
    """
    numbers: list[str] = []
    below: int | None = None
    while True:
        some, below = license_store.numbers(connection, wanted, now, before=below, limit=_AT_ONCE)
        numbers += some
        if len(numbers) > MOST:
            raise _too_many()
        if below is None:
            return numbers


def _too_many() -> InputInvalidError:
    reason = Reason("more than {most} licences were chosen; narrow the filters", most=MOST)
    return InputInvalidError(field="licenses", reason=reason)


def _last_day(
    stored: StoredLicense, act: Act, members: Mapping[str, Any], parties: Parties, now: int
) -> str | None:
    """The last day of the new term of a licence; None: it has none, or it cannot be renewed."""
    if not act.sets_term:
        return None
    faults = Faults()
    given = {name: value for name, value in members.items() if name != REASON}
    product = parties.product(stored.product)
    order, _ = kinds.parsed_replacing(stored, act, product, given, now, faults)
    if any(isinstance(fault.error, InputInvalidError) for fault in faults):
        faults.check()  # that is wrong for each
    if order is None or order.last is None:
        return None
    return order.last.day.isoformat()


def _until(rest: Mapping[str, Any], last_day: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """*rest* with that last day."""
    zone = members.get("time_zone")
    return {**rest, "expires": last_day, **({"time_zone": zone} if zone else {})}
