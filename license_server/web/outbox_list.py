"""The list of mails that go out: its columns, and which mails it has."""

from license_server.mail import outbox_store, states
from license_server.mail.outbox_store import SORTS, Mail
from license_server.web import actor_labels, list_page
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source, after_id
from license_server.web.reader import Reader

_MARKS = {"waiting": "warn", "claimed": "warn", "sending": "warn", "sent": "good", "cancelled": ""}
STATES = {state: (words, _MARKS.get(state, "bad")) for state, words in states.WORDS.items()}
"""The words and the mark of each state, as people are told it."""


def words(state: str) -> str:
    """What people are told of a state, in English."""
    return STATES.get(state, (state, ""))[0]


def _tries(one: Mail, to: Reader) -> str | None:
    if not one.attempts or one.state == "sent":
        return None
    text = to.catalogue.ngettext("%(count)s try", "%(count)s tries", one.attempts)
    return text % {"count": one.attempts}


def _by(one: Mail, to: Reader) -> str:
    return actor_labels.words(one.queued_by, to.catalogue.gettext)


def answer(one: Mail, to: Reader) -> str | None:
    """What the other side said; what this server said in its place, in the reader's language."""
    return to.catalogue.gettext(one.answer) if one.answer else None


LIST = DeskList[Mail](
    "/outbox",
    {
        "mail": Column("Mail", lambda one, _: one.subject, lambda one: f"/outbox/{one.id}"),
        "recipient": Column("To", lambda one, _: one.recipient),
        "license": Column(
            "Licence",
            lambda one, _: one.license,
            lambda one: f"/licenses/{one.license}" if one.license else None,
            look="number",
        ),
        "queued_at": list_page.at(lambda one: one.queued_at, "Queued", _by),
        "state": Column(
            "State",
            lambda one, to: to.catalogue.gettext(words(one.state)),
            look="text",
            mark=lambda one: STATES.get(one.state, ("", ""))[1],
            aside=_tries,
        ),
        "answer": Column("Answer of the other side", answer),
        "ended_at": list_page.at(lambda one: one.ended_at, "Sent or ended"),
    },
    ("recipient", "license", "queued_at", "state", "answer"),
    frozenset(SORTS),
    filters=("state",),
)


def source(state: str, of: frozenset[str] | None) -> Source[Mail]:
    """The mails in a *state* (``all``: in any), the newest first; *of*: of these products."""
    wanted = {"all": None, "failed": "undelivered"}.get(state, state)

    return Source(
        lambda connection: outbox_store.count(connection, wanted, of),
        lambda connection, count, order, offset, limit: outbox_store.in_order(
            connection, count, order, offset=offset, limit=limit
        ),
        after_id(
            lambda connection, before, limit: outbox_store.listed(
                connection, wanted, before=before, limit=limit, of=of
            )
        ),
    )
