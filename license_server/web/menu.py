"""The menu of the desk: its rooms, and who may enter each."""

from typing import NamedTuple


class Room(NamedTuple):
    """An entry of the menu."""

    path: str
    label: str
    """English; translated where it is shown."""
    permission: str
    group: str
    """``work`` or ``run``."""
    here: bool = False
    """Whether the present page is in this room."""


ROOMS = (
    Room("/requests", "Requests", "requests:read", "work"),
    Room("/licenses", "Licences", "licenses:read", "work"),
    Room("/licenses/new", "Issue a licence", "licenses:issue", "work"),
    Room("/why", "Why did it stop?", "licenses:read", "work"),
    Room("/renewals", "Renewals", "licenses:read", "work"),
    Room("/proposals", "Proposals", "licenses:read", "work"),
    Room("/outbox", "Outbox", "licenses:read", "work"),
    Room("/overview", "Overview", "licenses:read", "run"),
    Room("/customers", "Customers", "licenses:read", "run"),
    Room("/products", "Products", "licenses:read", "run"),
    Room("/sheets", "Import and export", "licenses:read", "run"),
    Room("/record", "Audit log", "record:read", "run"),
    Room("/keys", "Keys", "licenses:read", "run"),
    Room("/people", "Users", "people:manage", "run"),
    Room("/tokens", "API tokens", "tokens:manage", "run"),
    Room("/webhooks", "Webhooks", "webhooks:manage", "run"),
)
_PART_OF = {"/licenses/preview/": "/licenses/new", "/deliveries": "/webhooks"}
"""How addresses of pages begin that belong to a room under which they do not lie."""
_FIRST = "/requests"
"""The room that the desk begins with."""


def of(permissions: frozenset[str], path: str) -> tuple[Room, ...]:
    """The rooms that are open to somebody with *permissions* who is at *path*."""
    open_ = [room for room in ROOMS if room.permission in permissions]
    path = _FIRST if path == "/" else path
    at = next((room for begin, room in _PART_OF.items() if path.startswith(begin)), path)
    inside = [room.path for room in open_ if _inside(room.path, at)]
    nearest = max(inside, key=len, default=None)
    return tuple(room._replace(here=room.path == nearest) for room in open_)


def _inside(room: str, path: str) -> bool:
    return path == room or path.startswith(f"{room}/")
