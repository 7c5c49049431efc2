"""Which ledger this is: a restored one is another than the one before (docs/adr/0047).

Two servers with the same keys and different ledgers would issue everything twice. So a ledger has
a name, drawn when it is set up and again when it is restored, in an event of the audit log: a
database knows the names of all ledgers that it came from. The data folder keeps the name of the
one that was served from it last, in the file ``ledger``. It goes on to a ledger that came from that
one, never back, and never to a stranger.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Connection, text

from license_core import b64url, strictjson
from license_server.audit import audit_store, restores
from license_server.audit.audit_store import Event, EventFilter
from license_server.operations.errors import LedgerSupersededError
from license_server.settings import ServerSettings

_BEGINNINGS = (restores.ACTION, "server.initialised")
"""The actions of the events that begin a ledger, the later ones first."""
_MOST = 1000
"""So many restores are looked through."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CONTROL = "select has_function_privilege('pg_control_system()', 'execute')"
_PLACE = (
    "select system_identifier || ' ' || oid from pg_control_system(), pg_database "
    "where datname = current_database()"
)


def drawn(random: Callable[[int], bytes]) -> str:
    """The name of a new ledger."""
    return b64url.encode(random(12))


def lineage(connection: Connection) -> list[str]:
    """The names of this ledger and of those that it came from, the newest first."""
    found: list[Event] = []
    for action in _BEGINNINGS:
        wanted = EventFilter(action=action)
        found += audit_store.events(connection, wanted, before=None, limit=_MOST)
    return [_name(one) for one in found]


def _name(event: Event) -> str:
    """The name that *event* gives; one of a former version gives itself."""
    told = strictjson.loads(event.details.encode("utf-8")).get("ledger")
    if isinstance(told, str):
        return told
    itself = f"{event.id} {event.at} {event.action}"  # of no person: that may be erased
    return b64url.encode(hashlib.sha256(itself.encode("utf-8")).digest()[:12])


def check(connection: Connection, settings: ServerSettings) -> None:
    """Raise LedgerSupersededError unless the data folder may be served with this database."""
    kept, names = _kept(settings), lineage(connection)
    if kept is not None and kept not in names:
        found = names[0] if names else "none"
        raise LedgerSupersededError(path=str(settings.ledger_file), kept=kept, found=found)


def keep(connection: Connection, settings: ServerSettings) -> None:
    """Let the data folder know this ledger, where it can be written. Raises as ``check``."""
    check(connection, settings)
    names = lineage(connection)
    if names and names[0] != _kept(settings):
        with suppress(OSError):  # the folder of a container may be read-only
            settings.ledger_file.write_text(f"{names[0]}\n", "ascii")


def _kept(settings: ServerSettings) -> str | None:
    """The name of the ledger that was served from the folder last; None: nobody can say."""
    with suppress(OSError, ValueError):
        return settings.ledger_file.read_text("ascii").strip()[:64] or None
    return None


def at_its_place(connection: Connection, settings: ServerSettings) -> str:
    """A name of this ledger in this very database: a copy of it elsewhere has another."""
    names = lineage(connection)
    told = f"{names[0] if names else ''} {_place(connection, settings)}"
    return hashlib.sha256(told.encode("utf-8")).hexdigest()[:16]


def _place(connection: Connection, settings: ServerSettings) -> str:
    """What is the same for all processes that use this database, as far as it can be told."""
    if connection.dialect.name == "postgresql":
        may = connection.execute(text(_CONTROL)).scalar_one()
        return str(connection.execute(text(_PLACE)).scalar_one()) if may else ""
    machine = ""
    with suppress(OSError):
        machine = _BOOT_ID.read_text("ascii").strip()
    found = settings.database_file.stat()
    return f"{machine} {found.st_dev} {found.st_ino}"
