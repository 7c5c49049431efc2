"""``/licenses/send``: many licences by mail, each with its letter to the contact of its customer.

The page says line by line whom each would go to. They are queued some at a time, each time in one
transaction under the key of the form: who sends the form again after a failure sends the rest.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from license_core import strictjson
from license_core.errors import LicenseError
from license_server.access.sessions import Session
from license_server.actor import Actor
from license_server.db.reply_store import Reply
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.licenses import license_store
from license_server.licenses.license_store import StoredLicense
from license_server.mail import outbox, outbox_store, writing
from license_server.mail.errors import MailOffError
from license_server.mail.outbox import Draft
from license_server.mail.outbox_store import Mail
from license_server.portal import ways_in
from license_server.sheets import jobs, results, threads
from license_server.sheets.exports import Read
from license_server.site import Site
from license_server.web import choosing, delivery, forms, mailing, pages
from license_server.web.outbox import OUTBOX
from license_server.web.outbox_list import STATES
from license_server.web.reader import Reader
from license_server.web.session import Form, May
from license_server.web.sign_in import HOME

ROOM = f"{HOME}/send"
_AT_ONCE = 50
"""So many mails are queued together: nothing else is written meanwhile."""
_SHOWN = 200
"""So many lines of each kind has the page."""

router = APIRouter(prefix=ROOM)
Sender = Annotated[Session, Depends(May(outbox.SEND))]


class Line(NamedTuple):
    """One licence, and the mail with it."""

    stored: StoredLicense
    recipient: str | None
    """None: it cannot be sent."""
    error: LicenseError | None
    """Why not."""
    last: Mail | None = None
    """The newest mail with this licence."""


@router.get("")
async def look(request: Request, site: AtSite, session: Sender) -> Response:
    """Whom the licences that the address chooses, or that a job issued, would go to."""
    query, now, actor = request.query_params, site.clock(), session.actor
    if job := query.get("job"):
        await site.read(lambda connection: jobs.find(connection, job, actor))
        numbers = await threads.one_at_a_time(_issued_by, site, job, actor, now)
    else:
        fields = choosing.fields_of(query)
        numbers = await site.read(lambda c: choosing.numbers(c, fields, session, now))
    return await _page(request, site, session, numbers)


@router.post("")
async def send(request: Request, site: AtSite, session: Sender, fields: Form) -> Response:
    """Queue a mail for each licence that the form names, as it was looked at."""
    if not site.settings.sends_mail:
        raise MailOffError
    agreed, now, path = fields.get("agreed", ""), site.clock(), request.url.path
    numbers = await site.read(lambda c: choosing.numbers(c, fields, session, now))
    lines = await _lines(request, site, session, numbers)
    if _digest(lines) != agreed:
        return await _page(request, site, session, numbers, changed=True)
    able = [one.stored.number for one in lines if one.recipient]
    form, queued, after = forms.once(fields, path), 0, row_id(fields.get("after", ""), "mail")
    for first in range(0, len(able), _AT_ONCE):
        some = able[first : first + _AT_ONCE]
        work = partial(_queue, site, request, session.actor, some, after, now)
        key = form._replace(key=f"{form.key}:{first}")
        reply = await site.once(session.actor, key, now, work)
        queued += int(reply.body)
    if able and not queued:  # somebody else has just sent them
        return await _page(request, site, session, numbers, changed=True)
    return RedirectResponse(f"{OUTBOX}?queued={queued}", 303)


def _issued_by(site: Site, job: str, actor: Actor, now: int) -> list[str]:
    """The numbers of what a job issued. Raises NotFoundError."""
    return [one.number for _, one in results.outcomes(site, job, actor, now) if one.number]


async def _page(
    request: Request,
    site: Site,
    session: Session,
    numbers: Sequence[str],
    *,
    changed: bool = False,
) -> Response:
    after = await site.read(outbox_store.newest)  # before the lines: what comes later is new
    lines = await _lines(request, site, session, numbers)
    if not lines:
        return pages.page(request, "nothing_chosen", 422)
    able = [one for one in lines if one.recipient]
    unable = [one for one in lines if one.error]
    return pages.page(
        request,
        "send_many",
        able=able[:_SHOWN],
        unable=unable[:_SHOWN],
        sent=len(able),
        unsent=len(unable),
        after=after,
        mailed=sum(one.last is not None for one in able),
        mail_states=STATES,
        customers=len({one.stored.customer for one in able}),
        numbers=",".join(one.stored.number for one in lines),
        agreed=_digest(lines),
        changed=changed,
        sends=site.settings.sends_mail,
        once=forms.new_once(site.random),
    )


async def _lines(
    request: Request, site: Site, session: Session, numbers: Sequence[str]
) -> list[Line]:
    language = Reader.of(request, site.settings.time_zone).language
    actor, now = session.actor, site.clock()

    def read() -> list[Line]:
        return list(_looked_at(site.database.read, numbers, actor, site, now, language))

    return await threads.one_at_a_time(read)


def _looked_at(
    read: Read, numbers: Sequence[str], actor: Actor, site: Site, now: int, language: str
) -> Iterator[Line]:
    """The licences of these *numbers* that *actor* may see, and whom each would go to."""
    for first in range(0, len(numbers), delivery.AT_ONCE):
        some = numbers[first : first + delivery.AT_ONCE]
        last = read(partial(outbox_store.last_with, numbers=some))
        for stored, made in read(partial(_drafts, some, actor, site, now, language)):
            if isinstance(made, LicenseError):
                yield Line(stored, None, made)
            else:
                yield Line(stored, made.recipient, None, last.get(stored.number))


def _drafts(
    numbers: Sequence[str],
    actor: Actor,
    site: Site,
    now: int,
    language: str,
    connection: Connection,
) -> list[tuple[StoredLicense, Draft | LicenseError]]:
    """The mail with each of these licences, or why there is none."""
    rows = license_store.by_numbers(connection, numbers)
    rows = [one for one in rows if actor.may_use(one.product)]
    made: list[tuple[StoredLicense, Draft | LicenseError]] = []
    for stored, seen in zip(rows, delivery.known_of(connection, rows), strict=True):
        portal = ways_in.address_for(connection, site.settings, seen.customer, now)
        try:
            draft, _ = mailing.draft(stored, seen, site.issuer.name, language, portal=portal)
            made.append((stored, draft))
        except LicenseError as error:
            made.append((stored, error))
    return made


def _queue(
    site: Site,
    request: Request,
    actor: Actor,
    numbers: Sequence[str],
    after: int,
    now: int,
    connection: Connection,
) -> Reply:
    """Queue the mails with these licences; the reply says how many.

    *after*: the newest mail when they were looked at. What was sent since is not sent once more.
    """
    language = Reader.of(request, site.settings.time_zone).language
    last = outbox_store.last_with(connection, numbers)
    rest = [one for one in numbers if one not in last or last[one].id <= after]
    drafts = _drafts(rest, actor, site, now, language, connection)
    made = [one for _, one in drafts if isinstance(one, Draft)]
    for one in made:
        writing.queue(connection, site.settings, one, actor, now, site.random)
    return Reply(200, None, str(len(made)).encode("ascii"))


def _digest(lines: Sequence[Line]) -> str:
    """What tells one such list from another."""
    told = [[one.stored.number, one.recipient] for one in lines]
    return hashlib.sha256(strictjson.dumps({"lines": told})).hexdigest()
