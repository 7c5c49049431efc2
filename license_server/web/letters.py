"""The words of a product at the desk: the commands of its client, and letters with a preview."""

from collections.abc import Awaitable
from datetime import date
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection
from starlette.responses import Response

from license_core.errors import LicenseError, NotFoundError
from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.catalog import client_commands, letter_texts, letters, products
from license_server.catalog.catalog_store import Product
from license_server.catalog.faults import faults_of
from license_server.catalog.letter_texts import DIGEST, REMINDER, default_of, places_of
from license_server.db.errors import InputInvalidError
from license_server.http.path_params import row_id
from license_server.http.state import AtSite
from license_server.licenses import host_changes, issuing, typed_numbers
from license_server.licenses.host_changes import HostChange
from license_server.licenses.term_days import Day
from license_server.site import Site
from license_server.web import (
    delivery,
    edit_conflicts,
    letter_writing,
    pages,
    reminder_letters,
    saving,
)
from license_server.web.edit_conflicts import Faults
from license_server.web.letter_writing import About, Letter
from license_server.web.products import ROOM, find, save
from license_server.web.reader import LANGUAGES
from license_server.web.saving import Attempt
from license_server.web.session import Form, May, on_one_line

_LONGEST_NUMBER = 40
MADE_UP = About(
    number="HS-2027-7F3K9QXB",
    customer="Example Ltd.",
    contact="Li Wei",
    product="",
    title=None,
    contract="PO-10234",
    host_name="gpu-box-7",
    host_key="16b73b08e56ec496780aefc97174ff42a273df1c",
    profile="hk1",
    last=Day(date(2027, 12, 31), "Asia/Shanghai", 1830268800),
    kind=None,
    stands_for=None,
    replaced=None,
    left=None,
    change=None,
    portal="https://licences.example.com/portal",
)
"""What a preview is of, where no licence is named."""
_MOVED = HostChange(("ip",), ("hostname", "machine_id"), (), host_changes.PERHAPS, None)

router = APIRouter(prefix=ROOM + "/{id}/letters")
Reader = Annotated[Session, Depends(May("licenses:read"))]
Writer = Annotated[Session, Depends(May("products:write"))]


class Preview(NamedTuple):
    """Letters as a customer would get them."""

    number: str | None
    """Of the licence that they are about; None: it is made up."""
    letters: tuple[Letter, ...]


@router.get("")
async def show(id: str, request: Request, site: AtSite, session: Reader) -> Response:
    """The commands of a product's client, and which letters are its own."""
    return await _commands(request, site, session, row_id(id, "product"))


@router.post("")
async def change(
    id: str, request: Request, site: AtSite, session: Writer, fields: Form
) -> Response:
    """Change the commands, unless somebody else changed the product after the form was shown."""
    number = row_id(id, "product")
    typed = {name: fields.get(name, "").strip() for name in client_commands.MEMBERS}
    members = {"commands": {name: text for name, text in typed.items() if text}}

    def again(attempt: Attempt) -> Awaitable[Response]:
        return _commands(request, site, session, number, attempt)

    found = edit_conflicts.faults(products.read, members)
    return await save(site, session, number, fields, members, found, again, "/letters")


async def _commands(
    request: Request, site: Site, session: Session, number: int, attempt: Attempt | None = None
) -> Response:
    product = await site.read(lambda connection: find(connection, number, session))
    own = client_commands.given(product)
    present = {name: own.get(name, "") for name in client_commands.MEMBERS}
    client = client_commands.of(product).client
    return pages.page(
        request,
        "product_letters",
        product=product,
        members=client_commands.MEMBERS,
        optional=client_commands.MAY_BE_NONE,
        usual=client_commands.usual(client)._asdict() | {"client": client_commands.DEFAULT.client},
        commands=client_commands.of(product),
        kinds=letter_texts.KINDS,
        own=letters.own(product),
        told=edit_conflicts.told(request),
        **saving.shown(present, products.etag(product), attempt),
    )


@router.get("/{kind}")
async def one(id: str, kind: str, request: Request, site: AtSite, session: Reader) -> Response:
    """The letters of one kind, as they are and as a customer would get them."""
    number, kind = row_id(id, "product"), _kind(kind)
    asked = request.query_params.get("number", "")
    return await _one(request, site, session, number, kind, asked)


