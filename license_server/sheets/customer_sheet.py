"""Customers as CSV: a row for each, with no licence.

A sheet is one of these where no column is of a licence.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from license_server.catalog import mail_domains, tags
from license_server.sheets import csv_text, order_sheet
from license_server.sheets.batches import CONTACT, Line

_NOT_READ = ("id", "created_at", "archived_at", "merged_into", "erased_at")
_READERS: Mapping[str, Callable[[str], Any]] = {
    "tags": tags.split,
    "domains": mail_domains.split,
    "no_reminders": order_sheet.truth,
}
_SYNONYMS = {"customer": "name"}
COLUMNS = (
    *(*_SYNONYMS, "name", *CONTACT, "tags", "domains", "notes", "owner", "no_reminders"),
    *_NOT_READ,
)
"""Those that there may be; of an export some are not read."""
_KNOWN = (*order_sheet.COLUMNS, *(name for name in COLUMNS if name not in order_sheet.COLUMNS))


def is_one(content: bytes) -> bool:
    """Whether the sheet *content*, in UTF-8, is one of customers. Raises SheetInvalidError."""
    return set(csv_text.columns(io.BytesIO(content), _KNOWN)) <= set(COLUMNS)


def read(data: BinaryIO, encoding: str = "utf-8") -> Iterator[Line]:
    """The rows of *data*, each with the members of a customer. Raises as csv_text.read does."""
    for number, fields in csv_text.read(data, COLUMNS, encoding, _SYNONYMS):
        members: dict[str, Any] = {n: t for n, t in fields.items() if n not in _NOT_READ}
        for name, reader in _READERS.items():
            if members.get(name):
                members[name] = reader(members[name])
        yield Line(number, members)
