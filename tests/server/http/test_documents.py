"""Documents of other servers: how long one may take, and how long it is kept."""

import http.server
from collections.abc import Callable, Iterator
from itertools import chain, repeat

import httpx
import pytest

from license_server.http.documents import KEPT_SECONDS, SECONDS, Documents
from tests.support import loopback


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A document that is another one each time."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = str(len(asked)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with loopback.serving(Handler) as url:
        yield url


def in_turn(*instants: float) -> Callable[[], float]:
    """A clock that shows these instants, then the last for ever."""
    shown = chain(instants, repeat(instants[-1]))
    return lambda: next(shown)


def test_document_is_kept_for_ten_minutes_and_no_longer(address: str) -> None:
    now = [1_000]
    documents = Documents(lambda: now[0])
    first = documents.get(address)
    now[0] += KEPT_SECONDS - 1
    assert documents.get(address) == first
    now[0] += 1
    assert documents.get(address) == first + 1
    assert documents.get(address, afresh=True) == first + 2


def test_document_may_take_ten_seconds_and_no_longer(address: str) -> None:
    assert SECONDS == 10
    assert Documents(lambda: 1, in_turn(5.0, 5.0 + SECONDS)).get(address)
    with pytest.raises(httpx.ReadTimeout, match="within 10 seconds"):
        Documents(lambda: 1, in_turn(5.0, 5.1 + SECONDS)).get(address)
