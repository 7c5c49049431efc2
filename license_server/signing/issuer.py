"""The issuer: the vendor's name, its signing key, and the keyset clients trust."""

import time
from collections.abc import Callable
from typing import NamedTuple

from license_core.errors import SignerUnavailableError
from license_core.keyset import SigningKey, TrustedKeyset
from license_core.reason import Reason
from license_core.roots import Roots
from license_core.signer import Signer
from license_core.wording import utc
from license_server.db.database import Database
from license_server.settings import ServerSettings
from license_server.signing import keyset_store, keysets
from license_server.signing.errors import NotInitialisedError, SigningOverError
from license_server.signing.keysets import Trust
from license_server.signing.signature_count import CountedSigner, Tally
from license_server.signing.signers import open_signer
from license_server.signing.signers.backend import Remote
from license_server.signing.signers.keyfiles import read_root
from license_server.signing.signing_times import SigningTimes, TimedSigner

Random = Callable[[int], bytes]


class Issuer(NamedTuple):
    """The vendor: its name, its signing key, and what clients know of it."""

    name: str
    signer: Signer
    keyset: TrustedKeyset
    keyset_token: str
    """The blocks that prove the keyset, as each licence file has them."""
    shipped: Roots
    """What the product trusts by itself."""
    roots: Roots
    """… and what it has come to trust since: the roots that the keyset is signed by."""
    remote: Remote | None = None
    """The signer, where its key is not in this process: to sign may take long, or fail."""
    times: SigningTimes | None = None
    """How long it took of late, where it is such a signer."""

    @property
    def version(self) -> int:
        """Of the keyset."""
        return self.keyset.keyset.version


def check_issuing(issuer: Issuer, now: int, product: str | None = None) -> None:
    """Raise an error unless licences can be signed at *now*, those of *product*.

    Clients refuse what was issued once the keyset had ended (SPEC section 6.1): so does the server.
    Raises SigningOverError or SignerUnavailableError.
    """
    over = ended(issuer, now)
    if over is not None:
        what, at = over
        raise SigningOverError(what=what, ended=utc(at))
    check_signing_key(issuer, now, product)


def ended(issuer: Issuer, now: int) -> tuple[str, int] | None:
    """What has ended by *now*, so that no licence can be signed, and when; None: neither has."""
    keyset, key = issuer.keyset.keyset, entry(issuer)
    if keyset.exp is not None and keyset.exp <= now:
        return Reason("keyset {version}", version=keyset.version), keyset.exp
    if key is not None and key.state == "active" and key.exp <= now:
        return Reason("the key {kid}", kid=key.key.kid), key.exp
    return None


def entry(issuer: Issuer) -> SigningKey | None:
    """What the keyset says of the key that signs."""
    ours = issuer.signer.public_key
    return next((one for one in issuer.keyset.keyset.keys if one.key == ours), None)


def check_signing_key(issuer: Issuer, now: int, product: str | None = None) -> None:
    """Raise SignerUnavailableError unless the keyset lets the key sign now, for that *product*.

    A revocation list needs no more: the end of a keyset is for licences alone.
    """
    found = entry(issuer)
    if found is None:
        reason = f"the keyset does not contain the key {issuer.signer.public_key.kid}"
    elif found.state != "active":
        reason = f"the key is {found.state} in the keyset"
    elif not found.nbf <= now < found.exp:
        reason = f"it may sign from {utc(found.nbf)} until {utc(found.exp)}; check the clock"
    elif product is not None and found.products is not None and product not in found.products:
        reason = f"it is not for the product {product}"
    else:
        return
    raise SignerUnavailableError(reason=reason.rstrip("?"))


def check_in_force(issuer: Issuer, newest: int) -> None:
    """Raise SignerUnavailableError where *newest*, a keyset, was installed that *issuer* lacks.

    Its key may be one that was lost: nothing is recorded that it signed after that.
    """
    if newest != issuer.version:
        reason = f"keyset {newest} was installed, and {issuer.version} is in use; try again"
        raise SignerUnavailableError(reason=reason)


def read_roots(settings: ServerSettings) -> Roots:
    """The root keys that the product ships. Raises TrustedKeyInvalidError."""
    keys = map(read_root, settings.root_pub_pems)
    return Roots.shipped(keys, settings.roots_needed)


def read_trust(settings: ServerSettings, database: Database) -> Trust:
    """The roots and the keyset that are in force.

    Raises NotInitialisedError, TrustedKeyInvalidError or SignerUnavailableError.
    """
    shipped = read_roots(settings)
    with database.reading() as connection:
        text = keyset_store.newest_keyset(connection)
    if text is None:
        raise NotInitialisedError(path=str(settings.data), missing="the keyset")
    try:
        return keysets.open_trust(text, shipped)
    except ValueError as error:
        names = ", ".join(path.name for path in settings.root_pub_pems)
        reason = f"the keyset in the database is not signed by {names} ({error})"
        raise SignerUnavailableError(reason=reason) from error


def signer_uri(settings: ServerSettings, trust: Trust, now: int) -> str:
    """Where the newest key is that may sign at *now*, of those that are here."""
    may = [one for one in trust.keyset.keyset.keys if keysets.standing(one, now) == "active"]
    newest = sorted(may, key=lambda one: one.nbf, reverse=True)
    return settings.signer_uri(one.key.kid for one in newest)


def open_issuer(settings: ServerSettings, trust: Trust, now: int, tally: Tally) -> Issuer:
    """Who signs under *trust*: the newest key that may at *now*, of those that are here.

    What it signs is counted in *tally*. Raises SignerUnavailableError, PassphraseWrongError,
    SecretFileOpenError, or what settings.read_passphrase raises.
    """
    signer = open_signer(signer_uri(settings, trust, now), settings.read_passphrase)
    remote = signer if isinstance(signer, Remote) else None
    times = None if remote is None else SigningTimes()
    if times is not None:
        signer = TimedSigner(signer, times, time.monotonic)
    return Issuer(
        name=trust.keyset.keyset.iss,
        signer=CountedSigner(signer, tally.count),
        keyset=trust.keyset,
        keyset_token=trust.text,
        shipped=read_roots(settings),
        roots=trust.roots,
        remote=remote,
        times=times,
    )
