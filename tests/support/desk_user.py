"""A user of the desk: signed in with a role, they open pages and send forms."""

import os
import re
from html import unescape
from typing import Any

from license_server.access import accounts, sessions
from license_server.actor import COMMAND
from license_server.web.session import SESSION
from tests.support.desk import Desk
from tests.support.pages import fields_of, form
from tests.support.server import LINE


class DeskUser:
    """A new user with a role and a session of their own."""

    def __init__(self, desk: Desk, role: str = "administrator", name: str = "") -> None:
        self.desk, self.email = desk, f"{name or role}-{os.urandom(4).hex()}@example.com"
        write, now = desk.site.database.write, desk.clock.now
        user = write(lambda c: accounts.insert(c, self.email, "!", role, COMMAND, now))
        self.session = write(
            lambda c: sessions.open_session(c, user, now, 12, os.urandom, "192.0.2.1")
        )

    def enter(self) -> None:
        """Make the desk's browser this user's."""
        self.desk.client.cookies.delete(SESSION)
        self.desk.client.cookies.set(SESSION, self.session.secret)

    def get(self, path: str, **query: str) -> Any:
        self.enter()
        return self.desk.client.get(path, params=query or None)

    def post(self, path: str, **fields: str) -> Any:
        """Send a form with these fields and the form token alone."""
        self.enter()
        return self.desk.client.post(path, data={"form_token": self.session.form_token} | fields)

    def send(self, page: str, action: str, **fields: str) -> Any:
        """Send the form for *action* that *page* shows, with its hidden fields."""
        return self.post(action, **(form(page, action) | fields))

    def issue(self, **members: Any) -> str:
        """Issue a licence over the API; its number."""
        order = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE} | members
        reply = self.desk.client.post("/api/v1/licenses", json=order, headers=self.desk.bearer)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def preview(self, number: str, act: str, **typed: str) -> Any:
        """Fill in the form of an action and send it for its preview."""
        path = f"/licenses/{number}/{act}"
        shown = self.get(path)
        assert shown.status_code == 200, shown.text
        return self.followed(self.post(path, **fields_of(shown.text) | {"step": "look"} | typed))

    def followed(self, reply: Any) -> Any:
        """The preview that a form redirects to, or the form itself where it was rejected."""
        return self.get(reply.headers["location"]) if reply.status_code == 303 else reply

    def back(self, page: Any) -> Any:
        """The form that a preview links back to."""
        found = re.search(r'href="([^"]+form=1)"', page.text)
        assert found
        return self.get(unescape(found[1]))

    def do(self, number: str, act: str, **typed: str) -> Any:
        """Do an action, from its form to its end."""
        path = f"/licenses/{number}/{act}"
        if act in ("suspend", "revoke"):
            return self.post(path, **fields_of(self.get(path).text) | {"step": "do"} | typed)
        page = self.preview(number, act, **typed)
        assert page.status_code == 200, page.text
        return self.post(path, **fields_of(page.text) | {"step": "do"})
