"""A person at the desk who acts on licences, form by form."""

import os
import re
from html import unescape
from typing import Any

from license_server.access import accounts, sessions
from license_server.actor import COMMAND
from license_server.audit import audit_store
from license_server.licenses import license_store
from license_server.licenses.license_store import StoredLicense
from license_server.web.session import SESSION
from tests.support.desk import Desk
from tests.support.server import LINE


class Person:
    """Somebody at the desk; each act of theirs is a page or a form."""

    def __init__(self, desk: Desk, role: str, name: str = "") -> None:
        self.desk, self.email = desk, f"{name or role}-{os.urandom(4).hex()}@example.com"
        write, now = desk.site.database.write, desk.clock.now
        user = write(lambda c: accounts.insert(c, self.email, "!", role, COMMAND, now))
        self.session = write(
            lambda c: sessions.open_session(c, user, now, 1, os.urandom, "192.0.2.1")
        )

    def get(self, path: str, **query: str) -> Any:
        self.enter()
        return self.desk.client.get(path, params=query or None)

    def post(self, path: str, **fields: str) -> Any:
        self.enter()
        return self.desk.client.post(path, data={"form_token": self.session.form_token} | fields)

    def enter(self) -> None:
        self.desk.client.cookies.clear()
        self.desk.client.cookies.set(SESSION, self.session.secret)

    def issue(self, **members: Any) -> str:
        """Issue a licence over the API; its number."""
        order = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE} | members
        reply = self.desk.client.post("/api/v1/licenses", json=order, headers=self.desk.bearer)
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def look(self, number: str, act: str, **typed: str) -> Any:
        """The form of *act*, filled in and sent to be looked at."""
        path = f"/licenses/{number}/{act}"
        form = self.get(path)
        assert form.status_code == 200, form.text
        return self.followed(self.post(path, **fields_of(form.text) | {"step": "look"} | typed))

    def followed(self, reply: Any) -> Any:
        """The page to which a form leads that was only looked at."""
        return self.get(reply.headers["location"]) if reply.status_code == 303 else reply

    def back(self, page: Any) -> Any:
        """The form to which the page of a look leads back."""
        found = re.search(r'href="([^"]+form=1)"', page.text)
        assert found
        return self.get(unescape(found[1]))

    def do(self, number: str, act: str, **typed: str) -> Any:
        """The act from its form to its end."""
        path = f"/licenses/{number}/{act}"
        if act in ("suspend", "revoke"):
            return self.post(path, **fields_of(self.get(path).text) | {"step": "do"} | typed)
        page = self.look(number, act, **typed)
        assert page.status_code == 200, page.text
        return self.post(path, **fields_of(page.text) | {"step": "do"})


def fields_of(page: str) -> dict[str, str]:
    """The fields of the page's own form as a browser would send them."""
    main = page[page.index("<main") :]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input [^>]*>", main):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and not ('type="radio"' in tag and " checked" not in tag):
            found[name[1]] = unescape(value[1]) if value else ""
    areas = re.findall(r'<textarea [^>]*name="(\w+)"[^>]*>(.*?)</textarea>', main, re.DOTALL)
    found |= {name: unescape(text) for name, text in areas}
    for name, inside in re.findall(
        r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', main, re.DOTALL
    ):
        chosen = re.search(r'<option value="([^"]*)" selected>', inside)
        found[name] = unescape(chosen[1]) if chosen else ""
    found.pop("form_token")
    return found


def number_in(reply: Any) -> str:
    """The number of the licence that a reply leads to."""
    assert reply.status_code == 303, reply.text
    found = re.match(r"/licenses/(HS-[0-9A-Z-]+)\?", reply.headers["location"])
    assert found, reply.headers["location"]
    return found[1]


def stored(desk: Desk, number: str) -> StoredLicense:
    with desk.site.database.reading() as connection:
        found = license_store.by_number(connection, number)
    assert found is not None
    return found


def trail(desk: Desk, *subjects: str) -> list[tuple[str, str, str | None]]:
    """Who did what and why."""
    with desk.site.database.reading() as connection:
        events = audit_store.trail(connection, subjects)
    return [(event.actor, event.action, event.reason) for event in events]
