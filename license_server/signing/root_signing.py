"""Root key ceremonies on a machine without a server: read, review, sign.

Several holders sign the same bytes, one after the other: each adds a token to the file.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from license_core import (
    armor,
    b64url,
    jws,
    strictjson,
)
from license_core.keyset import Keyset
from license_core.parcel import open_parcel
from license_core.publickey import PublicKey
from license_core.reason import Reason
from license_core.roots import Roots
from license_core.signer import Signer
from license_core.wording import utc
from license_server.signing import keysets
from license_server.signing.errors import KeysetRefusedError

_TYPES = {armor.KEYSET: jws.KEYSET, armor.ROOTS: jws.ROOTS}


class Work(NamedTuple):
    """What is to be signed, and the tokens of those who have."""

    label: str
    """Of its blocks: KEYSET or ROOTS."""
    payload: bytes
    """What each of them signs, byte for byte."""
    asked: Keyset | Roots
    tokens: tuple[str, ...] = ()

    def signed(self, root: Signer) -> "Work":
        """The same with the token of *root*."""
        token = jws.sign(self.payload, root, _TYPES[self.label])
        others = (one for one in self.tokens if one != token)
        return self._replace(tokens=(*others, token))

    def text(self) -> str:
        """The blocks to carry on."""
        return "".join(armor.wrap(self.label, token) for token in self.tokens)

    def told(self) -> Iterator[str]:
        """What it says, a line each."""
        yield from _keyset(self.asked) if isinstance(self.asked, Keyset) else _roots(self.asked)


def read(data: bytes, path: str, label: str) -> Work:
    """The keyset or the roots (*label*) in the bytes of the file *path*, signed or a draft.

    Nothing is verified: whoever signs looks at what it says. Where a file has several versions the
    highest counts. Raises KeysetRefusedError.
    """
    try:
        found = armor.unwrap(open_parcel(data).data)
        payloads: dict[bytes, list[str]] = {}
        for token in found.get(keysets.DRAFT, ()) if label == armor.KEYSET else ():
            payloads.setdefault(keysets.read_draft(token), [])
        for token in found.get(label, ()):
            payloads.setdefault(_payload(token), []).append(token)
        if not payloads:
            what = "keyset" if label == armor.KEYSET else "roots document"
            raise ValueError(Reason("it holds no {what}", what=what))
        made = [_work(label, payload, tokens) for payload, tokens in payloads.items()]
        newest = max(one.asked.version for one in made)
        first, *others = (one for one in made if one.asked.version == newest)
        if others:
            raise ValueError(
                Reason("it has two different contents for version {version}", version=newest)
            )
    except ValueError as error:
        raise KeysetRefusedError(path=path, reason=str(error)) from error
    return first


def _payload(token: str) -> bytes:
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("one of its blocks is not a signed token")
    return b64url.decode(parts[1])


def _work(label: str, payload: bytes, tokens: Sequence[str] = ()) -> Work:
    members = strictjson.loads(payload)
    kind: type[Keyset | Roots] = Keyset if label == armor.KEYSET else Roots
    return Work(label, payload, kind.from_dict(members), tuple(tokens))


def next_roots(iss: str, former: int, keys: Sequence[PublicKey], needed: int, now: int) -> Work:
    """Roots that follow on version *former*. Raises ValueError: they make no sense."""
    roots = Roots(iss, former + 1, now, needed, tuple(keys))
    return _work(armor.ROOTS, strictjson.dumps(roots.to_dict()))


def _keyset(keyset: Keyset) -> Iterator[str]:
    end = "" if keyset.exp is None else f", for licences issued before {utc(keyset.exp)}"
    yield f"Keyset version {keyset.version} of {keyset.iss}, made {utc(keyset.iat)}{end}:"
    for one in keyset.keys:
        yield f"  {one.key.kid}  {one.state}"
        products = "all products" if one.products is None else ", ".join(one.products)
        yield f"    licences issued from {utc(one.nbf)} until {utc(one.exp)}, of {products}"


def _roots(roots: Roots) -> Iterator[str]:
    count = f"{roots.threshold} of {len(roots.keys)}"
    yield f"Roots document version {roots.version} of {roots.iss}, made {utc(roots.iat)}:"
    yield f"  {count} of these keys must sign keysets and the next roots document:"
    for key in roots.keys:
        yield f"  {key.kid}"
