"""Webhooks as administrators make and change them.

The whole URL is in no event: its path may be what lets somebody post to a chat room.
"""

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from license_core import claims, strictjson
from license_core.claims import ClaimError
from license_core.reason import Reason
from license_server.actor import Actor
from license_server.audit import changes, digests, events
from license_server.catalog import fields
from license_server.catalog.faults import Faults
from license_server.db.errors import (
    ChangedMeanwhileError,
    InputInvalidError,
    NameTakenError,
    or_not_found,
)
from license_server.deliveries import delivery_store, payload
from license_server.settings import Network
from license_server.webhooks import signature, targets, webhook_store
from license_server.webhooks.sealed_secrets import SealedSecrets
from license_server.webhooks.signature import Random
from license_server.webhooks.webhook_store import Webhook

MANAGE = "webhooks:manage"
MEMBERS = ("name", "url", "events", "products")
HOURS, MOST_HOURS = 24, 24 * 30
"""How long a former secret signs beside the new one: unless told otherwise, and at most."""
_LONGEST_NAME = 100
_HOUR = 3600


class Sealing(NamedTuple):
    """What secrets are made and kept with."""

    seals: SealedSecrets
    random: Random


def add(
    connection: Connection,
    members: Mapping[str, Any],
    allowed: Collection[Network],
    actor: Actor,
    now: int,
    sealing: Sealing,
) -> tuple[Webhook, str]:
    """Another webhook, and its secret, which is told this once.

    *allowed*: the networks into which it may lead beside public ones. Raises InputInvalidError,
    NameTakenError or NotPermittedError.
    """
    actor.need(MANAGE)
    values = read(members, allowed)
    name, secret = values["name"], signature.new_secret(sealing.random)
    try:
        made = webhook_store.add(connection, **values, secret=b"", created_at=now)
    except IntegrityError as error:
        raise NameTakenError(what="webhook", name=name) from error
    sealed = sealing.seals.seal(made.id, secret, sealing.random)
    made = webhook_store.change(connection, made.id, secret=sealed)
    return _record(connection, made, actor, "webhook.added", now, None), secret


def read(
    members: Mapping[str, Any], allowed: Collection[Network], *, whole: bool = True
) -> dict[str, Any]:
    """The values of columns in *members*; all that a webhook needs, or (not *whole*) some.

    Raises InputInvalidError, which carries all that is wrong.
    """
    faults = Faults()
    told = f"there is no such field; the fields are {', '.join(MEMBERS)}"
    faults.refuse_others(members, MEMBERS, told)
    values: dict[str, Any] = {}
    for name, read_ in (
        ("name", lambda: fields.clean_text(members, "name", _LONGEST_NAME)),
        ("url", lambda: _url(members, allowed)),
        ("events", lambda: _list(members, "events", _event)),
        ("products", lambda: _list(members, "products", _product)),
    ):
        if name not in members and not whole:
            continue
        values[name] = faults.read(name, read_)
        if name in ("name", "url") and not values[name]:
            faults.refuse(name, "it is missing")
    faults.check()
    return values


def _url(members: Mapping[str, Any], allowed: Collection[Network]) -> str | None:
    url = claims.text(members, "url", longest=targets.LONGEST)
    if url:
        targets.read(url.strip(), allowed)
    return url.strip() if url else None


def _list(members: Mapping[str, Any], name: str, check: Any) -> str | None:
    """The JSON of a list of names; None: all. Raises ClaimError."""
    given = members.get(name)
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ClaimError(name, "it is not an array of strings")
    if not given:
        raise ClaimError(name, "the list is empty")
    if len(given) > 200:
        raise ClaimError(name, "it has more than 200 entries")
    for one in given:
        check(one)
    return strictjson.dumps(sorted(set(given))).decode("utf-8")


def _event(name: str) -> None:
    if name not in payload.EVENTS:
        allowed = ", ".join(payload.EVENTS)
        reason = Reason("{value!r} is not one of {allowed}", value=name[:64], allowed=allowed)
        raise ClaimError("events", reason)


def _product(name: str) -> None:
    if not claims.choice_name(name):
        reason = Reason("{value!r} is not a product name", value=name[:64])
        raise ClaimError("products", reason)


def seen(connection: Connection, id_: int, actor: Actor) -> Webhook:
    """The webhook in this row, removed or not. Raises NotFoundError, NotPermittedError."""
    actor.need(MANAGE)
    return or_not_found(webhook_store.by_id(connection, id_), what="webhook", name=str(id_))


def called(connection: Connection, name: str, actor: Actor) -> Webhook:
    """The webhook of this name. Raises NotFoundError, NotPermittedError."""
    actor.need(MANAGE)
    return or_not_found(webhook_store.by_name(connection, name), what="webhook", name=name[:64])


def _held(connection: Connection, id_: int, actor: Actor) -> Webhook:
    """The webhook in this row, to be changed. Raises NotFoundError where it was removed."""
    actor.need(MANAGE)
    found = webhook_store.locked(connection, id_)
    if found is not None and found.removed_at is not None:
        found = None
    return or_not_found(found, what="webhook", name=str(id_))


def etag(webhook: Webhook) -> str:
    """What a caller names to say which state of it it saw."""
    return digests.digest("webhooks", webhook._asdict())


