"""What comes after issuing: the file, and the letter to the customer in their language."""

from typing import NamedTuple
from urllib.parse import quote, urlencode

from sqlalchemy import Connection
from starlette.requests import Request

from license_core.errors import Notice
from license_core.license import License
from license_server.catalog import catalog_store
from license_server.catalog.catalog_store import Customer
from license_server.licenses import issuing, license_store, planning
from license_server.licenses.license_store import StoredLicense
from license_server.site import Site
from license_server.web import pages, prefill
from license_server.web.reader import LANGUAGES, Reader

COMMANDS = """\
. ./platform_env
python cmd/cli.py install license.dat
python cmd/cli.py verify
sh start.sh"""
EXPLAIN = "python cmd/cli.py verify --explain"
_LONGEST_LINK = 2000
"""The characters of a ``mailto:`` link that every mail program takes."""


class Letter(NamedTuple):
    """What to write to the customer, in one language."""

    language: str
    subject: str
    text: str


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
    commands: str = COMMANDS
    """What the operator types."""


async def of(site: Site, request: Request, stored: StoredLicense) -> Sending:
    """How *stored* gets to its host; where its customer has no language, in the reader's first."""

    def read(connection: Connection) -> tuple[Customer | None, StoredLicense | None]:
        former = license_store.by_number(connection, stored.replaces) if stored.replaces else None
        return catalog_store.customer_by_name(connection, stored.customer), former

    customer, former = await site.read(read)
    left = None if former is None or former.host_key == stored.host_key else former
    language = customer.language if customer else None
    zone = site.settings.time_zone
    first = language or Reader.of(request, zone).language
    name = customer.contact_name if customer else None
    address = customer.contact_email if customer else None
    letters = tuple(
        letter(one, stored, name, site.issuer.name, zone, left)
        for one in sorted(LANGUAGES, key=lambda one: one != first)
    )
    return Sending(
        number=stored.number,
        file=issuing.file_of(stored).decode("utf-8"),
        customer_id=customer.id if customer else None,
        name=name,
        address=address,
        mailto=link(address, letters[0]) if address else None,
        letters=letters,
        asked=language is not None,
        moved=planning.keeps_file(left) if left else None,
    )


def letter(
    language: str,
    stored: StoredLicense,
    name: str | None,
    vendor: str,
    zone: str,
    left: StoredLicense | None = None,
) -> Letter:
    """The letter that goes with *stored*; *zone* is tried first for that of its last day.

    *left*: the licence of another host that it replaces.
    """
    license_ = issuing.claims_of(stored)
    values = {
        "license": license_,
        "name": name,
        "vendor": vendor,
        "last_day": _last_day(license_, zone),
        "commands": COMMANDS,
        "explain": EXPLAIN,
        "left": left and (left.host_name or left.host_key),
    }
    # The first line of the template is the subject.
    subject, _, text = pages.words("letter.txt", language, values).partition("\n")
    return Letter(language, subject.strip(), text.strip() + "\n")


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


def _last_day(license_: License, zone: str) -> tuple[str, str] | None:
    """The last day on which it holds, and the time zone of that day; None: it has no end."""
    if license_.exp is None:
        return None
    there = prefill.zone_of(license_, zone)
    return prefill.last_day(license_.exp, there).isoformat(), there
