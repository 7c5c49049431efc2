"""What the vectors are made of: keys with public seeds, a host, the documents that they sign."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from license_core import (
    armor,
    b64url,
    hostkey,
    jws,
)
from license_core.keyset import Keyset, SigningKey
from license_core.license import HostBinding, License
from license_core.roots import Roots
from license_core.signer import MemorySigner
from tests.vectors.ours import facts

DAY = 86400
ISSUED = 1_800_000_000  # 2027-01-15T08:00:00Z
NOW = ISSUED + 10 * DAY
END = ISSUED + 365 * DAY


def signer(name: str) -> MemorySigner:
    """The key of this name; its seed is a hash that everybody can make."""
    seed = hashlib.sha256(f"hostseal test vectors: {name}".encode()).digest()
    return MemorySigner.from_seed(seed)


ROOT, OTHER_ROOT, THIRD_ROOT = signer("root"), signer("other root"), signer("third root")
SIGNING, SECOND, STRANGER = signer("signing"), signer("second signing"), signer("stranger")
HOST = {
    "hostname": "studio2_gpu",
    "ip": "172.17.0.2",
    "machine_id": "5e1f0c7a9b3d4e2f8a6b1c0d9e8f7a6b",
    "container_id": "5f0c1b7e" * 8,
    "engine": "docker",
}


class Case(NamedTuple):
    """A file."""

    name: str
    lines: dict[str, str]
    body: bytes

    def text(self) -> bytes:
        """The bytes of the file."""
        head = "".join(f"{name}: {value}\n" for name, value in self.lines.items())
        return head.encode() + b"\n" + self.body


def dumps(value: Any) -> str:
    """JSON on one line, in ASCII."""
    return json.dumps(value, separators=(", ", ": "))


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a licence that holds; a change to None leaves a claim out."""
    known = facts(HOST)
    binding = HostBinding(
        hostkey.derive(known).key, known.hostname, match="exact", tags=hostkey.tags(known)
    )
    members = License(
        iss="Example Vendor",
        sub="ACME 上海",
        aud="darwin",
        jti="HS-2027-0000TEST",
        iat=ISSUED,
        nbf=ISSUED,
        exp=END,
        host=binding,
        edition="pro",
        features=("export", "train"),
        limits={"gpus": 4},
    ).to_dict()
    for name, value in changes.items():
        if value is None:
            members.pop(name, None)
        else:
            members[name] = value
    return members


def host_claim(**changes: Any) -> dict[str, Any]:
    """The claim ``host`` with other members."""
    members: dict[str, Any] = {**claims()["host"], **changes}
    return {name: value for name, value in members.items() if value is not None}


def payload(**changes: Any) -> bytes:
    """The bytes of ``claims``."""
    return json.dumps(claims(**changes), ensure_ascii=False, separators=(",", ":")).encode()


def token(data: bytes, key: MemorySigner = SIGNING, typ: str = jws.LICENSE) -> str:
    """A token over *data*."""
    return jws.sign(data, key, typ)


def token_with_header(header: str, data: bytes | None = None, key: MemorySigner = SIGNING) -> str:
    """A token whose signature is right for a header that is not ours."""
    signed = f"{b64url.encode(header.encode())}.{b64url.encode(data or payload())}"
    return f"{signed}.{b64url.encode(key.sign(signed.encode()))}"


def signing_key(key: MemorySigner = SIGNING, **changes: Any) -> SigningKey:
    """The entry of a signing key."""
    return SigningKey(key.public_key, ISSUED - DAY, ISSUED + 3650 * DAY)._replace(**changes)


def keyset(
    *keys: SigningKey, root: MemorySigner = ROOT, version: int = 3, exp: int | None = None
) -> str:
    """A keyset's token."""
    return Keyset("Example Vendor", version, ISSUED - DAY, keys or (signing_key(),), exp).sign(root)


def keyset_members(change: Callable[[dict[str, Any]], Any]) -> str:
    """A keyset that a root signed, with members that ``Keyset`` would not write."""
    members = Keyset("Example Vendor", 3, ISSUED - DAY, (signing_key(),)).to_dict()
    changed = change(members)
    return jws.sign(json.dumps(changed or members).encode(), ROOT, jws.KEYSET)


