"""``license-server customer`` and ``product``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from license_core import strictjson
from license_core.wording import printable
from license_server.cli import table
from license_server.cli.caller import caller
from license_server.cli.letters import letter
from license_server.cli.output import licences, say
from license_server.cli.shared import confirmed, write
from license_server.db.errors import InputInvalidError

if TYPE_CHECKING:  # what other commands need not load
    from sqlalchemy import Connection

    from license_server.catalog.catalog_store import Customer
    from license_server.catalog.merging import Merge
    from license_server.erasure.customer_erasure import Preview
    from license_server.settings import ServerSettings

_PAGE = 500


@click.group()
def customer() -> None:
    """Customers, to whom licences are issued."""


def _archiving(group: click.Group, archive: Callable[..., str], told: str, told_back: str) -> None:
    """The commands ``archive`` and ``unarchive`` of a *group*; each prints what *archive* says."""

    def command(name: str, told: str, *, archived: bool) -> None:
        @group.command(name, help=told)
        @click.argument("name")
        @click.pass_obj
        def do(settings: ServerSettings, name: str) -> None:
            now = int(time.time())
            say(write(settings, lambda c: archive(c, name, now, archived=archived)))

    command("archive", told, archived=True)
    command("unarchive", told_back, archived=False)


_contact = (
    click.option("--contact-name", metavar="NAME", help="Contact person."),
    click.option("--contact-email", metavar="ADDRESS", help="Email address of the contact."),
    click.option("--language", type=click.Choice(["en", "zh"]), help="Language of mails."),
    click.option("--tags", metavar="TEXT", help="Free words with commas between."),
    click.option(
        "--domains",
        metavar="TEXT",
        help="Domains that it writes mail from, with commas between.",
    ),
    click.option("--notes", metavar="TEXT", help="Notes for colleagues."),
    click.option("--owner", metavar="EMAIL", help="The user who is told of its reminders."),
    click.option(
        "--no-reminders/--reminders", default=None, help="Whether it wants no reminders by mail."
    ),
)


def _with_contact(command: Any) -> Any:
    for option in reversed(_contact):
        command = option(command)
    return command


@customer.command("list")
@click.option("--search", metavar="TEXT", help="Parts of the name, contact, tags or notes.")
@click.option("--tag", metavar="TAG", help="Only those with this tag.")
@click.pass_obj
def customer_list(settings: ServerSettings, search: str | None, tag: str | None) -> None:
    """List customers by name."""
    from license_server.catalog import catalog_store

    def after(last: str | None) -> list[Customer]:
        return write(
            settings,
            lambda c: catalog_store.customers_after(c, last, _PAGE, search, contacts=True, tag=tag),
        )

    def rows() -> Iterator[tuple[object, ...]]:
        last: str | None = None
        while True:
            page = after(last)
            for one in page:
                archived = None if one.archived_at is None else "archived"
                yield one.id, one.name, one.contact_email, archived
            if len(page) < _PAGE:
                return
            last = page[-1].name

    table.put(("NUMBER", "NAME", "EMAIL", "STATE"), rows(), "There is no such customer.")


@customer.command("add")
@click.argument("name")
@_with_contact
@click.pass_obj
def customer_add(settings: ServerSettings, /, name: str, **given: Any) -> None:
    """Add the customer NAME."""
    from license_server.catalog import customers

    members, now = {"name": name} | _known(given), int(time.time())
    made = write(settings, lambda c: customers.add(c, members, caller(), now))
    say(f"{made.id}\t{printable(made.name)}")


@customer.command("change")
@click.argument("name")
@click.option("--rename", metavar="NAME", help="The new name.")
@_with_contact
@click.pass_obj
def customer_change(
    settings: ServerSettings, /, name: str, rename: str | None, **given: Any
) -> None:
    """Change the customer NAME; an empty value clears the field."""
    from license_server.catalog import customers

    members = _known(given) | ({"name": rename} if rename else {})
    now = int(time.time())
    changed = write(
        settings,
        lambda c: customers.change(c, customers.find(c, name).id, members, caller(), now),
    )
    say(f"{changed.id}\t{printable(changed.name)}")


def _archive_customer(c: Connection, name: str, now: int, *, archived: bool) -> str:
    from license_server.catalog import customers

    id_ = customers.find(c, name).id
    done = customers.archive(c, id_, caller(), now, archived=archived)
    return f"{done.id}\t{printable(done.name)}"


_archiving(
    customer,
    _archive_customer,
    "Archive the customer NAME: it takes no new licences; those it has go on.",
    "Take the customer NAME out of the archive.",
)


@customer.command("merge")
@click.argument("name")
@click.argument("into")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def customer_merge(settings: ServerSettings, name: str, into: str, yes: bool) -> None:
    """Merge the customer NAME into the customer INTO; cannot be undone.

    INTO gets the licences, names, contact and notes of NAME, which is listed no more.
    """
    from license_server.catalog import customers, merging

    def plan(connection: Connection) -> Merge:
        ids = [customers.find(connection, one).id for one in (name, into)]
        return merging.plan(connection, ids[0], ids[1], caller())

    planned, now = write(settings, plan), int(time.time())
    former, target = planned.former, planned.into
    told = f"{licences(planned.licenses)} of {printable(former.name)} (id {former.id})"
    confirmed(f"Move {told} to {printable(target.name)} (id {target.id}) for good?", yes=yes)
    write(settings, lambda c: merging.merge(c, former.id, target.id, caller(), now))
    write(settings, lambda c: merging.follow(c, former.id, caller(), now))
    say(f"{target.id}\t{printable(target.name)}")


def _erase_contact(settings: ServerSettings, name: str, *, yes: bool) -> None:
    """Erase contact and notes only; the customer goes on."""
    from license_server.catalog import customers
    from license_server.portal import links

    confirmed(f"Erase contact and notes of {name} for good?", yes=yes)
    now = int(time.time())

    def work(connection: Connection) -> Customer:
        id_ = customers.find(connection, name).id
        links.withdraw_all(connection, id_, caller(), now)
        return customers.erase_contact(connection, id_, caller(), now)

    erased = write(settings, work)
    say(f"{erased.id}\t{printable(erased.name)}")


@customer.command("erase")
@click.argument("name")
@click.option("--reason", metavar="TEXT", help="Why; name nobody in it.")
@click.option("--live", is_flag=True, help="Although it has licences in force.")
@click.option("--preview", is_flag=True, help="Only say what would be erased.")
@click.option("--contact", is_flag=True, help="Erase contact and notes only.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def customer_erase(
    settings: ServerSettings,
    name: str,
    reason: str | None,
    live: bool,
    preview: bool,
    contact: bool,
    yes: bool,
) -> None:
    """Erase the customer NAME, or number #7, from the audit log too; cannot be undone.

    Numbers, products, dates and states of its licences stay, without customer and host.
    """
    from license_server.catalog import catalog_store
    from license_server.cli import erasing
    from license_server.erasure import customer_erasure
    from license_server.operations import data_folder

    if contact:
        _erase_contact(settings, name, yes=yes)
        return
    now = int(time.time())
    with closing(data_folder.open_database(settings)) as database:

        def look(connection: Connection) -> Preview:
            id_ = customer_erasure.find(connection, name)
            return customer_erasure.preview(connection, id_, caller(), now)

        found = database.read(look)
        for line in _lines(found):
            say(line)
        if preview:
            return
        id_, why = found.customer.id, erasing.needed(reason)
        confirmed(f"Erase {printable(name)} for good?", yes=yes)

        def begin(connection: Connection) -> Customer:
            return customer_erasure.begin(connection, id_, caller(), now, why, live=live)

        database.write(begin)
        erasing.finish(database, customer_erasure.go_on, id_, now)
        done = database.read(lambda connection: catalog_store.customer_by_id(connection, id_))
    say(f"{id_}\t{printable(done.name if done else name)}")


@customer.command("erased")
@click.pass_obj
def customer_erased(settings: ServerSettings) -> None:
    """List the customers that were erased: keep the list beside backups, which still have them."""
    from license_server.cli import erasing
    from license_server.erasure import customer_erasure
    from license_server.operations import data_folder

    with closing(data_folder.open_database(settings)) as database, database.snapshot() as c:
        erasing.list_begun(customer_erasure.begun(c))


def _lines(found: Preview) -> Iterator[str]:
    """What would be erased, a line each."""
    for one in found.names:
        yield f"name\t{printable(one)}"
    yield from (f"{what}\t{count}" for what, count in found.counts.items())
    if found.undecided:
        yield f"undecided\t{found.undecided}"
    yield from (f"in force\t{number}" for number in found.live)


@click.group()
def product() -> None:
    """Products and their licensing rules."""


_rules = (
    click.option("--title", metavar="TEXT", help="What people call it; licences have its name."),
    click.option(
        "--longest-days", type=int, metavar="N", help="The longest term, in days; 0: no limit."
    ),
    click.option(
        "--rehosts",
        type=int,
        metavar="N",
        help="How often a licence can be rehosted; -1: no limit.",
    ),
    click.option(
        "--needs-approval/--needs-no-approval",
        default=None,
        help="Whether a second person must approve each licence.",
    ),
    click.option(
        "--mail-plan",
        metavar="PLAN",
        help="Answer mails of known senders with this plan, without a person; empty: do not.",
    ),
    click.option(
        "--mail-daily",
        type=int,
        metavar="N",
        help="So many licences a day for a customer without a person; 0: 3.",
    ),
    click.option(
        "--mail-moves/--no-mail-moves",
        default=None,
        help="Whether licences also move to a drifted host without a person.",
    ),
    click.option(
        "--defaults",
        metavar="JSON",
        help='Defaults for what an order leaves out, such as {"days": 365}.',
    ),
    click.option(
        "--reminders",
        metavar="JSON",
        help='When customers are reminded of what expires, such as {"days": [90, 30, 7, -1]}; '
        "{}: never.",
    ),
)


def _with_rules(command: Any) -> Any:
    for option in reversed(_rules):
        command = option(command)
    return command


@product.command("list")
@click.pass_obj
def product_list(settings: ServerSettings) -> None:
    """List products and their rules."""
    from license_server.catalog import catalog_store

    found = write(settings, lambda c: catalog_store.products_after(c, None, 10_000))
    rows = (
        (
            *(one.name, _or_any(one.longest_days, " d"), _or_any(one.rehosts)),
            "yes" if one.needs_approval else None,
            one.mail_plan,
            one.defaults,
            None if one.archived_at is None else "archived",
        )
        for one in found
    )
    heading = ("NAME", "LONGEST TERM", "REHOSTS", "APPROVAL", "MAILS GET", "DEFAULTS", "STATE")
    table.put(heading, rows, "There are no products yet: an order adds one.")


def _or_any(most: int | None, unit: str = "") -> str:
    return "any" if most is None else f"{most}{unit}"


@product.command("add")
@click.argument("name")
@_with_rules
@click.option("--yes", is_flag=True, help="Do not ask where another has nearly the same name.")
@click.pass_obj
def product_add(settings: ServerSettings, /, name: str, yes: bool, **given: Any) -> None:
    """Add the product NAME, as named in its hostseal.toml."""
    from license_server.catalog import products

    members, now = {"name": name} | _ruled(given), int(time.time())
    near = write(settings, lambda c: products.alike(c, name, caller()))
    if near:
        question = f"{', '.join(near)} has nearly the same name. Add {printable(name)} too?"
        confirmed(question, yes=yes)
    say(write(settings, lambda c: products.add(c, members, caller(), now)).name)


@product.command("change")
@click.argument("name")
@_with_rules
@click.option(
    "--command",
    "commands",
    metavar="NAME=TEXT",
    multiple=True,
    help="What operators type, such as client=hostseal; empty: the default, a hyphen: none.",
)
@click.pass_obj
def product_change(
    settings: ServerSettings, /, name: str, commands: tuple[str, ...], **given: Any
) -> None:
    """Change the rules of the product NAME; existing licences are not affected."""
    from license_server.catalog import client_commands, products

    members, now, typed = _ruled(given), int(time.time()), _commands(commands)

    def change(connection: Connection) -> str:
        if typed:
            had = client_commands.given(products.find(connection, name))
            left = {key: text for key, text in {**had, **typed}.items() if text}
            members["commands"] = left
        return products.change(connection, name, members, caller(), now).name

    say(write(settings, change))


@product.command("commands")
@click.argument("name")
@click.pass_obj
def product_commands(settings: ServerSettings, name: str) -> None:
    """Print what operators of the product NAME type."""
    from license_server.catalog import client_commands, products

    found = client_commands.of(write(settings, lambda c: products.find(c, name)))
    for key in client_commands.MEMBERS:
        say(f"{key}\t{printable(getattr(found, key) or client_commands.NONE)}")


product.add_command(letter)


def _archive_product(c: Connection, name: str, now: int, *, archived: bool) -> str:
    from license_server.catalog import products

    return products.archive(c, name, caller(), now, archived=archived).name


_archiving(
    product,
    _archive_product,
    "Archive the product NAME: no new licences for it; those there are go on.",
    "Take the product NAME out of the archive.",
)


def _known(given: dict[str, Any]) -> dict[str, Any]:
    """What is known of a customer, as customers.read takes it; an empty text is nothing."""
    from license_server.catalog import mail_domains, tags

    members: dict[str, Any] = {key: value or None for key, value in _said(given).items()}
    if members.get("tags"):
        members["tags"] = tags.split(members["tags"])
    if members.get("domains"):
        members["domains"] = mail_domains.split(members["domains"])
    return members


def _commands(given: tuple[str, ...]) -> dict[str, str]:
    """The commands that were given as NAME=TEXT. Raises InputInvalidError."""
    found: dict[str, str] = {}
    for text in given:
        name, sign, command = text.partition("=")
        if not sign:
            raise InputInvalidError(field="--command", reason="it is not of the form NAME=TEXT")
        found[name.strip()] = command.strip()
    return found


def _said(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _ruled(given: dict[str, Any]) -> dict[str, Any]:
    """The rules that were given, as products.read takes them. Raises InputInvalidError."""
    members = _said(given)
    if members.get("longest_days") == 0:
        members["longest_days"] = None
    for name, nothing in (("title", ""), ("mail_plan", ""), ("mail_daily", 0)):
        if members.get(name) == nothing:
            members[name] = None
    if members.get("rehosts") == -1:
        members["rehosts"] = None
    for name in members.keys() & {"defaults", "reminders"}:
        try:
            members[name] = strictjson.loads(members[name].encode("utf-8", "replace"))
        except ValueError as error:
            raise InputInvalidError(field=f"--{name}", reason=str(error)) from error
    return members
