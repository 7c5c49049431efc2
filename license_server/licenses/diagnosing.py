"""Why a product stopped: which licence is meant, what differs, and the act that mends it.

From the symptoms that somebody pasted (symptoms.py) and the ledger as an actor may see it: what is
of another product is not there.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from license_core.errors import Notice
from license_core.problems import PROBLEMS
from license_core.reason import Reason
from license_core.request import LicenseRequest
from license_server.actor import Actor
from license_server.catalog import catalog_store, client_commands
from license_server.catalog.client_commands import Commands
from license_server.db.questions import ask
from license_server.licenses import (
    host_changes,
    issuing,
    license_store,
    lookup,
    returning,
    symptoms,
    term_days,
)
from license_server.licenses.acts import (
    CHANGE,
    ISSUE,
    REHOST,
    REINSTATE,
    RENEW,
    RETURN,
    UNREVOKE,
    Act,
)
from license_server.licenses.host_changes import HostChange
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.notices import OrderNotice
from license_server.licenses.search import Filter
from license_server.licenses.symptoms import Symptoms

SEND = "send"
"""In place of an act: the file of a licence is sent again."""
_FEW = 5
_FILE = (
    *("license-missing", "license-block-missing", "license-damaged", "license-several"),
    *("license-claims-invalid", "file-too-large", "signature-invalid"),
)
"""Problems that the file as it was issued mends."""
_GRANTS = {
    "gpus-not-licensed": "stop-gpus",
    "feature-not-licensed": "stop-feature",
    "maintenance-ended": "stop-maintenance",
}
"""Problems of what a licence allows."""
_OF_STATE = (
    *("license-expired", "license-revoked", "license-returned", "wrong-host"),
    "license-not-yet-valid",
)
"""Problems that the ledger knows more of."""
_SPOKEN = frozenset((*_FILE, *_GRANTS, *_OF_STATE, "wrong-product"))
_WITHOUT_TAGS = (
    "What was pasted has no host tags, so the new licence would have none, and the next stop could "
    "not be explained: better ask the operator for the output of `{request}`, and paste it here, "
    "too."
)
_TITLES = {row.slug: row.title for row in PROBLEMS.values()}


class Cause(NamedTuple):
    """Something that stopped the product, and what mends it."""

    notice: Notice
    act: str | None = None
    """The name of an act, or SEND; None: nothing that a vendor does to a licence."""
    number: str | None = None
    """Of the licence to act on."""


class Diagnosis(NamedTuple):
    """What is made of a text."""

    symptoms: Symptoms
    license: StoredLicense | None
    """The one that is meant: the installed one, where that is known."""
    newest: StoredLicense | None
    """The newest of its lineage."""
    candidates: tuple[StoredLicense, ...]
    """Where nothing tells which one is meant."""
    change: HostChange | None
    """What differs from its host."""
    causes: tuple[Cause, ...]
    unknown: tuple[str, ...]
    """Numbers that are not in the ledger, or not for the actor to see."""
    commands: Commands = client_commands.DEFAULT
    """What the operators of the product type: of the licence, else of all that the actor sees."""

    @property
    def host_text(self) -> str | None:
        """The host as an order takes it: what was pasted, or what follows from it."""
        found = self.symptoms
        if self.license and self.newest and self.license.host_key != self.newest.host_key:
            found = found._replace(verdicts={})  # they are beside another host
        is_named = found.request is not None or found.hostname is not None
        if is_named or self.license is None or self.change is None:
            return found.host_text
        kept = "hostname" in self.change.same  # a bundle names no host
        return found._replace(hostname=self.license.host_name if kept else None).host_text


def diagnose(
    connection: Connection,
    text: str,
    actor: Actor,
    now: int,
    number: str | None = None,
    customers: tuple[int, ...] | None = None,
) -> Diagnosis:
    """What *text* says, and what to do, for *actor* at the instant *now*.

    *number*: of the licence that it is about, where somebody knows better; *customers*: in whose
    rows alone it is looked for.
    """
    actor.need("licenses:read")
    found = symptoms.read(text)
    if number is not None:
        found = found._replace(numbers=(number[:64],))
    named = [
        one
        for one in license_store.by_numbers(connection, found.numbers)
        if actor.may_use(one.product) and (customers is None or one.customer_id in customers)
    ]
    known = {one.number: one for one in named}
    unknown = tuple(number for number in found.numbers if number not in known)
    meant = next((known[number] for number in found.numbers if number in known), None)
    candidates: tuple[StoredLicense, ...] = ()
    if meant is None:
        meant, found, candidates = _by_host(connection, found, actor, now, customers)
    if meant is None:
        commands = ask(connection, client_commands.shared(actor.products))
        return Diagnosis(found, None, None, candidates, None, (), unknown, commands)
    (newest,) = license_store.newest_of_line(connection, meant.line, 1)
    change = _change(meant, found)
    commands = client_commands.of(catalog_store.product_by_name(connection, meant.product))
    drafted = Diagnosis(found, meant, newest, (), change, (), unknown, commands)
    causes = tuple(_causes(connection, drafted, now))
    for cause in causes:
        client_commands.tell(cause.notice, commands)
    return drafted._replace(causes=causes)


def _by_host(
    connection: Connection,
    found: Symptoms,
    actor: Actor,
    now: int,
    customers: tuple[int, ...] | None,
) -> tuple[StoredLicense | None, Symptoms, tuple[StoredLicense, ...]]:
    """The licence by its host, where no number names it; else those that it may be."""
    keys = [found.licensed_key] if found.licensed_key else list(found.keys)
    for key in keys:
        wanted = Filter(host_key=key, products=actor.products, customers=customers)
        rows = license_store.listed(connection, wanted, now, before=None, limit=_FEW).rows
        if not rows:
            continue
        others = [one for one in found.keys if one != key]
        if found.host_key is None and found.request is None and len(others) == 1:
            found = found._replace(licensed_key=key, host_key=others[0])
        alive = [one for one in rows if one.state == "active"]
        lines = {one.line for one in alive or rows}
        if len(lines) == 1:
            return (alive or rows)[0], found, ()
        return None, found, tuple(alive or rows)
    request = found.request
    if request is None:
        return None, found, ()
    alike = _alike(connection, request, actor, now, customers)
    return (alike[0] if len(alike) == 1 else None), found, tuple(alike if len(alike) > 1 else ())


def _alike(
    connection: Connection,
    request: LicenseRequest,
    actor: Actor,
    now: int,
    customers: tuple[int, ...] | None,
) -> list[StoredLicense]:
    """The valid licences whose host may be that of a request."""
    asked = (request.name, request.customer, request.product)
    if not all(text.isprintable() for text in asked if text is not None):
        return []  # the ledger has no such names, and PostgreSQL takes no null character
    if request.customer and request.product and actor.may_use(request.product):
        likely = lookup.alike(connection, request.customer, request.product, request, now)
        found = [one for one, _ in likely if customers is None or one.customer_id in customers]
        if found:
            return found
    if request.name is None:
        return []
    wanted = Filter(
        host_name=request.name,
        state="active",
        customer=request.customer,
        product=request.product,
        products=actor.products,
        customers=customers,
    )
    rows = license_store.listed(connection, wanted, now, before=None, limit=_FEW).rows
    return [one for one in rows if host_changes.likeness(issuing.claims_of(one).host, request)]


def _change(meant: StoredLicense, found: Symptoms) -> HostChange | None:
    """What differs from the host of a licence: by a request, else as the client said it."""
    host = issuing.claims_of(meant).host
    if found.request is not None:
        return host_changes.between(host, found.request, found.verdicts)
    if found.host_key == host.key or not found.verdicts:
        return None
    if set(found.verdicts.values()) == {"same"}:
        return None
    return host_changes.as_told(found.verdicts)


def _causes(connection: Connection, drafted: Diagnosis, now: int) -> Iterator[Cause]:
    found, meant, newest = drafted.symptoms, drafted.license, drafted.newest
    assert meant is not None  # noqa: S101  # else there is nothing to say
    assert newest is not None  # noqa: S101  # a licence has a lineage
    key = found.request.key if found.request else found.host_key
    here = None if key is None else _live_here(connection, key, meant, now)
    if newest.number != meant.number:
        yield _told("stop-replaced", newest, _may_send(newest), former=meant.number)
    if here is not None and here.number not in (meant.number, newest.number):
        yield _told("stop-licensed-here", here, SEND)
    yield from _of_state(newest, now)
    yield from _given_back(connection, drafted)
    is_moved = drafted.change is not None or "wrong-host" in found.problems
    if is_moved and (here is None or here.line != newest.line) and newest.state == "active":
        yield from _of_host(drafted, newest)
    for slug in found.problems:
        if slug in _GRANTS:
            yield _told(_GRANTS[slug], newest, CHANGE)
        elif slug in _FILE and newest.number == meant.number:
            yield _told("stop-file", newest, _may_send(newest), reason=_TITLES[slug])
        elif slug == "wrong-product":
            yield _told("stop-product", newest, ISSUE, product=newest.product)
        elif slug not in _SPOKEN:
            yield Cause(OrderNotice("stop-on-host", reason=_TITLES[slug]))
    if found.is_valid and not found.problems:
        yield Cause(OrderNotice("stop-not-by-licence", number=meant.number))
    elif not found.problems and drafted.change is None and key == meant.host_key:
        yield Cause(
            OrderNotice("stop-same-host", number=meant.number), _may_send(newest), newest.number
        )


def _of_state(newest: StoredLicense, now: int) -> Iterator[Cause]:
    end = newest.expires_at if newest.grace_until is None else newest.grace_until
    if newest.state == "suspended":
        yield _told("stop-suspended", newest, REINSTATE)
    elif newest.state == "revoked":
        yield _told("stop-revoked", newest, UNREVOKE)
    elif newest.state == "returned":
        yield _told("stop-returned", newest, REINSTATE)
    elif end is not None and end <= now:
        last = term_days.last_of(end, newest.zone)
        yield _told("stop-expired", newest, RENEW, day=str(last))


def _given_back(connection: Connection, drafted: Diagnosis) -> Iterator[Cause]:
    """That the text says that the licence was given back, though the ledger does not know it."""
    meant, said = drafted.license, drafted.symptoms.returned
    if meant is None or said is None or meant.number != said.number:
        return
    if meant.state in RETURN.starts_from:
        proven = returning.proves(connection, meant, said)
        slug = "stop-given-back" if proven else "stop-said-given-back"
        yield _told(slug, meant, RETURN)


def _of_host(drafted: Diagnosis, newest: StoredLicense) -> Iterator[Cause]:
    """That the host is another one by now."""
    found, change, host = drafted.symptoms, drafted.change, issuing.claims_of(newest).host
    what, advice = Reason("{number} is for another host key.", number=newest.number), []
    if change is not None and change.may_recur and host.match == "anchored":
        yield Cause(OrderNotice("move-not-needed", number=newest.number))
        return
    if change is not None:
        what = change.what(newest.number)
        asked = found.request or LicenseRequest(found.host_key or host.key, profile=host.profile)
        advice.append(change.prevention(asked, host.match, drafted.commands))
    if drafted.host_text and (found.request is None or found.request.tags is None):
        advice.append(Reason(_WITHOUT_TAGS, request=drafted.commands.request))
    how = advice[0] if advice else ""
    for one in advice[1:]:
        how = Reason("{first} {second}", first=how, second=one)
    slug = "stop-host-changed" if drafted.host_text else "stop-host-unsaid"
    yield _told(slug, newest, REHOST if drafted.host_text else None, what=what, how=how)
    if found.before is not None and change is not None and change.differs == ("ip",):
        yield Cause(OrderNotice("stop-address-back", address=found.before, number=newest.number))


def _live_here(
    connection: Connection, key: str, meant: StoredLicense, now: int
) -> StoredLicense | None:
    """The licence of the same product and customer that is valid on the host as it is now."""
    return next(
        (
            one
            for one in license_store.live(connection, key, now, _FEW)
            if (one.customer, one.product) == (meant.customer, meant.product)
        ),
        None,
    )


def _may_send(newest: StoredLicense) -> str | None:
    return SEND if newest.state == "active" else None


def _told(slug: str, stored: StoredLicense, act: Act | str | None, **facts: object) -> Cause:
    notice = OrderNotice(slug, number=stored.number, **facts)
    return Cause(notice, act.name if isinstance(act, Act) else act, stored.number)
