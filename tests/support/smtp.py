"""A mail server for tests on loopback, which does what a test wants of it."""

import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.support.scripted_server import ScriptedServer


class Taken(NamedTuple):
    """A mail that was handed in."""

    sender: str
    recipient: str
    content: bytes


class Server(ScriptedServer):
    """Takes mails; *says* may answer a command in another way, or break off with ``None``."""

    def __init__(self, context: ssl.SSLContext | None = None, *, at_once: bool = False) -> None:
        self.taken: list[Taken] = []
        self.commands: list[str] = []
        self.says: Callable[[str], str | None] | None = None
        """Asked of each command, and of ``.`` once the content is there; "" is the usual answer."""
        self.extensions: tuple[str, ...] = ()
        super().__init__(context, at_once=at_once)

    def talk(self, connection: socket.socket, context: ssl.SSLContext | None) -> "_Talk":
        return _Talk(self, connection, context)


class _Talk:
    """One connection."""

    def __init__(
        self, server: Server, connection: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        self._server, self._connection, self._context = server, connection, context
        self._lines = connection.makefile("rb")
        self._sender = self._recipient = ""

    def go_on(self) -> None:
        self._answer("220 mail.test ESMTP")
        while True:
            line = self._lines.readline()
            if not line:
                return
            word, blank, rest = line.decode("utf-8").rstrip("\r\n").partition(" ")
            command = f"{word.upper()}{blank}{rest}"
            self._server.commands.append(command)
            self._do(command)
            if command == "QUIT":
                return

    def close(self) -> None:
        self._lines.close()
        self._connection.close()

    def _answer(self, text: str) -> None:
        self._connection.sendall(text.encode() + b"\r\n")

    def _do(self, command: str) -> None:
        said = self._server.says(command) if self._server.says else ""
        if said is None:
            raise EOFError
        word = command.partition(" ")[0]
        if said:
            self._answer(said)
        elif word == "EHLO":
            offered = ["STARTTLS"] if self._context else []
            lines = ["mail.test", *offered, *self._server.extensions, "8BITMIME"]
            self._answer(
                "\r\n".join(
                    f"250{'-' if n < len(lines) - 1 else ' '}{line}" for n, line in enumerate(lines)
                )
            )
        elif word == "STARTTLS" and self._context:
            self._answer("220 go ahead")
            self._lines.close()
            self._connection = self._context.wrap_socket(self._connection, server_side=True)
            self._lines, self._context = self._connection.makefile("rb"), None
        elif word == "DATA":
            self._data()
        else:
            address = re.search("<(.*)>", command)
            if word == "MAIL" and address:
                self._sender = address[1]
            elif word == "RCPT" and address:
                self._recipient = address[1]
            self._answer("235 ok" if word == "AUTH" else "250 ok")

    def _data(self) -> None:
        self._answer("354 go on")
        content = b""
        while (line := self._lines.readline()) != b".\r\n":
            if not line:
                raise EOFError
            content += line.removeprefix(b".") if line.startswith(b"..") else line
        said = self._server.says(".") if self._server.says else ""
        if said is None or not said.startswith(("4", "5")):
            self._server.taken.append(Taken(self._sender, self._recipient, content))
        if said is None:
            raise EOFError
        self._answer(said or "250 queued as 1")


@contextmanager
def serving(context: ssl.SSLContext | None = None, *, at_once: bool = False) -> Iterator[Server]:
    server = Server(context, at_once=at_once)
    try:
        yield server
    finally:
        server.close()
