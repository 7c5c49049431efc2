"""Forms of the desk, filled in: a customer, a product, a CSV file to import."""

import csv
import io
from typing import Any

from tests.support.desk_user import DeskUser
from tests.support.pages import faults
from tests.support.server import LINE


def add_customer(user: DeskUser, name: str, **fields: str) -> str:
    """Add a customer at the form; the path of its page."""
    shown = user.get("/customers/new").text
    reply = user.send(shown, "/customers", name=name, **fields)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"].partition("?")[0])


def add_product(user: DeskUser, name: str, **fields: str) -> str:
    """Add a product at the form; the path of its page."""
    shown = user.get("/products/new").text
    reply = user.send(shown, "/products", name=name, **fields)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"].partition("?")[0])


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
    """A host key line as a quoted CSV field."""
    return '"' + line.replace('"', '""') + '"'


def upload(user: DeskUser, text: str) -> str:
    """Upload a CSV file at the form; the path of its import."""
    reply = user.send(user.get("/sheets").text, "/sheets", sheet=text)
    assert reply.status_code == 303, faults(reply.text)
    return str(reply.headers["location"])


def exported(reply: Any) -> list[dict[str, str]]:
    """The rows of a downloaded CSV file."""
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/csv")
    assert reply.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))