def file(license_token: str | None = None, keyset_token: str | None = None) -> bytes:
    """A licence file."""
    text = "A licence for people to read.\n\n" + armor.wrap(
        armor.LICENSE, license_token or token(payload())
    )
    return (text + armor.wrap(armor.KEYSET, keyset_token or keyset())).encode()


def license_case(
    name: str,
    body: bytes,
    expect: str = "holds",
    spec: str = "7.2",
    now: int = NOW,
    host: dict[str, Any] | None = None,
    **lines: Any,
) -> Case:
    """A case of the kind ``license``; *lines* that are not text are written as JSON."""
    more = {key: value if isinstance(value, str) else dumps(value) for key, value in lines.items()}
    head = {"kind": "license", "spec": spec, "now": str(now), "host": dumps(host or HOST)}
    more.setdefault("settings", dumps({"product": "darwin"}))
    return Case(f"license-{name}", head | more | {"expect": expect}, body)


def mail(change: Callable[[str], str]) -> bytes:
    """The licence file after the mail."""
    return change(file().decode()).encode()


ORDER = 2**252 + 27742317777372353535851937790883648493  # RFC 8032 section 5.1


def blocks(label: str, *tokens: str) -> str:
    """Tokens under one label."""
    return "".join(armor.wrap(label, token) for token in tokens)


def signed_by(members: Any, typ: str, *keys: MemorySigner) -> str:
    """The blocks of a document that each of *keys* signed."""
    label = {jws.KEYSET: armor.KEYSET, jws.ROOTS: armor.ROOTS}[typ]
    data = json.dumps(members, separators=(",", ":")).encode()
    return blocks(label, *(jws.sign(data, key, typ) for key in keys))


def keyset_by(*keys: MemorySigner, version: int = 3, entries: Any = None) -> str:
    """The blocks of a keyset that each of *keys* signed."""
    made = Keyset("Example Vendor", version, ISSUED - DAY, entries or (signing_key(),))
    return signed_by(made.to_dict(), jws.KEYSET, *keys)


def roots_members(version: int, *keys: MemorySigner, threshold: int = 1) -> dict[str, Any]:
    """The members of a roots document."""
    public = tuple(key.public_key for key in keys)
    return Roots("Example Vendor", version, ISSUED - DAY, threshold, public).to_dict()


def rotation(
    version: int, *keys: MemorySigner, by: tuple[MemorySigner, ...] = (), threshold: int = 1
) -> str:
    """The blocks of a roots document that names *keys*, signed by the root and these or *by*."""
    members = roots_members(version, *keys, threshold=threshold)
    return signed_by(members, jws.ROOTS, *(by or (ROOT, *keys)))


def whole(*parts: str, key: MemorySigner = SIGNING) -> bytes:
    """A licence file of a licence and these blocks."""
    text = armor.wrap(armor.LICENSE, token(payload(), key))
    return ("A licence for people to read.\n\n" + text + "".join(parts)).encode()


def trusted(*keys: MemorySigner) -> str:
    """The line ``roots`` of a vector."""
    return dumps([b64url.encode(key.public_key.raw) for key in keys])


def in_base64(text: str) -> str:
    """A file beside the licence, as a line has it."""
    return base64.b64encode(text.encode()).decode()


def worse(text: str, how: str) -> str:
    """The first token of *text* with another signature: its bytes turned, or S raised."""
    old = next(iter(armor.unwrap(text.encode()).values()))[0]
    head, _, last = old.rpartition(".")
    made = b64url.decode(last)
    if how == "flipped":
        made = bytes([made[0] ^ 1]) + made[1:]
    else:
        raised = int.from_bytes(made[32:], "little") + ORDER
        made = made[:32] + raised.to_bytes(32, "little")
    label = text.partition("-----BEGIN ")[2].partition("-")[0]
    block = armor.wrap(label, old)
    assert text.count(block) == 1
    return text.replace(block, armor.wrap(label, f"{head}.{b64url.encode(made)}"))
