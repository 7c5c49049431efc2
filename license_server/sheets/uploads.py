"""Uploaded files: each is kept for its uploader, under an id derived from its content.

So the same sheet that is uploaded twice is one, and has one job.
"""

import hashlib
import io
from collections.abc import Generator

from sqlalchemy import Connection

from license_core.errors import NotFoundError
from license_server.actor import Actor
from license_server.sheets import order_sheet, sheet_store
from license_server.sheets.batches import Line
from license_server.site import Site

MOST = 50
"""So many sheets of one user are kept, for a week; one whose import is not done stays."""


def read(text: str) -> bytes:
    """The sheet *text*, all of which can be read. Raises as order_sheet.read does."""
    content = text.encode("utf-8")
    for _ in lines(content):
        pass
    return content


def keep(connection: Connection, content: bytes, actor: Actor, now: int) -> str:
    """The id of the sheet *content*, which is kept."""
    id_ = hashlib.sha256(content).hexdigest()[:32]
    if not sheet_store.has_sheet(connection, actor.name, id_):
        sheet_store.add_sheet(connection, actor.name, id_, content, now)
        # The batches of a job that outlived its sheet are forgotten with the sheet.
        sheet_store.forget_unfinished(connection, actor.name, id_)
        sheet_store.forget_sheets_but(connection, actor.name, MOST)
    return id_


def check(connection: Connection, id_: str, actor: Actor) -> None:
    """Raise NotFoundError unless *actor* uploaded a sheet with this id."""
    if not sheet_store.has_sheet(connection, actor.name, _known(id_)):
        raise _missing(id_)


def lines_of(site: Site, id_: str, actor: Actor) -> Generator[Line, None, None]:
    """The lines of a sheet. Raises NotFoundError, before the first of them."""
    content = site.database.read(
        lambda connection: sheet_store.sheet(connection, actor.name, _known(id_))
    )
    if content is None:
        raise _missing(id_)
    return lines(content)


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
