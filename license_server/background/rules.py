"""Answers requests without a person, where a product says so and nothing is in doubt.

Each process looks. The licence, what became of the request, and the mail with it are one
transaction, so that of two processes one issues, and a process that is killed has done nothing.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import structlog
from sqlalchemy import Connection

from license_core.errors import DatabaseUnavailableError, LicenseError, SignerUnavailableError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.background.loop import repeated
from license_server.db.errors import ChangedMeanwhileError, ServerStoppingError
from license_server.db.reply_store import Reply
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.proposal_store import Proposal
from license_server.requests import outcomes, request_store, rules
from license_server.requests.errors import RequestClosedError
from license_server.requests.request_store import BY_RULE, StoredRequest
from license_server.requests.rules import WaitsError
from license_server.signing.errors import SigningOverError
from license_server.site import Site

Send = Callable[[Connection, StoredLicense, StoredRequest, Actor, int], Any]
"""Queues the mail that answers a request with a licence."""
_AT_ONCE = 20
_LATER = (DatabaseUnavailableError, ServerStoppingError, SignerUnavailableError, SigningOverError)
"""After these a request is tried again."""
_log = structlog.get_logger()


class Rules:
    """One for each process."""

    def __init__(self, site: Callable[[], Site], send: Send | None) -> None:
        """*site* gives the present one; *send*: None where no mail can be sent."""
        self._site, self._send = site, send

    def at_work(self) -> AbstractAsyncContextManager[None]:
        """Look every second meanwhile; not at all where no mail can be sent."""
        if self._send is None:
            return nullcontext()
        return repeated(self.look, "requests not answered by rule")

    async def look(self) -> None:
        """Answer what may be, and say of the rest why it waits for a person.

        What this server cannot do at present is due again; why not is raised in the end.
        """
        site = self._site()
        if self._send is None:
            return
        hindered: LicenseError | None = None
        for id_ in await site.read(lambda connection: request_store.due(connection, _AT_ONCE)):
            try:
                await self._answer(site, id_, self._send)
            except (RequestClosedError, ChangedMeanwhileError):
                continue  # somebody was quicker
            except WaitsError as error:
                await self._leave(site, id_, error.why)
            except _LATER as error:
                hindered = error
            except LicenseError as error:
                _log.info("request waits for a person", id=id_, sentence=error.sentence)
                await self._leave(site, id_, "refused")
        if hindered is not None:
            raise hindered

    async def _answer(self, site: Site, id_: int, send: Send) -> None:
        now = site.clock()
        wanted = await site.read(lambda connection: rules.answer(connection, id_, now))
        if wanted is None:
            return

        def follow(connection: Connection, done: StoredLicense | Proposal) -> None:
            rules.check(connection, wanted, now)
            left = outcomes.settle(connection, id_, done, wanted.actor, now)
            if not request_store.set_rule(connection, id_, BY_RULE):
                raise ChangedMeanwhileError(what=Reason("request {id}", id=id_))
            if isinstance(done, StoredLicense):
                send(connection, done, left, wanted.actor, now)

        await site.act(
            wanted.act, wanted.actor, now, lambda _: Reply(200, None, b""), follow=follow
        )
        _log.info("request answered by rule", id=id_, product=wanted.product.name)

    async def _leave(self, site: Site, id_: int, why: str) -> None:
        await site.write(lambda connection: request_store.set_rule(connection, id_, why))
