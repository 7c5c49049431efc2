"""What comes after issuing: the file, and the letter to the customer in their language."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote, urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from license_core.errors import Notice
from license_server.actor import Actor
from license_server.catalog import catalog_store, client_commands, letters
from license_server.catalog.catalog_store import Customer, Product
from license_server.catalog.client_commands import Commands
from license_server.licenses import issuing, license_store, moves
from license_server.licenses.acts import REHOST
from license_server.licenses.license_store import StoredLicense
from license_server.mail import addresses
from license_server.portal import ways_in
from license_server.sheets import archive, threads
from license_server.sheets.exports import Read
from license_server.sheets.outgoing import Outgoing
from license_server.site import Site
from license_server.web import letter_writing
from license_server.web.letter_writing import About, Letter, Move
from license_server.web.reader import LANGUAGES, Reader

_LONGEST_LINK = 2000
"""The characters of a ``mailto:`` link that every mail program takes."""
AT_ONCE = 100
"""So many licences of an archive are made together."""


class Sending(NamedTuple):
    """How a licence gets to its host."""

    number: str
    file: str
    """The text of license.dat."""
    customer_id: int | None
    name: str | None
    """Whom to write to."""
    address: str | None
    mailto: str | None
    """A link that opens the letter in a mail program, where the address is one."""
    letters: tuple[Letter, ...]
    """In the customer's language first."""
    asked: bool
    """Whether the customer's language is known."""
    moved: Notice | None
    """What stays on the host from which it moved."""
    is_for_pods: bool
    """Whether they read it from a Secret or volume of their cluster."""
    typed: str
    """What the operator types."""
    commands: Commands
    """Of the product."""
    by_mail: bool
    """Whether this server can send it there."""


class Known(NamedTuple):
    """What the ledger knows of a licence that is to be written of."""

    customer: Customer | None
    product: Product | None
    move: Move | None


def known(connection: Connection, stored: StoredLicense) -> Known:
    """What the ledger knows of *stored*."""
    return known_of(connection, [stored])[0]


def known_of(connection: Connection, rows: Sequence[StoredLicense]) -> list[Known]:
    """What the ledger knows of each of *rows*."""
    customers = catalog_store.customers_called(connection, {one.customer for one in rows})
    products = catalog_store.products_by_name(connection, {one.product for one in rows})
    replaced = [one.replaces for one in rows if one.replaces]
    found = license_store.by_numbers(connection, replaced) if replaced else []
    formers = {one.number: one for one in found}
    moved = [one.number for one in rows if one.act == REHOST.name]
    texts = license_store.requests_of(connection, moved) if moved else {}
    return [
        Known(
            customers.get(one.customer),
            products.get(one.product),
            Move.of(formers.get(one.replaces or ""), one, texts.get(one.number)),
        )
        for one in rows
    ]


def letters_about(
    stored: StoredLicense,
    seen: Known,
    vendor: str,
    languages: Collection[str],
    portal: str | None = None,
) -> tuple[Letter, ...]:
    """What the *vendor* writes about *stored* in each of these *languages*.

    *portal*: where the customer comes into the portal.
    """
    customer, product, move = seen
    about, commands = About.of(stored, customer, product, move, portal), client_commands.of(product)
    kind = letters.kind_of(stored.act)
    return tuple(
        letter_writing.write(one, letters.text_of(product, kind, one), about, vendor, commands)
        for one in languages
    )


def outgoing(read: Read, rows: Sequence[StoredLicense]) -> list[Outgoing]:
    """*rows* with their letters, in the language of each customer; in all where it has none.

    A licence that was replaced, suspended or revoked has none: nobody is to install it.
    """
    known: list[Known] = read(lambda connection: known_of(connection, rows))
    return [_outgoing(*one) for one in zip(rows, known, strict=True)]


def _outgoing(stored: StoredLicense, seen: Known) -> Outgoing:
    if stored.state != "active":
        return Outgoing(stored, seen.customer, {})
    language = seen.customer.language if seen.customer else None
    vendor = issuing.claims_of(stored).iss
    written = letters_about(stored, seen, vendor, [language] if language else LANGUAGES)
    texts = {one.language: f"{one.subject}\n\n{one.text}" for one in written}
    return Outgoing(stored, seen.customer, texts)


def archive_of(read: Read, numbers: Iterable[str], actor: Actor) -> Iterator[bytes]:
    """The licences of these *numbers*, with their letters, as a ZIP archive, some at a time.

    As far as *actor* may see them.
    """

    def found() -> Iterator[list[Outgoing]]:
        rest = iter(numbers)
        while some := list(islice(rest, AT_ONCE)):
            rows = read(partial(license_store.by_numbers, numbers=some))
            theirs = [one for one in rows if actor.may_use(one.product) and not one.is_erased]
            yield outgoing(read, theirs)

    return archive.archive(found())


def files(site: Site, numbers: Iterable[str], actor: Actor) -> Response:
    """The archive of these *numbers*, to be downloaded by *actor*."""
    return StreamingResponse(
        threads.pieces(archive_of(site.database.read, numbers, actor)),
        media_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="licenses.zip"'},
    )


async def of(site: Site, request: Request, stored: StoredLicense) -> Sending:
    """How *stored* gets to its host; where its customer has no language, in the reader's first."""
    now, settings = site.clock(), site.settings

    def read(connection: Connection) -> tuple[Known, str | None]:
        found = known(connection, stored)
        return found, ways_in.address_for(connection, settings, found.customer, now)

    seen, portal = await site.read(read)
    customer, product, move = seen
    language = customer.language if customer else None
    first = language or Reader.of(request, site.settings.time_zone).language
    address = customer.contact_email if customer else None
    about, commands = About.of(stored, customer, product, move), client_commands.of(product)
    languages = sorted(LANGUAGES, key=lambda one: one != first)
    written = letters_about(stored, seen, site.issuer.name, languages, portal)
    left = moves.left_behind(*move) if move else None
    if left is not None:
        client_commands.tell(left, commands)
    return Sending(
        number=stored.number,
        file=issuing.file_of(stored).decode("utf-8"),
        customer_id=customer.id if customer else None,
        name=about.contact,
        address=address,
        mailto=link(address, written[0]) if address else None,
        letters=written,
        asked=language is not None,
        moved=left,
        is_for_pods=about.is_for_pods,
        typed=letter_writing.commands_for(about, commands),
        commands=commands,
        by_mail=site.settings.smtp_host is not None and addresses.is_address(address or ""),
    )


def link(address: str, written: Letter) -> str | None:
    """A ``mailto:`` link (RFC 6068), without the text where it would be too long.

    None for what is no address.
    """
    user, at, domain = address.partition("@")
    if not (user and at and domain) or "@" in domain or set(address) & set(' <>,;"'):
        return None
    to = f"mailto:{quote(address, safe='@')}?"
    subject, body = {"subject": written.subject}, {"body": written.text.replace("\n", "\r\n")}
    whole = to + urlencode(subject | body, quote_via=quote)
    return whole if len(whole) <= _LONGEST_LINK else to + urlencode(subject, quote_via=quote)
