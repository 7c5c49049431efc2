"""The list of events of the audit log: its columns, and where its rows come from."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import strictjson
from license_server.access import access_store
from license_server.actor import Actor
from license_server.audit import audit_store, changes
from license_server.audit.audit_store import Event, EventFilter
from license_server.audit.changes import Change
from license_server.catalog import catalog_store
from license_server.web import actor_labels, change_labels, event_labels, list_page
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source, after_id
from license_server.web.reader import Reader

_SHOWN_APART = (changes.CHANGED, "settings")


class Listed(NamedTuple):
    """An event, what it changed, and where what it is about is shown."""

    event: Event
    changed: list[Change]
    details: list[tuple[str, str]]
    """What it says beside its subject and what it changed: name and text."""
    page: str | None


def _subject(one: Listed, to: Reader) -> str:
    tr, event = to.catalogue.gettext, one.event
    _, _, number = event.subject.partition(" ")
    if event.action == "revocations.published":
        return tr("list %(number)s") % {"number": number}
    if event.action == "keyset.installed":
        return tr("keyset %(version)s") % {"version": number}
    return event.subject


def _what(one: Listed, to: Reader) -> str:
    """What it changed, and its details."""
    tr, colon = to.catalogue.gettext, to.marks.colon
    told = [change_labels.in_words(change, tr, colon) for change in one.changed]
    told += [f"{name}{colon}{text}" for name, text in one.details]
    return to.marks.semicolon.join(told)


LIST = DeskList[Listed](
    "/record",
    {
        "at": list_page.at(lambda one: one.event.at, "Time"),
        "actor": Column(
            "Who",
            lambda one, to: actor_labels.words(one.event.actor, to.catalogue.gettext),
            look="text",
            aside=lambda one, _: one.event.address,
        ),
        "action": Column(
            "Action",
            lambda one, to: to.catalogue.gettext(event_labels.words(one.event.action)),
            look="text",
        ),
        "subject": Column("Subject", _subject, lambda one: one.page, look="text"),
        "reason": Column("Reason", lambda one, _: one.event.reason, look="text"),
        "what": Column("Changes and details", _what, look="text"),
    },
    ("actor", "action", "subject", "reason", "what"),
    frozenset(),
    page=11,  # so that a page stays under 100 kB, whatever people typed
    filters=("actor", "action", "subject", "customer", "license", "since", "until"),
)


def source(wanted: EventFilter, actor: Actor) -> Source[Listed]:
    """The events that are *wanted*, the newest first, as *actor* sees them."""

    def listed(connection: Connection, rows: list[Event]) -> list[Listed]:
        links, changed = _links(connection, rows, actor), changes.of_events(connection, rows)
        return [Listed(one, changed[one.id], _said(one), links.get(one.id)) for one in rows]

    return Source[Event](
        lambda connection: audit_store.count_wanted(connection, wanted),
        lambda *_: [],  # it is in the order of time alone
        after_id(
            lambda connection, before, limit: audit_store.events(
                connection, wanted, before=before, limit=limit
            )
        ),
    ).told(listed)


def _links(connection: Connection, events: list[Event], actor: Actor) -> dict[int, str]:
    """The pages of what the events are about, by their ids."""

    def named(kind: str) -> set[str]:
        return {event.subject for event in events if event.action.partition(".")[0] == kind}

    pages_: dict[tuple[str, str], str] = {}
    for kind, room in (("customer", "customers"), ("product", "products")):
        found = catalog_store.ids_by_name(connection, room, named(kind))  # type: ignore[arg-type]
        pages_ |= {(kind, name): f"/{room}/{id_}" for name, id_ in found.items()}
    if "people:manage" in actor.permissions:
        for user in access_store.users_called(connection, named("user")):
            pages_["user", user.email] = f"/people/{user.id}"
    links = {
        event.id: pages_.get((event.action.partition(".")[0], event.subject)) for event in events
    }
    return {id_: link for id_, link in links.items() if link is not None}


def _said(event: Event) -> list[tuple[str, str]]:
    """What an event says beside its subject and what it changed, as texts."""
    members = strictjson.loads(event.details.encode("utf-8"))
    return list(_flat({name: one for name, one in members.items() if name not in _SHOWN_APART}))


def _flat(members: dict[str, Any], under: str = "") -> Iterator[tuple[str, str]]:
    """Members as texts; those of an object with its name before theirs."""
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{under}{name}.")
        elif value is not None:
            yield f"{under}{name}", change_labels.plain(value)
