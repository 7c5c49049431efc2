"""What a check trusts: the latest roots, and the newest keyset that enough of them signed.

Both come from the licence file and from what the client learned before, ``conf/license.trust``;
what was learned stands first, so that nobody can say a known version anew (SPEC section 6.4).
"""

from __future__ import annotations

from license_core import armor, jws
from license_core.errors import (
    KeysetInvalidError,
    KeysetMissingError,
    KeysetUntrustedError,
    LicenseDamagedError,
    LicenseError,
)
from license_core.keyset import (
    TooFewSignersError,
    TrustedKeyset,
    open_keyset,
)
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from license_core.roots import Chain

    Blocks = Mapping[str, list[str]]
    """Tokens by the label of their block, as ``armor.unwrap`` finds them."""


class Trust(NamedTuple):
    """The keyset that counts, and the documents that lead to the roots which signed it."""

    keyset: TrustedKeyset
    roots_version: int = 0
    roots_tokens: tuple[str, ...] = ()

    @property
    def version(self) -> tuple[int, int]:
        """The higher replaces the lower: later roots come before a later keyset."""
        return self.roots_version, self.keyset.keyset.version

    def wrap(self) -> str:
        """The text of conf/license.trust."""
        blocks = [armor.wrap(armor.ROOTS, token) for token in self.roots_tokens]
        blocks += [armor.wrap(armor.KEYSET, token) for token in self.keyset.tokens]
        return "".join(blocks)


def open_trust(
    blocks: Blocks,
    known: Blocks,
    roots: tuple[PublicKey, ...],
    *,
    needed: int = 1,
    keys_path: str = "keys",
) -> Trust:
    """The trust that *blocks* and what was *known* before them lead to, from *roots* on.

    At least *needed* of *roots* must sign; *keys_path* is where they stand, for messages. Raises
    RootsSkippedError, RootsInvalidError, KeysetMissingError, LicenseDamagedError,
    KeysetUntrustedError or KeysetInvalidError, in this order (SPEC section 6.4).
    """
    chain = None
    if armor.ROOTS in blocks or armor.ROOTS in known:
        chain = _follow(_both(known, blocks, armor.ROOTS), roots, needed)
        roots, needed = chain.roots.keys, chain.roots.threshold
    tokens = _both(known, blocks, armor.KEYSET)
    if not tokens:
        raise KeysetMissingError
    try:
        keyset = open_keyset(tokens, roots, needed)
    except jws.TokenError as error:
        version = 0 if chain is None else chain.roots.version
        raise untrusted(error, roots, version, keys_path) from error
    except ValueError as error:
        raise KeysetInvalidError(reason=str(error)) from error
    if chain is None:
        return Trust(keyset, 0, ())
    return Trust(keyset, chain.roots.version, chain.tokens)


def _both(known: Blocks, blocks: Blocks, label: str) -> tuple[str, ...]:
    """The tokens of *label*: what was known first."""
    return (*known.get(label, ()), *blocks.get(label, ()))


def _follow(documents: tuple[str, ...], shipped: tuple[PublicKey, ...], needed: int) -> Chain:
    from license_core.errors import RootsInvalidError, RootsSkippedError
    from license_core.roots import (
        Roots,
        SkippedError,
        follow,
    )

    try:
        return follow(documents, Roots.shipped(shipped, needed))
    except SkippedError as error:
        raise RootsSkippedError(known=error.known, found=error.found) from error
    except ValueError as error:
        raise RootsInvalidError(reason=str(error)) from error


def untrusted(
    error: jws.TokenError, roots: tuple[PublicKey, ...], version: int, keys_path: str
) -> LicenseError:
    """The problem of a keyset that *roots* of this *version* do not vouch for."""
    if isinstance(error, jws.MalformedTokenError):
        return LicenseDamagedError(reason=Reason("the keyset: {reason}", reason=str(error)))
    trusted = ", ".join(root.kid for root in roots)
    return KeysetUntrustedError(reason=_why(error, version), trusted=trusted, keys=keys_path)


def _why(error: jws.TokenError, version: int) -> Reason:
    """Why a keyset that is a token cannot be believed."""
    if isinstance(error, TooFewSignersError):
        return Reason(
            "{count:# trusted root key|# trusted root keys} signed it; {needed} must",
            count=error.signed,
            needed=error.needed,
        )
    if version == 0:
        return Reason("no trusted root key signed it")
    return Reason(
        "no root key of version {version} signed it, and no LICENSE ROOTS block brings newer keys",
        version=version,
    )
