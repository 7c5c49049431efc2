"""A move of a licence to another host: what differs there, and what stays where it was."""

from collections.abc import Iterator

from license_core.errors import Notice
from license_core.reason import Reason
from license_server.catalog.client_commands import Commands
from license_server.licenses import host_changes, issuing, symptoms, term_days
from license_server.licenses.host_changes import Host, HostChange
from license_server.licenses.license_store import StoredLicense
from license_server.licenses.notices import OrderNotice
from license_server.licenses.orders import Order


def change_of(former: StoredLicense, now: Host, text: str | None) -> HostChange | None:
    """What differs between the host of *former* and the one that the operator's *text* is of."""
    host = issuing.claims_of(former).host
    is_proven = text is None or (host.tags and now.tags)
    return host_changes.between(host, now, None if is_proven else symptoms.reported(text or ""))


def notices(
    former: StoredLicense, change: HostChange, order: Order, commands: Commands
) -> Iterator[Notice]:
    """What a move changes, what would have prevented it, and what stays where it was."""
    if issuing.claims_of(former).host.tags and not order.request.tags:
        yield OrderNotice("move-loses-tags", number=former.number)
    yield OrderNotice(
        "host-differs",
        what=change.what(former.number),
        prevention=change.prevention(order.request, order.match, commands),
    )
    if change.may_recur and issuing.claims_of(former).host.match == "anchored":
        yield OrderNotice("move-not-needed", number=former.number)
    yield left_behind(former, change)


def left_behind(former: StoredLicense, change: HostChange) -> Notice:
    """What becomes of the file of *former*, whose host differs by *change* from the new one."""
    last = term_days.last_of(former.grace_until, former.zone) or former.last
    facts = {
        "number": former.number,
        "host": former.host_name or former.host_key,
        "until": Reason("indefinitely")
        if last is None
        else Reason("until the end of {day}", day=str(last)),
    }
    slug = _LEFT_BEHIND[change.place]
    if change.is_reported and change.place == host_changes.HERE:
        slug = "former-file-replaced-as-reported"
    return OrderNotice(slug, **facts)


_LEFT_BEHIND = {
    host_changes.HERE: "former-file-replaced",
    host_changes.PERHAPS: "former-host-may-keep-file",
    host_changes.ELSEWHERE: "former-host-keeps-file",
}
