"""``license-server webhook``: who is told of events, and what they were told."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from license_core.wording import printable, utc
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.output import say
from license_server.cli.shared import DAY, write
from license_server.deliveries.payload import EVENTS

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from license_server.settings import ServerSettings

_MOST_LISTED = 200
_DAY_SECONDS = 86400
_EVENT = click.Choice(EVENTS)


@click.group()
def webhook() -> None:
    """Webhooks: other systems are told of events."""


def _told_of(command: Callable[..., None]) -> Callable[..., None]:
    """``--event`` and ``--product``, each as often as one likes."""
    for option, name, kind, told in (
        ("--product", "products", None, "Only of this product; may be repeated [default: all]"),
        ("--event", "events", _EVENT, "Only of this event; may be repeated [default: all]"),
    ):
        metavar = "NAME"
        command = click.option(option, name, multiple=True, type=kind, metavar=metavar, help=told)(
            command
        )
    return command


@webhook.command()
@click.argument("name")
@click.argument("url")
@_told_of
@click.pass_obj
def add(
    settings: ServerSettings,
    name: str,
    url: str,
    events: tuple[str, ...],
    products: tuple[str, ...],
) -> None:
    """Add the webhook NAME, which leads to URL; print its secret, which is shown only once."""
    from license_server.operations import data_folder
    from license_server.webhooks import endpoints
    from license_server.webhooks.endpoints import Sealing

    sealing = Sealing(data_folder.open_seeds(settings).webhooks, secrets.token_bytes)
    members = {"name": name, "url": url} | _lists(events, products)
    now, allowed = int(time.time()), settings.webhook_networks
    _, secret = write(
        settings, lambda c: endpoints.add(c, members, allowed, caller(), now, sealing)
    )
    say(secret)
    click.echo(f"Added {name}. The secret is shown only once.", err=True)


@webhook.command("list")
@click.pass_obj
def list_(settings: ServerSettings) -> None:
    """List webhooks, without their secrets."""
    from license_server.deliveries import delivery_store
    from license_server.webhooks import webhook_store

    def read(connection: Connection) -> list[tuple[object, ...]]:
        found = webhook_store.listed(connection)
        stands = delivery_store.standing(connection, [one.id for one in found])
        return [
            (
                *(one.name, one.url, _state(one), stands[one.id].waiting, stands[one.id].failed),
                *(_all(one.event_names), _all(one.product_names)),
            )
            for one in found
        ]

    heading = ("NAME", "URL", "STATE", "WAITING", "FAILED", "EVENTS", "PRODUCTS")
    table.put(heading, write(settings, read), "There are no webhooks yet.")


@webhook.command()
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="Call it so.")
@click.option("--url", metavar="URL", help="Let it lead here, what waits already too.")
@_told_of
@click.option("--all-events", is_flag=True, help="Tell it of all events.")
@click.option("--all-products", is_flag=True, help="Tell it of all products.")
@click.pass_obj
def change(
    settings: ServerSettings,
    name: str,
    new_name: str | None,
    url: str | None,
    events: tuple[str, ...],
    products: tuple[str, ...],
    all_events: bool,
    all_products: bool,
) -> None:
    """Change the webhook NAME; the rest stays."""
    from license_server.webhooks import endpoints

    members: dict[str, Any] = {"name": new_name, "url": url} | _lists(events, products)
    members = {member: value for member, value in members.items() if value is not None}
    members |= {"events": None} if all_events else {}
    members |= {"products": None} if all_products else {}
    allowed = settings.webhook_networks
    _do(
        settings,
        name,
        lambda c, id_, now: endpoints.change(c, id_, members, allowed, caller(), now),
    )
    say(f"Changed {name}.")


@webhook.command()
@click.argument("name")
@click.pass_obj
def pause(settings: ServerSettings, name: str) -> None:
    """Send the webhook NAME nothing until it is resumed; what it is to be told waits."""
    from license_server.webhooks import endpoints

    _do(settings, name, lambda c, id_, now: endpoints.pause(c, id_, caller(), now))
    say(f"Paused {name}.")


@webhook.command()
@click.argument("name")
@click.option("--discard", is_flag=True, help="Do not send what waits.")
@click.pass_obj
def resume(settings: ServerSettings, name: str, discard: bool) -> None:
    """Send the webhook NAME what waits, in order, and what comes."""
    from license_server.webhooks import endpoints

    _do(
        settings, name, lambda c, id_, now: endpoints.resume(c, id_, caller(), now, discard=discard)
    )
    say(f"Resumed {name}.")


@webhook.command()
@click.argument("name")
@click.option(
    "--hours",
    type=click.IntRange(0, 720),
    default=24,
    show_default=True,
    help="For how long the former secret signs too.",
)
@click.pass_obj
def rotate(settings: ServerSettings, name: str, hours: int) -> None:
    """Give the webhook NAME a new secret and print it; it is shown only once."""
    from license_server.operations import data_folder
    from license_server.webhooks import endpoints
    from license_server.webhooks.endpoints import Sealing

    sealing = Sealing(data_folder.open_seeds(settings).webhooks, secrets.token_bytes)
    _, secret = _do(
        settings, name, lambda c, id_, now: endpoints.rotate(c, id_, hours, caller(), now, sealing)
    )
    say(secret)
    until = f"for {hours} h" if hours else "no more"
    click.echo(f"The former secret of {name} signs {until}.", err=True)


@webhook.command()
@click.argument("name")
@click.pass_obj
def remove(settings: ServerSettings, name: str) -> None:
    """Remove the webhook NAME; what waits for it is discarded."""
    from license_server.webhooks import endpoints

    _do(settings, name, lambda c, id_, now: endpoints.remove(c, id_, caller(), now))
    say(f"Removed {name}.")


@webhook.command("test")
@click.argument("name")
@click.pass_obj
def test_(settings: ServerSettings, name: str) -> None:
    """Let the running server send the webhook NAME a test event."""
    from license_server.webhooks import resending

    made = _do(settings, name, lambda c, id_, now: resending.send_test(c, id_, caller(), now))
    say(f"Delivery {made.id} is on its way; see `webhook deliveries {name}`.")


@webhook.command()
@click.argument("name")
@click.option(
    "--event",
    type=click.Choice([*EVENTS, "webhook.test"]),
    metavar="NAME",
    help="Of this event, such as license.issued.",
)
@click.option("--license", "number", metavar="NUMBER", help="Of this licence.")
@click.option(
    "--state",
    type=click.Choice(["waiting", "delivered", "failed", "discarded"]),
    help="In this state.",
)
@click.pass_obj
def deliveries(
    settings: ServerSettings, name: str, event: str | None, number: str | None, state: str | None
) -> None:
    """List what the webhook NAME was told lately, the newest first, and what it answered."""
    from license_server.deliveries import delivery_store
    from license_server.deliveries.delivery_store import DeliveryFilter
    from license_server.webhooks import endpoints

    def read(connection: Connection) -> list[tuple[object, ...]]:
        wanted = DeliveryFilter(
            endpoints.called(connection, name, caller()).id, event, number, state
        )
        found = delivery_store.listed(connection, wanted, before=None, limit=_MOST_LISTED)
        last = delivery_store.last_attempts(connection, [one.id for one in found])
        return [
            (
                *(one.id, utc(one.created_at), one.event, one.subject, one.state),
                *_attempted(last.get(one.id)),
            )
            for one in found
        ]

    heading = ("ID", "TIME", "EVENT", "SUBJECT", "STATE", "ATTEMPTS", "LAST")
    table.put(heading, write(settings, read), "It was told nothing that matches.")


@webhook.command()
@click.argument("name")
@click.option("--delivery", "id_", type=int, metavar="ID", help="This one.")
@click.option("--since", type=DAY, help="All since this day (UTC).")
@click.option("--until", type=DAY, help="All up to the end of this day (UTC).")
@click.option("--failed", is_flag=True, help="Only what was given up.")
@click.pass_obj
def replay(
    settings: ServerSettings,
    name: str,
    id_: int | None,
    since: datetime | None,
    until: datetime | None,
    failed: bool,
) -> None:
    """Send the webhook NAME something again: the same bytes, under the same id."""
    from license_server.deliveries.delivery_store import DeliveryFilter
    from license_server.webhooks import resending

    if (id_ is None) == (since is None):
        raise click.UsageError("Name either --delivery or --since.")

    def again(connection: Connection, webhook_id: int, now: int) -> int:
        if id_ is not None:
            resending.check_of(connection, id_, webhook_id, caller())
            return resending.replay(connection, id_, caller(), now)
        wanted = DeliveryFilter(
            since=_midnight(since),
            until=None if until is None else _midnight(until) + _DAY_SECONDS,
            state="failed" if failed else None,
        )
        return resending.replay_span(connection, webhook_id, wanted, caller(), now)

    count = _do(settings, name, again)
    say("1 delivery is sent again." if count == 1 else f"{count} deliveries are sent again.")


def _do(settings: ServerSettings, name: str, act: Callable[[Connection, int, int], Any]) -> Any:
    """What *act* makes of the webhook of this name, now."""
    from license_server.webhooks import endpoints

    now = int(time.time())
    return write(settings, lambda c: act(c, endpoints.called(c, name, caller()).id, now))


def _lists(events: tuple[str, ...], products: tuple[str, ...]) -> dict[str, Any]:
    return {"events": list(events) or None, "products": list(products) or None}


def _midnight(day: datetime | None) -> int:
    assert day is not None  # noqa: S101  # whoever asks has looked
    return int(day.replace(tzinfo=UTC).timestamp())


def _state(one: Any) -> str:
    return one.state if one.paused_why is None else f"{one.state}: {one.paused_why}"


def _all(names: list[str] | None) -> str:
    return "all" if names is None else ", ".join(names)


def _attempted(found: tuple[int, Any] | None) -> Iterator[object]:
    """How often, and what came of the last time."""
    yield 0 if found is None else found[0]
    if found is None:
        yield None
        return
    last = found[1]
    told = [last.status and str(last.status), last.problem, last.detail]
    yield printable(" ".join(text for text in told if text))
