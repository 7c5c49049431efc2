"""Sends what webhooks are to be told, while the server runs.

Each process looks every second. What it sends it holds a lease on, so that of several processes one
tries a delivery at a time, and those of one licence go in their order (db/leases.py). Each webhook
has a task of its own: one that is slow holds up no other. Whoever is killed between an attempt and
its record leaves a lease that runs out; then the same message is sent again, under the same id.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import structlog
from sqlalchemy import Connection

from license_server.access.totp_seeds import Seeds
from license_server.actor import SENDER
from license_server.background.loop import repeated, tell
from license_server.deliveries import delivery_store
from license_server.deliveries.delivery_store import QUEUE, Delivery
from license_server.site import Site
from license_server.webhooks import endpoints, pinned, schedule, sending, webhook_store
from license_server.webhooks.pinned import Resolve
from license_server.webhooks.sending import Outcome
from license_server.webhooks.webhook_store import Webhook

AT_ONCE = 8
"""So many deliveries of one webhook are tried at a time, each of another lane."""
LEASE_SECONDS = 60
"""Longer than an attempt takes with its record."""
_LAST_SECONDS = 3.0
"""What is being tried at the end may take so long."""
_log = structlog.get_logger()


class Sender:
    """One for each process; the leases in the database keep them apart."""

    def __init__(
        self,
        site: Callable[[], Site],
        seeds: Seeds,
        resolve: Resolve,
        passing: Callable[[], float] = time.monotonic,
        seconds: float = sending.SECONDS,
    ) -> None:
        """*site* gives the present one; an attempt may take so many *seconds*."""
        self._site, self._seeds, self._resolve = site, seeds, resolve
        self._passing, self._seconds = passing, seconds
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ending = False

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Send meanwhile; at the end, what is being tried is finished, if that is soon."""
        async with self.open_client() as client:
            try:
                async with repeated(lambda: self.look(client), "webhooks not looked at"):
                    yield
            finally:
                self._ending = True
                if self._tasks:
                    await asyncio.wait(list(self._tasks.values()), timeout=_LAST_SECONDS)
                for task in list(self._tasks.values()):
                    task.cancel()

    def open_client(self) -> httpx.AsyncClient:
        """What sends."""
        allowed = self._site().settings.webhook_networks
        return pinned.client(allowed, self._resolve, self._seconds)

    async def look(self, client: httpx.AsyncClient) -> None:
        """Begin to send to each webhook for which something is due."""
        site = self._site()
        due = await site.read(lambda c: delivery_store.due(c, site.clock()))
        for webhook_id in due:
            if webhook_id not in self._tasks:
                self._tasks[webhook_id] = asyncio.create_task(self._send_all(client, webhook_id))

    async def idle(self) -> None:
        """Wait until all is tried that was begun."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def _send_all(self, client: httpx.AsyncClient, webhook_id: int) -> None:
        """Send to a webhook until nothing is due any more."""
        try:
            while not self._ending and await self._send_some(client, webhook_id):
                pass
        except Exception as error:  # noqa: BLE001  # it is tried again when its lease is over
            tell("webhook not sent", error, webhook=webhook_id)
        finally:
            del self._tasks[webhook_id]

    async def _send_some(self, client: httpx.AsyncClient, webhook_id: int) -> bool:
        """Try some deliveries at once; whether there were any."""
        site = self._site()
        now, lease = site.clock(), site.random(12).hex()

        def take(connection: Connection) -> tuple[Webhook | None, list[Delivery]]:
            taken = delivery_store.take(connection, webhook_id, now, lease, LEASE_SECONDS, AT_ONCE)
            return webhook_store.by_id(connection, webhook_id), taken

        webhook, taken = await site.write(take)
        if webhook is None or not taken:
            return False
        secrets = endpoints.secrets_of(webhook, self._seeds.webhooks, now)

        async def attempt(delivery: Delivery) -> None:
            outcome = await sending.send(
                client, webhook.url, delivery, secrets, now, self._passing, self._seconds
            )
            await self._record(webhook, delivery, lease, outcome)

        await asyncio.gather(*map(attempt, taken))
        return True

    async def _record(
        self, webhook: Webhook, delivery: Delivery, lease: str, outcome: Outcome
    ) -> None:
        site = self._site()
        spread = int.from_bytes(site.random(2), "big") / 65535
        now = site.clock()
        await site.write(
            lambda connection: record(connection, webhook.id, delivery, lease, outcome, now, spread)
        )
        _log.info(
            "webhook sent",
            webhook=webhook.name,
            message=delivery.message,
            status=outcome.status,
            problem=outcome.problem,
            milliseconds=outcome.milliseconds,
        )


def record(
    connection: Connection,
    webhook_id: int,
    delivery: Delivery,
    lease: str,
    outcome: Outcome,
    now: int,
    spread: float,
) -> None:
    """Write down what an attempt came to, and what follows from it."""
    told = outcome._asdict()
    del told["asked"]
    delivery_store.add_attempt(connection, delivery.id, now, **told)
    if outcome.problem is None:
        QUEUE.settle(connection, delivery.id, lease, state="delivered", done_at=now)
        webhook_store.succeeded(connection, webhook_id)
        return
    since = webhook_store.failed(connection, webhook_id, now)
    tries = delivery.tries + 1
    again = schedule.next_try(tries, now, spread, outcome.asked)
    if outcome.problem == sending.GONE_:
        _pause(connection, webhook_id, now, webhook_store.GONE)
    if again is not None:
        QUEUE.settle(connection, delivery.id, lease, tries=tries, due_at=again)
        return
    QUEUE.settle(connection, delivery.id, lease, tries=tries, state="failed", done_at=now)
    if now - since >= schedule.SPAN // 2:
        _pause(connection, webhook_id, now, webhook_store.FAILING)


def _pause(connection: Connection, webhook_id: int, now: int, why: str) -> None:
    found = webhook_store.by_id(connection, webhook_id)
    if found is not None and found.state == webhook_store.ACTIVE:
        endpoints.pause(connection, webhook_id, SENDER, now, why)
