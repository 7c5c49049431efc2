"""What goes to customers: a licence's file and letters, and a sheet that says whom each is for."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from license_core.wording import utc
from license_server.catalog.catalog_store import Customer
from license_server.licenses import issuing
from license_server.licenses.license_store import StoredLicense

FILE = "license.dat"
SHEET = "licenses.csv"
COLUMNS = (
    *("file", "license", "replaces", "customer", "contact_name", "contact_email", "language"),
    *("product", "host_key", "host_name", "expires_at"),
    *("last_day", "time_zone", "state"),
)


class Outgoing(NamedTuple):
    """A licence as it goes to its customer."""

    license: StoredLicense
    customer: Customer | None
    letters: Mapping[str, str]
    """The text of each, by its language."""

    def files(self) -> Iterator[tuple[str, bytes]]:
        """The name and content of each file, that of the licence first."""
        yield FILE, issuing.file_of(self.license)
        for language, text in self.letters.items():
            yield f"letter.{language}.txt", text.encode("utf-8")

    def row(self, file: str) -> tuple[object, ...]:
        """Under COLUMNS, whom it is for; *file*: where its file is."""
        stored, customer = self.license, self.customer
        return (
            file,
            stored.number,
            stored.replaces,
            stored.customer,
            customer and customer.contact_name,
            customer and customer.contact_email,
            customer and customer.language,
            stored.product,
            stored.host_key,
            stored.host_name,
            None if stored.expires_at is None else utc(stored.expires_at),
            stored.last and stored.last.day,
            stored.zone,
            stored.state,
        )
