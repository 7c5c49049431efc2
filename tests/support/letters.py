"""Letters as the desk writes them about a licence that it issued."""

from license_server.catalog import client_commands, letters
from license_server.web import delivery, letter_writing
from license_server.web.letter_writing import About, Letter
from tests.support.desk import Desk, stored


def letter_about(
    desk: Desk, number: str, language: str = "en", contact: str | None = None, vendor: str = "V"
) -> Letter:
    """The letter that goes with the licence *number*, to *contact*."""
    row = stored(desk, number)
    with desk.site.database.reading() as connection:
        known = delivery.known(connection, row)
    about = About.of(row, known.customer, known.product, known.move)._replace(contact=contact)
    text = letters.text_of(known.product, letters.kind_of(row.act), language)
    commands = client_commands.of(known.product)
    return letter_writing.write(language, text, about, vendor, commands)
