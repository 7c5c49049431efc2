"""What one process of the server holds while it runs, and how a request gets at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Connection

from license_server.access.openid import Client
from license_server.access.tokens import TokenCache
from license_server.access.totp_seeds import Seeds
from license_server.actor import Actor
from license_server.db.probe import Probe
from license_server.http.documents import Documents
from license_server.http.metrics import Metrics
from license_server.http.rate_limit import Rates
from license_server.licenses import statistics
from license_server.licenses.license_store import StoredLicense
from license_server.mail.outbox_store import Mail
from license_server.requests.request_store import StoredRequest
from license_server.signing import revocation_shards
from license_server.site import Site

AnswerByMail = Callable[[Connection, StoredLicense, StoredRequest, Actor, int], Mail]


@dataclass
class ServerState:
    """The parts of a running server; ``app.state.server`` is the one of an application."""

    site: Site
    """Replaced as a whole where another keyset comes into force."""
    seeds: Seeds
    """What opens the seeds of one-time codes."""
    openid: Client | None
    """What this server is to its OpenID provider, where it has one."""
    openid_documents: Documents
    """What that provider says of itself, and its keys."""
    rates: Rates
    metrics: Metrics
    figures: statistics.Kept
    tokens: TokenCache
    revocations: revocation_shards.Kept
    answer_by_mail: AnswerByMail
    """What queues the mail that answers a request with a licence."""
    probe: Probe
    """What asks whether the database takes a write."""

    @property
    def stopping(self) -> bool:
        """Whether this process is to end: nobody should send anything new."""
        return self.site.database.stopping.is_set()

    def stop(self) -> None:
        """The process is to end: what takes long stops at its next step."""
        self.site.database.stopping.set()


def state_of(request: Request) -> ServerState:
    """The parts of the server that *request* came to."""
    state: ServerState = request.app.state.server
    return state


async def site_of(request: Request) -> Site:
    """The site that *request* came to, for a route to depend on."""
    return state_of(request).site


AtSite = Annotated[Site, Depends(site_of)]
