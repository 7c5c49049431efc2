"""The list of customers: its columns, and which customers it has."""

from typing import Any, NamedTuple, Self

from fastapi import Request
from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.catalog import catalog_store, customers, tags
from license_server.catalog.catalog_store import Customer
from license_server.catalog.list_store import CUSTOMER_SORTS
from license_server.web import list_page
from license_server.web.list_page import Column, DeskList
from license_server.web.list_shape import Source, after_id
from license_server.web.reader import LANGUAGES
from license_server.web.session import on_one_line

_LONGEST_SEARCH = 200

LIST = DeskList[Customer](
    "/customers",
    {
        "name": Column("Name", lambda one, _: one.name, lambda one: f"/customers/{one.id}"),
        "contact_name": Column("Contact", lambda one, _: one.contact_name),
        "contact_email": Column("Email address", lambda one, _: one.contact_email),
        "language": Column(
            "Language", lambda one, _: LANGUAGES.get(one.language or ""), look="number"
        ),
        "created_at": list_page.at(lambda one: one.created_at, "Added"),
        "state": Column(
            "State",
            lambda one, to: to.catalogue.gettext("archived" if one.archived_at else "in use"),
            look="number",
            mark=lambda one: "" if one.archived_at else None,
        ),
        "owner": Column("Owner", lambda one, _: one.owner),
        "tags": Column("Tags", lambda one, _: ", ".join(tags.of(one.tags))),
        "notes": Column("Notes", lambda one, _: one.notes and on_one_line(one.notes)),
    },
    ("contact_name", "contact_email", "created_at", "state", "tags"),
    frozenset(CUSTOMER_SORTS),
    filters=("q", "tag", "archived"),
)


class Asked(NamedTuple):
    """Which customers the address of the list asks for."""

    text: str | None
    tag: str | None
    archived: bool

    @classmethod
    def of(cls, request: Request) -> Self:
        """What it says."""
        query = request.query_params
        text, tag = (on_one_line(query.get(n, "")[:_LONGEST_SEARCH]) for n in ("q", "tag"))
        return cls(text or None, tag.strip() or None, bool(query.get("archived")))

    @property
    def which(self) -> bool | None:
        """Whether those in the archive; whoever searches finds all."""
        return None if self.text or self.tag else self.archived

    @property
    def kept(self) -> dict[str, str]:
        """What says so in an address."""
        archived = "1" if self.archived else ""
        return {"q": self.text or "", "tag": self.tag or "", "archived": archived}


def source(asked: Asked, actor: Actor) -> Source[Customer]:
    """The customers that are asked for, as *actor* may see them, in the order of their names."""
    narrowed: dict[str, Any] = {"archived": asked.which, "tag": asked.tag}

    def following(connection: Connection, id_: int | None, limit: int) -> list[Customer]:
        of = actor.products
        last = None if id_ is None else catalog_store.customer_by_id(connection, id_, of)
        name, text = None if last is None else last.name, asked.text
        return customers.listed(connection, name, limit, text, actor, **narrowed)

    return Source(
        lambda connection: customers.counted(connection, asked.text, actor, **narrowed),
        lambda connection, count, order, offset, limit: customers.in_order(
            connection, count, order, offset, limit, actor
        ),
        after_id(following),
    )
