"""What a request asks for, and of which licence, where its customer said so in the portal."""

from typing import NamedTuple

from sqlalchemy import Connection

from license_server.actor import Actor
from license_server.licenses import license_store
from license_server.licenses.acts import RENEW
from license_server.licenses.acts import RETURN as GIVE_BACK
from license_server.licenses.license_store import StoredLicense
from license_server.requests.request_store import StoredRequest

LICENSE, RENEWAL, MOVE, TRIAL, RETURN = "license", "renewal", "move", "trial", "return"
WISHES = (LICENSE, RENEWAL, MOVE, TRIAL, RETURN)


class Wished(NamedTuple):
    """What is wished, and of which licence."""

    wish: str
    """One of WISHES."""
    about: StoredLicense | None
    """The licence that it is about."""
    newest: StoredLicense | None
    """The newest of its lineage."""

    @property
    def target(self) -> StoredLicense | None:
        """The licence that is to be renewed, or ended: another may have replaced what was named."""
        act = {RENEWAL: RENEW, RETURN: GIVE_BACK}.get(self.wish)
        newest = self.newest
        is_open = act is not None and newest is not None and newest.state in act.starts_from
        return newest if is_open else None

    @property
    def answer(self) -> StoredLicense | None:
        """The licence that is already as it is wished: renewed, or ended as given back."""
        about, newest = self.about, self.newest
        if self.wish == RETURN and newest is not None and newest.state == GIVE_BACK.leaves:
            return newest
        if self.wish != RENEWAL or about is None or newest is None or newest.state != "active":
            return None
        if about.expires_at is None or newest.host_key != about.host_key:
            return None
        is_later = newest.expires_at is None or newest.expires_at > about.expires_at
        return newest if is_later else None


def of(connection: Connection, stored: StoredRequest, actor: Actor) -> Wished | None:
    """What a request is for, as *actor* may see it; None: nobody said."""
    if stored.wish is None:
        return None
    about = license_store.by_number(connection, stored.about) if stored.about else None
    if about is None or not actor.may_use(about.product):
        return Wished(stored.wish, None, None)
    (newest,) = license_store.newest_of_line(connection, about.line, 1)
    return Wished(stored.wish, about, newest)
