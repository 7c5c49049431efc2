"""The list of requests: its columns, and which requests it has."""

from sqlalchemy import Connection

from license_server.requests import request_store, wishes
from license_server.requests.filing import Filed
from license_server.requests.request_store import OPEN, SORTS, STATES, Filter, StoredRequest
from license_server.web import actor_labels, list_page
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source, after_id
from license_server.web.reader import Reader

ROOM = "/requests"
CHOICES = ("open", *STATES, "all")
"""The states of the tabs; ``open``: new or waiting."""
WORDS = {
    "new": ("new", "warn"),
    request_store.REPLIED: ("we replied", ""),
    request_store.ANSWERED: ("new answer", "warn"),
    "waiting": ("waiting", ""),
    "issued": ("issued", "good"),
    "refused": ("refused", "bad"),
    "expired": ("expired", ""),
}
"""The word and the mark of each standing."""
SOURCES = {
    "desk": "at the desk",
    "api": "over the API",
    "portal": "customer portal",
    "mail": "by mail",
    "file": "from a file",
}
"""Where a request came from, in words."""
ASKED = {
    wishes.LICENSE: "Licence",
    wishes.RENEWAL: "Renewal",
    wishes.MOVE: "Move to another host",
    wishes.TRIAL: "Trial",
    wishes.RETURN: "Give a licence back",
}
"""What can be asked for, in words."""


def page_of(filed: Filed) -> str:
    """Where somebody is led who filed a request; the page says whether it was filed before."""
    told = "filed" if filed.is_new else "again"
    return f"{ROOM}/{filed.request.id}?{told}=1"


def _asked(one: StoredRequest, to: Reader) -> str | None:
    """What it asks for: as its customer said, else a licence where it names a new host."""
    is_new_host = one.host_key is not None and one.earlier is None
    wish = one.wish or (wishes.LICENSE if is_new_host else None)
    return None if wish is None else to.catalogue.gettext(ASKED[wish])


def _answer(one: StoredRequest, to: Reader) -> str | None:
    if one.license is not None or one.proposal is None:
        return one.license
    return to.catalogue.gettext("Proposal %(id)s") % {"id": one.proposal}


def _answer_page(one: StoredRequest) -> str | None:
    if one.license is not None:
        return f"/licenses/{one.license}"
    return None if one.proposal is None else f"/proposals/{one.proposal}"


def _repeats(one: StoredRequest, to: Reader) -> str | None:
    if not one.repeats:
        return None
    told: str = to.catalogue.ngettext(
        "sent %(count)s more time", "sent %(count)s more times", one.repeats
    )
    return told % {"count": one.repeats}


LIST = DeskList[StoredRequest](
    ROOM,
    {
        "request": Column(
            "Request",
            lambda one, to: one.called or to.catalogue.gettext("no host"),
            lambda one: f"{ROOM}/{one.id}",
            look="text",
            aside=lambda one, to: to.catalogue.gettext("Request %(id)s") % {"id": one.id},
        ),
        "asked": Column("Asked for", _asked, look="text"),
        "received_at": list_page.at(lambda one: one.received_at, "Received", _repeats),
        "customer": Column("Customer", lambda one, _: one.customer),
        "product": Column("Product", lambda one, _: one.product),
        "sender": Column(
            "Sender",
            lambda one, _: one.sender_address or one.sender_name,
        ),
        "state": Column(
            "State",
            lambda one, to: to.catalogue.gettext(WORDS[one.standing][0]),
            look="text",
            mark=lambda one: WORDS[one.standing][1],
        ),
        "owner": Column(
            "Owner",
            lambda one, to: one.owner and actor_labels.words(one.owner, to.catalogue.gettext),
        ),
        "answer": Column("Answer", _answer, _answer_page, look="number"),
        "source": Column("Source", lambda one, to: to.catalogue.gettext(SOURCES[one.source])),
        "host": Column("Host key", lambda one, _: one.host_key, look="number"),
        "subject": Column("Subject of the mail", lambda one, _: one.subject),
        "reason": Column("Reason", lambda one, _: one.reason),
    },
    ("asked", "received_at", "customer", "product", "sender", "owner", "state"),
    frozenset(SORTS),
    filters=("state",),
)


def source(state: str, of: frozenset[str] | None) -> Source[StoredRequest]:
    """The requests in a *state* of CHOICES; *of*: of these products.

    What is open is a queue, the oldest first; of all else the newest is.
    """
    states = {"open": OPEN, "all": ()}.get(state, (state,))
    wanted, is_queue = Filter(states, products=of), state in ("open", *OPEN)

    def following(connection: Connection, at: int | None, limit: int) -> list[StoredRequest]:
        place = {"after": at or 0} if is_queue else {"before": at}
        return request_store.listed(connection, wanted, limit=limit, **place)

    return Source(
        lambda connection: request_store.count(connection, wanted),
        lambda connection, count, order, offset, limit: request_store.in_order(
            connection, count, order, offset=offset, limit=limit
        ),
        after_id(following),
    )
