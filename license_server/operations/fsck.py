"""Checks that rows, events, signatures and keys agree (SPEC section 11.3).

Nothing is written. Rows that an event after the last exported checkpoint covers are only as sure
as whoever could write to the database since then.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection

from license_core import jws, strictjson
from license_core.keyset import TrustedKeyset
from license_core.license import License
from license_core.publickey import PublicKey
from license_core.roots import Roots
from license_server.audit import audit_store, changes, digests
from license_server.audit.audit_store import Event
from license_server.audit.verify import (
    Advance,
    Fault,
    Given,
    Tell,
    inspect,
)
from license_server.licenses import erased_claims, issuing, license_store
from license_server.operations import (
    kinds_check,
    ledger_rows,
    mailbox_check,
    outbox_check,
    portal_check,
    reminders_check,
    requests_check,
    webhooks_check,
)
from license_server.operations.ledger_rows import Kin
from license_server.operations.row_digests import Bindings, open_bindings
from license_server.signing import signature_count
from license_server.signing.keysets import open_trust

_REPLIES = "/api/v1/licenses/"
"""Where the address of a licence begins."""


class Trusted(NamedTuple):
    """The public keys of a vendor, from outside of the database."""

    roots: Roots
    record: PublicKey


def check(
    connection: Connection,
    trusted: Trusted,
    given: Iterable[Given],
    tell: Tell,
    advance: Advance,
) -> None:
    """Tell every fault of the ledger and of its record; *given*: checkpoints kept elsewhere."""
    with open_bindings() as bindings:

        def read(event: Event) -> None:
            try:
                bindings.bind(_rows_left(event))
            except ValueError as error:
                tell(Fault("event-invalid", f"event {event.id}", f"its rows: {error}"))

        inspect(connection, trusted.record, given, tell, advance, read)
        for table in (table for table in digests.KEYS if table != "licenses"):
            for row in ledger_rows.rows(connection, table, digests.KEYS[table]):
                advance(1)
                _check_row(table, row, bindings, tell)
        _check_erased(connection, bindings, tell, advance)
        keysets = _keysets(connection, trusted.roots, tell)
        for kin in ledger_rows.all_kin(connection):
            advance(1)
            name = _check_row("licenses", kin.row, bindings, tell)
            for kind, detail in _license_faults(kin, keysets.get(kin.row["keyset_version"])):
                tell(Fault(kind, name, detail))
        for number, detail in kinds_check.given_twice(connection):
            tell(Fault("given-twice", f"licenses/{number}", detail))
        for id_, detail in requests_check.faults(connection):
            tell(Fault("request-differs", f"requests/{id_}", detail))
        for id_, detail in outbox_check.faults(connection):
            tell(Fault("mail-differs", f"mails/{id_}", detail))
        for id_, detail in mailbox_check.faults(connection):
            tell(Fault("mailbox-differs", f"mailbox_mails/{id_}", detail))
        for name, detail in portal_check.faults(connection):
            tell(Fault("portal-differs", name, detail))
        for id_, detail in reminders_check.faults(connection):
            tell(Fault("reminder-differs", f"reminders/{id_}", detail))
        for name in bindings.unseen():
            tell(Fault("row-gone", name, "an event wrote this row, but it is missing"))
        _check_values(connection, tell, advance)
        _check_replies(connection, bindings, tell)
        for message, detail in webhooks_check.faults(connection):
            tell(Fault("delivery-wrong", f"the delivery {message}", detail))
        _check_signatures(connection, tell)


def size(connection: Connection) -> int:
    """How many rows ``check`` looks at."""
    tables = ("audit_events", "audit_values", *digests.KEYS)
    return sum(ledger_rows.count(connection, table) for table in tables)


def _rows_left(event: Event) -> dict[str, str]:
    """The rows that *event* left. Raises ValueError."""
    if event.rows is None:
        return {}
    digests = strictjson.loads(str(event.rows).encode("utf-8"))
    if not isinstance(digests, dict) or not all(isinstance(d, str) for d in digests.values()):
        raise ValueError("they are not an object of digests")
    return digests


def _check_row(table: str, row: dict[str, Any], bindings: Bindings, tell: Tell) -> str:
    """Hold *row* against its last event; what it is called."""
    name = digests.name(table, row)
    left = bindings.see(name)
    if left is None:
        tell(Fault("row-unrecorded", name, "no event covers this row"))
    elif left != _digest(table, row):
        tell(Fault("row-differs", name, "it differs from what its last event recorded"))
    return name


def _check_erased(connection: Connection, bindings: Bindings, tell: Tell, advance: Advance) -> None:
    """Of what events something was erased, the event of the erasure has bound what is left."""
    for left in audit_store.erased(connection):
        advance(1)
        _check_row(digests.EVENTS, left._asdict(), bindings, tell)


def _digest(table: str, row: dict[str, Any]) -> str | None:
    """The digest of *row*; None where it holds what no row can."""
    try:
        return digests.digest(table, row)
    except (TypeError, ValueError):
        return None


def _keysets(connection: Connection, roots: Roots, tell: Tell) -> dict[int, TrustedKeyset]:
    found = {}
    for row in ledger_rows.rows(connection, "keysets", "version"):
        name = digests.name("keysets", row)
        try:
            opened = open_trust(str(row["token"]), roots).keyset
        except (TypeError, ValueError) as error:
            tell(Fault("keyset-invalid", name, f"no root key signed it: {error}"))
            continue
        if opened.keyset.version != row["version"]:
            tell(Fault("keyset-invalid", name, "its version does not match what was signed"))
        found[row["version"]] = opened
    return found


def _license_faults(kin: Kin, keyset: TrustedKeyset | None) -> Iterator[tuple[str, str]]:
    row = kin.row
    if keyset is None:
        yield "license-invalid", f"there is no keyset {row['keyset_version']} that a root signed"
    else:
        try:
            license_ = _opened(row["token"], keyset)
        except (TypeError, ValueError) as error:
            yield "license-invalid", f"its token: {error}"
        else:
            yield from _claim_faults(kin, license_)
            yield from kinds_check.faults(kin, license_)
    yield from _line_faults(kin)


def _opened(token: str, keyset: TrustedKeyset) -> License:
    """What a token says, which a key of *keyset* signed; or what an erasure left of it.

    Raises TypeError or ValueError.
    """
    if erased_claims.is_erased(token):
        return issuing.claims_in(token)
    _, payload = jws.verify(token, keyset.license_headers)
    return License.from_dict(strictjson.loads(payload))


def _claim_faults(kin: Kin, license_: License) -> Iterator[tuple[str, str]]:
    for column, claim in license_store.signed_columns(license_).items():
        if kin.row[column] != claim:
            yield "license-differs", f"its {column} does not match what was signed"
    if kin.row["time_zone"] is None and kin.row["last_day"] != license_store.last_day(
        license_, None
    ):
        yield "license-differs", "its last_day does not follow from what was signed"
    if kin.product != license_.aud:
        yield "license-differs", "its product does not match what was signed"


def _line_faults(kin: Kin) -> Iterator[tuple[str, str]]:
    """Whether the licences that replaced one another say so of each other."""
    row, kind = kin.row, "line-broken"
    if (row["state"] == "replaced") != (row["replaced_by"] is not None):
        yield kind, f"it is {row['state']}, and replaced by {row['replaced_by'] or 'none'}"
    if row["replaced_by"] is not None and kin.later_replaces != row["number"]:
        yield kind, f"{row['replaced_by']}, which replaced it, does not name it"
    if row["replaces"] is None:
        if row["line"] != row["number"]:
            yield kind, "it is the first of its lineage, which has another number"
        return
    if kin.former_line != row["line"]:
        yield kind, f"{row['replaces']}, which it replaces, is not of its lineage"
    if kin.former_replaced_by is None:
        yield kind, f"{row['replaces']}, which it replaces, does not name it"


def _check_values(connection: Connection, tell: Tell, advance: Advance) -> None:
    """What is stored beside an event is what the event's digest stands for; or it was erased."""
    for value in audit_store.all_values(connection):
        advance(1)
        if not changes.is_whole(value):
            detail = "it is not the value whose digest an event holds"
            tell(Fault("value-differs", f"a value of {value.owner}", detail))


def _check_signatures(connection: Connection, tell: Tell) -> None:
    """Whoever signed what is here counted it."""
    for kind, counted, recorded in signature_count.compare(connection):
        if recorded is not None and recorded > counted:
            detail = f"{recorded} have its signature, and this server made {counted}"
            tell(Fault("signature-uncounted", f"{kind.typ} by {kind.kid}", detail))


def _check_replies(connection: Connection, bindings: Bindings, tell: Tell) -> None:
    """Nobody was told of a licence that is not there."""
    for actor, key, location in ledger_rows.reply_locations(connection):
        if not str(location).startswith(_REPLIES):
            continue
        number = str(location).removeprefix(_REPLIES).partition("/")[0]
        if not bindings.was_seen(f"licenses/{number}"):
            detail = f"it names licence {number}, which does not exist"
            tell(Fault("reply-wrong", f"the reply to {actor} with key {key}", detail))
