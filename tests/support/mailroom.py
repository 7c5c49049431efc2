"""A server with a mailbox, of which each test sees its own mails."""

from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy

from license_server.background.fetching import Fetched, Fetcher
from license_server.mail import mail_servers, mailbox_store
from license_server.mail.incoming import Own
from license_server.mail.mailbox import Mailbox
from tests.support.desk import Desk
from tests.support.imap import PASSWORD, USER, Server
from tests.support.waiting import LONG

NUMBERS = count(1)
LINE = '["{}", "studio2_gpu"]'


def key() -> str:
    return f"{next(NUMBERS) + 0xAB00:040x}"


def written(body: str, *fields: str) -> bytes:
    """A mail as a person writes it."""
    number = next(NUMBERS)
    head = (
        "From: Li Lei <li@customer.example>",
        f"Message-ID: <{number}.of-this-test@customer.example>",
        f"Subject: mail {number}",
        *fields,
        "Content-Type: text/plain; charset=utf-8",
    )
    return "\r\n".join((*head, "", body, "")).encode()


class Hall:
    """A server with a mailbox of which each test sees its own mails."""

    def __init__(self, desk: Desk, there: Server, folder: Path) -> None:
        (folder / "password").write_text(f"{PASSWORD}\n", "utf-8")
        self.desk, self.there = desk, there
        self.settings = desk.site.settings.model_copy(
            update={"imap_host": "127.0.0.1", "imap_port": there.port, "imap_tls": "none"}
            | {"imap_user": USER, "imap_password_file": folder / "password"}
            | {"mail_from": "Vendor <support@vendor.example>"}
        )
        made = mail_servers.mailbox(self.settings, desk.clock)
        assert made is not None
        self.box = made._replace(answers_within=LONG, place=f"{next(NUMBERS)}")
        self.first = self._last() + 1

    def _last(self) -> int:
        return max((one["id"] for one in self._rows("select id from requests")), default=0)

    def _rows(self, query: str) -> list[dict[str, Any]]:
        with self.desk.site.database.reading() as connection:
            found = connection.execute(sqlalchemy.text(query)).mappings()
            return [dict(one) for one in found]

    def fetcher(self, box: Mailbox | None = None) -> Fetcher:
        own = Own("vendor.example")
        return Fetcher(self.desk.site.database, box or self.box, own, 30, self.desk.clock)

    def fetch(self, box: Mailbox | None = None) -> Fetched:
        return self.fetcher(box).fetch()

    def requests(self) -> list[dict[str, Any]]:
        """Those that this test filed."""
        return self._rows(f"select * from requests where id >= {self.first} order by id")

    def outcomes(self) -> list[tuple[str, int]]:
        query = f"select * from mailbox_mails where place = '{self.box.place}' order by uid"
        return [(one["outcome"], one["requests"]) for one in self._rows(query)]

    def place(self) -> mailbox_store.Place:
        found = self.desk.site.database.read(lambda c: mailbox_store.place(c, self.box.place))
        assert found is not None
        return found

    def received(self, request: int) -> str:
        (found,) = self._rows(f"select text from request_messages where request_id = {request}")
        return str(found["text"])