def change(
    connection: Connection,
    id_: int,
    members: Mapping[str, Any],
    allowed: Collection[Network],
    actor: Actor,
    now: int,
    expected: str | None = None,
) -> Webhook:
    """The webhook with other members; null: all. What waits already goes to the new URL.

    Raises InputInvalidError, NameTakenError, NotFoundError, NotPermittedError or
    ChangedMeanwhileError.
    """
    former = _held(connection, id_, actor)
    values = read(members, allowed, whole=False)
    if expected is not None and expected != etag(former):
        raise ChangedMeanwhileError(what=Reason("webhook {name}", name=former.name))
    if all(getattr(former, name) == value for name, value in values.items()):
        return former
    try:
        row = webhook_store.change(connection, id_, **values)
    except IntegrityError as error:
        raise NameTakenError(what="webhook", name=values["name"]) from error
    return _record(connection, row, actor, "webhook.changed", now, former)


def pause(
    connection: Connection, id_: int, actor: Actor, now: int, why: str = webhook_store.ASKED
) -> Webhook:
    """Send it nothing until it is resumed; what is to be sent waits. Raises as ``change`` does."""
    former = _held(connection, id_, actor)
    if former.paused_at is not None:
        return former
    row = webhook_store.change(connection, id_, paused_at=now, paused_why=why)
    return _record(connection, row, actor, "webhook.paused", now, former, why=why)


def pause_all(connection: Connection, actor: Actor, now: int) -> list[str]:
    """Send nothing from a restored server until somebody says so; the names of those paused.

    What its backup has waiting may have been sent since, and the former server may still run.
    """
    active = [one for one in webhook_store.listed(connection) if one.paused_at is None]
    return [pause(connection, one.id, actor, now, webhook_store.RESTORED).name for one in active]


def resume(
    connection: Connection, id_: int, actor: Actor, now: int, *, discard: bool = False
) -> Webhook:
    """Send again, in order, what waits; or *discard* that first. Raises as ``change`` does."""
    former = _held(connection, id_, actor)
    if former.paused_at is None:
        return former
    discarded = delivery_store.discard(connection, id_, now) if discard else 0
    values = {"paused_at": None, "paused_why": None, "failing_since": None}
    row = webhook_store.change(connection, id_, **values)
    more = {"discarded": discarded} if discard else {}
    return _record(connection, row, actor, "webhook.resumed", now, former, **more)


def rotate(
    connection: Connection, id_: int, hours: int, actor: Actor, now: int, sealing: Sealing
) -> tuple[Webhook, str]:
    """The webhook with a new secret, which is told this once.

    For so many *hours* the former one signs too. Raises InputInvalidError, or as ``change`` does.
    """
    former = _held(connection, id_, actor)
    if not 0 <= hours <= MOST_HOURS:
        reason = Reason("{given} is not between 0 and {most}", given=hours, most=MOST_HOURS)
        raise InputInvalidError(field="hours", reason=reason)
    secret = signature.new_secret(sealing.random)
    values = {
        "secret": sealing.seals.seal(id_, secret, sealing.random),
        "former_secret": former.secret if hours else None,
        "former_until": now + hours * _HOUR if hours else None,
    }
    row = webhook_store.change(connection, id_, **values)
    more = {"hours": hours}
    return _record(connection, row, actor, "webhook.secret-rotated", now, former, **more), secret


def remove(connection: Connection, id_: int, actor: Actor, now: int) -> Webhook:
    """Tell it nothing more; what waits is discarded. Raises as ``change`` does."""
    former = _held(connection, id_, actor)
    discarded = delivery_store.discard(connection, id_, now)
    row = webhook_store.change(connection, id_, removed_at=now)
    return _record(connection, row, actor, "webhook.removed", now, former, discarded=discarded)


def secrets_of(webhook: Webhook, seals: SealedSecrets, now: int) -> list[str]:
    """What signs at the instant *now*: the secret, and the former one for a while."""
    sealed = [webhook.secret]
    if webhook.former_secret is not None and now < (webhook.former_until or 0):
        sealed.append(webhook.former_secret)
    return [seals.open(webhook.id, one) for one in sealed]


def _record(
    connection: Connection,
    row: Webhook,
    actor: Actor,
    action: str,
    now: int,
    former: Webhook | None,
    **more: Any,
) -> Webhook:
    changed = changes.between({} if former is None else _told(former), _told(row))
    left = ("webhooks", row._asdict())
    events.record(connection, now, actor, action, row.name, rows=[left], changed=changed, **more)
    return row


def _told(webhook: Webhook) -> dict[str, Any]:
    """What an event may tell of a webhook."""
    return {
        "name": webhook.name,
        "url": shown(webhook.url),
        "events": webhook.event_names,
        "products": webhook.product_names,
        "paused": webhook.paused_at is not None,
        "removed": webhook.removed_at is not None,
        "former_secret": webhook.former_secret is not None,
        "former_until_at": webhook.former_until,
    }


def shown(url: str) -> str:
    """A URL as anybody may see it: where it leads, and a mark that differs where the rest does."""
    scheme, _, rest = url.partition("://")
    mark = hashlib.sha256(url.encode("utf-8")).hexdigest()[:8]
    return f"{scheme}://{rest.partition('/')[0]}/… ({mark})"
