"""A user who signs in with one-time codes: enrolled, and with codes to give."""

import os
import re
from html import unescape
from typing import Any, NamedTuple

import pyotp

from license_server.access import (
    accounts,
    passwords,
)
from license_server.actor import COMMAND
from tests.support.desk import Desk
from tests.support.pages import hidden, sign_in

PASSWORD = "a password of somebody"
HASHED = passwords.hash_(PASSWORD)


class CodeUser(NamedTuple):
    """A user who signs in with one-time codes."""

    desk: Desk
    email: str
    seed: str
    recovery: list[str]

    @property
    def code(self) -> str:
        return pyotp.TOTP(self.seed).at(self.desk.clock.now)

    def give(self, code: str) -> Any:
        token = hidden(self.desk.client.get("/login/code").text, "form_token")
        return self.desk.client.post("/login/code", data={"form_token": token, "code": code})


def add(desk: Desk) -> str:
    email = f"coded-{os.urandom(4).hex()}@example.com"
    desk.site.database.write(
        lambda c: accounts.insert(c, email, HASHED, "reader", COMMAND, desk.clock.now)
    )
    return email


def act(desk: Desk, path: str, **fields: str) -> Any:
    token = hidden(desk.client.get("/account").text, "form_token")
    return desk.client.post(f"/account{path}", data={"form_token": token} | fields)


def enrol(desk: Desk) -> tuple[str, str, str]:
    """Begin to set up one-time codes: the new user's email, the seed and the sealed seed."""
    email = add(desk)
    assert sign_in(desk, PASSWORD, email).status_code == 303
    page = act(desk, "/codes/new", current=PASSWORD).text
    shown = re.search(r"<pre[^>]*>([A-Z2-7 ]+)</pre>", page)
    assert shown
    seed = shown[1].replace(" ", "")
    assert f"secret={seed}" in unescape(page)
    assert unescape(page).count("otpauth://totp/") == 1
    return email, seed, hidden(page, "sealed")
