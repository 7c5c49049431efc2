"""The running server: its parts, and the one way to perform actions on licences."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from license_core.errors import DatabaseUnavailableError
from license_server.actor import Actor
from license_server.db import idempotency
from license_server.db.database import Database
from license_server.db.idempotency import Idempotency
from license_server.db.reply_store import Reply
from license_server.licenses import (
    issuing,
    planning,
    proposals,
    recording,
    together,
)
from license_server.licenses.issuing import SignedLicense
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.orders import Order
from license_server.licenses.planning import ActRequest, Plan
from license_server.licenses.proposal_store import Proposal
from license_server.licenses.together import Asked
from license_server.requests import outcomes
from license_server.settings import ServerSettings
from license_server.signing import keyset_store, revocation_lists
from license_server.signing.issuer import Issuer, check_in_force
from license_server.signing.revocation_store import StoredList

T = TypeVar("T")
Clock = Callable[[], int]
Random = Callable[[int], bytes]
RenderReply = Callable[[StoredLicense | Proposal], Reply]
"""How a face of the server tells what was done."""
Follow = Callable[[Connection, StoredLicense | Proposal], object]
"""What goes with an act, in its transaction: where it raises, the act is not done either."""
_TRIES = 4
_NO_NUMBER = "no free licence number was found"


class Site(NamedTuple):
    """What every request may use."""

    settings: ServerSettings
    database: Database
    issuer: Issuer
    clock: Clock
    """The present instant, in seconds."""
    random: Random
    """So many unpredictable bytes."""

    async def read(self, query: Callable[[Connection], T]) -> T:
        """The result of *query*, read in a thread."""
        return await run_in_threadpool(self.database.read, query)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """The result of *work*, once it is committed.

        Where another process took a number, a name or a key meanwhile, it is done again.
        """
        return await _again(lambda: self._write(work), "other requests kept changing the same rows")

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.writer.submit(work))

    async def _together(self, asked: Asked) -> Reply | None:
        return await asyncio.wrap_future(self.database.writer.submit_to(together.issue, asked))

    async def earlier_reply(self, actor: Actor, given: Idempotency | None) -> Reply | None:
        """What the same request got before, for what is to be looked up only if it is new."""
        return await self.read(lambda connection: _earlier_reply(connection, actor, given))

    async def once(
        self,
        actor: Actor,
        given: Idempotency | None,
        now: int,
        act: Callable[[Connection], Reply],
    ) -> Reply:
        """The reply of *act*, once it is committed; the same request gets the same again."""
        return await self.write(
            lambda connection: idempotency.once(
                connection, actor.name, given, now, lambda: act(connection)
            )
        )

    async def act(
        self,
        act_request: ActRequest,
        actor: Actor,
        now: int,
        render_reply: RenderReply,
        given: Idempotency | None = None,
        follow: Follow | None = None,
    ) -> Reply:
        """Do what *act_request* asks for, or propose it where its product wants a second person.

        *follow* is done with it, in the same transaction.

        Raises what planning.plan, issuing.sign_and_verify and recording.record raise, or
        DatabaseUnavailableError.
        """
        asked = Asked(act_request, actor, now, given, render_reply, self.issuer, self.random)
        if follow is None and asked.may_be_plain:
            reply = await _again(lambda: self._together(asked), _NO_NUMBER)
            if reply is not None:
                return reply

        def read(connection: Connection) -> Reply | Plan:
            earlier = _earlier_reply(connection, actor, given)
            return earlier or planning.plan(connection, act_request, actor, now)

        plan = await self.read(read)
        if isinstance(plan, Reply):
            return plan

        def propose(connection: Connection) -> Reply:
            proposal = proposals.propose(connection, act_request, plan, actor, now)
            if follow is not None:
                follow(connection, proposal)
            return render_reply(proposal)

        def record(connection: Connection, signed: SignedLicense) -> Reply:
            stored = recording.record(connection, plan, signed, self.issuer, actor)
            if follow is not None:
                follow(connection, stored)
            return render_reply(stored)

        if plan.needs_approval:
            return await self.once(actor, given, now, propose)
        return await self._sign_and_record(plan, actor, now, record, given)

    async def approve(
        self,
        id_: int,
        actor: Actor,
        reason: str | None,
        now: int,
        render_reply: RenderReply,
        given: Idempotency | None = None,
    ) -> Reply:
        """Approve a proposal and issue its licence. Raises as ``act`` and proposals.approve do."""

        def read(connection: Connection) -> Reply | tuple[Proposal, Plan]:
            earlier = _earlier_reply(connection, actor, given)
            if earlier is not None:
                return earlier
            proposal = proposals.seen(connection, id_, actor)
            proposals.check_decider(connection, proposal, actor)
            by = proposals.proposer(connection, proposal)
            return proposal, planning.plan(connection, proposals.act_request(proposal), by, now)

        planned = await self.read(read)
        if isinstance(planned, Reply):
            return planned
        proposal, plan = planned

        def record(connection: Connection, signed: SignedLicense) -> Reply:
            stored = proposals.approve(
                connection, proposal, plan, signed, self.issuer, actor, reason, now
            )
            outcomes.approved(connection, proposal.id, stored, actor, now)
            return render_reply(stored)

        return await self._sign_and_record(plan, actor, now, record, given)

    async def publish_revocations(
        self,
        actor: Actor,
        now: int,
        days: int,
        render_reply: Callable[[StoredList, int], Reply],
        given: Idempotency | None = None,
    ) -> Reply:
        """Sign and publish the next revocation list, which is fresh for *days*.

        *render_reply* tells of it and of how many licences it has. Raises NotPermittedError,
        SignerUnavailableError or DatabaseUnavailableError.
        """
        actor.need("revocations:publish")
        for _ in range(_TRIES):
            earlier = await self.earlier_reply(actor, given)
            if earlier is not None:
                return earlier
            new, count = await run_in_threadpool(self._next_list, now, days)

            def record(connection: Connection, new: StoredList = new, count: int = count) -> Reply:
                check_in_force(self.issuer, keyset_store.newest_version(connection))
                revocation_lists.record(connection, new, count, actor)
                return render_reply(new, count)

            try:
                return await self._write(
                    lambda connection: idempotency.once(
                        connection, actor.name, given, now, lambda: record(connection)
                    )
                )
            except IntegrityError:
                continue  # another list was published meanwhile
        raise DatabaseUnavailableError(reason="another list has just been published")

    def _next_list(self, now: int, days: int) -> tuple[StoredList, int]:
        largest = self.settings.revocations_bytes
        with self.database.snapshot() as connection:
            return revocation_lists.sign_next(connection, self.issuer, now, days, largest)

    async def _sign(self, order: Order, number: str, now: int) -> SignedLicense:
        if self.issuer.remote is None:  # that is quicker than to ask a thread for it
            return issuing.sign_and_verify(order, self.issuer, number, now)
        return await run_in_threadpool(issuing.sign_and_verify, order, self.issuer, number, now)

    async def _sign_and_record(
        self,
        plan: Plan,
        actor: Actor,
        now: int,
        record: Callable[[Connection, SignedLicense], Reply],
        given: Idempotency | None,
    ) -> Reply:
        async def sign_and_record() -> Reply:
            number = issuing.new_number(now, self.random)
            signed = await self._sign(plan.order, number, now)
            return await self._write(
                lambda connection: idempotency.once(
                    connection, actor.name, given, now, lambda: record(connection, signed)
                )
            )

        return await _again(sign_and_record, _NO_NUMBER)


def _earlier_reply(connection: Connection, actor: Actor, given: Idempotency | None) -> Reply | None:
    return None if given is None else idempotency.earlier_reply(connection, actor.name, given)


async def _again(attempt: Callable[[], Awaitable[T]], reason: str) -> T:
    """What *attempt* gives, made again where another process took something meanwhile.

    Raises DatabaseUnavailableError for this *reason* where that happens again and again.
    """
    for _ in range(_TRIES - 1):
        try:
            return await attempt()
        except IntegrityError:
            continue
    try:
        return await attempt()
    except IntegrityError as error:
        raise DatabaseUnavailableError(reason=reason) from error
