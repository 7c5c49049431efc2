"""What a test fills in at the desk: a customer, a product, a sheet; and what it then reads."""

import csv
import io
import os
from typing import Any

from tests.support.desk import Desk
from tests.support.pages import Page, faults
from tests.support.server import LINE


def unique(desk: Desk, name: str) -> str:
    return f"{name} {desk.clock.now} {os.urandom(3).hex()}"


def add_customer(page: Page, name: str, **fields: str) -> str:
    """The address of a customer that was added at the form."""
    shown = page.get("/customers/new").text
    reply = page.send(shown, "/customers", name=name, **fields)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"].partition("?")[0])


def add_product(page: Page, name: str, **fields: str) -> str:
    shown = page.get("/products/new").text
    reply = page.send(shown, "/products", name=name, **fields)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"].partition("?")[0])


def token_name(desk: Desk, name: str) -> str:
    return f"{name}-{os.urandom(4).hex()}"


RULES = {
    "days": "365",
    "edition": "pro",
    "features": "export, train",
    "limits": "gpus=4，seats=20",
    "match": "anchored",
    "notify_days": "30",
    "grace_days": "7",
    "longest_days": "400",
    "rehosts": "2",
    "needs_approval": "yes",
}


def host(line: str = LINE) -> str:
    return '"' + line.replace('"', '""') + '"'


def look_at(page: Page, text: str) -> str:
    """The address of a sheet that was given at the form."""
    reply = page.send(page.get("/sheets").text, "/sheets", sheet=text)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"])


def exported(reply: Any) -> list[dict[str, str]]:
    """The rows of a file that was downloaded, as they stand there."""
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/csv")
    assert reply.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))
