"""Writes the test vectors: ``python -m tests.vectors.generate``. Always the same bytes."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from license_core import (
    armor,
    b64url,
    hostkey,
    jws,
)
from license_core.facts import HostFacts
from license_core.keyset import Keyset, SigningKey
from license_core.license import HostBinding, License
from license_core.publickey import thumbprint
from license_core.request import LicenseRequest
from license_core.revocation import Revocations, digest
from license_core.roots import Roots
from license_core.signer import MemorySigner

FOLDER = Path(__file__).parent
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


def facts(host: dict[str, Any]) -> HostFacts:
    """The facts of a host as a vector gives them."""
    parts: dict[str, Any] = {name: host.get(name) for name in hostkey.COMPONENTS}
    more = {name: value for name, value in host.items() if name not in parts}
    return HostFacts(**parts)._replace(**more)


def dumps(value: Any) -> str:
    """JSON on one line, in ASCII."""
    return json.dumps(value, separators=(", ", ": "))


# Licences


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


def licenses() -> Iterator[Case]:
    """Files that hold, and files with one thing wrong."""
    good = file()
    yield license_case("good", good)
    yield license_case("perpetual", file(token(payload(exp=None))), spec="5.2")
    without_end = file(token(payload(exp=None, notify_from=ISSUED)))
    yield license_case("notify-without-end", without_end, spec="5.3")
    yield license_case("unknown-claim", file(token(payload(colour="blue"))), spec="5.2")
    yield license_case("without-tags", file(token(payload(host=host_claim(tags=None)))), spec="5.2")
    yield license_case(
        "retired-key", file(keyset_token=keyset(signing_key(state="retired"))), spec="6.1"
    )
    yield license_case(
        "two-signing-keys",
        file(token(payload(), SECOND), keyset(signing_key(), signing_key(SECOND))),
        spec="6.1",
    )
    newer = armor.wrap(armor.KEYSET, keyset(signing_key(state="revoked"), version=4))
    yield license_case(
        "newest-keyset-counts", good + newer.encode(), "refused signing-key-revoked", spec="6.2"
    )
    foreign = armor.wrap(armor.KEYSET, keyset(root=OTHER_ROOT, version=9))
    yield license_case("foreign-keyset-beside", foreign.encode() + good, spec="6.2")
    later = armor.wrap("LICENSE SEATS", "AAAA").encode()
    yield license_case("unknown-block-beside", good + later, spec="4.1")
    yield from mails()
    yield from files()
    yield from tokens()
    yield from wrong_claims()
    yield from keysets()
    yield from policies()
    yield from thresholds()
    yield from rotations()
    yield from learned()


def mails() -> Iterator[Case]:
    """What mail does (section 4.3)."""
    changes: dict[str, Callable[[str], str]] = {
        "crlf": lambda t: t.replace("\n", "\r\n"),
        "cr": lambda t: t.replace("\n", "\r"),
        "bom": lambda t: "\ufeff" + t,
        "quoted": lambda t: "".join(f"> {line}\n" for line in t.splitlines()),
        "twice-quoted": lambda t: "".join(f">> {line}\n" for line in t.splitlines()),
        "indented": lambda t: "".join(f"\t  {line}\n" for line in t.splitlines()),
        "blank-lines": lambda t: t.replace("\n", "\n\n"),
        "one-line": lambda t: t.replace("\n", " "),
        "rewrapped": lambda t: re.sub("(.{40})", r"\1\n", t),
        "non-breaking-spaces": lambda t: t.replace("\n", "\n\u00a0"),
        "zero-width": lambda t: t.replace("\n", "\u200b\n"),
        "en-dash": lambda t: t.replace("-", "\u2013"),
        "minus-sign": lambda t: t.replace("-", "\u2212"),
        "em-dash-for-one": lambda t: t.replace("-", "\u2014"),
        "em-dash-for-two": lambda t: t.replace("--", "\u2014"),
        "lost-dash": lambda t: t.replace("-----BEGIN", "----BEGIN").replace(
            "LICENSE-----", "LICENSE----"
        ),
        "soft-breaks": lambda t: "=\n".join(t[i : i + 60] for i in range(0, len(t), 60)),
        "escapes": lambda t: t.replace("-", "=2D").replace("_", "=5F").replace(".", "=2E"),
        "disclaimer": lambda t: f"Dear customer,\n\n{t}\n-- \nCONFIDENTIAL: do not read.\n",
        "no-last-break": lambda t: t.rstrip("\n"),
    }
    for name, change in changes.items():
        yield license_case(f"mail-{name}", mail(change), spec="4.3")
    text = file().decode()
    yield license_case("mail-utf-16", text.encode("utf-16"), spec="4.3")
    yield license_case("mail-utf-16-le-without-bom", text.encode("utf-16-le"), spec="4.3")
    yield license_case("mail-utf-16-be-without-bom", text.encode("utf-16-be"), spec="4.3")
    invalid = file(keyset_token=keyset_members(lambda members: members | {"version": 0}))
    yield license_case(
        "mail-em-dash-in-an-invalid-keyset",
        invalid.decode().replace("-", "\u2014").encode(),
        "refused keyset-invalid",
        spec="4.3",
    )
    first, rest = text.split("eyJ", 1)
    yield license_case(
        "mail-lost-in-the-header", f"{first}eyJ\ufffd{rest}".encode(), "refused signing-key-unknown"
    )


def files() -> Iterator[Case]:
    """Files that are none (sections 4.1, 4.2)."""
    good = file()
    text = good.decode()
    license_block, _, keyset_block = text.partition("-----BEGIN LICENSE KEYSET")
    keyset_block = f"-----BEGIN LICENSE KEYSET{keyset_block}"

    def refused(name: str, body: bytes, slug: str, spec: str = "4.1") -> Case:
        return license_case(name, body, f"refused {slug}", spec)

    yield refused("empty", b"", "license-block-missing")
    yield refused("words-only", b"Thank you for your order.\n", "license-block-missing")
    yield refused("keyset-only", keyset_block.encode(), "license-block-missing")
    yield refused("without-keyset", license_block.encode(), "keyset-missing")
    yield refused("two-licenses", good + license_block.encode(), "license-several")
    yield refused("too-large", good + b"\n" * 65536, "file-too-large")
    yield license_case("largest", good + b"\n" * (65536 - len(good)), spec="4.1")
    yield refused("cut-off", text[: len(license_block) - 60].encode(), "license-damaged", "4.2")
    yield refused("no-begin", text.partition("\n-----BEGIN")[2].encode(), "license-damaged", "4.2")
    body = token(payload())
    yield refused("lost-character", file(body[:200] + body[201:]), "license-damaged")
    yield refused("binary", bytes(range(256)) * 16, "license-block-missing")


def tokens() -> Iterator[Case]:
    """Tokens that must not pass (section 5.1)."""
    kid = SIGNING.public_key.kid
    good = token(payload())
    first, second, third = good.split(".")

    def refused(name: str, body: str, slug: str = "signing-key-unknown") -> Case:
        return license_case(name, file(body), f"refused {slug}", "5.1")

    stranger = json.dumps(STRANGER.public_key.to_jwk())
    headers = {
        "alg-eddsa": f'{{"alg":"EdDSA","kid":"{kid}","typ":"license+jwt"}}',
        "alg-none": f'{{"alg":"none","kid":"{kid}","typ":"license+jwt"}}',
        "alg-hs256": f'{{"alg":"HS256","kid":"{kid}","typ":"license+jwt"}}',
        "other-order": f'{{"kid":"{kid}","alg":"Ed25519","typ":"license+jwt"}}',
        "white-space": f'{{"alg": "Ed25519", "kid": "{kid}", "typ": "license+jwt"}}',
        "jku": f'{{"alg":"Ed25519","kid":"{kid}","typ":"license+jwt","jku":"https://a.example"}}',
        "crit": f'{{"alg":"Ed25519","kid":"{kid}","typ":"license+jwt","crit":["b64"],"b64":false}}',
        "jwk": f'{{"alg":"Ed25519","jwk":{stranger},"typ":"license+jwt"}}',
        "typ-jwt": f'{{"alg":"Ed25519","kid":"{kid}","typ":"JWT"}}',
        "typ-keyset": f'{{"alg":"Ed25519","kid":"{kid}","typ":"license-keyset+jwt"}}',
        "without-kid": '{"alg":"Ed25519","typ":"license+jwt"}',
        "empty": "{}",
    }
    for name, header in headers.items():
        yield refused(f"header-{name}", token_with_header(header))
    yield refused("stranger", token(payload(), STRANGER))
    yield refused("signed-by-root", token(payload(), ROOT))
    yield refused("keyset-as-license", keyset())
    signature = b64url.decode(third)
    flipped = b64url.encode(bytes([signature[0] ^ 1]) + signature[1:])
    yield refused("signature-flipped", f"{first}.{second}.{flipped}", "signature-invalid")
    raised = (
        int.from_bytes(signature[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    )
    malleable = b64url.encode(signature[:32] + raised.to_bytes(32, "little"))
    yield refused("signature-malleable", f"{first}.{second}.{malleable}", "signature-invalid")
    changed = b64url.encode(payload(exp=END + 3650 * DAY))
    yield refused("payload-changed", f"{first}.{changed}.{third}", "signature-invalid")
    yield refused("two-parts", f"{first}.{second}", "license-damaged")
    yield refused("four-parts", f"{good}.{third}", "license-damaged")
    yield refused("no-signature", f"{first}.{second}.", "license-damaged")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = last[last.index(third[-1]) + 1]
    yield refused(
        "signature-not-canonical", f"{first}.{second}.{third[:-1]}{stray}", "license-damaged"
    )
    yield refused("padded", f"{first}.{second}.{third}==", "license-damaged")
    yield refused("standard-base64", f"{first}.{second}+.{third}", "license-damaged")


def wrong_claims() -> Iterator[Case]:
    """Claims that a vendor must not sign (sections 2.3, 5.2)."""

    def refused(name: str, data: bytes, slug: str = "license-claims-invalid") -> Case:
        return license_case(f"claims-{name}", file(token(data)), f"refused {slug}", "5.2")

    good = payload().decode()
    yield refused("not-json", b"hello")
    yield refused("array", b"[]")
    yield refused("trailing", payload() + b"{}")
    yield refused(
        "not-utf-8", good.replace("ACME", "ACME\udcff").encode("utf-8", "surrogateescape")
    )
    yield refused("lone-surrogate", good.replace("ACME", "\\ud800").encode())
    yield refused("name-twice", good.replace('"ver":1', '"ver":1,"ver":1').encode())
    yield refused("name-twice-inside", good.replace('"gpus":4', '"gpus":4,"gpus":8').encode())
    yield refused("nan", good.replace(f'"exp":{END}', '"exp":NaN').encode())
    yield refused("float", good.replace(f'"exp":{END}', f'"exp":{END}.0').encode())
    yield refused("exponent", good.replace('"gpus":4', '"gpus":1e3').encode())
    yield refused("text-for-integer", payload(exp=str(END)))
    yield refused("boolean-for-integer", payload(limits={"gpus": True}))
    yield refused("negative", payload(limits={"gpus": -1}))
    yield refused("too-great", payload(limits={"gpus": 2**53}))
    yield refused("beyond-the-calendar", payload(exp=253402300800))
    yield refused("null", good.replace('"edition":"pro"', '"edition":null').encode())
    yield refused("too-deep", good.replace('"ver":1', '"ver":1,"x":' + "[" * 8 + "]" * 8).encode())
    for name in ("ver", "iss", "sub", "aud", "jti", "iat", "host"):
        yield refused(f"without-{name}", payload(**{name: None}))
    yield refused("ends-before-it-begins", payload(exp=ISSUED))
    yield refused("grace-without-end", payload(exp=None, grace_until=END))
    yield refused("grace-before-end", payload(grace_until=END - 1))
    yield refused("host-key-upper-case", payload(host=host_claim(key="A" * 40)))
    yield refused("host-key-short", payload(host=host_claim(key="a" * 39)))
    yield refused("profile-unknown", payload(host=host_claim(profile="hk9")))
    yield refused("match-unknown", payload(host=host_claim(match="loose")))
    yield refused("tag-of-nothing", payload(host=host_claim(tags={"mac": "0" * 16})))
    yield refused("tag-short", payload(host=host_claim(tags={"ip": "0" * 15})))
    yield refused("feature-twice", payload(features=["a", "a"]))
    yield refused("feature-no-name", payload(features=["a b"]))
    yield refused("empty-text", payload(sub=""))
    yield refused("later-version", payload(ver=2), "license-unsupported")
    yield refused("must-understand", payload(must_understand=["seats"]), "license-unsupported")


def keysets() -> Iterator[Case]:
    """Keysets that must not pass (section 6)."""

    def refused(name: str, keyset_token: str, slug: str, spec: str = "7.2") -> Case:
        return license_case(
            f"keyset-{name}", file(keyset_token=keyset_token), f"refused {slug}", spec
        )

    yield refused("foreign", keyset(root=OTHER_ROOT), "keyset-untrusted", "6.2")
    yield refused("signed-by-signing-key", keyset(root=SIGNING), "keyset-untrusted", "6.2")
    yield refused("other-type", token(payload(), ROOT), "keyset-untrusted", "6.2")
    yield refused("not-a-token", "AAAA", "license-damaged", "6.2")
    yield refused("without-our-key", keyset(signing_key(SECOND)), "signing-key-unknown")
    yield refused("key-revoked", keyset(signing_key(state="revoked")), "signing-key-revoked")
    yield refused(
        "key-for-another-product",
        keyset(signing_key(products=("other",))),
        "signing-key-not-allowed",
    )
    yield refused("key-ended", keyset(signing_key(exp=ISSUED)), "signing-key-not-allowed")
    yield refused("key-not-begun", keyset(signing_key(nbf=ISSUED + 1)), "signing-key-not-allowed")
    yield refused("ended-before-issue", keyset(exp=ISSUED), "keyset-expired")

    def changed(**members: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda keyset_: {**keyset_, **members}

    def entry(**members: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda keyset_: {**keyset_, "keys": [{**keyset_["keys"][0], **members}]}

    def raw(key: bytes) -> Callable[[dict[str, Any]], Any]:
        return entry(x=b64url.encode(key), kid=thumbprint(key))

    field, of_8 = 2**255 - 19, 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
    # By the order of the point; the sign of x is the highest bit.
    small_order = {
        "1": 1,
        "1-x-negative": 1 + 2**255,
        "2": field - 1,
        "2-x-negative": field - 1 + 2**255,
        "4": 0,
        "4-x-negative": 2**255,
        "8": of_8,
        "8-x-negative": of_8 + 2**255,
        "8-y-negative": field - of_8,
        "8-x-and-y-negative": field - of_8 + 2**255,
    }
    not_canonical = (field + 3).to_bytes(32, "little")
    invalid = {
        "no-keys": changed(keys=[]),
        "keys-no-array": changed(keys={}),
        "version-0": changed(version=0),
        "a-list": lambda _: [1],
        "key-twice": lambda keyset_: {**keyset_, "keys": keyset_["keys"] * 2},
        "kid-not-thumbprint": entry(kid="A" * 43),
        "alg-eddsa": entry(alg="EdDSA"),
        "kty-rsa": entry(kty="RSA"),
        "state-unknown": entry(state="sleeping"),
        **{
            f"key-of-order-{name}": raw(point.to_bytes(32, "little"))
            for name, point in small_order.items()
        },
        "short-key": raw(bytes(31)),
        "y-not-below-the-field": raw(not_canonical),
    }
    for name, change in invalid.items():
        yield refused(name, keyset_members(change), "keyset-invalid", "6.1")
    later = keyset(exp=ISSUED + 1)
    yield license_case("keyset-ended-after-issue", file(keyset_token=later), spec="6.1")


def policies() -> Iterator[Case]:
    """Licences whose signature holds (section 7.2, judging)."""
    good = file()
    yield license_case(
        "no-product-set", good, spec="7.1", settings=dumps({}), notices="product-unset"
    )
    yield license_case(
        "wrong-product", good, "refused wrong-product", settings={"product": "other"}
    )
    details = {
        "ip": "172.17.0.3",
        "hostname": "other",
        "machine_id": "0f" * 16,
        "container_id": "ab" * 32,
    }
    for name, value in details.items():
        slug = f"{name.replace('_', '-')}-differs"
        yield license_case(
            f"wrong-host-{name}",
            good,
            "refused wrong-host",
            host={**HOST, name: value},
            details=slug,
        )
    yield license_case(
        "wrong-host-without-tags",
        file(token(payload(host=host_claim(tags=None)))),
        "refused wrong-host",
        host={**HOST, "ip": "172.17.0.3"},
        details="change-unknown",
    )
    bound = {**HOST, "container_id": None, "machine_id_bound": True}
    known = facts(bound)
    once = host_claim(key=hostkey.derive(known).key, tags=hostkey.tags(known))
    yield license_case(
        "wrong-host-copyable-since",
        file(token(payload(host=once))),
        "refused wrong-host",
        host={**bound, "machine_id_bound": False, "ip": "172.17.0.3"},
        details="change-unknown",
        spec="9.2",
    )
    anchored = file(token(payload(host=host_claim(match="anchored"))))
    drifted = {**HOST, "ip": "172.17.0.3", "hostname": "other"}
    yield license_case("anchored-drifted", anchored, host=drifted, notices="host-drifted")
    yield license_case(
        "anchored-other-container",
        anchored,
        "refused wrong-host",
        host={**HOST, "container_id": "ab" * 32},
    )
    yield license_case(
        "anchored-copyable-host",
        anchored,
        "refused wrong-host",
        host={**drifted, "container_id": None},
    )
    image = {**HOST, "container_id": None}
    known = facts(image)
    sealed = host_claim(key=hostkey.derive(known).key, match="anchored", tags=hostkey.tags(known))
    yield license_case(
        "anchored-copy-of-an-image",
        file(token(payload(host=sealed))),
        "refused wrong-host",
        host={**image, "ip": "172.17.0.3"},
        spec="3.4",
    )
    nobody = {**HOST, "machine_id": None, "container_id": None}
    yield license_case("host-unidentifiable", good, "refused host-unidentifiable", host=nobody)
    image_id = file(token(payload(host=host_claim(profile="hk1-host"))))
    yield license_case(
        "hk1-host-not-bound", image_id, "refused host-machine-id-not-bound", spec="3.3"
    )
    pinned = {**HOST, "pinned_ip": "172.30.0.10"}
    yield license_case(
        "pinned-differs", good, "refused pinned-address-differs", host=pinned, spec="3.5"
    )

    yield license_case("gpus-as-licensed", good, host={**HOST, "gpus": 4}, spec="7.2")
    yield license_case(
        "more-gpus-than-licensed",
        good,
        "refused gpus-not-licensed",
        host={**HOST, "gpus": 5},
        spec="7.2",
    )
    unlimited = file(token(payload(limits=None)))
    yield license_case("gpus-without-a-limit", unlimited, host={**HOST, "gpus": 16}, spec="7.2")
    none_licensed = file(token(payload(limits={"gpus": 0})))
    yield license_case(
        "no-gpu-licensed",
        none_licensed,
        "refused gpus-not-licensed",
        host={**HOST, "gpus": 1},
        spec="7.2",
    )

    yield license_case("first-instant", good, now=ISSUED, spec="5.3")
    yield license_case("last-instant", good, now=END - 1, spec="5.3", notices="expires-soon")
    yield license_case("expired", good, "refused license-expired", now=END, spec="5.3")
    grace = file(token(payload(grace_until=END + DAY)))
    yield license_case("in-grace", grace, now=END, spec="5.3", notices="in-grace")
    yield license_case("grace-over", grace, "refused license-expired", now=END + DAY, spec="5.3")
    future = file(token(payload(nbf=NOW + 1)))
    yield license_case("not-yet", future, "refused license-not-yet-valid", spec="5.3")
    notify = file(token(payload(notify_from=NOW)))
    yield license_case("notify", notify, spec="5.3", notices="expires-soon")
    soon = END - 30 * DAY
    yield license_case("warn-days", good, now=soon, spec="7.1", notices="expires-soon")
    yield license_case("before-warn-days", good, now=soon - 1, spec="7.1")
    covered = file(token(payload(maintenance_until=NOW)))
    released = {"product": "darwin", "released_at": NOW + 1}
    yield license_case("maintenance-ended", covered, "refused maintenance-ended", settings=released)
    yield license_case("maintenance-covers", covered, settings={**released, "released_at": NOW})

    back = {"seen_at": NOW + DAY + 1, "license_iat": ISSUED, "license_jti": "HS-2027-0000TEST"}
    yield license_case("clock-set-back", good, "refused clock-set-back", spec="7.3", memory=back)
    within = {**back, "seen_at": NOW + DAY}
    yield license_case("clock-within-tolerance", good, spec="7.3", memory=within)
    former = {**back, "license_iat": ISSUED - 1, "license_jti": "HS-2026-0000TEST"}
    yield license_case("clock-reset-by-a-new-license", good, spec="7.3", memory=former)
    early = ISSUED - DAY - 1
    yield license_case(
        "clock-before-issue",
        good,
        "refused clock-set-back license-not-yet-valid",
        now=early,
        spec="7.3",
    )

    listed = Revocations.of(["HS-2027-0000TEST"], iss="Example Vendor", number=7, iat=ISSUED)
    others = Revocations.of(["HS-2027-1", "HS-2027-2"], iss="Example Vendor", number=7, iat=ISSUED)

    def beside(revocations: Revocations, key: MemorySigner = SIGNING) -> str:
        text = armor.wrap(armor.REVOCATIONS, revocations.sign(key))
        return base64.b64encode(text.encode()).decode()

    yield license_case(
        "revoked", good, "refused license-revoked", spec="8.2", revocations=beside(listed)
    )
    inside = good + armor.wrap(armor.REVOCATIONS, listed.sign(SIGNING)).encode()
    yield license_case("revoked-inside", inside, "refused license-revoked", spec="8.2")
    yield license_case("others-revoked", good, spec="8.2", revocations=beside(others))
    yield license_case(
        "revocations-by-a-stranger",
        good,
        "refused revocations-invalid",
        spec="8.2",
        revocations=beside(listed, STRANGER),
    )
    yield license_case(
        "revocations-by-a-revoked-key",
        file(keyset_token=keyset(signing_key(), signing_key(SECOND, state="revoked"))),
        "refused revocations-invalid",
        spec="8.2",
        revocations=beside(others, SECOND),
    )
    ragged = Revocations("Example Vendor", 7, ISSUED, bytes(13))
    yield license_case(
        "revocations-ragged",
        good,
        "refused revocations-invalid",
        spec="8.1",
        revocations=beside(ragged),
    )
    numbers = ["HS-2027-0000TEST", *(f"HS-2027-{i}" for i in range(6))]
    unsorted = Revocations(
        "Example Vendor", 7, ISSUED, b"".join(sorted(map(digest, numbers), reverse=True))
    )
    yield license_case(
        "revoked-in-a-list-out-of-order",
        good,
        "refused license-revoked",
        spec="8.1",
        revocations=beside(unsorted),
    )
    straddling = Revocations(
        "Example Vendor", 7, ISSUED, bytes(5) + digest("HS-2027-0000TEST") + bytes(7)
    )
    yield license_case(
        "revocations-digest-across-two", good, spec="8.1", revocations=beside(straddling)
    )
    broken_inside = good + armor.wrap(armor.REVOCATIONS, listed.sign(STRANGER)).encode()
    yield license_case(
        "revoked-beside-a-broken-list",
        broken_inside,
        "refused revocations-invalid license-revoked",
        spec="8.2",
        revocations=beside(listed),
    )
    two = base64.b64decode(beside(others)).decode() + armor.wrap(
        armor.REVOCATIONS, others.sign(SIGNING)
    )
    yield license_case(
        "revocations-two-lists",
        good,
        "refused revocations-invalid",
        spec="8.2",
        revocations=base64.b64encode(two.encode()).decode(),
    )
    later_list = Revocations.of(["HS-2027-1"], iss="Example Vendor", number=8, iat=NOW + DAY + 1)
    yield license_case(
        "clock-before-the-list",
        good,
        "refused clock-set-back",
        spec="7.3",
        revocations=beside(later_list),
    )
    later_keyset = keyset_members(lambda members: {**members, "iat": NOW + DAY + 1})
    yield license_case(
        "clock-before-the-keyset",
        file(keyset_token=later_keyset),
        "refused clock-set-back",
        spec="7.3",
    )
    garbage = base64.b64encode(b"no list").decode()
    yield license_case(
        "revocations-damaged", good, "refused revocations-invalid", spec="8.2", revocations=garbage
    )
    yield license_case(
        "everything-wrong",
        file(keyset_token=keyset(signing_key(state="revoked"))),
        "refused signing-key-revoked wrong-product wrong-host license-expired",
        now=END,
        host={**HOST, "ip": "172.17.0.3"},
        settings={"product": "other"},
    )


# Whom a check believes

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


def thresholds() -> Iterator[Case]:
    """How many roots must sign (section 6.2)."""
    three = (ROOT, OTHER_ROOT, THIRD_ROOT)

    def case(
        name: str,
        needed: int,
        body: str,
        slug: str = "",
        keys: tuple[MemorySigner, ...] = three,
    ) -> Case:
        settings = {"product": "darwin", "roots_needed": needed}
        return license_case(
            f"threshold-{name}",
            whole(body),
            f"refused {slug}" if slug else "holds",
            spec="6.2",
            roots=trusted(*keys),
            settings=settings,
        )

    yield case("1-of-2", 1, keyset_by(OTHER_ROOT), keys=three[:2])
    yield case("1-of-3-by-two", 1, keyset_by(OTHER_ROOT, THIRD_ROOT))
    yield case("2-of-3", 2, keyset_by(ROOT, THIRD_ROOT))
    yield case("2-of-3-by-all", 2, keyset_by(THIRD_ROOT, OTHER_ROOT, ROOT))
    yield case("2-of-3-by-one", 2, keyset_by(ROOT), "keyset-untrusted")
    yield case("2-of-3-by-one-twice", 2, keyset_by(ROOT, ROOT), "keyset-untrusted")
    yield case("2-of-3-and-a-stranger", 2, keyset_by(ROOT, STRANGER), "keyset-untrusted")
    yield case("4-of-3", 4, keyset_by(*three), "keyset-untrusted")
    yield case("one-key-in-two-files", 2, keyset_by(ROOT), "keyset-untrusted", (ROOT, ROOT))
    apart = keyset_by(ROOT, version=3) + keyset_by(OTHER_ROOT, version=4)
    yield case("two-payloads", 2, apart, "keyset-untrusted")
    newer = keyset_by(ROOT, OTHER_ROOT, version=3) + keyset_by(THIRD_ROOT, version=9)
    yield case("higher-version-by-one", 2, newer)
    mixed = keyset_by(ROOT) + keyset_by(OTHER_ROOT, version=2) + keyset_by(THIRD_ROOT)
    yield case("between-others", 2, mixed)
    yield case(
        "forged-second",
        2,
        keyset_by(ROOT) + worse(keyset_by(OTHER_ROOT), "flipped"),
        "keyset-untrusted",
    )
    invalid = Keyset("Example Vendor", 3, ISSUED - DAY, (signing_key(),)).to_dict() | {"keys": []}
    yield case(
        "invalid-by-two", 2, signed_by(invalid, jws.KEYSET, ROOT, OTHER_ROOT), "keyset-invalid"
    )
    yield case("invalid-by-one", 2, signed_by(invalid, jws.KEYSET, ROOT), "keyset-untrusted")
    beside = signed_by(invalid, jws.KEYSET, ROOT, OTHER_ROOT) + keyset_by(OTHER_ROOT, THIRD_ROOT)
    yield case("valid-beside-invalid", 2, beside)
    foreign = signed_by(invalid, jws.KEYSET, ROOT, OTHER_ROOT) + keyset_by(STRANGER)
    yield case("foreign-after-invalid", 2, foreign, "keyset-invalid")
    dashes = whole(keyset_by(ROOT, THIRD_ROOT)).decode().replace("--", "\u2014")
    yield license_case(
        "threshold-em-dashes",
        dashes.encode(),
        spec="4.3",
        roots=trusted(*three),
        settings={"product": "darwin", "roots_needed": 2},
    )


def rotations() -> Iterator[Case]:
    """Roots documents (sections 6.3, 6.4)."""

    def case(name: str, body: str, slug: str = "", spec: str = "6.4", **more: Any) -> Case:
        expect = f"refused {slug}" if slug else "holds"
        return license_case(f"roots-{name}", whole(body), expect, spec=spec, **more)

    one = rotation(1, OTHER_ROOT)
    two = rotation(2, THIRD_ROOT, by=(OTHER_ROOT, THIRD_ROOT))
    by_other, by_third = keyset_by(OTHER_ROOT, version=1), keyset_by(THIRD_ROOT, version=1)
    yield case("rotated", one + by_other)
    yield case("rotated-twice", one + two + by_third)
    yield case("in-any-order", by_third + two + one)
    yield case("kept-root", rotation(1, ROOT, OTHER_ROOT, by=(ROOT,)) + keyset_by(ROOT))
    yield case("former-root-counts-no-more", one + keyset_by(ROOT, version=9), "keyset-untrusted")
    yield case("former-keyset-beside", one + keyset_by(ROOT, version=9) + by_other)
    yield case("without-keyset", one, "keyset-missing")
    yield case("first-missing", two + by_third, "keyset-untrusted")
    skip = rotation(2, OTHER_ROOT)
    yield case("skipped", skip + by_other, "roots-skipped")
    yield case("skipped-beside-the-next", skip + one + by_other)
    later = rotation(3, THIRD_ROOT, by=(OTHER_ROOT, THIRD_ROOT))
    yield case("second-skipped", one + later + by_third, "roots-skipped")
    yield case("skipped-though-the-keyset-is-trusted", skip + keyset_by(ROOT), "roots-skipped")
    yield case("own-signature-missing", rotation(1, OTHER_ROOT, by=(ROOT,)), "roots-invalid")
    yield case(
        "former-signature-missing",
        rotation(1, OTHER_ROOT, by=(OTHER_ROOT,)) + by_other,
        "keyset-untrusted",
    )
    alone = rotation(1, STRANGER, by=(STRANGER,))
    yield case("foreign-beside", alone + keyset_by(ROOT))
    rival = rotation(1, STRANGER)
    yield case("first-of-equals", one + rival + by_other)
    yield case("second-of-equals", one + rival + keyset_by(STRANGER), "keyset-untrusted")
    again = rotation(1, STRANGER, by=(ROOT, OTHER_ROOT, STRANGER))
    yield case("same-version-again", one + again + by_other)

    pair = rotation(1, OTHER_ROOT, THIRD_ROOT, threshold=2)
    yield case("threshold-2", pair + keyset_by(OTHER_ROOT, THIRD_ROOT))
    yield case("threshold-2-by-one", pair + by_other, "keyset-untrusted")
    half = rotation(1, OTHER_ROOT, THIRD_ROOT, by=(ROOT, OTHER_ROOT), threshold=2)
    yield case("threshold-2-own-by-one", half + by_other, "roots-invalid")
    back = rotation(2, ROOT, by=(OTHER_ROOT, ROOT))
    yield case("next-by-one-of-2", pair + back + keyset_by(ROOT), "keyset-untrusted")
    enough = rotation(2, ROOT, by=(OTHER_ROOT, THIRD_ROOT, ROOT))
    yield case("next-by-two-of-2", pair + enough + keyset_by(ROOT))
    needed = {"product": "darwin", "roots_needed": 2}
    shipped = trusted(ROOT, THIRD_ROOT)
    yield case(
        "shipped-2-by-one", one + by_other, "keyset-untrusted", roots=shipped, settings=needed
    )
    both = rotation(1, OTHER_ROOT, by=(ROOT, THIRD_ROOT, OTHER_ROOT))
    yield case("shipped-2-by-two", both + by_other, roots=shipped, settings=needed)
    yield case("flipped", worse(one, "flipped") + by_other, "keyset-untrusted", spec="5.1")
    yield case("malleable", worse(one, "raised") + by_other, "keyset-untrusted", spec="5.1")
    yield case("keyset-malleable", one + worse(by_other, "raised"), "keyset-untrusted", spec="5.1")
    as_roots = blocks(armor.ROOTS, keyset())
    yield case("keyset-in-its-place", as_roots + keyset_by(ROOT), spec="5.1")

    good = roots_members(1, OTHER_ROOT)

    def wrong(name: str, **changes: Any) -> Case:
        members = {key: value for key, value in (good | changes).items() if value is not None}
        text = signed_by(members, jws.ROOTS, ROOT, OTHER_ROOT)
        return case(name, text + by_other, "roots-invalid", spec="6.3")

    key = good["keys"][0]
    yield wrong("key-twice", keys=[key, key])
    yield wrong("key-twice-threshold-2", keys=[key, key], threshold=2)
    yield wrong("no-keys", keys=[])
    yield wrong("keys-no-array", keys=key)
    yield wrong("threshold-0", threshold=0)
    yield wrong("threshold-above-the-keys", threshold=2)
    yield wrong("threshold-text", threshold="1")
    yield wrong("without-threshold", threshold=None)
    yield wrong("without-iss", iss=None)
    yield wrong("without-iat", iat=None)
    yield wrong("version-0", version=0)
    yield wrong("version-too-great", version=2**53)
    yield wrong("kid-not-thumbprint", keys=[key | {"kid": ROOT.public_key.kid}])
    yield wrong("alg-eddsa", keys=[key | {"alg": "EdDSA"}])
    yield wrong("kty-rsa", keys=[key | {"kty": "RSA"}])
    low = (1).to_bytes(32, "little")
    yield wrong("key-of-order-1", keys=[key | {"x": b64url.encode(low), "kid": thumbprint(low)}])
    above = (2**255 - 16).to_bytes(32, "little")
    yield wrong(
        "y-not-below-the-field",
        keys=[key | {"x": b64url.encode(above), "kid": thumbprint(above)}],
    )
    yield case("a-list", signed_by([], jws.ROOTS, ROOT), "roots-invalid", spec="6.3")
    more = signed_by(good | {"colour": "blue"}, jws.ROOTS, ROOT, OTHER_ROOT)
    yield case("unknown-member", more + by_other, spec="2.3")
    mailed = whole(one, by_other).decode()
    quoted = "".join(f"> {line}\n" for line in mailed.splitlines())
    yield license_case("roots-quoted", quoted.encode(), spec="4.3")
    yield license_case("roots-em-dashes", mailed.replace("--", "\u2014").encode(), spec="4.3")


def learned() -> Iterator[Case]:
    """What a client knows beside the licence (sections 6.4, 7.3, 8.2)."""
    good = file()
    seen = {"seen_at": NOW, "license_iat": ISSUED, "license_jti": "HS-2027-0000TEST"}

    def case(name: str, body: bytes = good, expect: str = "holds", **more: Any) -> Case:
        if "known" in more:
            more["known"] = in_base64(more["known"])
        return license_case(name, body, expect, **({"spec": "6.4"} | more))

    revoked = keyset_by(ROOT, version=4, entries=(signing_key(state="revoked"),))
    yield case("known-newer", expect="refused signing-key-revoked", known=revoked)
    older = keyset_by(ROOT, version=2, entries=(signing_key(state="revoked"),))
    yield case("known-older", known=older)
    same = keyset_by(ROOT, version=3, entries=(signing_key(state="revoked"),))
    yield case("known-equal", expect="refused signing-key-revoked", known=same)
    yield case("known-foreign", known=keyset_by(STRANGER, version=9))
    yield case("known-cut-off", known=revoked[:-30], notices="trust-invalid")
    yield case("known-words", known="nothing that was learned\n")
    yield case("known-keyset-only", whole(), known=keyset_by(ROOT))
    one, rival = rotation(1, OTHER_ROOT), rotation(1, STRANGER)
    theirs = whole(rival, keyset_by(STRANGER, version=9))
    yield case("known-roots", whole(keyset_by(OTHER_ROOT)), known=one)
    yield case("known-roots-first", theirs, "refused keyset-untrusted", known=one)
    yield case("known-roots-and-keyset-first", theirs, known=one + keyset_by(OTHER_ROOT))
    two = rotation(2, THIRD_ROOT, by=(OTHER_ROOT, THIRD_ROOT))
    yield case("known-roots-go-on", whole(two, keyset_by(THIRD_ROOT)), known=one)

    back = "refused keyset-rolled-back"
    yield case("rolled-back", expect=back, memory={**seen, "keyset_version": 4})
    yield case("not-rolled-back", memory={**seen, "keyset_version": 3})
    yield case("rolled-back-roots", expect=back, memory={**seen, "roots_version": 1})
    rotated = whole(one, keyset_by(OTHER_ROOT, version=1))
    fast = {**seen, "keyset_version": 2**53 - 1}
    yield case("fast-forward", expect=back, memory=fast)
    yield case("fast-forward-recovered", rotated, memory=fast)
    yield case(
        "rolled-back-after-recovery",
        rotated,
        back,
        memory={**seen, "roots_version": 1, "keyset_version": 2},
    )
    yield case(
        "brought-forward",
        expect="holds",
        memory={**seen, "keyset_version": 4},
        known=keyset_by(ROOT, version=5),
    )
    yield case(
        "rolled-back-and-revoked",
        file(keyset_token=keyset(signing_key(state="revoked"))),
        "refused keyset-rolled-back signing-key-revoked",
        memory={**seen, "keyset_version": 4},
    )

    def listed(number: int, key: MemorySigner = SIGNING, exp: int | None = None) -> str:
        made = Revocations.of(
            ["HS-2027-1"], iss="Example Vendor", number=number, iat=ISSUED, exp=exp
        )
        return armor.wrap(armor.REVOCATIONS, made.sign(key))

    lists: dict[str, Any] = {"spec": "8.2"}
    ends = in_base64(listed(7, exp=NOW))
    yield case("revocations-old", revocations=ends, notices="revocations-old", **lists)
    lasts = in_base64(listed(7, exp=NOW + 1))
    yield case("revocations-not-old", revocations=lasts, **lists)
    inside = good + listed(8).encode()
    yield case("revocations-old-but-newer-inside", inside, revocations=ends, **lists)
    lost = {**seen, "revocations_number": 8, "revocations_kid": SIGNING.public_key.kid}
    yield case("revocations-dropped", memory=lost, notices="revocations-dropped", **lists)
    yield case(
        "revocations-dropped-and-old",
        revocations=ends,
        memory=lost,
        notices="revocations-old revocations-dropped",
        **lists,
    )
    yield case("revocations-as-seen", inside, memory=lost, **lists)
    stolen = {**seen, "revocations_number": 2**53 - 1, "revocations_kid": SECOND.public_key.kid}
    withdrawn = file(keyset_token=keyset(signing_key(), signing_key(SECOND, state="revoked")))
    yield case("revocations-of-a-revoked-key-seen", withdrawn, memory=stolen, **lists)
    present = file(keyset_token=keyset(signing_key(), signing_key(SECOND, state="retired")))
    yield case(
        "revocations-of-a-retired-key-seen",
        present,
        memory=stolen,
        notices="revocations-dropped",
        **lists,
    )
    yield case("revocations-of-an-unknown-key-seen", memory=stolen, **lists)
    yield case(
        "revocations-by-a-key-that-was-learned",
        revocations=in_base64(listed(7, SECOND)),
        known=keyset_by(ROOT, version=4, entries=(signing_key(), signing_key(SECOND))),
        **lists,
    )


# Hosts, texts, keys


def hosts() -> Iterator[Case]:
    """Components, and the key of a host (section 3)."""

    def case(name: str, host: dict[str, Any], profile: str = "hk1", refused: str = "") -> Case:
        known = facts(host)
        lines = {"kind": "host", "spec": "3.3" if profile == "hk1-host" else "3.2"}
        lines["profile"] = profile
        if refused:
            lines["expect"] = f"refused {refused}"
        else:
            lines["tags"] = dumps(hostkey.tags(known, profile))
            lines["expect"] = f"key {hostkey.derive(known, profile).key}"
        return Case(f"host-{name}", lines, (dumps(host) + "\n").encode())

    yield case("docker", HOST)
    yield case("other-address", {**HOST, "ip": "172.17.0.3"})
    yield case("other-name", {**HOST, "hostname": "studio3_gpu"})
    yield case("ipv6", {**HOST, "ip": "2001:db8::2"})
    yield case("no-address", {**HOST, "ip": None})
    yield case("no-name", {**HOST, "hostname": None})
    yield case("not-ascii", {**HOST, "hostname": "工作站"})
    yield case("line-break-in-name", {**HOST, "hostname": "a\nip=10:172.17.0.2"})
    yield case("bare-machine", {**HOST, "container_id": None, "engine": None})
    yield case("copyable", {**HOST, "container_id": None})
    yield case("without-machine-id", {**HOST, "machine_id": None})
    bound = {**HOST, "machine_id_bound": True}
    yield case("hk1-host", bound, "hk1-host")
    yield case("hk1-host-other-container", {**bound, "container_id": "ab" * 32}, "hk1-host")
    yield case("hk1-host-image-id", HOST, "hk1-host", "host-machine-id-not-bound")
    yield case(
        "nobody", {**HOST, "machine_id": None, "container_id": None}, "hk1", "host-unidentifiable"
    )


def texts() -> Iterator[Case]:
    """What operators send (section 4.4)."""
    key = hostkey.derive(facts(HOST)).key
    line = f'["{key}", "studio2_gpu"]'
    bare = LicenseRequest(key, "studio2_gpu").to_dict()

    def case(name: str, text: str, expect: str) -> Case:
        return Case(
            f"text-{name}", {"kind": "text", "spec": "4.4", "expect": expect}, text.encode()
        )

    same = f"request {dumps(bare)}"
    yield case("bare-line", f"{line}\n", same)
    yield case("upper-case", line.upper(), same)
    yield case("typographic-quotes", line.replace('"', "\u201d"), same)
    yield case(
        "chinese-punctuation",
        f"\u3010\u201c{key}\u201d\uff0c\u201cstudio2_gpu\u201d\u3011\u3002",
        same,
    )
    full_width = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in key)
    yield case("full-width", line.replace(key, full_width), same)
    yield case("broken-in-the-key", line[:20] + "\r\n" + line[20:], same)
    yield case("broken-and-quoted", f"> {line[:20]}\r\n> {line[20:]}", same)
    yield case("in-a-mail", f"Hello,\nhere it is: {line}\nRegards\n", same)
    yield case("twice-the-same", f"{line}\n> {line}\n", same)
    alone = f"request {dumps(LicenseRequest(key).to_dict())}"
    yield case("key-alone", key, alone)
    yield case("null-name", f'["{key}", null]', alone)
    yield case(
        "escaped-name", f'["{key}", "\\u5de5\\u4f5c"]', f"request {dumps({**bare, 'name': '工作'})}"
    )
    groups = " ".join(key[at : at + 4] for at in range(0, 40, 4))
    yield case("groups-of-four", groups, alone)
    yield case("lost-digit-before-a-word", f"{key[:-1]} a new one", "refused request-unreadable")
    yield case("spelled-out", " ".join(key), "refused request-unreadable")
    yield case("no-key", "hello", "refused request-unreadable")
    words = f"Product darwin, host studio2_gpu {key}\nValid until 2027-11-23 16:00:00 UTC\n"
    yield case("a-license", words + file().decode(), "refused request-unreadable")
    yield case("39-digits", f'["{key[:-1]}", "a"]', "refused request-unreadable")
    yield case("41-digits", f'["{key}0", "a"]', "refused request-unreadable")
    yield case("two-keys", f"{line}\n{line.replace(key, 'ab' * 20)}", "refused request-ambiguous")

    full = LicenseRequest(
        key,
        "studio2_gpu",
        "hk1",
        hostkey.tags(facts(HOST)),
        4,
        "ACME 上海",
        "darwin",
        "HS-2027-0000TEST",
        ISSUED,
    )
    block = full.to_text()
    request = f"request {dumps(full.to_dict())}"
    yield case("request", f"Host key {key}\n\n{block}", request)
    yield case("request-quoted", "".join(f"> {row}\n" for row in block.splitlines()), request)
    yield case("request-en-dash", block.replace("-", "\u2013"), request)
    lost = block.splitlines()
    lost[2] = lost[2][1:]
    yield case("request-damaged", "\n".join(lost), "refused request-damaged")
    yield case("request-cut-off", block[:-40], "refused request-damaged")
    other = armor.wrap(armor.REQUEST, "AAAA.AAAAAAAA")
    yield case("request-wrong-checksum", other, "refused request-damaged")


def thumbprints() -> Iterator[Case]:
    """RFC 8037 appendix A.2, A.3: the key and its thumbprint; and our own root."""
    rfc = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}\n'
    lines = {"kind": "thumbprint", "spec": "6.2"}
    expected = "kid kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    yield Case("thumbprint-rfc-8037", {**lines, "expect": expected}, rfc.encode())
    jwk = {k: v for k, v in ROOT.public_key.to_jwk().items() if k != "kid"}
    kid = f"kid {ROOT.public_key.kid}"
    yield Case("thumbprint-root", {**lines, "expect": kid}, f"{dumps(jwk)}\n".encode())


def signatures() -> Iterator[Case]:
    """RFC 8037 appendix A.4: what was signed, and the signature of its key; and a worse one."""
    key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = (
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )

    def case(name: str, body: str, expect: str, x: str = key, made: str = signature) -> Case:
        lines = {"kind": "signature", "spec": "5.1", "x": x, "signature": made}
        return Case(f"signature-{name}", {**lines, "expect": expect}, body.encode())

    yield case("rfc-8037", signed, "holds")
    yield case("rfc-8037-other-text", signed[:-1] + "d", "does not hold")
    other = b64url.encode(ROOT.public_key.raw)
    yield case("rfc-8037-other-key", signed, "does not hold", other)
    # By the signing key, with a point of order 8 added to R before k and S were made. It holds
    # where both sides of the equation are multiplied by 8, and nowhere else.
    cofactor = (
        "nduRjCcm7D5YoNWfuUIq3mp6LQpYkitUyjXCizuZE1J4tgEvaOTcSx9nRaX6kucce2IPHTEO6saJc3Mm4cGpBQ"
    )
    ours = b64url.encode(SIGNING.public_key.raw)
    yield case("cofactor", "a small part", "does not hold", ours, cofactor)


def all_files() -> dict[str, bytes]:
    """Every file of this folder that is made here, by its name."""
    made = {"root.pub.pem": ROOT.public_key.to_pem().encode()}
    for case in (*licenses(), *hosts(), *texts(), *thumbprints(), *signatures()):
        assert f"{case.name}.txt" not in made, case.name
        made[f"{case.name}.txt"] = case.text()
    return made


def main() -> None:
    """Write the files, and remove those that are made no more."""
    made = all_files()
    for path in FOLDER.glob("*.txt"):
        if path.name not in made:
            path.unlink()
    for name, data in made.items():
        (FOLDER / name).write_bytes(data)
    print(f"{len(made) - 1} cases")


if __name__ == "__main__":
    main()
