"""Reads the mailbox: what is new there is filed, some mails in a transaction.

Whoever is killed in between has lost nothing: what a mail asks for and that it was read are one
transaction, and how far a folder is read is written once all that it had is dealt with.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core.errors import DatabaseUnavailableError, LicenseError
from license_server.audit import restores
from license_server.db.database import Database
from license_server.db.errors import ServerStoppingError
from license_server.mail import collecting, incoming, mailbox, mailbox_store
from license_server.mail.collecting import Taken, Where
from license_server.mail.errors import MailboxUnreadableError
from license_server.mail.incoming import Own
from license_server.mail.mailbox import Content, Folder, Mailbox
from license_server.mail.mailbox_store import Place

T = TypeVar("T")
_TRIES = 4
_AT_ONCE, _BYTES_AT_ONCE = 25, 2 * 1024 * 1024
"""So many mails are filed in one transaction, and no more bytes of them are fetched together."""
ANNOUNCES_FOR = 300
"""Seconds for which the server is to announce what comes: then it is looked, whatever it said."""
_BEGINS_WITHIN = 120
"""Seconds of a session after which no further mail is begun: the next session goes on."""
_OF_THIS_SERVER = (DatabaseUnavailableError, ServerStoppingError)
_log = structlog.get_logger()


class Fetched(NamedTuple):
    """What came of it."""

    mails: int = 0
    """So many were read, that nobody had read before."""
    requests: int = 0
    """So many requests were filed, or counted once more."""
    more: bool = False
    """Whether there are more, which had to wait."""


class Fetcher:
    """Reads one mailbox."""

    def __init__(
        self,
        database: Database,
        box: Mailbox,
        own: Own,
        days: int,
        clock: Callable[[], int],
        passing: Callable[[], float] = time.monotonic,
    ) -> None:
        """*days*: of a mailbox that is new to the server, only the mails since then are read."""
        self._database, self._box, self._own, self._days = database, box, own, days
        self._clock, self._passing = clock, passing
        self._place = box.place

    def fetch(self) -> Fetched:
        """Read what is new. Raises MailboxUnreadableError or DatabaseUnavailableError.

        Where some mail cannot be dealt with, all others are; it is tried again each time.
        """
        with self._opened() as folder:
            return self._take(folder)

    def watch(self, goes_on: Callable[[], bool]) -> Fetched:
        """The same; and what comes later, at once, while the server announces it (RFC 2177).

        It ends soon after *goes_on* says no, and where the server announces nothing.
        """
        with self._opened() as folder:
            fetched = self._take(folder)
            while goes_on() and folder.announces and not fetched.more:
                folder.await_news(ANNOUNCES_FOR, goes_on)
                if goes_on():
                    fetched = self._take(folder)
            return fetched

    @contextmanager
    def _opened(self) -> Iterator[Folder]:
        """The folder; what goes wrong with it is kept, and told."""
        try:
            with mailbox.opened(self._box) as folder:
                yield folder
        except MailboxUnreadableError as error:
            self._failed(error.reason)
            raise
        except _OF_THIS_SERVER:
            raise
        except LicenseError as error:  # as where the file of the password is gone
            self._failed(error.sentence)
            raise
        except mailbox.FAULTS as error:
            told = mailbox.said(error)
            self._failed(told)
            raise self._unreadable(told) from error

    def _unreadable(self, reason: str) -> MailboxUnreadableError:
        return MailboxUnreadableError(user=self._box.user, host=self._box.host, reason=reason)

    def _take(self, folder: Folder) -> Fetched:
        until, place = self._passing() + _BEGINS_WITHIN, self._place
        known = self._database.read(lambda c: mailbox_store.place(c, place))
        was_there = self._was_there(known)
        is_known = known is not None and known.uidvalidity == folder.uidvalidity
        after = known.done if known is not None and is_known else 0
        since = None if is_known else self._clock() - self._days * 86400
        uids = folder.uids(after, since)
        read = self._database.read(
            lambda c: mailbox_store.known(c, place, folder.uidvalidity, after)
        )
        fetched, wrong = Fetched(), list[str]()
        for some in _together(folder.sizes([uid for uid in uids if uid not in read])):
            if self._passing() > until:
                return fetched._replace(more=True)
            self._database.check_going_on()
            taken = [self._taken(folder, one, was_there=was_there) for one in folder.contents(some)]
            for filed in self._file(taken, wrong):
                fetched = Fetched(fetched.mails + 1, fetched.requests + filed)
        if wrong:
            raise self._unreadable(wrong[0])
        self._succeeded(folder, max([after, folder.next - 1, *uids]))
        return fetched

    def _was_there(self, known: Place | None) -> bool:
        """Whether what is new to this server may have been read before it was restored."""
        restored = self._database.read(restores.last)
        read_at = known.read_at if known is not None else None
        return restored is not None and (read_at is None or read_at <= restored)

    def _taken(self, folder: Folder, one: Content, *, was_there: bool) -> Taken:
        read = incoming.read_header if one.is_header else incoming.read
        where = Where(self._place, folder.uidvalidity, one.uid)
        mail = read(one.data, self._own)
        return collecting.take(mail, one.data, where, was_there=was_there)

    def _file(self, taken: list[Taken], wrong: list[str]) -> list[int]:
        """File what mails ask for: how many requests each was that nobody had read before.

        What cannot be filed together is filed alone; what cannot be filed at all goes to *wrong*.
        """
        try:
            return self._filed(taken)
        except _OF_THIS_SERVER:
            raise
        except Exception:  # noqa: BLE001  # it is told, tried again, and others go on
            if len(taken) > 1:
                return [filed for one in taken for filed in self._file([one], wrong)]
            uid = taken[0].where.uid
            _log.exception("mail not filed", uid=uid)
            wrong.append(f"the mail with UID {uid} could not be filed, the log says why")
            return []

    def _filed(self, taken: list[Taken]) -> list[int]:
        now = self._clock()
        readings = self._database.read(
            lambda c: [(one, collecting.read(c, one, now)) for one in taken]
        )
        new = [(one, read) for one, read in readings if read is not None]
        if not new:
            return []
        kept = self._write(lambda c: [collecting.keep(c, one, read, now) for one, read in new])
        for (one, _), filed in zip(new, kept, strict=True):
            if filed is not None:
                _log.info("mail read", uid=one.where.uid, kind=one.kind, requests=filed)
        return [filed for filed in kept if filed is not None]

    def _succeeded(self, folder: Folder, done: int) -> None:
        values = {"uidvalidity": folder.uidvalidity, "done": done, "read_at": self._clock()}
        ended = {"failing_since": None, "problem": None}
        self._write(lambda c: mailbox_store.set_place(c, self._place, **values, **ended))

    def _failed(self, reason: str) -> None:
        now = self._clock()

        def work(connection: Connection) -> None:
            known = mailbox_store.place(connection, self._place)
            since = known.failing_since if known and known.failing_since is not None else now
            mailbox_store.set_place(connection, self._place, failing_since=since, problem=reason)

        self._write(work)

    def _write(self, work: Callable[[Connection], T]) -> T:
        """The result of *work*, once it is committed; again where another server was quicker."""
        for _ in range(_TRIES - 1):
            try:
                return self._database.write(work)
            except IntegrityError:
                continue
        return self._database.write(work)


def _together(sizes: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """UIDs with their sizes, as many as are fetched and filed together."""
    some, size = list[tuple[int, int]](), 0
    for uid, has in sizes:
        if some and (len(some) == _AT_ONCE or size + has > _BYTES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append((uid, has))
        size += has
    if some:
        yield some
