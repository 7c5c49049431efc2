"""Names of customers, and what the row of one is called that was merged into another, or erased."""

import re
from collections.abc import Mapping
from itertools import count
from typing import Any

from sqlalchemy import Connection

from license_core.claims import ClaimError
from license_server.catalog import catalog_store
from license_server.catalog.fields import clean_text

_MERGED = re.compile(r"#([0-9]+), merged into #[0-9]+(?: \([0-9]+\))?", re.IGNORECASE)
_ERASED = re.compile(r"#[0-9]+, erased", re.IGNORECASE)


def read(given: Mapping[str, Any], member: str) -> str | None:
    """The name of a customer. Raises ClaimError."""
    name = clean_text(given, member)
    if name is not None and merged_row(name) is not None:
        raise ClaimError(member, "rows of merged customers are called so; choose another name")
    if name is not None and _ERASED.fullmatch(name):
        raise ClaimError(member, "erased customers are called so; choose another name")
    return name


def merged_row(name: str) -> int | None:
    """The id of the merged customer whose row is called so; None: the name may be a customer's."""
    found = _MERGED.fullmatch(name)
    return None if found is None else int(found[1])


def of_erased(id_: int) -> str:
    """What an erased customer is called."""
    return f"#{id_}, erased"


def is_erased(name: str) -> bool:
    """Whether an erased customer is called so."""
    return _ERASED.fullmatch(name) is not None


def of_merged(connection: Connection, id_: int, into: int) -> str:
    """What the row of a merged customer is called."""
    name = f"#{id_}, merged into #{into}"
    # Customers could have such names once.
    others = (f"{name} ({number})" for number in count(2))
    while catalog_store.customer_by_name(connection, name) is not None:
        name = next(others)
    return name
