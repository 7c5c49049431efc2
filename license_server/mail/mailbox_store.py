"""Which mails of a mailbox were read, and what became of each."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from license_server.db import questions
from license_server.db.mail_tables import mailbox_mails, mailbox_places
from license_server.db.questions import Question, ask, first
from license_server.db.request_tables import requests

FILED = "filed"
_OF = mailbox_mails.c


class Place(NamedTuple):
    """A folder of a mailbox, and how far it is read."""

    place: str
    uidvalidity: int | None
    """None: it was never read."""
    done: int
    """The mails up to this UID are dealt with."""
    read_at: int | None
    failing_since: int | None
    problem: str | None
    """What went wrong last."""


class ReadMail(NamedTuple):
    """A mail that was read, and what became of it."""

    id: int
    digest: str
    place: str
    uidvalidity: int
    uid: int
    read_at: int
    outcome: str
    request: int | None
    requests: int


def place(connection: Connection, name: str) -> Place | None:
    """How far the folder of this *name* is read; None: nobody has tried yet."""
    return ask(connection, present(name))


def present(name: str | None) -> Question[Place | None]:
    """The same; None where the settings name no mailbox, too."""
    if name is None:
        return questions.known(None)
    return first(select(mailbox_places).where(mailbox_places.c.place == name), Place)


def set_place(connection: Connection, name: str, **values: Any) -> None:
    """Write down what is known of a folder. Raises IntegrityError where another does just now."""
    query = mailbox_places.update().where(mailbox_places.c.place == name).values(values)
    if not connection.execute(query).rowcount:
        connection.execute(insert(mailbox_places), {"place": name, "done": 0} | values)


def known(connection: Connection, name: str, uidvalidity: int, after: int) -> set[int]:
    """The UIDs over *after* of the mails of a folder that were read."""
    query = select(_OF.uid).where(
        _OF.place == name, _OF.uidvalidity == uidvalidity, _OF.uid > after
    )
    return set(connection.execute(query).scalars())


def has(connection: Connection, digest: str) -> bool:
    """Whether this mail was read, wherever it was."""
    return connection.execute(select(_OF.id).where(_OF.digest == digest)).first() is not None


def add(connection: Connection, **values: Any) -> None:
    """Remember a mail. Raises IntegrityError where it is known."""
    connection.execute(insert(mailbox_mails), values)


def beside_requests(connection: Connection) -> list[tuple[ReadMail, int | None]]:
    """Every mail that was read, with the id of the request that it names, if there is one."""
    query = (
        select(mailbox_mails, requests.c.id)
        .outerjoin(requests, requests.c.id == _OF.request)
        .order_by(_OF.id)
    )
    return [(ReadMail(*row[:-1]), row[-1]) for row in connection.execute(query)]
