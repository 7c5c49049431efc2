"""Imports of customers: rows of a sheet are added as customers, without a licence.

Who is there already stays as they are, so the same sheet that comes again adds nobody.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection

from license_core.errors import LicenseError
from license_server.actor import Actor
from license_server.catalog import catalog_store, customers, owner_store
from license_server.db.database import Database
from license_server.db.errors import InputInvalidError
from license_server.sheets import preview
from license_server.sheets.batches import Line, Refused
from license_server.sheets.job_state import SHOWN
from license_server.sheets.preview import Alike

BATCH = 500
"""How many rows one transaction has."""


class Preview(NamedTuple):
    """What an import would do: how many rows are of each kind, and the first of them."""

    new: int
    known: int
    """Those whose customer is there already, or stands in a row before."""
    wrong: int
    added: tuple[Line, ...]
    refused: tuple[Refused, ...]
    alike: tuple[Alike, ...]


def look(connection: Connection, lines: Iterable[Line]) -> Preview:
    """What *lines* would add. Raises what reading them raises."""
    new = known = wrong = 0
    added: list[Line] = []
    refused: list[Refused] = []
    names: dict[str, None] = {}
    for batch in _batches(lines):
        for line, error, there in _judged(connection, batch, names):
            if error is not None:
                wrong += 1
                refused += [Refused(line, error)] if wrong <= SHOWN else []
            elif there:
                known += 1
            else:
                new += 1
                added += [line] if new <= SHOWN else []
    alike = tuple(preview.alike(connection, names))
    return Preview(new, known, wrong, tuple(added), tuple(refused), alike)


def add(database: Database, lines: Iterable[Line], actor: Actor, now: int) -> int:
    """Add the customers of *lines* who are not there; how many. Wrong rows are left out.

    Raises NotPermittedError, and what reading them raises.
    """
    actor.need("customers:write")
    count = 0
    for batch in _batches(lines):
        database.check_going_on()
        count += database.write(lambda connection: _add(connection, batch, actor, now))  # noqa: B023
    return count


def _add(connection: Connection, batch: Sequence[Line], actor: Actor, now: int) -> int:
    new = [
        line for line, error, there in _judged(connection, batch, {}) if error is None and not there
    ]
    for line in new:
        customers.add(connection, line.members, actor, now)
    return len(new)


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _judged(
    connection: Connection, batch: Sequence[Line], names: dict[str, None]
) -> Iterator[tuple[Line, LicenseError | None, bool]]:
    """Each line, with what is wrong with it, and whether its customer is there; *names* grow."""
    read_: list[tuple[Line, str | None, LicenseError | None]] = []
    for line in batch:
        try:
            if not line.members.get("name"):
                raise InputInvalidError(field="name", reason="it is missing")
            read_.append((line, customers.read(line.members)["name"], None))
        except InputInvalidError as wrong:
            read_.append((line, None, wrong))
    wanted = [name for _, name, _ in read_ if name is not None]
    stored = catalog_store.ids_by_name(connection, "customers", wanted)
    owners = {str(line.members["owner"]).lower() for line, *_ in read_ if line.members.get("owner")}
    may_own = owner_store.may_sign_in(connection, owners) if owners else set()
    for line, name, wrong_ in read_:
        there, error = name in stored or name in names, wrong_
        if error is None and not there:
            error = _owner_fault(line, may_own)
        yield line, error, there
        if name is not None and not there:
            names[name] = None


def _owner_fault(line: Line, may_own: set[str]) -> LicenseError | None:
    owner = line.members.get("owner")
    if not owner or str(owner).lower() in may_own:
        return None
    return InputInvalidError(field="owner", reason=customers.no_such_owner(str(owner)))
