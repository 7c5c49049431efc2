"""A way to a server on loopback that a test can cut, stall or close."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.scripted_server import ScriptedServer

OPEN, REFUSES, STALLS = "open", "refuses", "stalls"
_PIECE = 65536


class Wire(ScriptedServer):
    """Passes on what is said, as its *state* has it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._goes_on = threading.Event()
        self._talks: set[_Talk] = set()
        self._state = OPEN
        self._goes_on.set()
        super().__init__(None, at_once=False)

    @property
    def state(self) -> str:
        """``open``, ``refuses``, or ``stalls``: nothing more comes through, and nothing ends."""
        return self._state

    @state.setter
    def state(self, state: str) -> None:
        self._state = state
        if state == STALLS:
            self._goes_on.clear()
        else:
            self._goes_on.set()
        if state == REFUSES:
            self.cut()

    def cut(self) -> None:
        """Break off what is being said."""
        for talk in list(self._talks):
            talk.break_off()

    def talk(self, connection: socket.socket, _: object) -> "_Talk":
        if self._state == REFUSES:
            raise EOFError
        talk = _Talk(connection, socket.create_connection(("127.0.0.1", self._target)), self)
        self._talks.add(talk)
        return talk

    def passes(self) -> None:
        """Wait until something may come through."""
        self._goes_on.wait(600)

    def gone(self, talk: "_Talk") -> None:
        self._talks.discard(talk)


class _Talk:
    def __init__(self, near: socket.socket, far: socket.socket, wire: Wire) -> None:
        self._near, self._far, self._wire = near, far, wire

    def go_on(self) -> None:
        back = threading.Thread(target=self._pass, args=(self._far, self._near), daemon=True)
        back.start()
        self._pass(self._near, self._far)
        back.join(60)

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                self._wire.passes()
                sink.sendall(piece)
        self.break_off()

    def break_off(self) -> None:
        for one in (self._near, self._far):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._wire.gone(self)
        self._near.close()
        self._far.close()


@contextmanager
def to(port: int) -> Iterator[Wire]:
    """A wire to the server on this *port*."""
    made = Wire(port)
    try:
        yield made
    finally:
        made.state = OPEN
        made.cut()
        made.close()
