"""What jobs are of: uploaded files, and chosen licences (chosen.py).

Each is kept for whoever made it, under an id derived from its content. So the same sheet that is
uploaded twice is one, and has one job.
"""

import hashlib
import io
from collections.abc import Generator

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_server.actor import Actor
from license_server.licenses.acts import ISSUE
from license_server.sheets import chosen, customer_sheet, order_sheet, sheet_store
from license_server.sheets.batches import Line
from license_server.sheets.chosen import Chosen
from license_server.sheets.sheet_store import StoredSheet
from license_server.site import Site

MOST = 50
"""So many sheets of one user are kept, for a week; one whose import is not done stays."""


def read(text: str) -> bytes:
    """The sheet *text*, all of which can be read. Raises as order_sheet.read does."""
    content = text.encode("utf-8")
    of_customers = customer_sheet.is_one(content)
    for _ in customer_sheet.read(io.BytesIO(content)) if of_customers else lines(content):
        pass
    return content


def content_of(site: Site, id_: str, actor: Actor) -> bytes:
    """A sheet that is kept. Raises NotFoundError."""
    found = site.database.read(lambda connection: find(connection, id_, actor))
    if found.act != ISSUE.name:
        raise _missing(id_)
    return found.content


def chosen_of(connection: Connection, id_: str, actor: Actor) -> Chosen:
    """What *actor* chose. Raises NotFoundError."""
    found = find(connection, id_, actor)
    if found.act == ISSUE.name:
        raise _missing(id_)
    return chosen.read(found.content)


def find(connection: Connection, id_: str, actor: Actor) -> StoredSheet:
    """What is kept for *actor* under this id. Raises NotFoundError."""
    found = sheet_store.sheet(connection, actor.name, _known(id_))
    if found is None:
        raise _missing(id_)
    return found


def keep(
    connection: Connection, content: bytes, actor: Actor, now: int, act: str = ISSUE.name
) -> str:
    """The id of the sheet *content*, whose lines are of this *act*; it is kept."""
    id_ = hashlib.sha256(content).hexdigest()[:32]
    if not sheet_store.has_sheet(connection, actor.name, id_):
        new = StoredSheet(act, content)
        sheet_store.add_sheet(connection, actor.name, id_, new, now)
        # The batches of a job that outlived its sheet are forgotten with the sheet.
        sheet_store.forget_unfinished(connection, actor.name, id_)
        sheet_store.forget_sheets_but(connection, actor.name, MOST)
    return id_


def check(connection: Connection, id_: str, actor: Actor) -> None:
    """Raise NotFoundError unless *actor* uploaded a sheet with this id."""
    if not sheet_store.has_sheet(connection, actor.name, _known(id_)):
        raise _missing(id_)


def lines_of(site: Site, id_: str, actor: Actor) -> Generator[Line, None, None]:
    """The lines of a job. Raises NotFoundError, before the first of them."""
    found = site.database.read(lambda connection: find(connection, id_, actor))
    return lines(found.content) if found.act == ISSUE.name else chosen.lines(found.content)


def lines(content: bytes) -> Generator[Line, None, None]:
    """The lines of a sheet that is kept."""
    return order_sheet.read(io.BytesIO(content))


def job_name(id_: str) -> str:
    """The name of a sheet's job, by which its batches are kept (batches.py)."""
    return f"desk\n{id_}"


def _known(id_: str) -> str:
    """*id_* as the database can be asked for it."""
    return id_ if id_.isascii() and id_.isalnum() else ""


def _missing(id_: str) -> NotFoundError:
    return NotFoundError(what="import", name=id_[:64])
