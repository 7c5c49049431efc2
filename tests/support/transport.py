"""The other end of a connection that is read without a socket."""

import asyncio
from typing import Any


class Transport(asyncio.Transport):
    """What was said to it, and whether it was hung up on."""

    def __init__(self, protocol: Any = None) -> None:
        super().__init__()
        self.protocol, self.said, self.closed = protocol, b"", False

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def write(self, data: Any) -> None:
        self.said += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    @property
    def answers(self) -> int:
        return self.said.count(b"HTTP/1.1 204")