@router.post("/{kind}")
async def change_one(
    id: str, kind: str, request: Request, site: AtSite, session: Writer, fields: Form
) -> Response:
    """Save the letters of one kind, show what they would be, or take the defaults again."""
    number, kind, step = row_id(id, "product"), _kind(kind), fields.get("step", "")
    reset = step.removeprefix("reset-") if step.startswith("reset-") else None
    texts: dict[str, Any] = {language: fields.get(language, "") for language in LANGUAGES}
    if reset is not None:
        texts = dict.fromkeys(LANGUAGES.keys() & {reset})
    asked, found = fields.get("number", ""), _faults(kind, texts)
    if step == "preview":
        attempt = Attempt(fields, found)
        return await _one(request, site, session, number, kind, asked, attempt)

    def change(connection: Connection, now: int) -> None:
        name = find(connection, number, session).name
        seen = fields.get("etag", "")
        letters.change(connection, name, {kind: texts}, session.actor, now, seen)

    def again(attempt: Attempt) -> Awaitable[Response]:
        return _one(request, site, session, number, kind, asked, attempt)

    place = f"{ROOM}/{number}/letters/{kind}"
    return await saving.changed(site, fields, found, place, change, again)


async def _one(
    request: Request,
    site: Site,
    session: Session,
    number: int,
    kind: str,
    asked: str,
    attempt: Attempt | None = None,
) -> Response:
    """The page of the letters of one kind; *asked*: of which licence the preview is to be."""
    asked = on_one_line(asked[:_LONGEST_NUMBER]).strip()
    faults = {} if attempt is None else attempt.faults
    wrong: Faults = {}

    def read(connection: Connection) -> tuple[Product, About]:
        product = find(connection, number, session)
        try:
            return product, _about(connection, product, kind, asked, session)
        except (NotFoundError, InputInvalidError) as error:
            wrong["number"] = error
        return product, _about(connection, product, kind, "", session)

    product, about = await site.read(read)
    present = {language: letters.text_of(product, kind, language) for language in LANGUAGES}
    typed = present if attempt is None else present | attempt.typed
    shown = saving.shown(present, products.etag(product), attempt)
    shown["fields"] = {"number": asked} | shown["fields"]
    shown["faults"] = shown["faults"] | wrong
    written = tuple(
        _written(
            kind,
            language,
            typed[language].replace("\r\n", "\n").strip("\n") or default_of(kind, language),
            about,
            site.issuer.name,
            product,
        )
        for language in LANGUAGES
        if language not in faults
    )
    return pages.page(
        request,
        "product_letter",
        product=product,
        kind=kind,
        kinds=letter_texts.KINDS,
        own=letters.own(product).get(kind, {}),
        places=places_of(kind),
        preview=Preview(about.number if asked and not wrong else None, written),
        longest=letters.LONGEST,
        told=edit_conflicts.told(request),
        **shown,
    )


def _written(
    kind: str, language: str, text: str, about: About, vendor: str, product: Product
) -> Letter:
    if kind in (REMINDER, DIGEST):
        return reminder_letters.previewed(kind, text, about, vendor, language)
    return letter_writing.write(language, text, about, vendor, client_commands.of(product))


def _about(
    connection: Connection, product: Product, kind: str, asked: str, session: Session
) -> About:
    """The licence of *product* that is asked for, or one that is made up."""
    if not asked:
        made = MADE_UP._replace(product=product.name, title=product.title)
        if kind != "issued":
            made = made._replace(replaced="HS-2026-KCY3ZBEK")
        return made._replace(left="gpu-box-6", change=_MOVED) if kind == "moved" else made
    number = typed_numbers.number_meant(connection, asked)
    stored = issuing.seen(connection, number, session.actor)
    if stored.product != product.name:
        reason = Reason("it is for the product {product}", product=stored.product)
        raise InputInvalidError(field="number", reason=reason)
    known = delivery.known(connection, stored)
    return About.of(stored, known.customer, known.product, known.move)


def _kind(kind: str) -> str:
    """A kind of letters. Raises NotFoundError."""
    if kind not in letter_texts.KINDS:
        raise NotFoundError(what="letter", name=kind[:64])
    return kind


def _faults(kind: str, texts: dict[str, Any]) -> dict[str, LicenseError]:
    """What is wrong with each of *texts*, by its language."""
    try:
        letters.read({kind: texts})
    except InputInvalidError as error:
        return {fault.field.partition(".")[2]: fault.error for fault in faults_of(error)}
    return {}
