"""The blocks of a file that are of no use here: ``install`` refuses it for them (SPEC section 6.5).

A check passes such blocks over, since what it is about holds without them. A file that is installed
is taken as a whole or not at all, or nobody would learn that what the vendor sent did not arrive.
"""

from __future__ import annotations

from license_core import armor, b64url, jws, strictjson
from license_core.errors import (
    KeysetInvalidError,
    LicenseError,
    RootsInvalidError,
    RootsSkippedError,
)
from license_core.keyset import Keyset, TooFewSignersError, TrustedKeyset
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_core.record import NamedTuple
from license_core.revocation_errors import RevocationsInvalidError
from license_core.roots import Chain, Roots, chains
from license_core.trust import open_trust, untrusted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from license_core.revocation import Revocations
    from license_core.trust import Blocks


class Known(NamedTuple):
    """What a host knew before it was given the file."""

    blocks: Blocks
    """Those of ``license.trust`` and of the licence that is installed."""
    roots: tuple[PublicKey, ...]
    """The root keys that the product ships."""
    needed: int
    """How many of them must sign."""
    keys_path: str
    """Where they stand, for messages."""
    number: str | None = None
    """Of the licence that is installed; None: there is none that can be read."""


def unusable(blocks: Blocks, path: str, known: Known) -> tuple[LicenseError, ...]:
    """A problem for each keyset, roots document and list of the file *path* that is of no use here.

    What this host, or the file itself, has a later version of is of use: it was believed once.
    """
    chain = _chain(blocks, known)
    found = [*_of_roots(blocks, known, chain), *_of_keysets(blocks, known, chain)]
    tokens = tuple(dict.fromkeys(blocks.get(armor.REVOCATIONS, ())))
    if tokens:
        # A licence has its own list with it, and the one that is installed is not it.
        number = None if armor.LICENSE in blocks else known.number
        try:
            lists = {armor.REVOCATIONS: list(tokens)}
            open_given_list(lists, _keyset(blocks, known), path, number)
        except RevocationsInvalidError as error:
            found.append(error)
    return tuple(found)


def what_is_wrong(error: LicenseError) -> tuple[str, str]:
    """The slug of a problem and its reason, whichever of several blocks it is said of."""
    reason = error.facts.get("reason", "")
    if isinstance(reason, Reason) and reason.facts.keys() == {"number", "count", "reason"}:
        reason = reason.facts["reason"]
    return error.slug, str(reason)


def _of_roots(blocks: Blocks, known: Known, chain: Chain) -> Iterator[LicenseError]:
    last = chain.roots.version
    for number, found in _opened(armor.ROOTS, jws.ROOTS, blocks, known, chain):
        if isinstance(found, jws.TokenError):
            yield RootsInvalidError(reason=number(str(found)))
            continue
        try:
            version = Roots.from_dict(strictjson.loads(found)).version
        except ValueError as error:
            yield RootsInvalidError(reason=number(str(error)))
            continue
        if version > last + 1:  # of one that could follow on, the check says why it does not
            yield RootsSkippedError(known=last, found=version)


def _of_keysets(blocks: Blocks, known: Known, chain: Chain) -> Iterator[LicenseError]:
    for number, found in _opened(armor.KEYSET, jws.KEYSET, blocks, known, chain):
        if isinstance(found, jws.TokenError):
            roots = chain.roots
            refused = untrusted(found, roots.keys, roots.version, known.keys_path)
            yield type(refused)(**{**refused.facts, "reason": number(refused.facts["reason"])})
            continue
        try:
            Keyset.from_dict(strictjson.loads(found))
        except ValueError as error:
            yield KeysetInvalidError(reason=number(str(error)))


