"""``/keys``: which keys sign licences, until when, and which ones are shipped to trust them."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from license_core.errors import NotFoundError, TrustedKeyInvalidError
from license_core.keyset import SigningKey
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_server.access.sessions import Session
from license_server.db.errors import InputInvalidError
from license_server.db.reply_store import Reply
from license_server.http.state import AtSite, state_of
from license_server.operations import data_folder
from license_server.operations.errors import RecordKeyUnavailableError
from license_server.signing import keyset_store, keysets, revocation_store
from license_server.signing.keysets import WARN_DAYS
from license_server.signing.list_days import LISTED_DAYS, MOST_DAYS
from license_server.signing.revocation_shards import LARGEST_SHARD
from license_server.signing.signers.keyfiles import read_root
from license_server.site import Site
from license_server.web import forms, pages
from license_server.web.edit_conflicts import Faults
from license_server.web.session import Form, May

_DAY = 86400
_ROOT, _RECORD = "root.pub.pem", "record.pub.pem"

router = APIRouter(prefix="/keys")
Reader = Annotated[Session, Depends(May("licenses:read"))]
Publisher = Annotated[Session, Depends(May("revocations:publish"))]


class Entry(NamedTuple):
    """A key of the keyset, as the page tells it."""

    key: SigningKey
    ours: bool
    """Whether this server signs with it."""
    standing: str
    """``active``, ``retired``, ``revoked``; of an active one also ``early`` and ``ended``."""


@router.get("")
async def keys(request: Request, site: AtSite, _: Reader) -> Response:
    """The keyset in force, and the keys to ship."""
    return await _keys(request, site, {"days": str(LISTED_DAYS)}, {})


@router.post("/revocations")
async def publish(request: Request, site: AtSite, session: Publisher, fields: Form) -> Response:
    """Publish the next revocation list."""
    try:
        days = _days(fields)
    except InputInvalidError as error:
        return await _keys(request, site, fields, {"days": error})
    await site.publish_revocations(
        session.actor, site.clock(), days, lambda _new, _count: Reply(201, None, b"")
    )
    return RedirectResponse("/keys?done=published", 303)


async def _keys(request: Request, site: Site, fields: dict[str, str], faults: Faults) -> Response:
    now, issuer = site.clock(), site.issuer
    stored = await site.read(keyset_store.newest_keyset)
    kept = state_of(request).revocations
    shards = await site.read(lambda connection: kept.newest(connection, issuer))
    revoked = None if shards is None else shards.stored
    since = 0 if revoked is None else revoked.created_at
    keyset = issuer.keyset.keyset
    until = keysets.signs_until(keyset, issuer.signer.public_key, now)
    entries = [_entry(one, issuer.signer.public_key, now) for one in keyset.keys]
    return pages.form(
        request,
        "keys",
        fields,
        faults,
        keyset=keyset,
        entries=entries,
        signing=next((one for one in entries if one.ours), None),
        ours=issuer.signer.public_key,
        remote=issuer.remote is not None,
        times=None if issuer.times is None else issuer.times.told(),
        signs_until=until,
        days_left=None if until is None else (until - now) // _DAY,
        warn_days=WARN_DAYS,
        newer=_newer(site, stored),
        roots=issuer.roots,
        root=_found(site, _ROOT),
        revoked=revoked,
        shards=shards,
        revoked_size=len(shards.whole().body) if shards and shards.is_whole else 0,
        largest_shard=LARGEST_SHARD,
        revoked_most=site.settings.revocations_bytes,
        done="done" in request.query_params,
        automatic=site.settings.revocations_minutes,
        waiting=await site.read(
            lambda connection: revocation_store.count_waiting(connection, since)
        ),
        most_waiting=revocation_store.MOST_WAITING,
        now=now,
        record_key=_found(site, _RECORD),
    )


@router.get("/{name}")
async def file(name: str, site: AtSite, _: Reader) -> Response:
    """A public key to ship or to keep: only those two. Raises NotFoundError."""
    key = _found(site, name) if name in (_ROOT, _RECORD) else None
    if key is None:
        raise NotFoundError(what="public key", name=name[:64])
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(key.to_pem(), media_type="application/x-pem-file", headers=disposition)


def _days(fields: dict[str, str]) -> int:
    """For how many days a list shall be fresh. Raises InputInvalidError."""
    days = forms.number(fields, "days")
    if not 1 <= days <= MOST_DAYS:
        reason = Reason(
            "{value!r} is not a whole number from {least} to {most}",
            value=fields["days"],
            least=1,
            most=MOST_DAYS,
        )
        raise InputInvalidError(field="days", reason=reason)
    return days


def _entry(one: SigningKey, ours: PublicKey, now: int) -> Entry:
    return Entry(one, one.key == ours, keysets.standing(one, now))


def _newer(site: Site, stored: str | None) -> int | None:
    """The version in the database, where this process has an older one."""
    if stored is None or stored == site.issuer.keyset_token:
        return None
    try:
        version = keysets.open_trust(stored, site.issuer.shipped).keyset.keyset.version
    except ValueError:
        return None
    return version if version > site.issuer.keyset.keyset.version else None


def _found(site: Site, name: str) -> PublicKey | None:
    """A public key of the data folder; None: it is not there, or is none."""
    try:
        if name == _ROOT:
            return read_root(site.settings.root_pub_pem)
        return data_folder.read_record_key(site.settings)
    except (TrustedKeyInvalidError, RecordKeyUnavailableError):
        return None
