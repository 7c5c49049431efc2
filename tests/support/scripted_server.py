"""A server on loopback that has one thread for each connection; what it says is for others."""

import socket
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol


class Talk(Protocol):
    """One connection."""

    def go_on(self) -> None:
        """Talk until one side ends it; OSError or EOFError breaks it off."""

    def close(self) -> None: ...


class ScriptedServer(ABC):
    """Listens from when it is made until it is closed."""

    def __init__(self, context: ssl.SSLContext | None, *, at_once: bool) -> None:
        """*at_once*: TLS from the beginning; else *context* is for the talk to begin it."""
        self._context, self._at_once = context, at_once
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._stopped = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    @abstractmethod
    def talk(self, connection: socket.socket, context: ssl.SSLContext | None) -> Talk:
        """What is said on a *connection*."""

    def close(self) -> None:
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._listening.shutdown(socket.SHUT_RDWR)  # else the thread that accepts keeps it
        self._listening.close()

    def _serve(self) -> None:
        while not self._stopped.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            if self._context and self._at_once:
                connection = self._context.wrap_socket(connection, server_side=True)
            talk = self.talk(connection, self._context)
            try:
                talk.go_on()
            finally:
                talk.close()
        except (OSError, EOFError):
            connection.close()  # the other side is gone, or was sent away


def answering(command: str, *answers: str | None) -> Callable[[str], str | None]:
    """Answers commands that begin so in these ways, one after the other; then as usual."""
    left = list(answers)
    return lambda said: left.pop(0) if left and said.startswith(command) else ""
