"""Documents of other servers: bounded in size, and kept for a while."""

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import httpx

from license_core import strictjson

LARGEST = 256 * 1024
"""Bytes of one answer."""
KEPT_SECONDS = 600
SECONDS = 10
"""Within which an answer must be there."""
_SILENCE = 5
"""Seconds between two pieces of it."""
_MOST = 20


class _Bounded(httpx.SyncByteStream):
    """The body of an answer, up to LARGEST bytes and SECONDS. Raises ReadError beyond."""

    def __init__(self, stream: httpx.SyncByteStream, is_late: Callable[[], bool]) -> None:
        self._stream, self._is_late = stream, is_late

    def __iter__(self) -> Iterator[bytes]:
        total = 0
        for part in self._stream:
            total += len(part)
            if total > LARGEST:
                raise httpx.ReadError(f"the answer is larger than {LARGEST} bytes")
            if self._is_late():
                raise httpx.ReadTimeout(f"the answer was not there within {SECONDS} seconds")
            yield part

    def close(self) -> None:
        self._stream.close()


class _Transport(httpx.HTTPTransport):
    def __init__(self, passing: Callable[[], float]) -> None:
        super().__init__()
        self._passing = passing

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        until = self._passing() + SECONDS
        response = super().handle_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            response.close()
            raise httpx.ReadError("the answer is compressed, which it was not asked to be")
        assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101  # a sync transport
        response.stream = _Bounded(response.stream, lambda: self._passing() > until)
        return response


class Documents:
    """JSON documents by their addresses, as they were read last; for many threads."""

    def __init__(
        self, now: Callable[[], int], passing: Callable[[], float] = time.monotonic
    ) -> None:
        """*now*: the present instant, in seconds; *passing*: any clock that only goes on."""
        self._now, self._passing = now, passing
        self._kept: dict[str, tuple[int, Any]] = {}

    @cached_property
    def client(self) -> httpx.Client:
        """What asks: its answers are bounded in bytes and in seconds."""
        asks_plainly = {"Accept-Encoding": "identity"}
        transport = _Transport(self._passing)
        return httpx.Client(timeout=_SILENCE, transport=transport, headers=asks_plainly)

    def get(self, address: str, *, afresh: bool = False) -> Any:
        """The document at *address*, not older than ten minutes, or read *afresh*.

        Raises httpx.HTTPError, httpx.InvalidURL, or ValueError for what is no JSON.
        """
        read_at, document = self._kept.get(address, (None, None))
        now = self._now()
        if not afresh and read_at is not None and 0 <= now - read_at < KEPT_SECONDS:
            return document
        reply = self.client.get(address).raise_for_status()
        document = strictjson.loads(reply.content)
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[address] = (now, document)
        return document