def open_given_list(
    blocks: Blocks, keyset: TrustedKeyset | None, path: str, number: str | None
) -> tuple[str, Revocations]:
    """The list of the licence *number* in the *blocks* of the file *path*: its block, and read.

    By a key of *keyset* (None: there is none). Raises RevocationsInvalidError.
    """
    if keyset is None:
        unvouched = RevocationsInvalidError(
            path=path, reason=Reason("no keyset on this host can verify it")
        )
        raise unvouched.advised(("install-a-licence-first",))
    from license_core.revocation import NotCoveredError, open_own_list

    try:
        return open_own_list(blocks, keyset, number)
    except NotCoveredError as error:
        of_others = RevocationsInvalidError(path=path, reason=str(error))
        raise of_others.advised(("ask-for-own-list",), number=number) from error
    except ValueError as error:
        raise RevocationsInvalidError(path=path, reason=str(error)) from error


class _Number(NamedTuple):
    """Which of the blocks of a label one is."""

    at: int
    of: int

    def __call__(self, reason: str) -> str:
        """*reason*, with the number where there are several."""
        if self.of == 1:
            return reason
        return Reason(
            "block {number} of {count}: {reason}", number=self.at, count=self.of, reason=reason
        )


def _opened(
    label: str, typ: str, blocks: Blocks, known: Known, chain: Chain
) -> Iterator[tuple[_Number, bytes | jws.TokenError]]:
    """Each block of *label*, with the payload that enough root keys signed, or why there is none.

    Enough of one version of the roots, whichever; a block by a key that is not known here counts
    where it says the same as those that are.
    """
    own = blocks.get(label, [])
    texts = (*known.blocks.get(label, ()), *own)
    candidates = [reading for text in texts for reading in armor.readings(text)]
    vouched: set[bytes] = set()
    few: dict[bytes, jws.TokenError] = {}
    trusted: dict[str, PublicKey] = {}
    for roots in (*chain.former, chain.roots):
        headers = jws.headers(roots.keys, typ)
        trusted.update(headers)
        for payload, signers in jws.signed(candidates, headers).items():
            if len(signers) >= roots.threshold:
                vouched.add(payload)
            else:
                few[payload] = TooFewSignersError(len(signers), roots.threshold)
    told: set[tuple[str, str]] = set()
    for number, text in enumerate(own, 1):
        found = _payload(text, trusted, vouched, few)
        # A document that several keys signed is several blocks, and is named once.
        what = (text.partition(".")[2].rpartition(".")[0], str(found))
        if what not in told:
            told.add(what)
            yield _Number(number, len(own)), found


def _payload(
    text: str,
    trusted: dict[str, PublicKey],
    vouched: set[bytes],
    few: dict[bytes, jws.TokenError],
) -> bytes | jws.TokenError:
    error: jws.TokenError | None = None
    for reading in armor.readings(text):
        try:
            _, payload = jws.verify(reading, trusted)
            error = few.get(payload)
        except jws.UnknownHeaderError as refused:
            payload = b64url.decode(reading.split(".")[1])
            error = few.get(payload, refused)
        except jws.TokenError as refused:
            error = refused
            continue
        if payload in vouched:
            return payload
    assert error is not None  # noqa: S101  # a token has a reading
    return error


def _chain(blocks: Blocks, known: Known) -> Chain:
    """The last roots that what was known and the file lead to; where they lead on wrongly, so far.

    That is for the check to say.
    """
    documents = (*known.blocks.get(armor.ROOTS, ()), *blocks.get(armor.ROOTS, ()))
    shipped = Roots.shipped(known.roots, known.needed)
    last = Chain(shipped)
    try:
        for chain in chains(tuple(dict.fromkeys(documents)), shipped):
            last = chain
    except ValueError:
        return last
    return last


def _keyset(blocks: Blocks, known: Known) -> TrustedKeyset | None:
    """The keyset that the file leads to; the one that was known where it leads nowhere."""
    for more in (blocks, {}):
        try:
            return open_trust(more, known.blocks, known.roots, needed=known.needed).keyset
        except LicenseError:
            continue  # the check says so
    return None
