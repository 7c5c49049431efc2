"""The other end of webhooks on loopback, and a vendor who tells it of events."""

import asyncio
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from typing import NamedTuple

from sqlalchemy import func, select

from license_core import strictjson
from license_server.access.totp_seeds import Seeds
from license_server.actor import COMMAND
from license_server.background.webhooks import Sender
from license_server.db.webhook_tables import webhook_deliveries
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import QUEUE, Attempt, Delivery, DeliveryFilter
from license_server.operations import data_folder
from license_server.site import Site
from license_server.webhooks import endpoints
from license_server.webhooks.endpoints import Sealing
from license_server.webhooks.pinned import Resolve
from license_server.webhooks.webhook_store import Webhook
from tests.support.desk import Clock
from tests.support.ledger import Ledger

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


class Received(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return str(strictjson.loads(self.body)["type"])

    @property
    def license(self) -> str:
        return str(strictjson.loads(self.body)["data"]["license"]["id"])


class Answer(NamedTuple):
    """What is answered."""

    status: int = 204
    headers: Mapping[str, str] = {}  # never changed
    body: bytes = b""


class End(NamedTuple):
    """Where webhooks lead to, with all that came."""

    url: str
    received: list[Received]


@contextmanager
def end(
    rule: Callable[[Received], Answer] = lambda _: Answer(),
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[End]:
    """A server on loopback that answers as *rule* says."""
    received: list[Received] = []
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            one = Received(
                self.command, self.path, {n.lower(): v for n, v in self.headers.items()}, body
            )
            with lock:
                received.append(one)
                answer = rule(one)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if "content-length" not in {name.lower() for name in answer.headers}:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_PATCH = do_POST  # noqa: N815  # so the library calls it

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 64

        def handle_error(self, *_: object) -> None:
            pass  # who asked went away

    with Server((host, 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        scheme = "http" if tls is None else "https"
        try:
            yield End(f"{scheme}://{host}:{server.server_address[1]}/hook", received)
        finally:
            server.shutdown()
            thread.join()


def names(known: Mapping[str, Sequence[str]]) -> Resolve:
    """A resolver that knows these names only."""

    async def resolve(host: str, _: int) -> Sequence[str]:
        if host not in known:
            raise OSError("no such name")
        return known[host]

    return resolve


class Teller(NamedTuple):
    """A vendor who has webhooks."""

    ledger: Ledger
    seeds: Seeds
    clock: Clock

    @classmethod
    def of(cls, ledger: Ledger) -> "Teller":
        """The vendor of *ledger*, who may lead webhooks to loopback."""
        clock = Clock()
        settings = ledger.settings.model_copy(update={"webhook_networks": LOOPBACK})
        site = ledger.site._replace(clock=clock, settings=settings)
        seeds = data_folder.open_seeds(ledger.settings)
        return cls(ledger._replace(site=site, settings=settings), seeds, clock)

    @property
    def site(self) -> Site:
        return self.ledger.site

    @property
    def sealing(self) -> Sealing:
        return Sealing(self.seeds.webhooks, self.site.random)

    def add(self, url: str, name: str = "CRM", **members: object) -> tuple[Webhook, str]:
        """A webhook and its secret."""
        given = {"name": name, "url": url} | members
        allowed = self.site.settings.webhook_networks
        return self.site.database.write(
            lambda c: endpoints.add(c, given, allowed, COMMAND, self.clock.now, self.sealing)
        )

    def webhook(self, id_: int) -> Webhook:
        """A webhook as it is by now."""
        return self.site.database.read(lambda c: endpoints.seen(c, id_, COMMAND))

    def sender(self, resolve: Resolve = names({}), seconds: float = 5.0) -> Sender:  # noqa: B008
        """A process that sends."""
        return Sender(lambda: self.site, self.seeds, resolve, seconds=seconds)

    def send(self, sender: Sender | None = None, rounds: int = 1) -> None:
        """Let *sender* look so often, each time when something is due, until nothing waits."""
        asyncio.run(self._send(sender or self.sender(), rounds))

    async def _send(self, sender: Sender, rounds: int) -> None:
        async with sender.open_client() as client:
            for number in range(rounds):
                if number:
                    due = self.next_due()
                    if due is None:
                        return
                    self.clock.now = max(self.clock.now + 1, due)
                await sender.look(client)
                await sender.idle()

    def next_due(self) -> int | None:
        """When something that waits is due."""
        its = webhook_deliveries.c
        query = select(func.min(its.due_at)).where(its.state == "waiting", QUEUE.is_first())
        due: int | None = self.site.database.read(lambda c: c.execute(query).scalar())
        return due

    def deliveries(self, **wanted: object) -> list[Delivery]:
        """What was or is to be sent, the oldest first."""
        asked = DeliveryFilter(**wanted)  # type: ignore[arg-type]
        return self.site.database.read(
            lambda c: delivery_store.listed(c, asked, before=None, limit=5000)
        )[::-1]

    def attempts(self, delivery: Delivery) -> list[Attempt]:
        """What came of each attempt, the newest first."""
        return self.site.database.read(lambda c: delivery_store.attempts(c, delivery.id))
