"""A connection to a server, byte by byte."""

import socket
from urllib.parse import urlsplit


class Raw:
    """A connection on which a test says what it likes."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port), timeout=60)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, mark: bytes) -> bytes:
        """What comes, up to *mark* or the end."""
        found = b""
        while mark not in found and (data := self.socket.recv(65536)):
            found += data
        return found

    def rest(self) -> bytes:
        return self.until(b"\0never\0")
