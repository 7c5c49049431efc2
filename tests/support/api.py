"""A program that calls ``/api/v1``, and the tokens it calls with."""

from typing import Any

from license_core.verify import open_license
from license_server.access import tokens
from license_server.permissions import PERMISSIONS
from tests.support import server
from tests.support.desk import Desk
from tests.support.server import LINE

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


def issue(desk: Desk, headers: dict[str, str] | None = None, **members: Any) -> Any:
    return desk.client.post(
        "/api/v1/licenses", json=ORDER | members, headers=desk.bearer | (headers or {})
    )


def bearer(desk: Desk, *scopes: str, **more: Any) -> dict[str, str]:
    number = desk.count("tokens")
    grant = tokens.Grant(frozenset(scopes), **more)
    token = server.new_token(
        desk.site.database, f"{number} {desk.clock.now}", desk.clock.now, grant
    )
    return {"Authorization": f"Bearer {token}"}


ALL = tokens.Grant(frozenset(PERMISSIONS))


class Caller:
    """A program with a token of its own."""

    def __init__(self, desk: Desk, name: str, grant: tokens.Grant = ALL) -> None:
        self.desk = desk
        token = server.new_token(
            desk.site.database, f"{name}-{desk.clock.now}", desk.clock.now, grant
        )
        self.headers = {"Authorization": f"Bearer {token}"}

    def send(self, method: str, path: str, **more: Any) -> Any:
        headers = self.headers | more.pop("headers", {})
        return self.desk.client.request(method, f"/api/v1{path}", headers=headers, **more)

    def post(self, path: str, headers: dict[str, str] | None = None, **members: Any) -> Any:
        return self.send("POST", path, json=members, headers=headers or {})

    def issue(self, **members: Any) -> Any:
        order = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}
        return self.send("POST", "/licenses", json=order | members)

    def get(self, path: str) -> Any:
        return self.send("GET", path)


def slug(reply: Any) -> str:
    return str(reply.json()["type"]).rpartition("/")[2]


def verified(caller: Caller, number: str) -> Any:
    file = caller.get(f"/licenses/{number}/license.dat").content
    return open_license(file, roots=server.roots(caller.desk.settings.data)).license
