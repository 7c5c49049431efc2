"""An IMAP server for tests on loopback: one folder, and it does what a test wants of it."""

import base64
import re
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.support.scripted_server import ScriptedServer

USER, PASSWORD = "support@vendor.example", "a password of this mailbox"
TOKEN = "ya29.token"


ALONE = 1_500_000
"""The size of a mail that is fetched alone."""


class Stored(NamedTuple):
    """A mail of the folder."""

    uid: int
    content: bytes
    size: int | None = None
    """What the server says that it has; None: what it has."""


class Server(ScriptedServer):
    """Has mails; *says* may answer a command in another way, or break off with ``None``."""

    def __init__(self, context: ssl.SSLContext | None = None, *, at_once: bool = False) -> None:
        self.mails: list[Stored] = []
        self.uidvalidity = 1
        self.tells_next = True
        self.folder = "INBOX"
        self.commands: list[str] = []
        self.says: Callable[[str], str | None] | None = None
        """Asked of each command, without its tag; "" is the usual answer."""
        self.capabilities = "IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2"
        self.injects = ""
        """What somebody adds to the answer before TLS begins."""
        self.idling = threading.Event()
        """Whether somebody waits for news (IDLE)."""
        self.waiting: list[_Talk] = []
        super().__init__(context, at_once=at_once)

    def put(self, *contents: bytes, size: int | None = None) -> None:
        """Let mails come in; *size*: what the server says that each has."""
        for content in contents:
            self.mails.append(Stored(self.next, content, size))
        self.announce(f"* {len(self.mails)} EXISTS")

    def announce(self, line: str | None, end: str = "\r\n") -> None:
        """Say something to who waits for news; None: break their connections off."""
        for one in list(self.waiting):
            one.say(None if line is None else line + end)

    @property
    def next(self) -> int:
        return max((one.uid for one in self.mails), default=0) + 1

    def talk(self, connection: socket.socket, context: ssl.SSLContext | None) -> "_Talk":
        return _Talk(self, connection, context)


class _Talk:
    def __init__(
        self, server: Server, connection: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        self._server, self._connection, self._context = server, connection, context
        self._lines = connection.makefile("rb")
        self._news: list[str | None] = []
        self._poke, self._poked = socket.socketpair()

    def go_on(self) -> None:
        self._send("* OK ready")
        while line := self._lines.readline():
            tag, _, command = line.decode("utf-8").rstrip("\r\n").partition(" ")
            self._server.commands.append(command)
            said = self._server.says(command) if self._server.says else ""
            if said is None:
                raise EOFError
            if said:
                self._send(said.replace("TAG", tag))
            else:
                self._do(tag, command)
            if command == "LOGOUT":
                return

    def close(self) -> None:
        for one in (self._lines, self._connection, self._poke, self._poked):
            one.close()

    def say(self, line: str | None) -> None:
        """Let the thread of this connection say it: TLS is for one thread at a time."""
        self._news.append(line)
        self._poke.send(b".")

    def _idle(self, _: str) -> str | None:
        self._server.waiting.append(self)
        self._send("+ idling")
        self._server.idling.set()
        try:
            while self._poked in select.select([self._poked, self._connection], [], [])[0]:
                self._poked.recv(1)
                line = self._news.pop(0)
                if line is None:
                    raise EOFError
                self._connection.sendall(line.encode())
            if self._lines.readline() != b"DONE\r\n":
                raise EOFError
        finally:
            if self in self._server.waiting:
                self._server.waiting.remove(self)
            self._server.idling.clear()
        return None

    def _send(self, text: str) -> None:
        self._connection.sendall(text.encode() + b"\r\n")

    def _do(self, tag: str, command: str) -> None:
        word = " ".join(command.split()[:2] if command.startswith("UID") else command.split()[:1])
        does = {
            "CAPABILITY": self._capability,
            "STARTTLS": self._starttls,
            "AUTHENTICATE": self._authenticate,
            "LOGIN": self._login,
            "EXAMINE": self._examine,
            "UID SEARCH": self._search,
            "UID FETCH": self._fetch,
            "IDLE": self._idle,
        }
        if word == "STARTTLS":
            self._send(f"{tag} OK begin{self._server.injects}")
            return self._starttls(command)
        wrong = does[word](command) if word in does else None
        self._send(f"{tag} NO {wrong}" if wrong else f"{tag} OK done")
        return None

    def _capability(self, _: str) -> None:
        more = " STARTTLS" if self._context else ""
        self._send(f"* CAPABILITY {self._server.capabilities}{more}")

    def _starttls(self, _: str) -> None:
        assert self._context
        self._lines.close()
        self._connection = self._context.wrap_socket(self._connection, server_side=True)
        self._lines, self._context = self._connection.makefile("rb"), None

    def _authenticate(self, command: str) -> str | None:
        self._send("+ ")
        told = base64.b64decode(self._lines.readline()).decode("utf-8")
        if command.endswith("PLAIN"):
            return None if told == f"\0{USER}\0{PASSWORD}" else "[AUTHENTICATIONFAILED] no"
        if told == f"user={USER}\1auth=Bearer {TOKEN}\1\1":
            return None
        self._send("+ " + base64.b64encode(b'{"status":"401"}').decode())
        assert self._lines.readline() == b"\r\n"
        return "AUTHENTICATE failed."

    def _login(self, command: str) -> str | None:
        return None if command == f'LOGIN "{USER}" "{PASSWORD}"' else "no"

    def _examine(self, command: str) -> str | None:
        if command != f'EXAMINE "{self._server.folder}"':
            return "[NONEXISTENT] there is no such folder"
        self._send(f"* {len(self._server.mails)} EXISTS")
        self._send(f"* OK [UIDVALIDITY {self._server.uidvalidity}] valid")
        if self._server.tells_next:
            self._send(f"* OK [UIDNEXT {self._server.next}] next")
        return None

    def _search(self, command: str) -> None:
        asked = re.search(r"UID (\d+):\*", command)
        assert asked, command
        last = max((one.uid for one in self._server.mails), default=0)
        found = [one.uid for one in self._server.mails if one.uid >= int(asked[1])]
        uids = found or ([last] if last else [])
        self._send(f"* SEARCH {' '.join(map(str, uids))}".strip())

    def _fetch(self, command: str) -> None:
        asked = {int(one) for one in command.split()[2].split(",")}
        for number, one in enumerate(self._server.mails, 1):
            if one.uid not in asked:
                continue
            if "RFC822.SIZE" in command:
                size = len(one.content) if one.size is None else one.size
                self._send(f"* {number} FETCH (UID {one.uid} RFC822.SIZE {size})")
                continue
            what = re.search(r"BODY\.PEEK\[(\w*)\]<0\.(\d+)>", command)
            assert what, command
            content = one.content
            if what[1]:
                content = content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            content = content[: int(what[2])]
            head = f"* {number} FETCH (UID {one.uid} BODY[{what[1]}]<0> {{{len(content)}}}\r\n"
            self._connection.sendall(head.encode() + content + b")\r\n")


@contextmanager
def serving(context: ssl.SSLContext | None = None, *, at_once: bool = False) -> Iterator[Server]:
    server = Server(context, at_once=at_once)
    try:
        yield server
    finally:
        server.close()
