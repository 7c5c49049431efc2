"""Rows of an import that would give a host a second licence for the same customer and product.

They are looked for a batch at a time, so that it can be said of each row of a large file.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from license_core.errors import Notice
from license_server.licenses import host_changes, host_store, issuing
from license_server.licenses.host_changes import Host
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.notices import OrderNotice
from license_server.sheets.batches import Planned, Refused, Right
from license_server.sheets.first_lines import FirstLines

R = TypeVar("R", Right, Right | Refused)


class _There(NamedTuple):
    """A licence that there is, and its host."""

    stored: StoredLicense
    host: Host


def noted(connection: Connection, seen: Sequence[R], hosts: FirstLines, now: int) -> Iterator[R]:
    """The rows of a batch, each with the licence that its host has already.

    *hosts*, which grow, have the first row of each customer, product and host key of the file.
    """
    first = [one for one in seen if isinstance(one, Planned) and one.former is None]
    there = host_store.on_hosts(
        connection,
        {one.plan.order.request.key for one in first},
        {
            (one.plan.order.customer, name)
            for one in first
            if (name := one.plan.order.request.name) and name.isprintable()
        },
        now,
    )
    of: dict[tuple[str, str], list[_There]] = {}
    for stored in there:
        one_there = _There(stored, issuing.claims_of(stored).host)
        of.setdefault((stored.customer, stored.product), []).append(one_there)
    for one in seen:
        if not isinstance(one, Planned) or one.former is not None:
            yield one
            continue
        order = one.plan.order
        key = (order.customer, order.product, order.request.key)
        before = hosts.first(hash(key), one.line)
        candidates = of.get(key[:2]) if of else None
        beside: tuple[Notice, ...] = _beside(one, candidates) if candidates else ()
        if before != one.line and one.same_as is None:
            beside = (OrderNotice("row-same-host", line=before), *beside)
        yield one._replace(beside=beside) if beside else one


def _beside(one: Planned, candidates: Sequence[_There]) -> tuple[Notice, ...]:
    """The newest licence that *one* would stand beside: of its host, or of what may be its host."""
    request, order = one.plan.order.request, one.plan.order
    facts = {"product": order.product, "customer": order.customer}
    for stored, _ in candidates:
        if stored.host_key == request.key:
            return (OrderNotice("row-host-has-licence", number=stored.number, **facts),)
    for stored, theirs in candidates:
        if host_changes.likeness(theirs, request) != host_changes.LIKELY:
            continue
        change = host_changes.between(theirs, request)
        if change is not None:
            what = change.what(stored.number)
            slug = "host-alike-has-licence"
            return (OrderNotice(slug, number=stored.number, what=what, **facts),)
    return ()
